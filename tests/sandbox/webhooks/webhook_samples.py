"""A shop's endpoint for webhooks, a session that subscribes to everything, and a check of signatures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import orjson
from aiohttp import web
from sandbox.sandbox_samples import SESSION

STATUSES = {
    "session_status": ["completed"],
    "order_status": ["order_pending", "order_rejected", "order_cancelled", "order_approved_not_captured"],
    "capture_status": ["pending", "approved", "rejected"],
    "refund_status": ["pending", "approved", "rejected"],
}


class Received(NamedTuple):
    """One request that the endpoint got."""

    method: str
    query: dict[str, str]
    body: bytes
    signature: str | None
    content_type: str

    @property
    def event(self) -> str:
        return str(self.payload["event"])

    @property
    def payload(self) -> Any:
        return orjson.loads(self.body) if self.body else self.query


@attrs.define
class Endpoint:
    """Keeps what it receives; answers 200 unless set otherwise."""

    url: str = ""
    received: list[Received] = attrs.field(factory=list)
    silent: bool = False
    answer: Callable[[Received], int] = lambda _received: 200

    async def handle(self, request: web.Request) -> web.Response:
        got = Received(
            request.method,
            dict(request.query),
            await request.read(),
            request.headers.get("x-briq-signature"),
            request.content_type,
        )
        self.received.append(got)
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(status=self.answer(got))

    @property
    def events(self) -> list[str]:
        return [received.event for received in self.received]


def subscribing(url: str, *, method: str = "POST", real_time: bool = True, **changes: Any) -> dict[str, Any]:
    """The body of a session that subscribes to every event of an order."""
    hooks = [
        {"eventType": event, "statuses": statuses, "method": method, "url": url}
        for event, statuses in STATUSES.items()
    ]
    return {**SESSION, "hooks": hooks, "config": {"realTimeProcessing": real_time}, **changes}


def verify(received: Received, secret: str) -> int:
    """Check a signature as a receiver does, and return when it was made, in milliseconds."""
    assert received.signature is not None
    first, second = received.signature.split(",")
    assert (first[:2], second[:3]) == ("t=", "s1=")
    signed = hmac.new(secret.encode(), f"{first[2:]}.".encode() + received.body, hashlib.sha256).digest()
    if not hmac.compare_digest(second[3:], base64.b64encode(signed).decode()):
        raise ValueError("the signature is not of this secret and this body")
    return int(first[2:])
