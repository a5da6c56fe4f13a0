"""When the next request may be made: one seam that each attempt passes, and that each answer is reported to.

One place reacts to a refusal, whichever gate a client has: ``ClientGate`` (a known rate, and a pause after a
refusal), the gate of a bulk run (``bulk/gate.py``, which learns the rate), or one that several processes share.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from briqpay_async.config import RateLimit
from briqpay_async.errors import RateLimitedError

__all__ = ["ClientGate", "RateGate", "asks_to_slow_down"]

_DEFAULT_PAUSE: Final = 0.1  # seconds after a refusal without Retry-After: about the client's first back-off
_LEAST_PAUSE: Final = 0.05  # seconds after a refusal that asks for none


def asks_to_slow_down(status: int, retry_after: float | None) -> bool:
    """Whether an answer refuses a request for its rate: a 429, or a 503 that says when to come back."""
    return status == 429 or (status == 503 and retry_after is not None)


class RateGate(Protocol):
    """Decides when the next attempt may begin. Times are monotonic seconds.

    Attributes:
        closed: Whether attempts must ``wait``, and answers go to ``answered``. While it is false, calls read it
            and nothing else.
    """

    @property
    def closed(self) -> bool:
        """Whether attempts must ask."""

    async def wait(self, deadline: float) -> None:
        """Wait for the turn of one attempt.

        Raises:
            RateLimitedError: The turn would come after the deadline; raised at once, with ``retry_after``.
            CallTimeoutError: The deadline passed; nothing was sent.
        """

    def answered(self, now: float, elapsed: float) -> None:
        """An attempt was answered after ``elapsed`` seconds, and not refused. Called only while closed."""

    def refused(self, now: float, retry_after: float | None) -> None:
        """An attempt was refused for its rate, with what the answer said about when to come back."""

    def failed(self, now: float) -> None:
        """An attempt failed for the server's or the network's sake."""


class ClientGate:
    """The gate of one client in one process: a rate that is known (GCRA), and pauses that the API asks for.

    The rate is kept as the generic cell rate algorithm does it: each attempt takes the next free turn, turns are
    ``1 / per_second`` apart, and up to ``burst`` of them may be taken at once after a lull.

    Attributes:
        closed: Whether there is a rate, or a pause is on.
    """

    def __init__(
        self,
        rate: RateLimit | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Make a gate.

        Args:
            rate: The quota, where it is known.
            clock: Monotonic seconds.
            sleep: Waits for seconds.
        """
        self.closed = rate is not None
        self._limited = rate is not None
        self._interval = 1.0 / rate.per_second if rate else 0.0
        self._tolerance = self._interval * (rate.burst - 1) if rate else 0.0
        self._next = -math.inf  # the turn after the last one that was taken, if there was no burst
        self._paused_until = -math.inf
        self._clock = clock
        self._sleep = sleep

    async def wait(self, deadline: float) -> None:
        """Wait for the turn of one attempt.

        Raises:
            RateLimitedError: The turn would come after the deadline; raised at once, with ``retry_after``.
        """
        now = self._clock()
        while (pause := self._paused_until - now) > 0:
            _check(now, pause, deadline)
            await self._sleep(pause)
            now = self._clock()
        if self._limited:
            await self._take_turn(now, deadline)
        else:
            self.closed = False

    async def _take_turn(self, now: float, deadline: float) -> None:
        before = self._next
        turn = max(now, before - self._tolerance)
        _check(now, turn - now, deadline)
        taken = self._next = max(now, before) + self._interval
        if turn <= now:
            return
        try:
            await self._sleep(turn - now)
        except BaseException:
            if self._next == taken:  # no later turn was given: this one is free again
                self._next = before
            raise
        if self._paused_until > self._clock():  # refused meanwhile
            await self.wait(deadline)

    def answered(self, now: float, elapsed: float) -> None:
        """Nothing to learn."""

    def refused(self, now: float, retry_after: float | None) -> None:
        """Pause all calls of this client."""
        pause = _DEFAULT_PAUSE if retry_after is None else max(retry_after, _LEAST_PAUSE)
        self._paused_until = max(self._paused_until, now + pause)
        self.closed = True

    def failed(self, now: float) -> None:
        """A failure says nothing about the rate."""


def _check(now: float, wait: float, deadline: float) -> None:
    if now + wait >= deadline:
        raise RateLimitedError(
            "The rate of requests leaves this call no turn within the time it has.", retry_after=wait
        )
