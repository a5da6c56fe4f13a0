"""Bulk runs as JSON documents, for ``--json``. Names as on the wire, times in seconds."""

from __future__ import annotations

from typing import Any

from briqpay_async.cli.bulk.run import Changes, Totals
from briqpay_async.cli.bulk.statistics import Statistics, percentile

__all__ = ["changes_document", "statistics_document", "totals_document"]

_STATUSES = ("applied", "unchanged", "failed", "skipped")


def totals_document(totals: Totals) -> dict[str, Any]:
    """How a run ended."""
    last = totals.progress
    return {
        **{status: totals.statuses[status] for status in _STATUSES},
        "requests": totals.attempts,
        "repeated": 0 if last is None else last.retried,
        "refused": 0 if last is None else last.refused,
        "secondsWaited": 0.0 if last is None else round(last.waited_s, 6),
        "bytesSent": totals.bytes_sent,
        "fullBodies": _full_bodies(totals.whole_sent, totals.whole_full),
        "seconds": 0.0 if last is None else round(last.elapsed_s, 6),
        "rowsPerSecond": 0.0 if last is None else round(last.rate, 3),
        "finished": not totals.stopped,
        "failures": _failures(totals.failures),
    }


def changes_document(changes: Changes, *, finished: bool) -> dict[str, Any]:
    """What a dry run found."""
    return {
        "wouldBeSent": changes.rows,
        "unchanged": changes.unchanged,
        "failed": changes.failed,
        "bytes": changes.bytes,
        "fullBodies": _full_bodies(changes.whole_sent, changes.whole_full),
        "members": dict(changes.members.most_common()),
        "finished": finished,
        "failures": _failures(changes.failures),
    }


def statistics_document(statistics: Statistics) -> dict[str, Any]:
    """What a journal holds."""
    summary, latencies = statistics.summary, statistics.latencies
    return {
        "applied": summary.applied,
        "unchanged": summary.unchanged,
        "failed": summary.failed,
        "errors": dict(statistics.errors.most_common()),
        "requests": summary.requests,
        "repeated": statistics.retried,
        "bytesSent": summary.bytes_sent,
        "runs": summary.runs,
        "finished": summary.finished,
        "seconds": round(statistics.seconds, 6),
        "rowsPerSecond": round(len(statistics.began) / statistics.seconds, 3) if statistics.seconds else 0.0,
        "latency": {f"p{percent}": round(percentile(latencies, percent), 6) for percent in (50, 95, 99)},
    }


def _full_bodies(sent: int, full: int) -> dict[str, int] | None:
    """Bytes that were sent for rows that say the whole state wanted, and those of bodies that carry it whole."""
    return {"bytesSent": sent, "bytesInstead": full} if full else None


def _failures(failures: list[tuple[int, str]]) -> list[dict[str, Any]]:
    return [{"line": line, "reason": reason} for line, reason in failures]
