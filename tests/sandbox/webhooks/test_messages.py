"""The messages to a shop for each change, as pure functions."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sandbox.webhooks.webhook_samples import STATUSES

from briqpay_async.sandbox.state.changes import StatusChange
from briqpay_async.sandbox.webhooks.messages import messages_of, sign

HOOKS = [
    {"eventType": event, "statuses": statuses, "method": "POST", "url": "http://127.0.0.1/hooks"}
    for event, statuses in STATUSES.items()
]
TRANSACTION = {
    "transactionId": "tx-1",
    "status": "approved",
    "amountIncVat": 25_000,
    "amountExVat": 20_000,
    "currency": "SEK",
    "email": "astrid@example.com",
    "cart": [{"name": "Mug"}],
    "pspId": "psp-1",
}
CAPTURE = {**TRANSACTION, "captureId": "cap-1", "parentTransactionId": "tx-1", "status": "captured"}
REFUND = {**TRANSACTION, "refundId": "ref-1", "parentCaptureId": "cap-1", "parentTransactionId": "tx-1"}
STATE: dict[str, Any] = {
    "sessionId": "s-1",
    "references": {"reference1": "1001", "cartId": "c-7"},
    "hooks": HOOKS,
    "data": {"transactions": [TRANSACTION], "captures": [CAPTURE], "refunds": [REFUND]},
}
COMMON = {"reference1": "1001", "cartId": "c-7", "sessionId": "s-1"}


def change(subject: str, status: str, state: dict[str, Any] = STATE, **more: Any) -> StatusChange:
    return StatusChange(subject=subject, session_id="s-1", status=status, before=None, session=state, **more)


def body(made: StatusChange, *, signed: bool = True) -> Any:
    (message,) = messages_of(made, signed=signed)
    return orjson.loads(message.body or b"")


def test_the_signature_is_the_one_that_the_connector_verifies() -> None:
    # A vector that Briqpay's commercetools connector accepts.
    raw = b'{"event":"capture_status","status":"approved","sessionId":"test-session-123"}'
    expected = "t=1700000000000,s1=LAI/Z3yQmhkjgAy5cNR/gMVfwO/AqsGoToz+IEJ6tW8="
    assert sign(raw, "test-webhook-secret-12345", 1_700_000_000_000) == expected


def test_a_completed_session_is_sent_with_the_references_beside() -> None:
    assert body(change("session", "completed")) == {**COMMON, "event": "session_status", "status": "completed"}


def test_a_signed_order_status_carries_the_transaction_without_cart_and_personal_data() -> None:
    sent = body(change("order", "order_approved_not_captured"))
    transaction = sent.pop("transaction")
    assert sent == {**COMMON, "event": "order_status", "status": "order_approved_not_captured"}
    assert transaction == {name: value for name, value in TRANSACTION.items() if name not in ("email", "cart")}


def test_an_unpaid_order_has_no_transaction() -> None:
    state = {**STATE, "data": {"transactions": []}}
    assert "transaction" not in body(change("order", "order_rejected", state))
    assert "transaction" not in body(change("order", "order_rejected", {**STATE, "data": {}}))


def test_a_signed_capture_status_carries_the_capture_in_the_words_of_hooks() -> None:
    sent = body(change("capture", "approved", capture_id="cap-1", auto_captured=True))
    assert (sent["captureId"], sent["autoCaptured"], sent["isPreExistingCapture"]) == ("cap-1", True, True)
    assert sent["capture"]["status"] == "approved"
    assert sent["capture"]["transactionId"] == "tx-1"
    assert (sent["capture"]["amountIncVat"], sent["capture"]["currency"]) == (25_000, "SEK")
    assert "cart" not in sent["capture"]


def test_a_signed_refund_status_carries_the_refund() -> None:
    sent = body(change("refund", "pending", refund_id="ref-1"))
    assert sent["refundId"] == "ref-1"
    assert (sent["refund"]["status"], sent["refund"]["transactionId"]) == ("pending", "tx-1")


@pytest.mark.parametrize(
    ("made", "member"),
    [
        (change("order", "order_pending"), "transaction"),
        (change("capture", "approved", capture_id="cap-1"), "capture"),
        (change("refund", "approved", refund_id="ref-1"), "refund"),
    ],
)
def test_unsigned_bodies_carry_no_more_than_the_documentation_says(made: StatusChange, member: str) -> None:
    assert member in body(made)
    assert member not in body(made, signed=False)


def test_a_reference_cannot_pass_for_a_member_of_the_event() -> None:
    state = {**STATE, "references": {"event": "refund_status", "sessionId": "another", "status": "x"}}
    sent = body(change("session", "completed", state))
    assert (sent["event"], sent["sessionId"], sent["status"]) == ("session_status", "s-1", "completed")


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://127.0.0.1/hooks", "http://127.0.0.1/hooks?"),
        ("http://127.0.0.1/hooks?shop=1", "http://127.0.0.1/hooks?shop=1&"),
        ("http://127.0.0.1/hooks#top", "http://127.0.0.1/hooks?"),
        ("http://[", "http://[?"),
    ],
)
def test_a_get_hook_gets_the_same_in_its_query(url: str, start: str) -> None:
    state = {**STATE, "hooks": [{**HOOKS[2], "method": "GET", "url": url}], "references": {"cartId": "å & b"}}
    (message,) = messages_of(change("capture", "approved", state, capture_id="cap-1"))
    assert message.body is None
    assert message.url == (
        f"{start}cartId=%C3%A5+%26+b&event=capture_status&status=approved&sessionId=s-1"
        "&captureId=cap-1&autoCaptured=false&isPreExistingCapture=false"
    )


def test_hooks_hear_of_the_statuses_they_subscribe_to_and_no_others() -> None:
    def count_of(subject: str, status: str, **more: Any) -> int:
        return len(list(messages_of(change(subject, status, **more))))

    assert count_of("order", "order_approved_not_captured") == 1
    assert count_of("order", "captured_full") == 0
    assert count_of("session", "modules_in_progress") == 0
    assert count_of("module", "completed", module="billing") == 0
    assert list(messages_of(change("session", "completed", {**STATE, "hooks": []}))) == []


@pytest.mark.parametrize(("module", "count"), [(None, 1), ("billing", 1), ("payment", 0)])
def test_a_module_hook_can_be_about_one_module(module: str | None, count: int) -> None:
    hook = {
        "eventType": "module_ui_status",
        "statuses": ["completed"],
        "method": "POST",
        "url": "http://127.0.0.1/",
    }
    state = {**STATE, "hooks": [hook if module is None else {**hook, "module": module}]}
    messages = list(messages_of(change("module", "completed", state, module="billing")))
    assert len(messages) == count
    assert all(orjson.loads(message.body or b"")["module"] == "billing" for message in messages)


def test_every_hook_that_subscribes_gets_its_own_message() -> None:
    twice = {**STATE, "hooks": [HOOKS[0], {**HOOKS[0], "url": "http://127.0.0.1/other"}]}
    urls = [message.url for message in messages_of(change("session", "completed", twice))]
    assert urls == ["http://127.0.0.1/hooks", "http://127.0.0.1/other"]


@pytest.mark.parametrize(("config", "expected"), [({}, False), ({"realTimeProcessing": True}, True)])
def test_real_time_processing_is_a_choice_of_the_session(config: dict[str, bool], expected: bool) -> None:
    (message,) = messages_of(change("session", "completed", {**STATE, "config": config}))
    assert message.real_time is expected
