"""Where rows come from: any iterable or async iterable, read no further than asked for, and checked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from briqpay_async.bulk.context import RunContext
from briqpay_async.bulk.journal_store import RowId, RowStatus
from briqpay_async.bulk.rows import SessionUpdate
from briqpay_async.bulk.session_queues import Job, PendingRow, SessionQueues
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.errors import BriqpayError, ConfigurationError, ValidationError
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["NOTHING", "FedSource", "RowReader", "Rows", "Source", "checked", "complaint", "make_source"]

Rows = Iterable[Any] | AsyncIterable[Any]

NOTHING: Any = object()
"""What ``take`` returns when it turns out that there are no more rows."""

_READ_AHEAD = 16

T = TypeVar("T")


class Source(Protocol):
    """What the engine needs of its input.

    Attributes:
        ready: Whether ``take`` may have a row.
        ended: Whether there will never be another row.
        error: What the input raised instead of another row.
    """

    ready: bool
    ended: bool
    error: Exception | None

    def start(self, on_news: Callable[[], None]) -> None:
        """Begin to read; ``on_news`` is called when ``ready`` or ``ended`` becomes true by itself."""

    def take(self) -> Any:
        """The next row, or ``NOTHING``. To be called only while ``ready``."""

    async def stop(self) -> None:
        """Read no further."""


def make_source(rows: object) -> Source:
    """A source of anything that can be iterated over; or the source that it is.

    Raises:
        ConfigurationError: It is neither iterable nor async iterable.
    """
    if isinstance(rows, FedSource):
        return rows
    if isinstance(rows, AsyncIterable):
        return _AsyncSource(rows)
    if isinstance(rows, Iterable):
        return _SyncSource(iter(rows))
    raise ConfigurationError("Give the updates as an iterable or async iterable of SessionUpdate.")


class _SyncSource:
    """Workers call ``next`` themselves."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self.ready = True
        self.ended = False
        self.error: Exception | None = None

    def start(self, on_news: Callable[[], None]) -> None:
        """Nothing to do: it is read when a row is taken."""

    def take(self) -> Any:
        try:
            return next(self._rows)
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001 - whatever the input raises is raised to the reader of outcomes
            self.error = error
        self.ready, self.ended = False, True
        return NOTHING

    async def stop(self) -> None:
        """Nothing to do: nothing is being read."""


class _AsyncSource:
    """One task reads, a few rows ahead: an async generator must not be entered by two tasks, nor change tasks."""

    def __init__(self, rows: AsyncIterable[Any]) -> None:
        self._rows = rows
        self._waiting: deque[Any] = deque()
        self._space = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ready = False
        self.ended = False
        self.error: Exception | None = None

    def start(self, on_news: Callable[[], None]) -> None:
        self._task = asyncio.create_task(self._read(on_news))

    async def _read(self, on_news: Callable[[], None]) -> None:
        try:
            async for row in self._rows:
                self._waiting.append(row)
                self.ready = True
                on_news()
                if len(self._waiting) >= _READ_AHEAD:
                    self._space.clear()
                    await self._space.wait()
        except Exception as error:  # noqa: BLE001 - whatever the input raises is raised to the reader of outcomes
            self.error = error
        self.ended = not self._waiting
        self._task = None
        on_news()

    def take(self) -> Any:
        waiting = self._waiting
        row = waiting.popleft()
        self._space.set()
        if not waiting:
            self.ready = False
            self.ended = self._task is None
        return row

    async def stop(self) -> None:
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))


