"""A bulk run in the loop, and the thread that reads its outcomes: rows go there, outcomes come back, in batches.

The thread asks, and the loop answers as soon as it has something: outcomes, a snapshot of the progress, or the
wish for more rows. What gathers while the thread is busy travels together, so that a switch of threads is paid for
once a batch, and neither side gets far ahead of the other.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from inspect import BoundArguments
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import attrs

from briqpay_async.blocking.background import Background

__all__ = ["exchange"]

T = TypeVar("T")

_ROWS = 256  # most rows that go over at once
_FEW = 128  # rows left in the loop when it asks for more
_UNREAD = 256  # outcomes that wait for the thread before the run waits too
_SECONDS = 0.005  # for reading rows that go over together: a slow source's first row does not wait for a second


@attrs.define(eq=False)
class _News:
    """What the loop has for the thread."""

    outcomes: list[Any] = attrs.field(factory=list)
    progress: list[Any] = attrs.field(factory=list)
    wants_rows: bool = False
    ended: bool = False
    error: BaseException | None = None

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.progress or self.wants_rows or self.ended)


def exchange(
    background: Background, method: Callable[..., AsyncGenerator[T, None]], bound: BoundArguments
) -> Generator[T, None, None]:
    """Begin ``update_many`` with these arguments, and iterate over its outcomes in this thread.

    Rows of an ordinary iterable are read, and the progress callback is called, by the thread that iterates.
    """
    rows = bound.arguments.get("updates")
    progress = bound.arguments.get("progress")
    run = _BulkExchange[T](background)
    if isinstance(rows, Iterable):
        bound.arguments["updates"] = run.rows()
    if callable(progress):
        bound.arguments["progress"] = run.progress

    async def begin() -> None:  # in the loop, for a bulk run belongs to it; wrong arguments are refused now
        run.outcomes = method(*bound.args, **bound.kwargs)

    background.run(begin())
    return _iterate(run, iter(rows) if isinstance(rows, Iterable) else None, progress)


def _iterate(
    run: _BulkExchange[T], rows: Iterator[Any] | None, progress: Callable[[Any], object] | None
) -> Generator[T, None, None]:
    try:
        while True:
            news = run.news()
            if news.wants_rows and rows is not None:
                run.send_rows(*_next_rows(rows))
            for snapshot in news.progress:
                if progress is not None:
                    progress(snapshot)
            yield from news.outcomes
            if news.ended:
                if news.error is not None:
                    raise news.error
                return
    finally:
        run.end()


def _next_rows(rows: Iterator[Any]) -> tuple[list[Any], bool, BaseException | None]:
    """Some rows, whether those are the last, and the error that reading them raised."""
    found: list[Any] = []
    until = time.monotonic() + _SECONDS
    try:
        for row in rows:
            found.append(row)
            if len(found) >= _ROWS or time.monotonic() > until:
                return found, False, None
    except Exception as error:  # noqa: BLE001 - the run ends with it, after the rows before it
        return found, True, error
    return found, True, None


class _BulkExchange(Generic[T]):
    """The loop's side. Methods that say "Thread:" are called by the thread, all others in the loop."""

    outcomes: AsyncGenerator[T, None]

    def __init__(self, background: Background) -> None:
        self._background = background
        self._box: SimpleQueue[_News] = SimpleQueue()
        self._news = _News()
        self._asked = False
        self._room = asyncio.Event()
        self._rows: deque[Any] = deque()
        self._rows_ended = False
        self._rows_error: BaseException | None = None
        self._rows_came = asyncio.Event()
        self._pump_task: asyncio.Task[None] | None = None

    def news(self) -> _News:
        """Thread: wait until there is something, and take all of it."""
        self._background.soon(self._ask)
        return self._box.get()

    def send_rows(self, rows: list[Any], ended: bool, error: BaseException | None) -> None:  # noqa: FBT001
        """Thread: rows for the run."""
        self._background.soon(self._take_rows, rows, ended, error)

    def end(self) -> None:
        """Thread: cancel what is under way, and wait until nothing of it is left."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._background.run(self._end())
        else:  # a forgotten iterator that the garbage collector found, in the loop of all places
            self._background.start(self._end())

    def _ask(self) -> None:
        self._asked = True
        if self._pump_task is None:
            self._pump_task = asyncio.get_running_loop().create_task(self._pump())
        self._answer()

    def _answer(self) -> None:
        if self._asked and self._news:
            self._asked = False
            news, self._news = self._news, _News()
            self._room.set()
            self._box.put(news)

    def _answer_soon(self) -> None:
        """Answer after what else is ready in the loop has had its turn, so that it travels along."""
        if self._asked:
            asyncio.get_running_loop().call_soon(self._answer)

    async def _pump(self) -> None:
        try:
            async for outcome in self.outcomes:
                self._news.outcomes.append(outcome)
                if len(self._news.outcomes) == 1:
                    self._answer_soon()
                elif len(self._news.outcomes) >= _UNREAD:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001 - the thread raises it
            self._news.error = error
        self._news.ended = True
        self._answer()

    async def _end(self) -> None:
        if self._pump_task is not None:
            self._pump_task.cancel()
            await asyncio.wait((self._pump_task,))
        await self.outcomes.aclose()

    def progress(self, snapshot: Any) -> None:
        """The run's progress callback."""
        self._news.progress.append(snapshot)
        self._answer_soon()

    async def rows(self) -> AsyncIterator[Any]:
        """The rows that the thread reads, as the run wants them."""
        while True:
            if len(self._rows) < _FEW and not self._rows_ended and not self._news.wants_rows:
                self._news.wants_rows = True
                self._answer_soon()
            if self._rows:
                yield self._rows.popleft()
            elif self._rows_ended:
                if self._rows_error is not None:
                    raise self._rows_error
                return
            else:
                self._rows_came.clear()
                await self._rows_came.wait()

    def _take_rows(self, rows: list[Any], ended: bool, error: BaseException | None) -> None:  # noqa: FBT001
        self._rows.extend(rows)
        self._rows_ended, self._rows_error = ended, error
        self._rows_came.set()
