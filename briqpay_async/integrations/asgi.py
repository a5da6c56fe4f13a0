"""An ASGI application that takes webhooks: for Starlette, FastAPI, Litestar and every other ASGI framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from briqpay_async.client import BriqpayClient
from briqpay_async.webhooks.endpoint import Handle, WebhookHandler
from briqpay_async.webhooks.inbox import WebhookInbox
from briqpay_async.webhooks.receiver import WebhookReceiver

__all__ = ["WebhookEndpoint"]

Message = MutableMapping[str, Any]
_LONGEST = 15  # digits of a length that is worth a look


class WebhookEndpoint:
    """An ASGI application that takes webhooks: mount it, or route to it.

    Args:
        receiver: Verifies and parses.
        handle: What the shop does about an event; an exception means that it shall be sent again.
        inbox: Keeps duplicates out.
        client: Confirms events that no signature proves.
        time_limit: Seconds that ``handle`` may take.

    Raises:
        ConfigurationError: ``time_limit`` is not positive, or not shorter than the inbox's lease.
    """

    def __init__(
        self,
        receiver: WebhookReceiver,
        handle: Handle,
        *,
        inbox: WebhookInbox | None = None,
        client: BriqpayClient | None = None,
        time_limit: float = 30,
    ) -> None:
        self._endpoint = WebhookHandler(receiver, handle, inbox=inbox, client=client, time_limit=time_limit)

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Take one request."""
        if scope["type"] != "http":
            raise RuntimeError("This endpoint takes HTTP requests only.")
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:  # a header that comes twice is not made one: it would not verify
            text = name.decode("latin-1").lower()
            headers[text] = (
                f"{headers[text]}, {value.decode('latin-1')}" if text in headers else value.decode("latin-1")
            )

        async def read(limit: int) -> bytes | None:
            declared = headers.get("content-length", "")
            if declared.isdecimal() and (len(declared) > _LONGEST or int(declared) > limit):
                return None
            body = bytearray()
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > limit:
                    return None
                if not message.get("more_body"):
                    return bytes(body)

        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        answer = await self._endpoint.respond(scope["method"], headers, query, read)
        text = answer.text.encode()
        length = (b"content-length", str(len(text)).encode())
        start = [(b"content-type", b"text/plain; charset=utf-8"), length]
        await send({"type": "http.response.start", "status": answer.status, "headers": start})
        await send({"type": "http.response.body", "body": text})
