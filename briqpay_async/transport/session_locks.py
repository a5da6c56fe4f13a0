"""The order of a session: its updates never overlap, and an edit keeps all others out from its read to its send.

This is the one seam for order. Two ways lead through it, and both give back what they took however they end:

* **One call** (``Caller.call``) takes a free session with ``try_enter`` and gives it back with ``leave``: two
  operations on a dictionary, and nothing else where no other call is near. Only when that fails, or when several
  processes share the order, it makes a ``Hold``.
* **Several calls** (``Caller.holding``: an edit, a writer, a capture) always make a ``Hold``, with ``hold``, and
  end it with ``release``.

**Calls inside a hold.** A hold is remembered in the context (``contextvars``) of the block that it is made for. A
call on the same session that finds the session taken looks there: made inside the block, it takes a place within
the hold instead of waiting for the end of it, which would never come. Calls inside one hold do not overlap either.
Tasks inherit the context, so ``gather`` inside a block works. A task that outlives the block finds its hold
closed, and waits like any other; a call of such a task that is under way when the block ends keeps the session
until it ends. A block that is entered in one context and left in another (a fixture) is safe: a closed hold is
passed over wherever it is still remembered, and calls that belong to a hold name it (``Request.lane``).

**Several processes.** ``SessionLocks.leases`` is where a shared order plugs in: ``None`` costs one comparison.
Otherwise a call that has the session in this process, and is inside no hold, acquires a lease before it sends
anything and releases it before the next one of this process has its turn. ``Lease.check`` is called before each
attempt of each call, repeated ones included: it raises when the lease ran out, and then no further attempt begins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Protocol

import attrs

__all__ = ["Hold", "Lease", "Leases", "SessionLocks"]


class Lease(Protocol):
    """The right of this process to change a session, for as long as it is renewed."""

    def check(self) -> None:
        """Raise the error that ends a call when the lease ran out: another process may be at work."""

    async def release(self) -> None:
        """Give it back. It is called once, also when its holder failed or was cancelled, and raises nothing."""


class Leases(Protocol):
    """Where leases come from: memory that several processes share."""

    async def acquire(self, session_id: str, seconds: float) -> Lease:
        """Wait for a session.

        Args:
            session_id: The session.
            seconds: What is left of the caller's deadline.

        Raises:
            TimeoutError: No lease was to be had in time. Other errors reach the caller as they are.
        """


@attrs.define(eq=False, repr=False)
class Hold:
    """A session that is kept for one caller, until ``release``.

    Attributes:
        locks: Where it belongs.
        session_id: The session.
        lease: The right to change it, where several processes share the order.
        around: The hold inside which this one was made, if any.
        open: Calls of the block may still begin in it.
        entered: A call was made inside it: what was read of the session before may be out of date.
    """

    locks: SessionLocks
    session_id: str
    lease: Lease | None = None
    around: Hold | None = None
    open: bool = True
    entered: bool = False
    _ended: bool = False

    def check(self) -> None:
        """Whether another attempt may begin.

        Raises:
            BriqpayError: The lease ran out.
        """
        if self.lease is not None:
            self.lease.check()

    def remember(self) -> None:
        """Let calls in this context, and in tasks that it starts, find this hold."""
        _remembered.set((*filter(_is_open, _remembered.get()), self))

    async def release(self) -> None:
        """Give the session back. Calls made inside that are under way keep it until they end."""
        if self.open:
            self.open = False
            if self in (remembered := _remembered.get()):
                _remembered.set(tuple(filter(_is_open, remembered)))
            await self._end()

    async def _end(self) -> None:
        """What the last one to leave does, once the hold is closed."""
        if self.open or self._ended or self.locks.is_taken(self):
            return
        self._ended = True
        try:
            if self.lease is not None and self.around is None:
                await self.locks.give_back(self.lease)
        finally:
            if self.around is None:
                self.locks.leave(self.session_id)
            else:
                self.locks.leave(self.around)
                await self.around._end()  # noqa: SLF001 - another hold


def _is_open(hold: Hold) -> bool:
    return hold.open


_remembered: Final[ContextVar[tuple[Hold, ...]]] = ContextVar("briqpay_async_holds", default=())


def _any_loop() -> None:
    """Accepts each loop."""


class SessionLocks:
    """Mutual exclusion by session; a session costs one dictionary entry while it is taken, and nothing afterwards.

    What is taken is a session, by its identifier, or the inside of a ``Hold``.

    Attributes:
        leases: Set where several processes share the order.
    """

    def __init__(self, leases: Leases | None = None, check_loop: Callable[[], object] = _any_loop) -> None:
        """Make locks.

        Args:
            leases: Where several processes share the order.
            check_loop: Raises an error where the running loop is not the one of the client. In another loop a
                waiting call would not notice that its turn has come.
        """
        self.leases = leases
        self._check_loop = check_loop
        self._taken: dict[str | Hold, deque[asyncio.Future[None]] | None] = {}
        self._releases: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def is_taken(self, place: str | Hold) -> bool:
        """Whether a call is in a place."""
        return place in self._taken

    def try_enter(self, place: str | Hold) -> bool:
        """Take a free place in this process; ``False`` when it is taken."""
        if place in self._taken:
            return False
        self._taken[place] = None
        return True

    async def enter(self, place: str | Hold, seconds: float) -> None:
        """Wait for a place that is taken.

        Raises:
            TimeoutError: The place did not become free in time.
            WrongLoopError: The client belongs to another loop.
        """
        self._check_loop()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._taken[place]
        if waiting is None:
            waiting = self._taken[place] = deque()
        waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave(place)  # it was handed over in the very moment of giving up: pass it on
            elif turn in waiting:
                waiting.remove(turn)
            raise

    def leave(self, place: str | Hold) -> None:
        """Hand a place to the call that waits longest, or forget it."""
        waiting = self._taken[place]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._taken[place]

    async def hold(self, lane: str | Hold, seconds: float) -> Hold:
        """Take a session, or a place inside a hold of it, and where it is shared its lease too.

        Args:
            lane: The session's identifier, or the hold that the caller belongs to.
            seconds: How long to wait.

        Raises:
            TimeoutError: It did not become free in time.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        if isinstance(lane, Hold):
            await self._take(lane, seconds)
            return Hold(self, lane.session_id, lane.lease, lane)
        while (around := self.around(lane)) is not None:
            around.entered = True
            try:
                await self._take(around, until - clock())
                if around.open:
                    return Hold(self, lane, around.lease, around)
                self.leave(around)  # the block ended meanwhile: wait outside of it
            finally:
                await around._end()  # noqa: SLF001 - this call may have been the last one in it
        await self._take(lane, until - clock())
        if self.leases is None:
            return Hold(self, lane)
        try:
            return Hold(self, lane, await self.leases.acquire(lane, until - clock()))
        except BaseException:
            self.leave(lane)
            raise

    async def give_back(self, lease: Lease) -> None:
        """Release a lease. That goes on when its holder is cancelled meanwhile, for others wait for it."""
        release = asyncio.ensure_future(lease.release())
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)
        await asyncio.shield(release)

    async def _take(self, place: str | Hold, seconds: float) -> None:
        if not self.try_enter(place):
            await self.enter(place, seconds)

    def around(self, session_id: str) -> Hold | None:
        """The innermost open hold of a session that this context is inside of."""
        for hold in reversed(_remembered.get()):
            if hold.open and hold.session_id == session_id and hold.locks is self:
                return hold
        return None
