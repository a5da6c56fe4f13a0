"""A client for a while: ``python -m benchmarks.goodput_client KIND URL SECONDS CONCURRENCY NUMBER``.

``naive`` is a pool over bare aiohttp whose workers each wait for themselves when they are refused; ``bulk`` is
``update_many``. The sessions' ids begin with ``NUMBER``, which the server counts by. Prints
``ready``, begins at a line on its standard input, and prints its processor time in seconds when it is done.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import count

import aiohttp

from briqpay_async import Address, BriqpayClient, EditableData, SessionPatch, SessionUpdate
from briqpay_async.bulk import engine as _engine  # noqa: F401 - loaded before the clock starts

PATCH = SessionPatch.of(data=EditableData(billing=Address(city="Lund")))
_HEADERS = {"Authorization": "Basic eDp5", "Content-Type": "application/json", "Accept": "application/json"}
_BACK_OFF = 0.25  # seconds at most, where a refusal does not say when to come back: as the client's first one


def session_ids(number: str) -> Iterator[str]:
    """Identifiers that begin with a client's number."""
    return (f"{number:0>8}-0000-4000-8000-{place:012x}" for place in count())


async def naive(url: str, seconds: float, concurrency: int, number: str) -> None:
    """A pool whose workers each wait for themselves."""
    body, ids, end = PATCH.to_json(), session_ids(number), time.monotonic() + seconds
    async with aiohttp.ClientSession(url, headers=_HEADERS, cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def work() -> None:
            for session_id in ids:
                while time.monotonic() < end:
                    async with http.patch(f"/v3/session/{session_id}?fields=none", data=body) as answer:
                        await answer.read()
                    if answer.status == 204:
                        break
                    told = answer.headers.get("Retry-After")
                    await asyncio.sleep(float(told) if told else _BACK_OFF * random.random())  # noqa: S311
                if time.monotonic() >= end:
                    return

        workers = [asyncio.create_task(work()) for _ in range(concurrency)]
        await asyncio.wait(workers, timeout=seconds + 0.2)
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)


async def bulk(url: str, seconds: float, concurrency: int, number: str) -> None:
    """``update_many``."""
    async with BriqpayClient("user", "secret", base_url=url) as briqpay:
        rows = (SessionUpdate(session_id, PATCH) for session_id in session_ids(number))
        end = time.monotonic() + seconds
        async for _ in briqpay.sessions.update_many(rows, concurrency):
            if time.monotonic() >= end:
                break


def main(kind: str, url: str, seconds: str, concurrency: str, number: str) -> None:
    """Run one client."""
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    began = time.process_time()
    asyncio.run((naive if kind == "naive" else bulk)(url, float(seconds), int(concurrency), number))
    print(json.dumps(time.process_time() - began), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
