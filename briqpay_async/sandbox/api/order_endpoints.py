"""The endpoints of a completed session: capture, refund, cancel, release the rest, references."""

from typing import Any

from briqpay_async.sandbox.answers import NOTHING, Answer, invalid, json_answer
from briqpay_async.sandbox.rules.carts import line_rules
from briqpay_async.sandbox.rules.other_bodies import order_operation_problems, reference_problems
from briqpay_async.sandbox.rules.patch_body import hidden_reasons
from briqpay_async.sandbox.state.checkout import decide_later
from briqpay_async.sandbox.state.orders import (
    approved_transaction,
    cancel_order,
    capture_order,
    refund_order,
    release_remaining,
    replace_references,
)
from briqpay_async.sandbox.state.providers import provider_of
from briqpay_async.sandbox.state.store import ApiRequest, Store


def _check_body(store: Store, body: Any, *, refund: bool) -> None:
    rules = line_rules(store.switches, refund=refund)
    check_totals = store.switches.check_operation_totals
    if problems := order_operation_problems(body, rules, check_totals=check_totals):
        raise invalid(*problems, reasons=hidden_reasons(body, rules))


def _decide_later(store: Store, session_id: str, made: dict[str, Any]) -> None:
    if made.get("status") == "pending":
        decide_later(store, session_id, made.get("refundId") or made["captureId"])


def capture(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/session/{id}/order/capture."""
    session = store.session(request.target)
    body = request.json()
    _check_body(store, body, refund=False)
    info = store.operation_info("capture")
    captured, made = capture_order(session, body["data"]["order"], info)
    store.save(captured, "capture", request.sequence, info.made)
    _decide_later(store, request.target, made)
    return json_answer(made, 201, request.target)


def refund(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/session/{id}/order/refund."""
    session = store.session(request.target)
    body = request.json()
    _check_body(store, body, refund=True)
    info = store.operation_info("refund")
    order = body["data"]["order"]
    refunded, made = refund_order(
        session,
        order,
        info,
        capture_id=body.get("captureId"),
        show_capture_id=store.switches.refund_capture_id,
    )
    store.save(refunded, "refund", request.sequence, info.made)
    _decide_later(store, request.target, made)
    return json_answer(made, 201, request.target)


def cancel(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/session/{id}/order/cancel; any body is ignored."""
    session = store.session(request.target)
    transactions = session["data"].get("transactions")
    supported = store.switches.cancel_supported and (
        not transactions or provider_of(approved_transaction(session)).can_cancel
    )
    store.save(cancel_order(session, supported=supported), "cancel", request.sequence)
    return NOTHING


def release(store: Store, request: ApiRequest) -> Answer:
    """POST /v3/session/{id}/order/release-remaining."""
    store.save(release_remaining(store.session(request.target)), "release_remaining", request.sequence)
    return NOTHING


def references(store: Store, request: ApiRequest) -> Answer:
    """PATCH /v3/session/{id}/order/update/references."""
    session = store.session(request.target)
    body = request.json()
    if problems := reference_problems(body):
        raise invalid(*problems)
    changed = replace_references(session, body["references"], store.switches.references)
    store.save(changed, "references", request.sequence)
    return NOTHING
