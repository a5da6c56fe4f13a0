"""An endpoint of a shop on loopback."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from sandbox.webhooks.webhook_samples import Endpoint


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
