"""The run behind ``briqpay bulk apply``: from the file through ``update_many`` to totals and a report."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, BinaryIO, Final, Literal

import attrs
import orjson

from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.bulk.rows import BulkProgress, UpdateOutcome, UpdateStatus
from briqpay_async.cli.bulk.feed import Feed, SandboxSessions
from briqpay_async.cli.bulk.lines import Lines, StoppedError
from briqpay_async.cli.bulk.rows import Row
from briqpay_async.cli.exits import one_line
from briqpay_async.cli.state_patches import Depth
from briqpay_async.cli.worker.queue import Queue
from briqpay_async.client import BriqpayClient
from briqpay_async.config import Pool, RateLimit
from briqpay_async.errors import BriqpayError
from briqpay_async.sandbox import Sandbox
from briqpay_async.transport.requests import Fields

__all__ = ["SHOWN", "Changes", "FileRun", "Settings", "Totals"]

SHOWN: Final = 20
"""How many failures, and how many changed members, are listed."""

_MEMBERS: Final = 1_000
_POOL: Final = 100


@attrs.frozen(kw_only=True)
class Settings:
    """What a run is asked to do.

    Attributes:
        concurrency: The most updates under way at once, or ``"auto"``.
        fields: What each answer shall have.
        depth: What is sent of a changed section.
        coalesce: Merge rows of one session that wait for each other.
        read_first: Read sessions before they are compared.
        sandbox: Use an emulator of its own.
        rate: The quota of requests, where it is known.
        queue: Where to put rows for workers to send, instead of sending them.
    """

    concurrency: int | Literal["auto"] = 50
    fields: Fields = "none"
    depth: Depth = "field"
    coalesce: bool = False
    read_first: bool = False
    sandbox: bool = False
    rate: RateLimit | None = None
    queue: Queue | None = None


@attrs.define
class Totals:
    """How a run ended, or how far it came.

    Attributes:
        statuses: Rows by what became of them.
        attempts: Requests made for them.
        bytes_sent: Bytes of their bodies.
        whole_rows: Rows done whose lines say the whole state wanted.
        whole_sent: Bytes sent for those.
        whole_full: Bytes of bodies that carry the whole of those states.
        failures: Line and reason of the first rows that failed.
        stopped: Whether the run was stopped before the end of the file.
        progress: The last snapshot.
    """

    statuses: Counter[str] = attrs.field(factory=Counter)
    attempts: int = 0
    bytes_sent: int = 0
    whole_rows: int = 0
    whole_sent: int = 0
    whole_full: int = 0
    failures: list[tuple[int, str]] = attrs.field(factory=list)
    stopped: bool = False
    progress: BulkProgress | None = None

    def add(self, row: Row, outcome: UpdateOutcome, error: Exception | None) -> None:
        """Count one row."""
        self.statuses[outcome.status.value] += 1
        self.attempts += outcome.attempts
        self.bytes_sent += outcome.bytes_sent
        if row.full_bytes is not None and outcome.status in {UpdateStatus.APPLIED, UpdateStatus.UNCHANGED}:
            self.whole_rows += 1
            self.whole_sent += outcome.bytes_sent
            self.whole_full += row.full_bytes
        if error is not None and len(self.failures) < SHOWN:
            self.failures.append((row.line, one_line(str(error))))


@attrs.define
class Changes:
    """What a dry run found.

    Attributes:
        rows: Rows that would be sent.
        unchanged: Rows that change nothing.
        failed: Rows that cannot be sent.
        bytes: Of the bodies that would be sent.
        whole_sent: Bytes of those whose lines say the whole state wanted.
        whole_full: Bytes of bodies that carry the whole of those states.
        members: Rows that change a member, by its pointer; places in arrays are ``*``.
        failures: Line and reason of the first rows that cannot be sent.
    """

    rows: int = 0
    unchanged: int = 0
    failed: int = 0
    bytes: int = 0
    whole_sent: int = 0
    whole_full: int = 0
    members: Counter[str] = attrs.field(factory=Counter)
    failures: list[tuple[int, str]] = attrs.field(factory=list)

    def add(self, row: Row) -> None:
        """Count one row."""
        if row.patch is None or row.problem is not None:
            self.failed += 1
            if len(self.failures) < SHOWN:
                self.failures.append((row.line, one_line(str(row.problem))))
            return
        size = 0 if row.patch.is_noop else len(row.patch.to_json())
        self.rows += not row.patch.is_noop
        self.unchanged += row.patch.is_noop
        self.bytes += size
        if row.full_bytes is not None:
            self.whole_sent += size
            self.whole_full += row.full_bytes
        for member in {_general(pointer) for pointer in row.patch.changed}:
            # Names that a file makes up must not fill the memory.
            known = member in self.members or len(self.members) < _MEMBERS
            self.members[member if known else "(others)"] += 1


def _general(pointer: str) -> str:
    return "/".join("*" if part.isdecimal() else part for part in pointer.split("/"))


class FileRun:
    """One run over the lines of a file. It can be stopped, which lets rows under way finish.

    Attributes:
        totals: How far it is.
        changes: What a dry run has found.
    """

    def __init__(self, file: BinaryIO, settings: Settings, on_stop: Callable[[], None]) -> None:
        """Prepare a run.

        Args:
            file: Where the lines are read.
            settings: What to do.
            on_stop: Called when it is cancelled for the first time.
        """
        self.totals = Totals()
        self.changes = Changes()
        self._settings = settings
        self._lines = Lines(file.read)
        self._on_stop = on_stop
        self._applied: Feed | None = None

    async def apply(
        self, journal: BulkJournal | None, report: BinaryIO | None, watch: Callable[[BulkProgress], None]
    ) -> None:
        """Send what the lines say.

        Args:
            journal: Makes the run resumable.
            report: Where each outcome is written.
            watch: Called with how far the run is.

        Raises:
            BriqpayError: The run cannot go on: settings, or the journal.
            InputError: The file cannot be read on.
        """
        await self._drained(self._apply(journal, report, watch))

    def complete_report(self, journal: BulkJournal, report: BinaryIO) -> None:
        """Write the rows that the journal has, and whose outcomes a cancelled run did not come to."""
        if self._applied is not None:
            report.writelines(_reported_late(journal, self._applied))

    async def look(self) -> None:
        """Find out what the lines would change, and send nothing. Sessions are read where that is asked for.

        Raises:
            BriqpayError: A setting is invalid.
            InputError: The file cannot be read on.
        """
        await self._drained(self._look())

    async def _drained(self, work: Any) -> None:
        """Work; the first Ctrl-C or SIGTERM ends the reading of lines, the second cancels rows that are under way.

        Later ones change nothing: what is under way then is the writing down of what was done.
        """
        task = asyncio.create_task(work)
        steps = iter((asyncio.current_task(), task))

        def stop() -> None:
            if (next_task := next(steps, None)) is not None:
                next_task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, ValueError, RuntimeError):  # not on Windows, nor in other threads
                asyncio.get_running_loop().add_signal_handler(number, stop)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self._on_stop()
            self._lines.stop()
            await task

    async def _apply(
        self, journal: BulkJournal | None, report: BinaryIO | None, watch: Callable[[BulkProgress], None]
    ) -> None:
        def progress(snapshot: BulkProgress) -> None:
            self.totals.progress = snapshot
            watch(snapshot)

        async with self._connected() as (briqpay, stand_ins), self._feed(briqpay, stand_ins) as feed:
            self._applied = feed
            try:
                async with aclosing(self._outcomes(briqpay, feed, journal, progress)) as outcomes:
                    async for outcome in outcomes:
                        row = feed.settle(outcome.index)
                        error = row.problem or outcome.error
                        self.totals.add(row, outcome, error)
                        if report is not None:
                            report.write(_reported(row, outcome, error))
            except StoppedError:
                self.totals.stopped = True

    def _outcomes(
        self,
        briqpay: BriqpayClient,
        feed: Feed,
        journal: BulkJournal | None,
        progress: Callable[[BulkProgress], None],
    ) -> AsyncGenerator[UpdateOutcome, None]:
        settings = self._settings
        if settings.queue is not None:
            return settings.queue.update_many(feed, "bulk apply", journal, progress)
        return briqpay.sessions.update_many(
            feed, settings.concurrency, settings.fields, journal, progress, coalesce=settings.coalesce
        )

    async def _look(self) -> None:
        try:
            if self._settings.read_first:
                async with self._connected() as (briqpay, stand_ins), self._feed(briqpay, stand_ins) as feed:
                    await self._count(feed)
            else:
                async with Feed(self._lines, depth=self._settings.depth) as feed:
                    await self._count(feed)
        except StoppedError:
            self.totals.stopped = True

    async def _count(self, feed: Feed) -> None:
        position = 0
        async with aclosing(feed.rows()) as rows:
            async for row, _ in rows:
                self.changes.add(row)
                feed.settle(position)
                position += 1

    def _feed(self, briqpay: BriqpayClient, stand_ins: SandboxSessions | None) -> Feed:
        settings = self._settings
        if not settings.read_first:
            return Feed(self._lines, depth=settings.depth, stand_ins=stand_ins)
        reads = _POOL if settings.concurrency == "auto" else settings.concurrency
        return Feed(
            self._lines, depth=settings.depth, stand_ins=stand_ins, read=briqpay.sessions.read, reads=reads
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[BriqpayClient, SandboxSessions | None]]:
        concurrency = self._settings.concurrency
        pool = Pool(size=_POOL if concurrency == "auto" else max(_POOL, concurrency))
        if not self._settings.sandbox:
            async with BriqpayClient.from_env(pool=pool, rate=self._settings.rate) as briqpay:
                yield briqpay, None
            return
        async with (
            Sandbox(journal_limit=1_000, journal_bodies=0) as sandbox,
            BriqpayClient(
                sandbox.username, sandbox.secret, base_url=sandbox.url, pool=pool, rate=self._settings.rate
            ) as briqpay,
        ):
            yield briqpay, SandboxSessions(briqpay)


def _reported(row: Row, outcome: UpdateOutcome, error: Exception | None) -> bytes:
    """One line of the report. Messages of errors hold no personal data of the client's making."""
    message = error.message if isinstance(error, BriqpayError) else str(error)
    return _line(
        row,
        status=outcome.status,
        error=None if error is None else {"class": type(error).__name__, "message": one_line(message)},
        attempts=outcome.attempts,
        seconds=outcome.elapsed_s,
    )


def _line(row: Row, *, status: str, error: dict[str, str] | None, attempts: int, seconds: float) -> bytes:
    return orjson.dumps(
        {
            "line": row.line,
            "sessionId": row.session_id,
            "key": row.key,
            "status": status,
            "error": error,
            "attempts": attempts,
            "seconds": round(seconds, 6),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _reported_late(journal: BulkJournal, feed: Feed) -> Iterator[bytes]:
    """Lines of the rows of the last run that are not settled."""
    run = journal.summary().runs
    for row in journal.rows():
        if row.run == run and feed.is_open(row.index):
            yield _line(
                feed.settle(row.index),
                status=row.status,
                error=None if row.error is None else {"class": row.error, "message": ""},
                attempts=row.attempts,
                seconds=row.elapsed_s,
            )
