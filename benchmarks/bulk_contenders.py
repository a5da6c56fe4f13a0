"""What is measured, one process each: ``python -m benchmarks.bulk_contenders NAME ROWS [URL]`` prints JSON."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import aiohttp

from briqpay_async import Address, BriqpayClient, BulkJournal, EditableData, SessionPatch, SessionUpdate
from briqpay_async.bulk.engine import update_many
from briqpay_async.bulk.gate import AdaptiveGate

CONCURRENCY = 50
NOOP = SessionPatch()


def _session_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def _patch(number: int) -> SessionPatch:
    address = Address(street_address=f"Storgatan {number}", zip="22222", city="Lund", email="ada@shop.example")
    return SessionPatch.of(data=EditableData(billing=address))


def _rows(count: int) -> Iterable[SessionUpdate]:
    return (SessionUpdate(_session_id(number), _patch(number)) for number in range(count))


async def bare(count: int, url: str) -> float:
    """A pool of workers over aiohttp and nothing else."""
    rows = [(f"/v3/session/{row.session_id}?fields=none", row.patch.to_json()) for row in _rows(count)]
    headers = {"Authorization": "Basic eDp5", "Content-Type": "application/json", "Accept": "application/json"}
    async with aiohttp.ClientSession(url, headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as http:
        source = iter(rows)

        async def work() -> None:
            for path, body in source:
                async with http.patch(path, data=body) as answer:
                    await answer.read()
                    assert answer.status == 204

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return time.perf_counter() - started


async def single(count: int, url: str) -> float:
    """The same pool over ``sessions.update``: what a call costs without the engine."""
    rows = list(_rows(count))
    async with BriqpayClient("user", "secret", base_url=url) as briqpay:
        source = iter(rows)

        async def work() -> None:
            for row in source:
                await briqpay.sessions.update(row.session_id, row.patch, "none")

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return time.perf_counter() - started


async def bulk(count: int, url: str, **options: Any) -> float:
    """``sessions.update_many``."""
    rows = list(_rows(count))
    async with BriqpayClient("user", "secret", base_url=url) as briqpay:
        started = time.perf_counter()
        applied = 0
        async for outcome in briqpay.sessions.update_many(rows, CONCURRENCY, **options):
            applied += outcome.status == "applied"
        elapsed = time.perf_counter() - started
    assert applied == count
    return elapsed


async def journaled(count: int, url: str, *, flush: bool = False) -> float:
    """The same with a journal."""
    with tempfile.TemporaryDirectory() as folder:
        return await bulk(count, url, journal=BulkJournal(Path(folder) / "run.db", flush=flush))


async def flushed(count: int, url: str) -> float:
    """The same with a journal that flushes the disk."""
    return await journaled(count, url, flush=True)


async def streamed(count: int, url: str) -> float:
    """Rows made as they are read, for the memory."""
    async with BriqpayClient("user", "secret", base_url=url) as briqpay:
        started = time.perf_counter()
        async for outcome in briqpay.sessions.update_many(_rows(count), CONCURRENCY):
            assert outcome.status == "applied"
        return time.perf_counter() - started


async def _engine_alone(rows: Iterable[SessionUpdate]) -> float:
    async def take(*_: object, **__: object) -> None:
        """A transport that does nothing."""

    started = time.process_time()
    async for _ in update_many(lambda _: take, rows, AdaptiveGate(CONCURRENCY, time.monotonic, asyncio.sleep)):
        pass
    return time.process_time() - started


async def fake(count: int, _url: str) -> float:
    """The engine over an update that does nothing."""
    patch = _patch(0)
    return await _engine_alone(SessionUpdate(_session_id(number % 10_000), patch) for number in range(count))


async def unchanged(count: int, _url: str) -> float:
    """The engine over patches that change nothing, rows made beforehand."""
    rows = [SessionUpdate(_session_id(number % 10_000), NOOP) for number in range(10_000)]
    return await _engine_alone(row for _ in range(count // 10_000) for row in rows)


CONTENDERS: dict[str, Callable[[int, str], Coroutine[Any, Any, float]]] = {
    each.__name__: each for each in (bare, single, bulk, journaled, flushed, streamed, fake, unchanged)
}


def main(name: str, count: str, url: str = "") -> None:
    """Run one contender and print seconds and the most memory the process ever had, in kilobytes."""
    cpu = time.process_time()
    seconds = asyncio.run(CONTENDERS[name](int(count), url))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "cpu": time.process_time() - cpu, "peak_kb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
