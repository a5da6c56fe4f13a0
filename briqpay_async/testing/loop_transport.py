"""Connections for tests: one pool for each event loop in which a client is used, closed as that loop ends.

A test does not own its event loop: pytest-asyncio, anyio or ``asyncio.run`` make and end it. What ends a loop
ends its asynchronous generators first, so a generator that waits in the loop is where the pool is closed. Older
versions of pytest-asyncio only close the loop, so closing it ends the generator too; and a loop that outlives the
test is no reason to keep the pool.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Final

from briqpay_async.config import Timeouts
from briqpay_async.errors import WrongLoopError
from briqpay_async.transport.aiohttp_transport import AiohttpTransport
from briqpay_async.transport.requests import Request, Response

__all__ = ["LoopTransport"]

# Those that wait for the end of a loop: a loop itself holds its generators weakly.
_waiting: Final[dict[AiohttpTransport, AsyncGenerator[None]]] = {}


class LoopTransport:
    """A transport that may be used in any event loop, one after another or at the same time."""

    def __init__(self, make: Callable[[], AiohttpTransport]) -> None:
        """Make a transport.

        Args:
            make: Makes the pool of one loop.
        """
        self._make = make
        self._pools: dict[asyncio.AbstractEventLoop, AiohttpTransport] = {}
        self._closed = False

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        """Make one request and read its whole answer.

        Raises:
            WrongLoopError: The test runs on another framework than asyncio.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoopError(
                "briqpay_client runs on asyncio: let a fixture anyio_backend return 'asyncio'."
            ) from None
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = self._make()
            if self._closed:
                await pool.aclose()
            await _close_with_loop(pool, loop)
        return await pool.send(request, timeouts, seconds)

    async def aclose(self) -> None:
        """Close the pool of this loop, and use no other."""
        self._closed = True
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is not None:
            await pool.aclose()

    def end_test(self) -> None:
        """Close the pools of loops that outlive the test, for some are closed without ending their generators."""
        for loop, pool in self._pools.items():
            if loop.is_closed():
                if _waiting.pop(pool, None) is not None:
                    pool.forget()
            elif pool in _waiting and not loop.is_running():
                loop.run_until_complete(_waiting[pool].aclose())


async def _close_with_loop(pool: AiohttpTransport, loop: asyncio.AbstractEventLoop) -> None:
    waiting = _waiting[pool] = _until_the_loop_ends(pool)
    await anext(waiting)
    close = loop.close

    def end_and_close() -> None:
        if pool in _waiting and not loop.is_running() and not loop.is_closed():
            loop.run_until_complete(waiting.aclose())
        close()

    with contextlib.suppress(AttributeError):  # of uvloop, whose methods are as they are
        loop.close = end_and_close  # type: ignore[method-assign]


async def _until_the_loop_ends(pool: AiohttpTransport) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await pool.aclose()
        await asyncio.sleep(0)  # sockets are closed by the next turn of the loop, which may be its last
        _waiting.pop(pool, None)
