"""Where rows come from: any iterable or async iterable, read no further than asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Any, Protocol

from briqpay_async.errors import ConfigurationError

__all__ = ["NOTHING", "Rows", "Source", "make_source"]

Rows = Iterable[Any] | AsyncIterable[Any]

NOTHING: Any = object()
"""What ``take`` returns when it turns out that there are no more rows."""

_READ_AHEAD = 16


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
    """A source of anything that can be iterated over.

    Raises:
        ConfigurationError: It is neither iterable nor async iterable.
    """
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
        except Exception as error:  # noqa: BLE001 - whatever the input raises is raised to whoever reads outcomes
            self.error = error
        self.ready, self.ended = False, True
        return NOTHING

    async def stop(self) -> None:
        """Nothing to do: nobody reads."""


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
        except Exception as error:  # noqa: BLE001 - whatever the input raises is raised to whoever reads outcomes
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
