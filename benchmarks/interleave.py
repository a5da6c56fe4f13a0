"""Interleaved measurements, so that whatever else the machine does hits everybody alike.

In a round each job has a fresh process, all of which are connected and warm before the first is timed. Then they
take turns, a few hundred calls each, until all have made theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.jobs import Job, Result
from benchmarks.process import Child, Server

__all__ = ["TURNS", "Rounds", "run_rounds", "start", "take_turns"]

Rounds = dict[Job, list[Result]]

TURNS = 8
# A turn begins and ends with fewer calls under way than it should have; this many in a row make up for it.
_IN_A_ROW = 8


def run_rounds(groups: Sequence[Sequence[Job]], rounds: int, report: Callable[[str], None]) -> Rounds:
    """Measure the jobs of each group in every round.

    Args:
        groups: Jobs that will be compared with each other; equal ones are measured once.
        rounds: How often.
        report: Takes lines about the progress.
    """
    found: Rounds = {}
    with Server() as server:
        for number in range(rounds):
            for place, group in enumerate(groups):
                report(f"round {number + 1} of {rounds}, group {place + 1} of {len(groups)}")
                jobs = list(dict.fromkeys(group))
                addressed = [replace(job, url=server.url(job.fields, job.lines)) for job in jobs]
                for job, result in zip(jobs, take_turns(addressed, server.passed), strict=True):
                    found.setdefault(job, []).append(result)
    return found


def take_turns(jobs: Sequence[Job], passed: Callable[[], int] = int) -> list[Result]:
    """Measure jobs that know their server, in turns.

    Args:
        jobs: What to measure.
        passed: How many bytes were sent and received until now.
    """
    turns: list[list[Result]] = [[] for _ in jobs]
    with ExitStack() as stack:
        children = [start(stack, job) for job in jobs]
        for turn in range(TURNS):
            order = range(len(jobs))
            for index in order if turn % 2 == 0 else reversed(order):
                count = _turns(jobs[index])
                if turn < count:
                    turns[index].append(_turn(children[index], jobs[index].calls // count, passed))
    return [Result.mean(results) for results in turns]


def start(stack: ExitStack, job: Job) -> Child:
    """A process that is warm and waits for its turn."""
    child = stack.enter_context(Child("benchmarks.worker", job.to_json()))
    assert child.hear() == "ready"
    return child


def _turns(job: Job) -> int:
    return max(1, min(TURNS, job.calls // (_IN_A_ROW * job.concurrency)))


def _turn(child: Child, calls: int, passed: Callable[[], int]) -> Result:
    before = passed()
    child.write_line(str(calls))
    result = Result(**child.hear())
    return replace(result, wire=(passed() - before) / calls)
