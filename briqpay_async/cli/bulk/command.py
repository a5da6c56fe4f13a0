"""``briqpay bulk``: update many sessions from a file, resumably, and look at such a run afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal

from cyclopts import App
from rich.console import Console

from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.cli.bulk.chart import draw
from briqpay_async.cli.bulk.documents import changes_document, statistics_document, totals_document
from briqpay_async.cli.bulk.lines import count_lines, opened
from briqpay_async.cli.bulk.run import FileRun, Settings
from briqpay_async.cli.bulk.statistics import read_statistics, show_statistics
from briqpay_async.cli.bulk.view import show_changes, show_totals, watching
from briqpay_async.cli.connect import File, Flag, Names, fields_of, rate_of
from briqpay_async.cli.exits import FAILED, INTERRUPTED, InputError
from briqpay_async.cli.output import say, write_json
from briqpay_async.cli.state_files import STDIN
from briqpay_async.cli.state_patches import Depth
from briqpay_async.cli.worker.failed import failed
from briqpay_async.cli.worker.queue import Queue
from briqpay_async.transport.requests import Fields, fields_query

__all__ = ["register"]

_MOST: Final = 1_000

_bulk = App(name="bulk", help="Update many sessions from a file, and report on such runs.")


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_bulk)


_bulk.command(failed)


@_bulk.command
def apply(
    file: File,
    /,
    *,
    concurrency: int | Literal["auto"] = 50,
    journal: Path | None = None,
    resume: Flag = False,
    fields: Names = None,
    dry_run: Flag = False,
    report: Path | None = None,
    coalesce: Flag = False,
    sandbox: Flag = False,
    read_first: Flag = False,
    depth: Depth = "field",
    rate: str | None = None,
    json: Flag = False,
    redis: str | None = None,
    account: str = "default",
    shards: int = 64,
) -> int:
    """Send what each line of a file says, as the smallest patch. Rows of one session keep their order.

    A line is {"sessionId", "patch"} with the body of a PATCH, {"sessionId", "before", "after"} with two states, or
    {"sessionId", "after"} with --read-first. With a "key" a line may move between a run and its resumption.
    Ctrl-C lets the rows under way finish; once more cancels them.

    Args:
        file: JSON lines; - reads stdin.
        concurrency: The most updates under way at once (1 to 1000), or auto to find out how many help.
        journal: Write down what is done, so that the run can be resumed.
        resume: Go on with the run of the journal: what is done is skipped.
        fields: Names of what each answer has; none, the default, also skips the check that it shows what was sent.
        dry_run: Print how many rows would change what. Nothing is sent and nothing is written.
        report: Write a JSON line for each row; with --resume, after those of the runs before.
        coalesce: Merge rows of one session that wait for each other into one request.
        sandbox: Use an emulator of the API in this process, with sessions that stand for those of the file.
        read_first: Read each session, and take members missing in "after" as unchanged.
        depth: What is sent of a changed section, its changed members or all of it (orders always travel whole).
        rate: The quota of requests, where it is known, such as 50/s or 50; otherwise it is learned from refusals.
        json: Print how the run ended as a JSON document, not as a table.
        redis: Put the rows into the queue at this redis://, rediss:// or unix:// URL, which "briqpay worker"
            serves on any number of machines, and follow them. Those that wait for one session are merged.
        account: Name of the Briqpay account, where several use one server.
        shards: Parts of the queue; the same number for all that use it.
    """
    settings = Settings(
        concurrency=concurrency,
        fields=_fields(fields),
        depth=depth,
        coalesce=coalesce,
        read_first=read_first,
        sandbox=sandbox,
        rate=None if rate is None else rate_of(rate),
        queue=None if redis is None else Queue(url=redis, account=account, shards=shards),
    )
    _check(settings, file, journal, report, resume=resume)
    book = None if journal is None or dry_run else _journal(journal, resume=resume)
    how_to_go_on = _how_to_go_on(journal, settings)
    if sandbox and (read_first or not dry_run):
        say("sandbox: sessions made in an emulator of this process stand for those that the file names")
    with opened(file) as lines:
        run = FileRun(lines, settings, lambda: say("stopping: rows under way finish (Ctrl-C again cancels them)"))
        try:
            if dry_run:
                asyncio.run(run.look())
            else:
                _send(run, count_lines(file), book, report, append=resume)
        except (KeyboardInterrupt, asyncio.CancelledError):
            run.totals.stopped = True
        finally:
            with _undisturbed():
                if dry_run:
                    _show_changes(run, json=json)
                else:
                    _show_totals(run, json=json)
                if run.totals.stopped:
                    say("briqpay: interrupted" if dry_run else f"briqpay: interrupted; {how_to_go_on}")
    if run.totals.stopped:
        return INTERRUPTED
    return FAILED if run.totals.statuses["failed"] or run.changes.failed else 0


def _send(run: FileRun, total: int | None, book: BulkJournal | None, report: Path | None, *, append: bool) -> None:
    with _written(report, append=append) as out, watching(Console(stderr=True), total) as watch:
        try:
            asyncio.run(run.apply(book, out, watch))
        except (KeyboardInterrupt, asyncio.CancelledError):
            with _undisturbed():
                if book is not None and out is not None:
                    run.complete_report(book, out)
            raise


def _show_changes(run: FileRun, *, json: bool) -> None:
    if json:
        write_json(changes_document(run.changes, finished=not run.totals.stopped))
    else:
        show_changes(run.changes, Console())


def _show_totals(run: FileRun, *, json: bool) -> None:
    if run.totals.progress is None:
        return
    if json:
        write_json(totals_document(run.totals))
    else:
        show_totals(run.totals, Console())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C pass unnoticed while the run says how it ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@_bulk.command
def report(journal: Path, /, *, svg: Path | None = None, json: Flag = False) -> None:
    """Summarise the run that a journal tells of.

    Args:
        journal: The file that --journal named.
        svg: Draw throughput, latency and concurrency over the run into this file.
        json: Print a JSON document, not a table.
    """
    statistics = read_statistics(BulkJournal(journal))
    if json:
        write_json(statistics_document(statistics))
    else:
        show_statistics(statistics, Console())
    if svg is not None:
        try:
            svg.write_text(draw(statistics), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {svg}: {error.strerror}") from error
        say(f"drawn: {svg}")


def _check(settings: Settings, file: str, journal: Path | None, report: Path | None, *, resume: bool) -> None:
    if isinstance(settings.concurrency, int) and not 1 <= settings.concurrency <= _MOST:
        raise InputError(f"--concurrency must be between 1 and {_MOST}, or auto")
    if settings.queue is not None and (settings.sandbox or settings.rate or settings.fields != "none"):
        raise InputError("--sandbox, --rate and --fields go without --redis: workers have settings of their own")
    if resume and journal is None:
        raise InputError("--resume needs --journal, the file of the run to go on with")
    if resume and settings.read_first:
        raise InputError(
            "--read-first goes without --resume: take a new journal, and rows that are done turn out unchanged"
        )
    named = [Path(os.path.realpath(path)) for path in (None if file == STDIN else file, journal, report) if path]
    if len(set(named)) < len(named):
        raise InputError("FILE, --journal and --report must be different files")


def _journal(path: Path, *, resume: bool) -> BulkJournal:
    """The journal of a new run, or of one to go on with.

    Raises:
        InputError: There is a run in the journal, and it shall not be resumed.
        ConfigurationError: The journal is missing, in use, damaged, or no journal.
    """
    book = BulkJournal(path)
    if resume or (path.exists() and path.stat().st_size):
        found = book.summary()
        rows = found.applied + found.unchanged + found.failed
        if rows and not resume:
            raise InputError(f"{path} has {rows:,} rows of an earlier run: add --resume, or name a new file")
    return book


def _how_to_go_on(journal: Path | None, settings: Settings) -> str:
    if settings.read_first:
        return "run it again (with a new journal): rows that are done turn out unchanged"
    if journal is None:
        return "nothing was written down to resume with: use --journal next time"
    return f"resume with the same file and --journal {journal} --resume"


@contextmanager
def _written(path: Path | None, *, append: bool) -> Iterator[BinaryIO | None]:
    """The report, readable by its owner only."""
    if path is None:
        yield None
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
        out = os.fdopen(os.open(path, flags, 0o600), "ab" if append else "wb")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    with out:
        yield out


def _fields(given: list[str] | None) -> Fields:
    asked: Fields = "none" if given is None else fields_of(given)
    fields_query(asked)
    return asked
