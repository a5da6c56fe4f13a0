"""Payloads as Briqpay sends them, and receivers of them."""

from __future__ import annotations

from typing import Any

import orjson

from briqpay_async.webhooks import WebhookReceiver, sign

SECRET = "whsec-current"
SESSION_ID = "3d4e7a52-0f6b-4c7e-9a54-8f1f2f0c6b11"
NOW_MS = 1_800_000_000_000


def payload(
    name: str = "order_status", status: str = "order_approved_not_captured", **members: Any
) -> dict[str, Any]:
    return {"event": name, "status": status, "sessionId": SESSION_ID, **members}


def body_of(document: Any) -> bytes:
    return orjson.dumps(document)


def signed(body: bytes, secret: str = SECRET, at_ms: int = NOW_MS) -> dict[str, str]:
    return {"X-Briq-Signature": sign(body, secret, at_ms)}


def receiver(**options: Any) -> WebhookReceiver:
    return WebhookReceiver(**({"secrets": (SECRET,), "clock": lambda: NOW_MS / 1000} | options))
