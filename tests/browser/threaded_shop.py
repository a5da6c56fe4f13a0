"""`briqpay shop` in a thread of its own, and a buyer who fills its checkout in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from briqpay_async.cli.shop.command import running_shop


class ThreadedShop:
    """The shop in a thread of its own, as its program runs it."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait(20)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with running_shop() as shop:
            self.url, self._sandbox = shop.address, shop.sandbox
            self._ready.set()
            await self._stop.wait()

    def ask(self, look: Callable[[Any], Any]) -> Any:
        """Do something with the sandbox, in its loop."""

        async def work() -> Any:
            return look(self._sandbox)

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)


def fill_in(page: Any, provider: str = "Sandbox invoice") -> Any:
    """Fill the checkout in, without paying."""
    frame = page.frame_locator("#briqpay-checkout")
    frame.locator('#checkout[aria-busy="false"]').wait_for()
    for label, value in {
        "First name": "Ada",
        "Last name": "Lovelace",
        "Street and number": "Storgatan 1",
        "Postal code": "22350",
        "City": "Lund",
        "E-mail": "ada@shop.example",
    }.items():
        frame.locator("#billing").get_by_label(label, exact=True).fill(value)
    frame.get_by_label(provider).check()
    frame.get_by_label("I accept the terms").check()
    return frame
