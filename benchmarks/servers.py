"""Rows about whole processes: the sandbox against a fixed answer, two clients against one, bulk runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.cases import job
from benchmarks.interleave import TURNS, start, take_turns
from benchmarks.process import Child, Server
from benchmarks.ratios import Ratio

__all__ = ["bulk_memory", "bulk_throughput", "sandbox_rate", "two_processes"]

Report = Callable[[str], None]


def sandbox_rate(rounds: int, report: Report, calls: int = 3200) -> Ratio:
    """Requests a second of the sandbox against those of an aiohttp.web server with a fixed body.

    Raw streams ask, in a process that never sleeps, so that the server is what takes the time.
    """
    sandbox, fixed = [], []
    for number in range(rounds):
        report(f"sandbox, round {number + 1} of {rounds}")
        with ExitStack() as stack:
            jobs = []
            for kind in ("sandbox", "fixed"):
                address = stack.enter_context(Child("benchmarks.sandbox_server", kind)).hear()
                streams = job("streams-awake", "all", 1, calls=calls)
                jobs.append(replace(streams, url=address["url"], ids=tuple(address["ids"])))
            found = take_turns(jobs)
        sandbox.append(1 / found[0].wall)
        fixed.append(1 / found[1].wall)
    return Ratio.of(sandbox, fixed)


def two_processes(rounds: int, report: Report, calls: int = 8000) -> Ratio:
    """How much sooner two processes, a core each, make the calls that one would make alone.

    The server, which takes its time from the two cores of the pair, answers with whole sessions, as is usual.
    """
    ratios = []
    with Server("--roam") as server:
        for number in range(rounds):
            report(f"two processes, round {number + 1} of {rounds}")
            one = replace(job("client", "all", 10, calls=calls), url=server.url("all", 10))
            with ExitStack() as stack:
                alone = start(stack, one)
                pair = [start(stack, replace(one, core=core)) for core in (0, -1)]
                seconds = [
                    (_seconds([alone], calls // TURNS), _seconds(pair, calls // TURNS)) for _ in range(TURNS)
                ]
            ratios.append(sum(single for single, _ in seconds) / sum(double for _, double in seconds))
    return Ratio.from_rounds(ratios)


def _seconds(children: Sequence[Child], calls: int) -> float:
    """How long processes that share the calls take, all at the same time."""
    share = calls // len(children)
    for child in children:
        child.write_line(str(share))
    return max(share * float(child.hear()["wall"]) for child in children)


def _bulk(name: str, rows: int, url: str = "") -> dict[str, float]:
    with Child("benchmarks.bulk_contenders", name, str(rows), url) as child:
        return dict(child.hear())


def bulk_throughput(rounds: int, report: Report, rows: int = 20_000) -> Ratio:
    """Rows a second of a bulk run against a bare pool of workers that sends the same bytes."""
    bulk, bare = [], []
    with Server() as server:
        for number in range(rounds):
            report(f"bulk rows, round {number + 1} of {rounds}")
            bulk.append(_bulk("bulk", rows, server.url("none", 0))["seconds"])
            bare.append(_bulk("bare", rows, server.url("none", 0))["seconds"])
    return Ratio.of(bare, bulk)


def bulk_memory(rounds: int, report: Report, few: int = 10_000, many: int = 1_000_000) -> Ratio:
    """Most memory of a process in a long bulk run against a short one, over a transport that does nothing."""
    ratios = []
    for number in range(rounds):
        report(f"bulk memory, round {number + 1} of {rounds}")
        ratios.append(_bulk("fake", many)["peak_kb"] / _bulk("fake", few)["peak_kb"])
    return Ratio.from_rounds(ratios)
