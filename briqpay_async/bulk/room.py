"""Places for updates under way. A row that was refused for its rate gives its place up while it waits.

Otherwise a few refusals that ask for a second would keep all workers waiting. A row that comes back takes the
first place that becomes free, before any new row, so that rows do not wait longer than they are asked to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from briqpay_async.bulk.concurrency import Limiter
    from briqpay_async.bulk.progress import Counts

__all__ = ["Room"]

_ASIDE: Final = 10  # rows that wait aside at most, for each place: the memory of a run stays bounded
_SECONDS: Final = 2.0  # and, where there is a pace, one for each place and what it lets pass in this time


class Room:
    """The places of one run.

    Attributes:
        aside: How many rows wait without a place.
        returning: Rows that want their place back, first come first served; each is resolved when it has it.
    """

    def __init__(self, counts: Counts, limiter: Limiter, on_free: Callable[[], None]) -> None:
        """Make a room.

        Args:
            counts: ``in_flight`` is the number of places taken.
            limiter: How many there are.
            on_free: Called when a row gave its place up: there may be work for another worker.
        """
        self.returning: deque[asyncio.Future[None]] = deque()
        self._counts = counts
        self._limiter = limiter
        self._on_free = on_free
        self.aside = 0

    def step_aside(self) -> bool:
        """Give up a place; ``False`` when too many did."""
        places, rate = self._limiter.window.limit, self._limiter.pace.rate
        most = _ASIDE * places
        if rate is not None:
            most = min(most, places + int(_SECONDS * rate))
        if self.aside >= most:
            return False
        self.aside += 1
        self._counts.in_flight -= 1
        if self.returning:
            self.hand_on()
        else:
            self._on_free()
        return True

    async def come_back(self) -> None:
        """Wait for a place and take it. If that is cancelled, the place is taken nevertheless."""
        self.aside -= 1
        if not self.returning and self._counts.in_flight < self._limiter.window.limit:
            self._counts.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.returning.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self.returning.remove(turn)
                self._counts.in_flight += 1
            raise

    def take_back(self) -> None:
        """Take a place at once, even if there is none: the row is about to give it up for good."""
        self.aside -= 1
        self._counts.in_flight += 1

    def hand_on(self) -> None:
        """Give free places to those who want theirs back."""
        while self.returning and self._counts.in_flight < self._limiter.window.limit:
            self._counts.in_flight += 1
            self.returning.popleft().set_result(None)
