"""An event that no signature proves is believed only when the session shows what it claims."""

from __future__ import annotations

from typing import Any

import pytest
from support.shop import new_session

from briqpay_async import BriqpayClient, Session, WebhookNotConfirmedError, structure
from briqpay_async.resources.confirm import check_event
from briqpay_async.sandbox import Sandbox
from briqpay_async.webhooks import WebhookReceiver

SESSION_ID = "3d4e7a52-0f6b-4c7e-9a54-8f1f2f0c6b11"


def session(order: str | None = None, **data: Any) -> Session:
    wire = {
        "sessionId": SESSION_ID,
        "status": "completed",
        "moduleStatus": {"payment": {"orderStatus": order}, "billing": {"uiStatus": "completed"}},
        "data": data,
    }
    return structure(wire, Session)


def event(name: str, status: str, **members: str) -> Any:
    query = {"event": name, "status": status, "sessionId": SESSION_ID, **members}
    return WebhookReceiver(require_signature=False).receive_query(query)


@pytest.mark.parametrize(
    ("claim", "shown", "is_true"),
    [
        ("order_approved_not_captured", "order_approved_not_captured", True),
        ("order_approved_not_captured", "captured_partial", True),
        ("order_approved_not_captured", "captured_full", True),
        ("order_approved_not_captured", "order_pending", False),
        ("order_approved_not_captured", "order_cancelled", False),
        ("order_approved_not_captured", "order_rejected", False),
        ("order_approved_not_captured", None, False),
        ("order_pending", "order_pending", True),
        ("order_pending", "order_approved_not_captured", False),
        ("captured_partial", "captured_full", True),
        ("captured_full", "captured_partial", False),
        ("order_rejected", "order_rejected", True),
        ("a_new_word", "another_new_word", False),
    ],
)
def test_an_order_is_believed_by_its_status(claim: str, shown: str | None, is_true: bool) -> None:
    if is_true:
        check_event(event("order_status", claim), session(shown))
        return
    with pytest.raises(WebhookNotConfirmedError) as raised:
        check_event(event("order_status", claim), session(shown))
    assert (raised.value.claimed, raised.value.shown) == (claim, shown)


@pytest.mark.parametrize("kind", ["capture", "refund"])
@pytest.mark.parametrize(
    ("claim", "stored", "is_true"),
    [
        ("approved", {"status": "approved"}, True),
        ("approved", {"status": "captured"}, True),
        ("approved", {"status": "refunded"}, True),
        ("approved", {}, True),
        ("approved", {"status": "pending"}, False),
        ("rejected", {"status": "rejected"}, True),
        ("rejected", {"status": "approved"}, False),
        ("pending", {"status": "pending"}, True),
    ],
)
def test_captures_and_refunds_are_believed_in_both_vocabularies(
    kind: str, claim: str, stored: dict[str, str], is_true: bool
) -> None:
    made = {f"{kind}Id": "x-1", **stored}
    claimed_event = event(f"{kind}_status", claim, **{f"{kind}Id": "x-1"})
    shown = session(**{f"{kind}s": [{f"{kind}Id": "x-0", "status": claim}, made]})
    if is_true:
        check_event(claimed_event, shown)
        return
    with pytest.raises(WebhookNotConfirmedError):
        check_event(claimed_event, shown)


@pytest.mark.parametrize(
    "claimed_event",
    [
        event("capture_status", "approved", captureId="unknown"),
        event("capture_status", "approved"),
        event("refund_status", "approved", refundId="unknown"),
        event("refund_status", "approved"),
        event("session_status", "started"),
        event("module_ui_status", "hidden", module="billing"),
        event("module_ui_status", "completed", module="unknown"),
        event("module_ui_status", "completed"),
        event("brand_new", "completed"),
    ],
)
def test_what_the_session_does_not_show_is_not_believed(claimed_event: Any) -> None:
    with pytest.raises(WebhookNotConfirmedError):
        check_event(claimed_event, session(captures=[{"captureId": "x"}], refunds=[{"refundId": "x"}]))


def test_what_the_session_shows_is_believed() -> None:
    check_event(event("session_status", "completed"), session())
    check_event(event("module_ui_status", "completed", module="billing"), session())


def test_another_session_proves_nothing() -> None:
    other = structure({"sessionId": "00000000-0000-4000-8000-000000000000", "status": "completed"}, Session)
    with pytest.raises(WebhookNotConfirmedError, match="another one"):
        check_event(event("session_status", "completed"), other)


async def test_a_client_confirms_by_reading_once(client: BriqpayClient, sandbox: Sandbox) -> None:
    made = await client.sessions.create(new_session())
    assert made.session_id is not None
    sandbox.complete(made.session_id)
    before = len(sandbox.journal)
    receiver = WebhookReceiver(require_signature=False)
    claim = {"event": "order_status", "status": "order_approved_not_captured", "sessionId": made.session_id}
    read = await client.sessions.confirm(receiver.receive_query(claim))
    assert read.session_id == made.session_id
    assert [record.endpoint for record in sandbox.journal[before:]] == ["read"]
    with pytest.raises(WebhookNotConfirmedError):
        await client.sessions.confirm(receiver.receive_query(claim | {"status": "order_rejected"}))


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-000000000000", "not-a-uuid"])
async def test_a_session_that_does_not_exist_confirms_nothing(client: BriqpayClient, session_id: str) -> None:
    claim = {"event": "session_status", "status": "completed", "sessionId": session_id}
    with pytest.raises(WebhookNotConfirmedError, match="no such session"):
        await client.sessions.confirm(WebhookReceiver(require_signature=False).receive_query(claim))
