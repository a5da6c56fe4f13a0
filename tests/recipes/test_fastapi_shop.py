"""The shop on FastAPI, served by uvicorn, with the sandbox in Briqpay's place."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from recipes.fastapi_shop import make_app
from recipes.shop_visitors import Visitors, buy_ship_and_return, change_one_cart_at_once, visitors_of

from briqpay_async import BriqpayClient, ConfigurationError
from briqpay_async.sandbox import Sandbox


@asynccontextmanager
async def serve(briqpay: BriqpayClient, address: str, secret: str, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(make_app(briqpay, address, secret), ws="none", log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def visitors(sandbox: Sandbox) -> AsyncIterator[Visitors]:
    async with visitors_of(serve, sandbox) as inside:
        yield inside


async def test_an_order_is_packed_once_and_ends_right_whatever_happens_to_its_webhooks(visitors: Visitors) -> None:
    await buy_ship_and_return(visitors)


async def test_no_change_of_one_cart_by_two_visitors_at_once_is_lost(visitors: Visitors) -> None:
    await change_one_cart_at_once(visitors, tries=20)


async def test_the_client_is_closed_with_the_shop(sandbox: Sandbox) -> None:
    async with visitors_of(serve, sandbox) as visitors:
        session_id = await visitors.cart("lamp")
        await visitors.briqpay.sessions.read(session_id)
    with pytest.raises(ConfigurationError, match="closed"):
        await visitors.briqpay.sessions.read(session_id)
