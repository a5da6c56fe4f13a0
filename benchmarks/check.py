"""Measures the rows of the targets."""

from __future__ import annotations

from collections.abc import Callable, Collection

from benchmarks import imports, overhead, patch_ratios, servers
from benchmarks.cases import scaled
from benchmarks.interleave import Rounds, run_rounds
from benchmarks.ratios import Ratio
from benchmarks.registry import is_installed
from benchmarks.targets import EMPTY, ROWS, Checked, Row

__all__ = ["check"]

Report = Callable[[str], None]
_IMPORTS = 15
_MEMORY = 3


def check(cases: Collection[int], rounds: int, scale: float, report: Report) -> list[Checked]:
    """Measure the rows of some cases.

    Args:
        cases: Their numbers.
        rounds: Interleaved rounds; the verdict is on the median.
        scale: Fewer calls below 1.
        report: Takes lines about the progress.
    """
    rows = [row for row in ROWS if row.case in cases]
    jobs = [
        scaled(job, scale)
        for row in rows
        if _is_possible(row)
        for job in (row.subject, row.baseline)
        if job is not None
    ]
    if 5 in cases:
        jobs.append(scaled(EMPTY, scale))
    found = run_rounds([jobs], rounds, report) if jobs else {}
    others = {case: iter(measure(rounds, report)) for case, measure in _OTHERS.items() if case in cases}
    if 5 in cases:
        bare = [result.cpu for result in found[scaled(EMPTY, scale)]]
        others[5] = iter([Ratio.of(overhead.retry_layer(rounds), bare)])
    return [
        Checked(row=row, ratio=_on_the_wire(row, found, scale) if row.subject else next(others[row.case], None))
        for row in rows
    ]


def _is_possible(row: Row) -> bool:
    return all(job is None or is_installed(job.peer) for job in (row.subject, row.baseline))


def _on_the_wire(row: Row, found: Rounds, scale: float) -> Ratio | None:
    if row.subject is None or row.baseline is None or not _is_possible(row):
        return None
    subject, baseline = (
        [getattr(result, row.figure) for result in found[scaled(job, scale)]]
        for job in (row.subject, row.baseline)
    )
    return Ratio.of(subject, baseline)


_OTHERS: dict[int, Callable[[int, Report], list[Ratio]]] = {
    6: lambda rounds, _: list(patch_ratios.measure(rounds).values()),
    7: lambda rounds, report: [servers.bulk_throughput(rounds, report)],
    # What a process has at most is the same each time, and a million rows take a while.
    8: lambda rounds, report: [servers.bulk_memory(min(rounds, _MEMORY), report)],
    9: lambda rounds, _: [imports.measure(max(rounds, _IMPORTS))],
    12: lambda rounds, report: [servers.sandbox_rate(rounds, report)],
    13: lambda rounds, report: [servers.two_processes(rounds, report)],
}
"""Ratios of the rows of a case that need no peer on a socket, in their order."""
