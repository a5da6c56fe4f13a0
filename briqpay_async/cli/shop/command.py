"""``briqpay shop``: the sandbox and a shop on it, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import webbrowser
from collections.abc import AsyncIterator

from aiohttp import web
from cyclopts import App

from briqpay_async import BriqpayClient
from briqpay_async.cli.exits import FAILED, one_line
from briqpay_async.cli.output import say
from briqpay_async.cli.shop.app import Shop, make_app
from briqpay_async.cli.shop.clicks import ClickHooks
from briqpay_async.cli.stopping import stop_requested
from briqpay_async.sandbox import Sandbox

__all__ = ["register", "running_shop"]

_HOST = "127.0.0.1"
_CHAOS = 0.4  # share of requests that a bad network disturbs


def register(app: App) -> None:
    """Add this command."""
    app.command(shop)


def shop(*, port: int = 8421, no_open: bool = False) -> int:
    """Run a small shop on the sandbox and open it in the browser, until Ctrl-C.

    Buy a cart, change it during the checkout, capture and refund it as the merchant, and see the patch that each
    click sent. Nothing leaves this machine.

    Args:
        port: Where the shop listens; 0 takes a free port.
        no_open: Only print the address.
    """
    try:
        asyncio.run(_serve(port, open_browser=not no_open))
    except (OSError, OverflowError) as error:
        say(f"briqpay: cannot listen on {_HOST}:{port}: {one_line(str(error))}")
        return FAILED
    return 0


async def _serve(port: int, *, open_browser: bool) -> None:
    stopping = stop_requested()
    async with running_shop(port) as running:
        say(f"The shop      {running.address}/")
        say(f"The merchant  {running.address}/merchant")
        say(f"The sandbox   {running.sandbox.url}/_sandbox/")
        say("Stop it with Ctrl-C.")
        if open_browser:
            await asyncio.to_thread(webbrowser.open, f"{running.address}/")
        await stopping.wait()


@contextlib.asynccontextmanager
async def running_shop(port: int = 0) -> AsyncIterator[Shop]:
    """A shop that listens on loopback, with a sandbox and a client of its own.

    Raises:
        OSError: The port is taken.
    """
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server((_HOST, port)))
        sandbox = await stack.enter_async_context(Sandbox())
        briqpay = await stack.enter_async_context(
            BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, hooks=[ClickHooks()])
        )

        def set_network(bad: bool) -> None:  # noqa: FBT001 - the position of a switch
            sandbox.faults.clear()
            if bad:
                sandbox.faults.chaos(_CHAOS, max_in_a_row=2)

        shop = Shop(
            briqpay=briqpay,
            sandbox=sandbox,
            address=f"http://{_HOST}:{listener.getsockname()[1]}",
            set_network=set_network,
        )
        runner = web.AppRunner(make_app(shop), access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener).start()
        yield shop
