"""A bulk run for the eye: progress while it goes on, and the summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from briqpay_async.bulk.rows import BulkProgress
from briqpay_async.cli.bulk.run import SHOWN, Changes, Totals
from briqpay_async.cli.output import say

__all__ = ["duration", "plain_progress", "progress_line", "show_changes", "show_totals", "table", "watching"]

_PLAIN_INTERVAL: Final = 5.0
_PLAIN_WIDTH: Final = 120


@contextmanager
def watching(console: Console, total: int | None) -> Iterator[Callable[[BulkProgress], None]]:
    """A callback that shows how far a run is: a bar on a terminal, else a line every few seconds.

    Args:
        console: Of stderr.
        total: How many rows there are, if that is known.
    """
    if not console.is_terminal:
        yield plain_progress(say, total, _PLAIN_INTERVAL)
        return
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda snapshot: bar.update(
            task, completed=snapshot.done, description=progress_line(snapshot, total)
        )


def plain_progress(
    write: Callable[[str], None], total: int | None, interval: float
) -> Callable[[BulkProgress], None]:
    """A callback that writes a line now and then.

    Args:
        write: Takes the line.
        total: How many rows there are, if that is known.
        interval: Seconds between two lines.
    """
    due = interval

    def watch(snapshot: BulkProgress) -> None:
        nonlocal due
        if snapshot.elapsed_s >= due:
            due = snapshot.elapsed_s + interval
            write(progress_line(snapshot, total))

    return watch


def progress_line(snapshot: BulkProgress, total: int | None) -> str:
    """How far a run is, in one line."""
    of = "" if total is None else f" of {total:,} ({snapshot.done / max(total, 1):.0%})"
    parts = [f"{snapshot.done:,}{of} rows", f"{snapshot.rate:,.0f}/s"]
    done = snapshot.done - snapshot.skipped
    if total is not None and done and snapshot.elapsed_s > 0:  # early in the line, where no terminal cuts it off
        parts.append(f"{duration(max(total - snapshot.done, 0) * snapshot.elapsed_s / done)} left")
    parts.append(
        ", ".join(
            f"{getattr(snapshot, name):,} {name}"
            for name in ("applied", "unchanged", "failed", "skipped", "retried", "refused")
        )
    )
    parts.append(f"{snapshot.in_flight} at once (at most {snapshot.limit})")
    if snapshot.pace is not None:
        parts.append(f"admitted: {snapshot.pace:,.0f}/s")
    return " | ".join(parts)


def duration(seconds: float) -> str:
    """A time that a person can read: ``0.42 s``, ``42 s``, ``3:07``, ``2:03:07``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show_totals(totals: Totals, console: Console) -> None:
    """Print how a run ended."""
    lines = [(status, f"{totals.statuses[status]:,}") for status in ("applied", "unchanged", "failed", "skipped")]
    last = totals.progress
    repeated = f" ({last.retried:,} of them repeated)" if last is not None and last.retried else ""
    lines += [("requests", f"{totals.attempts:,}{repeated}"), ("bytes sent", f"{totals.bytes_sent:,}")]
    if totals.whole_rows:
        lines.append(("full bodies instead", _saved(totals.whole_sent, totals.whole_full, totals.whole_rows)))
    if last is not None:
        lines += [("time", duration(last.elapsed_s)), ("rows per second", f"{last.rate:,.0f}")]
        if last.refused or last.waited_s:
            lines.append(("refused for their rate", f"{last.refused:,}"))
            lines.append(("waited for the rate", duration(last.waited_s)))
    table("bulk run", lines, console)
    _failures(totals.failures, totals.statuses["failed"], console)


def show_changes(changes: Changes, console: Console) -> None:
    """Print what a dry run found."""
    lines = [
        ("would be sent", f"{changes.rows:,}"),
        ("unchanged", f"{changes.unchanged:,}"),
        ("cannot be sent", f"{changes.failed:,}"),
        ("bytes", f"{changes.bytes:,}"),
    ]
    if changes.whole_full:
        lines.append(("full bodies instead", _saved(changes.whole_sent, changes.whole_full)))
    table("dry run: nothing was sent", lines, console)
    if changes.members:
        shown = changes.members.most_common(SHOWN)
        table("rows that change a member", [(member, f"{count:,}") for member, count in shown], console)
        if (hidden := len(changes.members) - len(shown)) > 0:
            console.print(Text(f"... and {hidden:,} more members"))
    _failures(changes.failures, changes.failed, console)


def table(title: str, lines: list[tuple[str, str]], console: Console) -> None:
    """Print names and values. Without a terminal nothing is cut off."""
    if not console.is_terminal:
        console.width = max(console.width, _PLAIN_WIDTH)
    grid = Table(title=title, title_justify="left", show_header=False)
    grid.add_column()
    grid.add_column(justify="right")
    for name, value in lines:
        grid.add_row(Text(name), Text(value))
    console.print(grid)


def _saved(sent: int, full: int, rows: int | None = None) -> str:
    of = "" if rows is None else f" for {rows:,} rows"
    return f"{full:,} bytes{of}: {full - sent:,} saved ({(full - sent) / full:.1%})"


def _failures(failures: list[tuple[int, str]], count: int, console: Console) -> None:
    for line, reason in failures:
        console.print(Text(f"line {line}: {reason}", style="red"), soft_wrap=True)
    if (hidden := count - len(failures)) > 0:
        console.print(Text(f"... and {hidden:,} more failed (--report FILE lists all)", style="red"))
