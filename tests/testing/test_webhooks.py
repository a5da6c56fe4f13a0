"""Requests that are made for tests are what a receiver accepts."""

from __future__ import annotations

import pytest

from briqpay_async import WebhookSignatureError
from briqpay_async.testing.webhooks import signed
from briqpay_async.webhooks import WebhookReceiver

EVENT = {"event": "order_status", "status": "order_pending", "sessionId": "s-1", "cartId": "c-1"}


def test_a_signed_event_is_verified_and_says_what_was_given() -> None:
    request = signed(EVENT, "secret")
    event = WebhookReceiver(secrets=("secret",)).receive(request.body, request.headers)
    assert (event.verified, event.name, event.references) == (True, "order_status", {"cartId": "c-1"})


def test_raw_bytes_are_signed_as_they_are() -> None:
    assert signed(b"{ }", "secret").body == b"{ }"


def test_an_old_or_forged_request_is_refused() -> None:
    receiver = WebhookReceiver(secrets=("secret",))
    for request in (signed(EVENT, "secret", at=1_000), signed(EVENT, "guessed")):
        with pytest.raises(WebhookSignatureError):
            receiver.receive(request.body, request.headers)
