"""Statistics of a bulk run from its journal: counts, throughput and latencies."""

from __future__ import annotations

from array import array
from collections import Counter
from math import ceil

import attrs
from rich.console import Console

from briqpay_async.bulk.journal import BulkJournal, JournalSummary
from briqpay_async.cli.bulk.view import duration, table

__all__ = ["Statistics", "percentile", "read_statistics", "show_statistics"]


@attrs.frozen(kw_only=True)
class Statistics:
    """A run in numbers. The arrays run in parallel, one place a row, in the order of sending.

    Attributes:
        summary: Counts.
        began: When a row was sent first, in seconds of the runs' own time: breaks between runs are left out.
        took: Seconds until its outcome.
        in_flight: Updates under way when it was sent; 0 when no request was made.
        seconds: How long the runs took together.
        retried: Requests beyond the first one of each row.
        errors: Rows that failed, by the class of their error.
    """

    summary: JournalSummary
    began: array[float]
    took: array[float]
    in_flight: array[int]
    seconds: float
    retried: int
    errors: Counter[str]

    @property
    def latencies(self) -> list[float]:
        """Seconds of each row that a request was made for, sorted."""
        return sorted(took for took, at_once in zip(self.took, self.in_flight, strict=True) if at_once)


def read_statistics(journal: BulkJournal) -> Statistics:
    """Read a journal through once.

    Raises:
        ConfigurationError: There is no such file, a run is using it, it is damaged or no journal.
    """
    began, took, in_flight = array("d"), array("d"), array("l")
    errors: Counter[str] = Counter()
    retried = 0
    run = 0
    first = end = offset = 0.0
    for row in journal.rows():
        if row.run != run:  # rows come in the order of time, and a journal is for one run at a time
            offset += end - first
            run, first, end = row.run, row.started, row.started
        end = max(end, row.started + row.elapsed_s)
        began.append(offset + row.started - first)
        took.append(row.elapsed_s)
        in_flight.append(row.in_flight if row.attempts else 0)
        retried += max(row.attempts - 1, 0)
        if row.error is not None:
            errors[row.error] += 1
    return Statistics(
        summary=journal.summary(),
        began=began,
        took=took,
        in_flight=in_flight,
        seconds=offset + end - first,
        retried=retried,
        errors=errors,
    )


def percentile(ordered: list[float], percent: int) -> float:
    """The value that so many percent of sorted values do not exceed (nearest rank); 0 of no values."""
    return ordered[max(ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else 0.0


def show_statistics(statistics: Statistics, console: Console) -> None:
    """Print a run."""
    summary, latencies = statistics.summary, statistics.latencies
    lines = [
        ("applied", f"{summary.applied:,}"),
        ("unchanged", f"{summary.unchanged:,}"),
        ("failed", f"{summary.failed:,}"),
        *((f"  {name}", f"{count:,}") for name, count in statistics.errors.most_common()),
        ("requests", f"{summary.requests:,} ({statistics.retried:,} of them repeated)"),
        ("bytes sent", f"{summary.bytes_sent:,}"),
        ("runs", f"{summary.runs:,} ({'finished' if summary.finished else 'not finished: --resume goes on'})"),
        ("time", duration(statistics.seconds)),
    ]
    if statistics.seconds > 0:
        lines.append(("rows per second", f"{len(statistics.began) / statistics.seconds:,.0f}"))
    if latencies:
        lines += [
            (f"latency p{percent}", f"{percentile(latencies, percent) * 1000:,.1f} ms") for percent in (50, 95, 99)
        ]
    table("bulk journal", lines, console)
