"""``SessionWriter``: the latest wanted state wins, one request at a time, for a buyer who clicks and clicks.

There is no background task. A ``put`` while no request is under way sends one; a ``put`` while one is under way
waits, and the states that gathered meanwhile travel together in the next.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs

from briqpay_async.errors import BriqpayError, UnpatchableChangeError, ValidationError
from briqpay_async.models.session import EditableData, Session
from briqpay_async.patch.comparison import overlay
from briqpay_async.patch.sections import DATA_SECTIONS, MergeDepth
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.resources.base import may_have_applied
from briqpay_async.transport.session_locks import Hold

__all__ = ["SessionWriter", "WriterCalls"]

UNKNOWN = -1


class WriterCalls(Protocol):
    """The calls that a writer makes for its session."""

    def now(self) -> int:
        """The next moment in the client's history of the session."""

    def is_inside(self) -> bool:
        """Whether the running code is in a block that keeps the session."""

    def begin(self, known: int) -> AbstractAsyncContextManager[tuple[Hold, Session | None]]:
        """Keep the session, and read it when it was changed after a moment, or when that is ``UNKNOWN``."""

    def in_doubt(self, session: Session) -> EditableData:
        """What an earlier request, whose answer got lost, may have taken away from a session read since."""

    async def send(
        self, hold: Hold, before: EditableData, build: Callable[[MergeDepth], SessionPatch]
    ) -> Session | None:
        """Build and send a patch; ``None`` where it changes nothing."""


@attrs.define(eq=False, repr=False)
class _PendingState:
    """A state that a caller waits for."""

    desired: EditableData
    error: BriqpayError | None = None
    done: bool = False


class SessionWriter:
    """Brings a session to the latest state that was put, with as few requests as possible.

    Made by ``sessions.writer(session)``: one for each session and client. Every patch is the difference to the
    last state that the API acknowledged. What an ``edit`` or ``update`` of the same client changed is known to it,
    or read before the next patch.
    """

    def __init__(self, session: Session, calls: WriterCalls, moment: int = 0) -> None:
        self._calls = calls
        self._session = session
        self._base: EditableData | None = None
        self._moment = moment
        self._waiting: list[_PendingState] = []
        self._in_flight: asyncio.Future[None] | None = None
        self._doubtful: set[str] = set()

    @property
    def acknowledged(self) -> EditableData:
        """The last state that the API acknowledged."""
        if self._base is None:
            data = self._session.data
            self._base = data.editable() if data else EditableData()
        return self._base

    @property
    def session(self) -> Session:
        """The session as last answered."""
        return self._session

    def take(self, session: Session, moment: int | None) -> None:
        """Learn of a state of the session.

        Args:
            session: The whole session.
            moment: When it was asked for; ``None`` when that is not known: then it is read before the next patch.
        """
        if moment is None:
            if session is not self._session:
                self._moment = UNKNOWN
        elif moment > self._moment:
            self._session, self._base, self._moment = session, None, moment

    async def put(self, desired: EditableData) -> Session:
        """Have the session brought to a state; returns once this state, or a newer one, is acknowledged.

        Args:
            desired: The state wanted. Members that it leaves out stay as they are, or as an earlier state that is
                still waiting wants them.

        Returns:
            The session as last answered.

        Raises:
            ValidationError: A value that the API would refuse; nothing is sent, and other states are not touched.
            UnpatchableChangeError: A change that no PATCH can express.
            BriqpayError: The request that carried this state failed. The acknowledged state is unchanged: the next
                ``put`` sends what is missing.
        """
        if not isinstance(desired, EditableData):
            raise ValidationError(problems=(("", "desired must be an EditableData"),))
        SessionPatch.between(self.acknowledged, desired, absent="keep")
        mine = _PendingState(desired)
        self._waiting.append(mine)
        try:
            while not mine.done:
                # In a block that keeps the session, the request under way may be waiting for the end of the block.
                if self._in_flight is None or self._calls.is_inside():
                    await self._send_pending()
                else:
                    await asyncio.shield(self._in_flight)
        finally:
            if not mine.done:
                self._waiting.remove(mine)
        if mine.error is not None:
            # Each waiter raises an error of its own: a shared one would collect the tracebacks of all.
            raise copy.copy(mine.error) from mine.error
        return self._session

    async def _send_pending(self) -> None:
        """Have the session for this writer, and send what is wanted by then."""
        landed: asyncio.Future[None] | None = None
        if self._in_flight is None:
            landed = self._in_flight = asyncio.get_running_loop().create_future()
        try:
            async with self._calls.begin(self._moment) as (hold, fresh):
                if fresh is not None:
                    self._session, self._base, self._moment = fresh, None, self._calls.now()
                await self._bring(hold)
        finally:
            if landed is not None:
                self._in_flight = None
                landed.set_result(None)

    async def _bring(self, hold: Hold) -> None:
        """Send what all who wait now want."""
        puts = self._possible(tuple(self._waiting))
        if not puts:
            return
        base = self.acknowledged
        target = overlay(base, self._calls.in_doubt(self._session))
        for put in puts:
            target = overlay(target, put.desired)

        def build(depth: MergeDepth) -> SessionPatch:
            return SessionPatch.between(base, target, depth).merge(self._repetition(target))

        try:
            answer = await self._calls.send(hold, base, build)
            if answer is not None:
                self._session = answer
                self._base, self._moment = _answered(target, answer), self._calls.now()
            self._doubtful.clear()
            self._settle(puts, None)
        except BriqpayError as error:
            if may_have_applied(error):
                self._doubt(build(MergeDepth.FIELD))
            self._settle(puts, error)
        except BaseException:
            # Cancelled: the request may have arrived. A put that still waits sends again.
            self._doubt(build(MergeDepth.FIELD))
            raise

    def _possible(self, puts: tuple[_PendingState, ...]) -> tuple[_PendingState, ...]:
        """The states that can still be reached; the others get their error."""
        possible: list[_PendingState] = []
        base = target = self.acknowledged
        for put in puts:
            wanted = overlay(target, put.desired)
            try:
                SessionPatch.between(base, wanted)
            except (ValidationError, UnpatchableChangeError) as error:
                self._settle((put,), error)
            else:
                target = wanted
                possible.append(put)
        return tuple(possible)

    def _doubt(self, patch: SessionPatch) -> None:
        self._doubtful |= _sections(patch)
        if self._moment != UNKNOWN:
            self._moment = self._calls.now()

    def _repetition(self, target: EditableData) -> SessionPatch:
        """Sections whose last request may or may not have arrived, whole: what they hold now is not known."""
        if not self._doubtful:
            return SessionPatch()
        return SessionPatch.of(data=EditableData(**{name: getattr(target, name) for name in self._doubtful}))

    def _settle(self, puts: tuple[_PendingState, ...], error: BriqpayError | None) -> None:
        for put in puts:
            if put in self._waiting:
                put.done, put.error = True, error
                self._waiting.remove(put)


def _answered(target: EditableData, session: Session) -> EditableData:
    """The state that an answer shows; where it does not show a section, what was wanted of that."""
    shown = session.data.editable() if session.data else EditableData()
    sections = {section.name: getattr(shown, section.name) for section in DATA_SECTIONS}
    return attrs.evolve(target, **{name: value for name, value in sections.items() if value is not None})


def _sections(patch: SessionPatch) -> set[str]:
    data = {section.name for section in DATA_SECTIONS}
    return {part.section.name for part in patch.parts} & data