class FedSource(Generic[T]):
    """Rows that are handed in while the run goes on. It has no end: who feeds it, ends the run.

    Attributes:
        begun: What was handed in with each row that was taken, by index of the row.
    """

    ended = False
    error: Exception | None = None

    def __init__(self) -> None:
        self.ready = False
        self.begun: dict[int, T] = {}
        self._taken = 0
        self._waiting: deque[tuple[SessionUpdate, T]] = deque()
        self._on_news: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self, on_news: Callable[[], None]) -> None:
        """Tell of rows that are handed in."""
        self._on_news = on_news

    def feed(self, rows: Iterable[tuple[SessionUpdate, T]]) -> None:
        """Hand in rows, each with what belongs to it."""
        self._waiting.extend(rows)
        self.ready = bool(self._waiting)
        if self.ready and self._on_news is not None:
            self._on_news()

    def withdraw(self, wanted: Callable[[T], bool]) -> int:
        """Take rows back that were not begun, and say how many."""
        kept = deque(each for each in self._waiting if not wanted(each[1]))
        count = len(self._waiting) - len(kept)
        self._waiting = kept
        self.ready = bool(kept)
        return count

    def take(self) -> SessionUpdate:
        """The row that was handed in first."""
        row, belonging = self._waiting.popleft()
        self.begun[self._taken] = belonging
        self._taken += 1
        self.ready = bool(self._waiting)
        return row

    async def stop(self) -> None:
        """Nothing to do: nothing is being read."""


_LOOK_AHEAD = 2_000


class RowReader:
    """Reads rows for the worker that asks, checks them, and gives those that need no request their outcomes."""

    def __init__(self, source: Source, queues: SessionQueues, run: RunContext) -> None:
        self._source = source
        self._queues = queues
        self._run = run
        self._index = 0

    @property
    def open(self) -> bool:
        """Whether reading may find a job: there may be a row, and few enough are parked behind busy sessions."""
        return self._source.ready and self._queues.parked < _LOOK_AHEAD

    def next(self) -> Job | None:
        """The next job whose session is free, or ``None`` when there is none at the moment.

        Raises:
            BriqpayError: A row cannot be sent, and rows shall fail fast; or the journal cannot be read.
        """
        outcome_queue = self._run.outcome_queue
        while self.open and outcome_queue.queued < outcome_queue.limit:
            update = self._source.take()
            if update is NOTHING:
                break
            index, self._index = self._index, self._index + 1
            row = self._row(index, update)
            if row is not None and (job := self._queues.enter(row)) is not None:
                return job
        return None

    def _row(self, index: int, update: object) -> PendingRow | None:
        """A row that needs a request; any other gets its outcome here."""
        run = self._run
        try:
            known, session_id = checked(update)
        except ValidationError as error:
            self._refuse(index, update, error)
            return None
        row_id: RowId | None = None
        if run.store is not None:
            row_id = run.store.identify(index, known.key, session_id, known.patch.to_json())
            status = run.store.find(row_id, changes=not known.patch.is_noop)
            if status is RowStatus.DONE:
                run.recorder.skipped(index, known)
                return None
            if status is not RowStatus.OPEN:
                self._refuse(index, update, ConfigurationError(complaint(status, index, known.key)))
                return None
        if known.patch.is_noop:
            run.recorder.unchanged(index, known, row_id)
            return None
        return PendingRow(index, known, session_id, row_id)

    def _refuse(self, index: int, update: object, error: BriqpayError) -> None:
        self._run.recorder.refused(index, update, error)
        if self._run.fail_fast:
            raise error


def checked(update: object) -> tuple[SessionUpdate, str]:
    """A row and its session, in the one spelling that requests and their order go by.

    Raises:
        ValidationError: It is no row, or no request can be made of it.
    """
    if not isinstance(update, SessionUpdate):
        raise ValidationError(problems=(("", f"must be a SessionUpdate, not {type(update).__name__}"),))
    if not isinstance(update.patch, SessionPatch):
        raise ValidationError(problems=(("/patch", f"must be a SessionPatch, not {type(update.patch).__name__}"),))
    if update.key is not None and not isinstance(update.key, str):
        raise ValidationError(problems=(("/key", "must be text"),))
    return update, check_session_id(update.session_id)


def complaint(status: RowStatus, index: int, key: str | None) -> str:
    """Why a row whose journal has another one in its place cannot be sent."""
    name = f"row {index}" if key is None else f"row {index} (key {key!r})"
    if status is RowStatus.TWICE:
        return f"Give each row a key of its own: an earlier row of this run has the key of {name}."
    return (
        f"Use a new journal for new rows: {name} is not what the journal says was done under its "
        f"{'position' if key is None else 'key'}."
    )
