"""Benchmarks of bulk updates. Only ratios within one run mean anything: rounds are interleaved, medians are taken.

    python -m benchmarks.bulk --throughput    20 000 rows against a bare aiohttp pool, with and without journal
    python -m benchmarks.bulk --memory        peak: 1 000 000 rows against 10 000, 100 000 real ones against 5 000
    python -m benchmarks.bulk --overhead      what the engine alone costs for a row
    python -m benchmarks.bulk --rate          a sandbox that admits 500 requests a second: reached, refused (4 min)
    python -m benchmarks.bulk --kill          a run killed 20 times, with an account of every row
    python -m benchmarks.bulk --verify        100 000 rows through the sandbox, final states verified

Servers run in processes of their own. Give ``--rounds``, ``--rows`` and ``--seconds`` to change the size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from briqpay_async import Address, EditableData, SessionPatch, SessionUpdate

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from bulk.killed_runs import client as _sandbox_client
from bulk.killed_runs import killed_again_and_again, make_sessions

# Without this, asyncio's reads of 256 KiB make malloc ask the kernel for memory at each answer (cpython#85451).
_ENVIRONMENT = {**os.environ, "MALLOC_TOP_PAD_": "67108864"}


@contextmanager
def _server(*arguments: str) -> Iterator[str]:
    """A server in a process of its own; gives its address."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.communicate()


def _measure(name: str, rows: int, url: str = "") -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.bulk_contenders", name, str(rows), url]
    found: dict[str, float] = json.loads(
        subprocess.run(  # noqa: S603 - our own module
            command, check=True, capture_output=True, env=_ENVIRONMENT, timeout=900
        ).stdout
    )
    return found


def throughput(rows: int, rounds: int) -> None:
    """Rows a second, as a share of what a bare pool does in the same round."""
    names = ("bare", "single", "bulk", "journaled", "flushed")
    ratios: dict[str, list[float]] = {name: [] for name in names}
    costs: dict[str, list[float]] = {name: [] for name in names}
    with _server("benchmarks.bulk_server") as url:
        _measure("bare", 1_000, url)
        for number in range(rounds):
            found = {name: _measure(name, rows, url) for name in (names if number % 2 else reversed(names))}
            for name in names:
                ratios[name].append(found["bare"]["seconds"] / found[name]["seconds"])
                costs[name].append(found[name]["cpu"] / found["bare"]["cpu"])
            print(
                f"  round {number + 1}: "
                + ", ".join(f"{name} {rows / found[name]['seconds']:.0f}/s" for name in names)
            )
    print(f"throughput of {rows} rows, share of the bare pool (CPU of the process, setting up included):")
    for name in names[1:]:
        print(f"  {name:10} {median(ratios[name]):.2f}  (CPU {median(costs[name]):.2f})")


def memory(rounds: int) -> None:
    """Peak memory of the process, many rows against few."""
    with _server("benchmarks.bulk_server") as url:
        for name, few, many in (("fake", 10_000, 1_000_000), ("streamed", 5_000, 100_000)):
            found = [
                _measure(name, many, url)["peak_kb"] / _measure(name, few, url)["peak_kb"] for _ in range(rounds)
            ]
            print(f"memory of {name}, {many} rows against {few}: {median(found):.3f}")


def overhead(rounds: int) -> None:
    """Microseconds of CPU a row; absolute, so only a hint."""
    for name in ("unchanged", "fake"):
        found = [_measure(name, 500_000)["seconds"] / 0.5 for _ in range(rounds)]
        print(f"engine alone, {name}: {median(found):.2f} us a row")


async def rate(seconds: float | None) -> None:
    """How much of 500 requests a second is reached, and how much is refused on the way.

    A refusal that asks to wait for a whole second costs that second, and the rate cannot be known from less than
    two of them. So no run against such a server can be sure of more than (seconds - 2) / seconds.
    """
    for retry_after, usual in (("exact", 8.0), ("seconds", 30.0)):
        length = seconds or usual
        for start in (1, 10, 50, 200, "auto"):
            with _server("briqpay_async.sandbox", "--port", "0") as url:
                made, refused, late = await _rate_of_one(url, retry_after, start, length)
            print(
                f"rate limit 500/s, Retry-After {retry_after}, concurrency {start}: over {length:.0f} s "
                f"{made / length / 500:.2f} of it, in the second half {late / (length / 2) / 500:.2f}; "
                f"{100 * refused / (made + refused):.2f} % refused",
                flush=True,
            )


async def _rate_of_one(url: str, retry_after: str, start: Any, seconds: float) -> tuple[int, int, int]:
    async with _sandbox_client(url) as briqpay, aiohttp.ClientSession(url) as control:
        ids = await make_sessions(briqpay, 1_000)
        fault = {"kind": "rate_limit", "per_second": 500, "retry_after": retry_after, "endpoint": "patch"}
        async with control.post("/_sandbox/faults", json=fault) as answer:
            assert answer.status == 201
        ends = time.monotonic() + seconds

        def rows() -> Iterator[SessionUpdate]:
            number = 0
            while time.monotonic() < ends:
                yield SessionUpdate(
                    ids[number % len(ids)],
                    SessionPatch.of(data=EditableData(billing=Address(city=f"City {number}"))),
                )
                number += 1

        rows_done = attempts = made = late = 0
        async for outcome in briqpay.sessions.update_many(rows(), start):
            assert outcome.status == "applied", outcome
            rows_done += 1
            attempts += outcome.attempts
            made += time.monotonic() < ends
            late += ends - seconds / 2 < time.monotonic() < ends
        return made, attempts - rows_done, late


async def kill(kills: int, sessions: int, after: tuple[int, int]) -> None:
    """Kill a run again and again, and account for every row."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        report = await killed_again_and_again(Path(folder), sessions=sessions, kills=kills, seed=1, after=after)
    problems = report.problems()
    print(
        f"{report.rows} rows, killed {report.kills} times, {report.requests} requests took effect, "
        f"{sum(report.applied.values())} rows reported as applied, {time.monotonic() - started:.0f} s: "
        f"{'all is well' if not problems else problems[:10]}"
    )
    assert not problems
    assert report.kills == kills


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bulk", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("throughput", "memory", "overhead", "rate", "kill", "verify"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000, help="of --throughput")
    parser.add_argument("--seconds", type=float, help="of each run of --rate")
    return parser.parse_args()


def main() -> None:
    """Run what was asked for."""
    chosen = _arguments()
    if chosen.throughput:
        throughput(chosen.rows, chosen.rounds)
    if chosen.memory:
        memory(chosen.rounds)
    if chosen.overhead:
        overhead(chosen.rounds)
    if chosen.rate:
        asyncio.run(rate(chosen.seconds))
    if chosen.kill:
        asyncio.run(kill(20, 16_667, (500, 4_000)))
    if chosen.verify:
        asyncio.run(kill(0, 16_667, (0, 0)))


if __name__ == "__main__":
    main()
