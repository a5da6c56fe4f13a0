"""The measurements of one job, in a process of its own.

``python -m benchmarks.worker JOB`` is what ``benchmarks.wire`` starts: it says ``"ready"`` once it is warm, makes
as many calls as each line on its standard input says, and answers each with a line. By hand, to see where the time
goes::

    python -m benchmarks.worker client --fields none --profile
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import logging
import pstats
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace

from benchmarks.jobs import Job, Result
from benchmarks.peers import Peer
from benchmarks.process import Server, loop_factory, pin, same_regime
from benchmarks.registry import PEERS

# Seconds for all turns of a job and the waits between them: a parent that is gone is not waited for.
_LIMIT = 300.0


async def _measure(
    job: Job, turns: Iterable[int], report: Callable[[Result], None], profile: cProfile.Profile | None
) -> None:
    async with asyncio.timeout(_LIMIT), PEERS[job.peer](job) as peer:
        await _calls(peer, job.concurrency, range(job.warmup))
        gc.collect()
        gc.freeze()  # what was made beforehand is not part of what is measured
        done = job.warmup
        for calls in turns:
            if profile:
                profile.enable()
            wall, cpu = time.perf_counter(), time.process_time()
            await _calls(peer, job.concurrency, range(done, done + calls))
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            if profile:
                profile.disable()
            done += calls
            report(Result(cpu=cpu / calls, wall=wall / calls))


async def _calls(peer: Peer, concurrency: int, numbers: range) -> None:
    left = iter(numbers)
    call = peer.call

    async def lane(index: int) -> None:
        for number in left:
            await call(index, number)

    awake = asyncio.create_task(_stay_awake()) if peer.awake else None
    await asyncio.gather(*(lane(index) for index in range(concurrency)))
    if awake:
        awake.cancel()


async def _stay_awake() -> None:
    while True:  # noqa: ASYNC110 - it shall not wait
        await asyncio.sleep(0)


def _run(
    job: Job, turns: Iterable[int], report: Callable[[Result], None], profile: cProfile.Profile | None = None
) -> None:
    pin(job.core)
    logging.basicConfig(level=logging.WARNING)
    with asyncio.Runner(loop_factory=loop_factory(uvloop=PEERS[job.peer].uvloop)) as runner:
        runner.run(_measure(job, turns, report, profile))


def _on_demand() -> Iterator[int]:
    print('"ready"', flush=True)
    for line in sys.stdin:
        yield int(line)


def _answer(result: Result) -> None:
    print(json.dumps(asdict(result)), flush=True)


def _show(result: Result) -> None:
    print(f"{1e6 * result.cpu:.1f} us of processor time a call, {1 / result.wall:.0f} calls a second")


def _by_hand() -> tuple[Job, bool]:
    parser = argparse.ArgumentParser(description="One peer, one kind of call, against a server of its own.")
    parser.add_argument("peer", choices=PEERS)
    for field in fields(Job)[1:-2]:
        kind = str if field.name == "fields" else int
        parser.add_argument(f"--{field.name}", type=kind, default=field.default)
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    options = vars(parser.parse_args())
    profiled = options.pop("profile")
    return Job(**options), profiled


def _main() -> None:
    if sys.argv[1:] and sys.argv[1].startswith("{"):
        _run(Job.from_json(sys.argv[1]), _on_demand(), _answer)
        return
    same_regime()
    job, profiled = _by_hand()
    profile = cProfile.Profile() if profiled else None
    with Server() as server:
        _run(replace(job, url=server.url(job.fields, job.lines)), [job.calls], _show, profile)
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    _main()
