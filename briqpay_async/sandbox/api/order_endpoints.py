"""The endpoints of a completed session: capture, refund, cancel, release the rest, references."""

from briqpay_async.sandbox.answers import NOTHING, Answer, invalid, json_answer
from briqpay_async.sandbox.rules.other_bodies import order_operation_problems, reference_problems
from briqpay_async.sandbox.rules.patch_body import hidden_reasons
from briqpay_async.sandbox.state.orders import (
    cancel_order,
    capture_order,
    refund_order,
    release_remaining,
    replace_references,
)
from briqpay_async.sandbox.state.store import Call, Core


def capture(core: Core, call: Call) -> Answer:
    """POST /v3/session/{id}/order/capture (reference §B.6)."""
    session = core.session(call.target)
    body = call.json()
    problems = order_operation_problems(body, refund=False, check_totals=core.switches.check_totals)
    if problems:
        raise invalid(*problems, reasons=hidden_reasons(body))
    stamp = core.stamp("capture")
    core.sessions[call.target], made = capture_order(session, body["data"]["order"], stamp)
    core.effects.add("capture", call.target, call.sequence, stamp.made)
    return json_answer(made, 201, call.target)


def refund(core: Core, call: Call) -> Answer:
    """POST /v3/session/{id}/order/refund (reference §B.7)."""
    session = core.session(call.target)
    body = call.json()
    problems = order_operation_problems(body, refund=True, check_totals=core.switches.check_totals)
    if problems:
        raise invalid(*problems, reasons=hidden_reasons(body, refund=True))
    stamp = core.stamp("refund")
    order = body["data"]["order"]
    core.sessions[call.target], made = refund_order(session, order, stamp, capture_id=body.get("captureId"))
    core.effects.add("refund", call.target, call.sequence, stamp.made)
    return json_answer(made, 201, call.target)


def cancel(core: Core, call: Call) -> Answer:
    """POST /v3/session/{id}/order/cancel; whatever body comes along is not looked at (reference §B.8)."""
    session = core.session(call.target)
    core.sessions[call.target] = cancel_order(session, supported=core.switches.cancel_supported)
    core.effects.add("cancel", call.target, call.sequence)
    return NOTHING


def release(core: Core, call: Call) -> Answer:
    """POST /v3/session/{id}/order/release-remaining (reference §B.9)."""
    core.sessions[call.target] = release_remaining(core.session(call.target))
    core.effects.add("release_remaining", call.target, call.sequence)
    return NOTHING


def references(core: Core, call: Call) -> Answer:
    """PATCH /v3/session/{id}/order/update/references (reference §B.10)."""
    session = core.session(call.target)
    body = call.json()
    if problems := reference_problems(body):
        raise invalid(*problems)
    core.sessions[call.target] = replace_references(session, body["references"], core.switches.references)
    core.effects.add("references", call.target, call.sequence)
    return NOTHING
