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
_LEAST_PAUSE: Final = 0.05  # seconds after a refusal that asks for less, where the rate is not known
# After a pause, where the rate is not known, those who waited go on one by one:
_IN_A_PAUSE: Final = 20  # so many in a time as long as the pause,
_LONGEST_INTERVAL: Final = 0.5  # in seconds, but not more slowly than this,
_FASTER: Final = 0.8  # and after each answer in so much of the time.


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

    Without a known rate it is open, and costs nothing, until the API refuses a call. Then it lets those who wait
    go on after the pause one by one, at a rate that rises with each answer, and opens when no call waits.

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
        now, before = self._clock(), self._next
        turn = max(now, before - self._tolerance, self._paused_until)
        _check(now, turn - now, deadline)
        taken = self._next = max(now, before, self._paused_until) + self._interval
        if turn > now:
            try:
                await self._sleep(turn - now)
            except BaseException:
                if self._next == taken:  # no later turn was given: this one is free again
                    self._next = before
                raise
            if self._paused_until > self._clock():  # refused meanwhile
                await self.wait(deadline)
                return
        if not self._limited and self._next == taken:  # no later turn was given: no call waits
            self.closed = False

    def answered(self, now: float, elapsed: float) -> None:  # noqa: ARG002 - of the protocol
        """More may pass than was thought, unless the rate is known."""
        if not self._limited:
            self._interval *= _FASTER

    def refused(self, now: float, retry_after: float | None) -> None:
        """Pause all calls of this client; without a known rate they then go on one by one, ever faster."""
        least = self._interval if self._limited else _LEAST_PAUSE
        pause = _DEFAULT_PAUSE if retry_after is None else max(retry_after, least)
        in_pause = now < self._paused_until  # one burst of refusals is no reason to slow down more than once
        self._paused_until = max(self._paused_until, now + pause)
        if not self._limited:
            slow = min(pause / _IN_A_PAUSE, _LONGEST_INTERVAL)
            if not self.closed:
                self._interval, self._next = slow, -math.inf
            elif in_pause:
                self._interval = max(self._interval, slow)
            else:
                self._interval = min(2 * self._interval, _LONGEST_INTERVAL)
        self.closed = True

    def failed(self, now: float) -> None:
        """A failure says nothing about the rate."""


def _check(now: float, wait: float, deadline: float) -> None:
    if now + wait >= deadline:
        raise RateLimitedError(
            "The rate of requests leaves this call no turn within the time it has.", retry_after=wait
        )
