"""aiohttp.web: the client's life cycle, and an endpoint for webhooks.

Example:
    >>> app = web.Application()
    >>> app.cleanup_ctx.append(briqpay_context(BriqpayClient.from_env()))
    >>> app.router.add_post("/webhooks/briqpay", webhook_handler(receiver, handle, inbox=inbox))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from briqpay_async.client import BriqpayClient
from briqpay_async.webhooks.endpoint import Handle, WebhookHandler
from briqpay_async.webhooks.inbox import WebhookInbox
from briqpay_async.webhooks.receiver import WebhookReceiver

__all__ = ["BRIQPAY", "briqpay_context", "webhook_handler"]

BRIQPAY: Final = web.AppKey("briqpay", BriqpayClient)
"""Where handlers find the client: ``request.app[BRIQPAY]``."""


def briqpay_context(client: BriqpayClient) -> Callable[[web.Application], AsyncIterator[None]]:
    """Open a client when an application starts and close it when it stops: for ``app.cleanup_ctx``.

    Args:
        client: One that is not open yet.
    """

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with client:
            app[BRIQPAY] = client
            yield

    return context


def webhook_handler(
    receiver: WebhookReceiver,
    handle: Handle,
    *,
    inbox: WebhookInbox | None = None,
    client: BriqpayClient | None = None,
    time_limit: float = 30,
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make a handler for a route with ``POST``, or with ``GET`` for hooks that come as queries.

    Args:
        receiver: Verifies and parses.
        handle: What the shop does about an event; an exception means that it shall be sent again.
        inbox: Keeps duplicates out.
        client: Confirms events that no signature proves.
        time_limit: Seconds that ``handle`` may take.

    Raises:
        ConfigurationError: ``time_limit`` is not positive, or not shorter than the inbox's lease.
    """
    endpoint = WebhookHandler(receiver, handle, inbox=inbox, client=client, time_limit=time_limit)

    async def respond(request: web.Request) -> web.Response:
        async def read(limit: int) -> bytes | None:
            if request.content_length is not None and request.content_length > limit:
                return None
            body = bytearray()
            async for part in request.content.iter_any():
                body += part
                if len(body) > limit:
                    return None
            return bytes(body)

        answer = await endpoint.respond(request.method, request.headers, request.query, read)
        return web.Response(status=answer.status, text=answer.text)

    return respond
