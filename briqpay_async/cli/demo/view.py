"""The demo for the eye: a table, a progress bar, and the summary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from briqpay_async.cli.demo.environment import Progress as Report
from briqpay_async.cli.demo.report import BulkReport, DemoReport, EditReport, percent
from briqpay_async.cli.exits import one_line

__all__ = ["progress_bar", "show"]

_PLAIN_WIDTH = 120
_ROOMY = 110
_SHOWN_PROBLEMS = 10


@contextmanager
def progress_bar(console: Console) -> Iterator[Report]:
    """A callback that draws a bar for each thing that is under way; it draws nothing without a terminal."""
    bar = Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def report(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    with bar:
        yield report


def show(report: DemoReport, console: Console) -> None:
    """Print what a demo found out, the summary last."""
    if not console.is_terminal:
        console.width = max(console.width, _PLAIN_WIDTH)
    console.print(_table(report.edits, report.merge, _marks(console), console.width))
    if report.bulk is not None:
        console.print(Text(_bulk_lines(report.bulk)))
    for problem in report.problems[:_SHOWN_PROBLEMS]:
        console.print(Text(f"does not match: {one_line(problem)}", style="red"), soft_wrap=True)
    hidden = len(report.problems) - _SHOWN_PROBLEMS
    if hidden > 0:
        console.print(Text(f"... and {hidden} more", style="red"))
    style = "bold green" if report.matched else "bold red"
    console.print(Text(report.summary(), style=style), soft_wrap=True)


def _marks(console: Console) -> tuple[str, str]:
    try:
        "✓✗".encode(console.encoding)
    except UnicodeEncodeError:
        return "yes", "NO"
    return "✓", "✗"


def _table(edits: tuple[EditReport, ...], merge: str, marks: tuple[str, str], width: int) -> Table:
    table = Table(
        title=f"Typical edits, sent as minimal patches to a server that merges by {merge}",
        caption="changed, carried: members. A change in the order carries all of it: the API wants it whole.\n"
        "sent, full: bytes of the PATCH, and of the whole data in one.\n"
        "ok: the state that the server stores, and the one read back, are exactly the one intended.",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("edit")
    if roomy := width >= _ROOMY:
        table.add_column("session", no_wrap=True)
    for name in ("changed", "carried", "sent", "full", "%", "attempts", "ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ok", justify="center", no_wrap=True)
    for edit in edits:
        good = not edit.problems
        table.add_row(
            edit.title,
            *((edit.where,) if roomy else ()),
            str(len(edit.changed)),
            str(len(edit.carried)),
            f"{edit.sent_bytes:,}",
            f"{edit.full_bytes:,}",
            percent(edit.sent_bytes, edit.full_bytes).removesuffix(" %"),
            str(edit.attempts),
            f"{edit.milliseconds:.1f}",
            Text(marks[0] if good else marks[1], style="green" if good else "red"),
        )
    return table


def _bulk_lines(bulk: BulkReport) -> str:
    reasons = ", ".join(f"{count} after {reason}" for reason, count in bulk.retries.items())
    return (
        f"{bulk.updates} updates of {bulk.sessions} sessions, {bulk.workers} at once: "
        f"{bulk.updates_per_second:,.0f} a second, {bulk.requests} requests, "
        f"{bulk.unchanged} without a change and not sent\n"
        f"retries: {sum(bulk.retries.values())}{f' ({reasons})' if reasons else ''}; "
        f"overlapping updates of a session: {bulk.overlaps}\n"
        f"sent {bulk.sent_bytes:,} bytes, retries included, instead of {bulk.full_bytes:,} "
        f"({percent(bulk.sent_bytes, bulk.full_bytes)})"
    )
