"""A sandbox, a shop that talks to it over a real socket, and the endpoint of a shop for its webhooks."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sandbox.sandbox_samples import Shop, basic
from sandbox.webhooks.webhook_samples import Endpoint

from briqpay_async.sandbox import Sandbox

Open = Callable[..., Awaitable[tuple[Sandbox, Shop]]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Open any number of sandboxes with switches, each with its shop; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_one(**switches: Any) -> tuple[Sandbox, Shop]:
            sandbox = await stack.enter_async_context(Sandbox(**switches))
            http = aiohttp.ClientSession(
                sandbox.url, headers={"Authorization": basic(sandbox.username, sandbox.secret)}
            )
            return sandbox, Shop(await stack.enter_async_context(http))

        yield open_one


@pytest.fixture
async def sandbox_and_shop(opened: Open) -> tuple[Sandbox, Shop]:
    return await opened()


@pytest.fixture
def box(sandbox_and_shop: tuple[Sandbox, Shop]) -> Sandbox:
    return sandbox_and_shop[0]


@pytest.fixture
def shop(sandbox_and_shop: tuple[Sandbox, Shop]) -> Shop:
    return sandbox_and_shop[1]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    app, made = web.Application(), Endpoint()
    app.router.add_route("*", "/hooks", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    yield made
    await runner.cleanup()
