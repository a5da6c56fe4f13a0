"""What a webhook says becomes a typed event, and nothing that it says is lost."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from webhooks.webhook_samples import SESSION_ID, body_of, payload, receiver, signed

from briqpay_async import WebhookMalformedError
from briqpay_async.webhooks import (
    CaptureStatusEvent,
    OrderStatusEvent,
    OtherEvent,
    RefundStatusEvent,
    SessionStatusEvent,
    WebhookEvent,
)


def event_of(document: Any) -> WebhookEvent:
    body = body_of(document)
    return receiver().receive(body, signed(body))


def test_each_documented_event_has_its_class() -> None:
    assert isinstance(event_of(payload("session_status", "completed")), SessionStatusEvent)
    order = event_of(payload(transaction={"transactionId": "t-1", "status": "approved", "amountIncVat": 5000}))
    assert isinstance(order, OrderStatusEvent)
    assert order.transaction is not None
    assert (order.transaction.transaction_id, order.transaction.amount_inc_vat) == ("t-1", 5000)
    capture = event_of(
        payload("capture_status", "approved", captureId="c-1", autoCaptured=True, isPreExistingCapture=False)
    )
    assert isinstance(capture, CaptureStatusEvent)
    assert (capture.capture_id, capture.auto_captured, capture.is_pre_existing_capture) == ("c-1", True, False)
    refund = event_of(payload("refund_status", "pending", refund={"refundId": "r-1", "amountIncVat": 200}))
    assert isinstance(refund, RefundStatusEvent)
    assert refund.refund is not None
    assert (refund.refund_id, refund.refund.amount_inc_vat) == ("r-1", 200)


def test_references_come_from_the_top_level_and_what_is_no_text_is_kept_beside_them() -> None:
    event = event_of(payload(quoteId="q-7", cartId="c-9", count=3, nested={"a": [1]}))
    assert event.references == {"quoteId": "q-7", "cartId": "c-9"}
    assert event.extra == {"count": 3, "nested": {"a": [1]}}


def test_both_spellings_that_plugins_know_are_read() -> None:
    for document in (
        {"action": "order_status", "status": "order_pending", "session_id": SESSION_ID},
        {"event": "order_status", "status": "order_pending", "id": SESSION_ID},
    ):
        event = event_of(document)
        assert (event.name, event.session_id) == ("order_status", SESSION_ID)


def test_an_unknown_event_is_kept_whole() -> None:
    document = payload("module_ui_status", "completed", module="billing", more=[1])
    event = event_of(document)
    assert isinstance(event, OtherEvent)
    assert (event.module, event.payload) == ("billing", document)


def test_a_query_is_read_and_never_verified() -> None:
    query = {
        "event": "capture_status",
        "status": "approved",
        "sessionId": SESSION_ID,
        "captureId": "c",
        "autoCaptured": "true",
    }
    event = receiver().receive_query(query)
    assert isinstance(event, CaptureStatusEvent)
    assert (event.verified, event.auto_captured) == (False, True)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/event"),
        (payload(status=None), "/status"),
        (payload(status=""), "/status"),
        (payload(status=7), "/status"),
        (payload(sessionId="x" * 513), "/sessionId"),
        (payload(sessionId="a\nb"), "/sessionId"),
        (payload("capture_status", captureId=9), "/captureId"),
        (payload("capture_status", autoCaptured="yes"), "/autoCaptured"),
        (payload(transaction="text"), "/transaction"),
        (payload(transaction={"amountIncVat": "many"}), "/transaction/amountIncVat"),
    ],
)
def test_a_member_of_the_wrong_type_is_named(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(WebhookMalformedError) as raised:
        event_of(document)
    assert raised.value.pointer == pointer


def test_an_empty_array_for_an_object_is_an_absent_object() -> None:
    event = event_of(payload(transaction=[]))
    assert isinstance(event, OrderStatusEvent)
    assert event.transaction is None


def test_a_redelivery_has_the_same_key_and_another_event_another_one() -> None:
    documents = [
        payload(),
        payload(status="order_pending"),
        payload(sessionId="4" * 8),
        payload(transaction={"transactionId": "t-1"}),
        payload(transaction={"transactionId": "t-2"}),
        payload("session_status", "order_approved_not_captured"),
        payload("capture_status", "approved", captureId="c-1"),
        payload("capture_status", "approved", captureId="c-2"),
        payload("capture_status", "pending", captureId="c-1"),
        payload("refund_status", "approved", refundId="c-1"),
        payload("module_ui_status", "completed", module="billing"),
        payload("module_ui_status", "completed", module="shipping"),
        payload("brand_new", "completed", number=1),
        payload("brand_new", "completed", number=2),
    ]
    keys = [event_of(document).key for document in documents]
    assert len(set(keys)) == len(documents)
    assert keys == [event_of(dict(reversed(document.items()))).key for document in documents]
    first = body_of(payload())
    assert receiver().receive(first, signed(first, at_ms=1_799_999_990_000)).key == keys[0]


def test_an_event_pickles() -> None:
    event = event_of(payload(transaction={"transactionId": "t-1"}, quoteId="q"))
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 - our own bytes


@pytest.mark.parametrize("name", ["order_status", "brand_new"])
def test_what_is_nested_too_deeply_to_be_written_again_is_malformed(name: str) -> None:
    body = body_of(payload(name)).removesuffix(b"}") + b',"deep":' + b"[" * 400 + b"]" * 400 + b"}"
    with pytest.raises(WebhookMalformedError, match="deeply"):
        receiver().receive(body, signed(body))
    shallow = body_of(payload(name)).removesuffix(b"}") + b',"wide":[' + b",".join([b"[]"] * 400) + b"]}"
    assert len(receiver().receive(shallow, signed(shallow)).key) == 64


def test_a_query_that_is_no_text_of_unicode_is_malformed() -> None:
    with pytest.raises(WebhookMalformedError, match="Unicode"):
        receiver().receive_query(payload("brand_new", reference1="\udcff"))


def test_a_query_of_lists_is_malformed() -> None:
    with pytest.raises(WebhookMalformedError) as caught:
        receiver().receive_query({name: [value] for name, value in payload().items()})  # as parse_qs has them
    assert caught.value.pointer == "/event"
