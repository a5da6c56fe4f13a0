"""From lines to the rows of a bulk run, and back from its outcomes to the lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Self

import attrs

from briqpay_async.bulk.rows import SessionUpdate
from briqpay_async.cli.bulk.lines import Lines, StoppedError
from briqpay_async.cli.bulk.rows import Row, parse_row
from briqpay_async.cli.state_patches import Depth, patch_between
from briqpay_async.client import BriqpayClient
from briqpay_async.errors import BriqpayError, InvalidDataError, ValidationError
from briqpay_async.models.session import EditableData, NewSession, Product, Session, Urls

__all__ = ["Feed", "SandboxSessions"]


class SandboxSessions:
    """Sessions of an emulator that stand for those that a file names, because the API chooses the id of a session.

    They are made in the order of the file, so the same file gets the same ids out of the same emulator.
    """

    def __init__(self, briqpay: BriqpayClient) -> None:
        self._briqpay = briqpay
        self._ids: dict[str, str] = {}

    async def find(self, row: Row) -> str:
        """The session that stands for the one of a row. It is created in the row's state before, if that is known.

        Raises:
            BriqpayError: It could not be created.
        """
        name = row.session_id or ""
        if name not in self._ids:
            data = row.before.data.editable() if row.before and row.before.data else None
            try:
                session = await self._briqpay.sessions.create(_new_session(row, data))
            except (ValidationError, InvalidDataError):  # a state may be less than what creates a session
                session = await self._briqpay.sessions.create(_new_session(row, None))
            self._ids[name] = session.session_id or ""
        return self._ids[name]


def _new_session(row: Row, data: EditableData | None) -> NewSession:
    states = [state.data for state in (row.before, row.wanted) if state and state.data]
    sections = {part.section.name for part in row.patch.parts} if row.patch else set()
    business = "company" in sections or any(state.company for state in states)
    return NewSession(
        product=Product(type="payment", intent="payment_one_time"),
        customer_type="business" if business else "consumer",
        country="SE",
        locale="sv-se",
        urls=Urls(terms="https://shop.example/terms", redirect="https://shop.example/thanks"),
        data=data,
    )


class Feed:
    """An async iterable of what ``update_many`` takes, in the order of the lines; close it with ``async with``.

    A row that cannot be sent goes in as itself, which the run counts as failed and leaves out of the journal.
    """

    def __init__(
        self,
        lines: Lines,
        *,
        depth: Depth = "field",
        stand_ins: SandboxSessions | None = None,
        read: Callable[[str], Awaitable[Session]] | None = None,
        reads: int = 1,
    ) -> None:
        """Make a feed.

        Args:
            lines: Where from.
            depth: What is sent of a changed section.
            stand_ins: Holds the sessions that are meant instead of those named.
            read: Reads a session; rows that state only what is wanted are compared with what it returns.
            reads: So many at once at most.
        """
        self._lines = lines
        self._depth: Depth = depth
        self._stand_ins = stand_ins
        self._reader = read
        self._reads = reads
        self._taken: dict[int, Row] = {}
        self._turns: dict[str, asyncio.Event] = {}
        self._held: dict[int, tuple[str, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        async for row, session_id in self.rows():
            if row.patch is None or row.problem is not None:
                yield row
            else:
                yield SessionUpdate(session_id or "", row.patch, row.key)

    def settle(self, position: int) -> Row:
        """The row at a position, which is through now and is forgotten."""
        if (held := self._held.pop(position, None)) is not None:
            session_id, turn = held
            turn.set()
            if self._turns[session_id] is turn:
                del self._turns[session_id]
        return self._taken.pop(position)

    def is_open(self, position: int) -> bool:
        """Whether the row at a position was read, and is not settled."""
        return position in self._taken

    async def rows(self) -> AsyncGenerator[tuple[Row, str | None], None]:
        """Rows as they go into the run, each with the session that is meant."""
        position = 0
        async for row, session_id in self._parsed() if self._reader is None else self._compared(self._reader):
            self._taken[position] = row
            position += 1
            yield row, session_id

    async def _parsed(self) -> AsyncGenerator[tuple[Row, str | None], None]:
        read_first = self._reader is not None
        async for number, line in self._lines:
            row = parse_row(number, line, read_first=read_first, depth=self._depth)
            session_id = row.session_id
            if self._stand_ins is not None and row.problem is None:
                try:
                    session_id = await self._stand_ins.find(row)
                except BriqpayError as error:
                    row = attrs.evolve(row, problem=error)
            yield row, session_id

    async def _compared(
        self, read: Callable[[str], Awaitable[Session]]
    ) -> AsyncGenerator[tuple[Row, str | None], None]:
        """Rows whose sessions are read where need be, several at a time; the rows keep their order."""
        begun: asyncio.Queue[asyncio.Task[tuple[Row, str | None]] | None] = asyncio.Queue()
        room = asyncio.Semaphore(self._reads)

        async def begin() -> None:
            try:
                position = 0
                async for row, session_id in self._parsed():
                    await room.acquire()
                    turn = self._turn(position, row, session_id)
                    task = asyncio.create_task(self._compare(row, session_id, read, turn))
                    self._tasks.add(task)
                    begun.put_nowait(task)
                    position += 1
            finally:
                begun.put_nowait(None)

        beginning = asyncio.create_task(begin())
        self._tasks.add(beginning)
        while (task := await begun.get()) is not None:
            found = await task
            self._tasks.discard(task)
            room.release()
            if self._lines.stopped:
                raise StoppedError
            yield found
        await beginning  # raises what the lines raised

    def _turn(self, position: int, row: Row, session_id: str | None) -> asyncio.Event | None:
        """Queue up behind the rows of a session; what is returned is set when the one before is through."""
        if row.problem is not None or session_id is None:
            return None
        before = self._turns.get(session_id)
        turn = self._turns[session_id] = asyncio.Event()
        self._held[position] = session_id, turn
        return before

    async def _compare(
        self,
        row: Row,
        session_id: str | None,
        read: Callable[[str], Awaitable[Session]],
        turn: asyncio.Event | None,
    ) -> tuple[Row, str | None]:
        if row.wanted is None or row.patch is not None or row.problem is not None:
            return row, session_id
        if turn is not None:  # until then, what would be read is not what this row changes
            await turn.wait()
        try:
            patch = patch_between(await read(session_id or ""), row.wanted, self._depth, "keep")
        except BriqpayError as error:
            return attrs.evolve(row, problem=error), session_id
        return attrs.evolve(row, patch=patch), session_id
