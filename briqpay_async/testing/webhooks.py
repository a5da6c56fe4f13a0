"""Requests as Briqpay sends them, to post at an endpoint of your own.

Example:
    >>> request = signed({"event": "order_status", "status": "order_pending", "sessionId": session_id}, secret)
    >>> await client.post("/webhooks/briqpay", content=request.body, headers=request.headers)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from briqpay_async.webhooks.signature import HEADER, sign

__all__ = ["WebhookRequest", "signed"]


@attrs.frozen(kw_only=True)
class WebhookRequest:
    """A request to a webhook endpoint.

    Attributes:
        body: The raw bytes to send.
        headers: ``Content-Type`` and the signature.
    """

    body: bytes
    headers: Mapping[str, str] = attrs.field(repr=False)


def signed(event: Mapping[str, Any] | bytes, secret: str, *, at: float | None = None) -> WebhookRequest:
    """Make a webhook as Briqpay signs it.

    Args:
        event: What it says, by wire names: ``event``, ``status``, ``sessionId`` and so on; or raw bytes.
        secret: The secret that your endpoint verifies with; another one makes a forged webhook.
        at: When it is signed, in seconds since 1970; now when left out.
    """
    body = event if isinstance(event, bytes) else orjson.dumps(dict(event))
    at_ms = round((time.time() if at is None else at) * 1000)
    return WebhookRequest(
        body=body, headers={"Content-Type": "application/json", HEADER: sign(body, secret, at_ms)}
    )
