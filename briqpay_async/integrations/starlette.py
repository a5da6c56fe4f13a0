"""Starlette, and what is built on it or speaks ASGI (FastAPI, Litestar): life cycle and webhook endpoint.

Example:
    >>> app = FastAPI(lifespan=lifespan(BriqpayClient.from_env()))
    >>> endpoint = WebhookEndpoint(receiver, handle, inbox=inbox)
    >>> app.router.routes.append(starlette.routing.Route("/webhooks/briqpay", endpoint))
    >>> async def cart(client: Annotated[BriqpayClient, Depends(get_client)]): ...

``app.mount("/webhooks/briqpay", endpoint)`` works as well, but answers at ``/webhooks/briqpay/`` alone, and
without the slash with a redirect that a sender of webhooks need not follow.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.requests import HTTPConnection  # FastAPI reads it from the annotation of get_client

from briqpay_async.client import BriqpayClient
from briqpay_async.integrations.asgi import WebhookEndpoint

__all__ = ["WebhookEndpoint", "get_client", "lifespan"]


def lifespan(client: BriqpayClient) -> Callable[[Any], AbstractAsyncContextManager[dict[str, BriqpayClient]]]:
    """Open a client when an application starts and close it when it stops.

    Args:
        client: One that is not open yet.
    """

    @asynccontextmanager
    async def context(_app: Any) -> AsyncIterator[dict[str, BriqpayClient]]:
        async with client:
            yield {"briqpay": client}

    return context


def get_client(request: HTTPConnection) -> BriqpayClient:
    """The client of an application with this module's ``lifespan``; a dependency for ``Depends(get_client)``."""
    client: BriqpayClient = request.state.briqpay
    return client
