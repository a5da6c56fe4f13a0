"""``python -m benchmarks.memory``: what a session that is held, and a client, keep of the memory.

Counted by tracemalloc, so the figures are exact to a few bytes and the same on every run. A session is compared
with the dictionary that orjson makes of the same answer, a client with a bare ``aiohttp.ClientSession``.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

from benchmarks import payloads
from benchmarks.results_file import save
from benchmarks.server import LINES
from briqpay_async import BriqpayClient, Session
from briqpay_async.conversion.decode import decode

__all__ = ["measure"]

_COUNT = 200


def _each(make: Callable[[], Any]) -> float:
    """Bytes that one more of these keeps."""
    warm = [make() for _ in range(3)]
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    held = [make() for _ in range(_COUNT)]
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del warm, held
    return (after - before) / _COUNT


def _read(content: bytes) -> Session:
    session = decode(orjson.loads(content), Session)
    assert session.data
    assert session.data.order
    assert session.data.order.cart
    return session


async def _clients() -> tuple[float, float]:
    def bare() -> aiohttp.ClientSession:
        session = aiohttp.ClientSession()
        opened.append(session)
        return session

    opened: list[aiohttp.ClientSession] = []
    clients = _each(lambda: BriqpayClient("merchant", "secret"))
    sessions = _each(bare)
    for session in opened:
        await session.close()
    return clients, sessions


def measure() -> dict[str, float]:
    """Bytes by what is held."""
    figures = {}
    for lines in LINES:
        content = payloads.answer(lines)
        figures[f"bytes of an answer, {lines} lines"] = float(len(content))
        figures[f"dictionary, {lines} lines"] = _each(lambda content=content: orjson.loads(content))  # type: ignore[misc]
        figures[f"Session as answered, {lines} lines"] = _each(
            lambda content=content: decode(orjson.loads(content), Session)  # type: ignore[misc]
        )
        figures[f"Session whose data was read, {lines} lines"] = _each(
            lambda content=content: _read(content)  # type: ignore[misc]
        )
    figures["BriqpayClient, not yet connected"], figures["aiohttp.ClientSession"] = asyncio.run(_clients())
    return figures


def _main() -> None:
    figures = measure()
    save("memory", figures)
    for name, size in figures.items():
        print(f"{size / 1024:8.1f} KiB  {name}")


if __name__ == "__main__":
    _main()
