"""``SessionWriter``: the latest wanted state wins, one request at a time, for a buyer who clicks and clicks.

There is no background task. Whoever puts a state while no request is under way sends one; whoever puts while
one is under way waits, and the states that gathered meanwhile travel together in the next.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable

import attrs

from briqpay_async.errors import APIError, BriqpayError, TransportError, ValidationError
from briqpay_async.models.session import EditableData, Session
from briqpay_async.patch.comparison import overlay
from briqpay_async.patch.sections import DATA_SECTIONS
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["SessionWriter"]

Apply = Callable[[EditableData, EditableData, SessionPatch], Awaitable[Session]]


@attrs.define(eq=False, repr=False)
class _Put:
    """A state that somebody waits for."""

    desired: EditableData
    error: BriqpayError | None = None
    done: bool = False


class SessionWriter:
    """Brings a session to the latest state that was put, with as few requests as possible.

    Made by ``sessions.writer(session)``: one for each session and client. Every patch is the difference to the
    last state that the API acknowledged, never to one that is not confirmed.
    """

    def __init__(self, session: Session, apply: Apply) -> None:
        self._session = session
        self._base = session.data.editable() if session.data else EditableData()
        self._apply = apply
        self._waiting: list[_Put] = []
        self._flight: asyncio.Future[None] | None = None
        self._doubtful: set[str] = set()

    @property
    def acknowledged(self) -> EditableData:
        """The last state that the API acknowledged."""
        return self._base

    @property
    def session(self) -> Session:
        """The session as last answered."""
        return self._session

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
        SessionPatch.between(self._base, desired, absent="keep")
        mine = _Put(desired)
        self._waiting.append(mine)
        try:
            while not mine.done:
                if self._flight is None:
                    await self._fly()
                else:
                    await asyncio.shield(self._flight)
        finally:
            if not mine.done:
                self._waiting.remove(mine)
        if mine.error is not None:
            # Each waiter raises an error of its own: a shared one would collect everybody's traceback.
            raise copy.copy(mine.error) from mine.error
        return self._session

    async def _fly(self) -> None:
        """Send what everybody who waits now wants."""
        puts = tuple(self._waiting)
        target = self._base
        for put in puts:
            target = overlay(target, put.desired)
        patch = SessionPatch.between(self._base, target).merge(self._repetition(target))
        landed = self._flight = asyncio.get_running_loop().create_future()
        try:
            if not patch.is_noop:
                self._session = await self._apply(self._base, target, patch)
            self._base = target
            self._doubtful.clear()
            self._settle(puts, None)
        except BriqpayError as error:
            if _in_doubt(error):
                self._doubtful |= _sections(patch)
            self._settle(puts, error)
        except BaseException:
            # Cancelled: the request may have arrived. Whoever else waits sends again.
            self._doubtful |= _sections(patch)
            raise
        finally:
            self._flight = None
            landed.set_result(None)

    def _repetition(self, target: EditableData) -> SessionPatch:
        """Sections whose last request may or may not have arrived, whole: what they hold now is not known."""
        if not self._doubtful:
            return SessionPatch()
        return SessionPatch.of(data=EditableData(**{name: getattr(target, name) for name in self._doubtful}))

    def _settle(self, puts: tuple[_Put, ...], error: BriqpayError | None) -> None:
        for put in puts:
            if put in self._waiting:
                put.done, put.error = True, error
                self._waiting.remove(put)


def _in_doubt(error: BriqpayError) -> bool:
    """Whether a failed request may have taken effect nevertheless."""
    if isinstance(error, TransportError):
        return error.sent is not False
    return not (isinstance(error, APIError) and error.status is not None and error.status < 500)


def _sections(patch: SessionPatch) -> set[str]:
    data = {section.name for section in DATA_SECTIONS}
    return {part.section.name for part in patch.parts} & data
