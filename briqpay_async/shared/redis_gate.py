"""A known rate that several processes keep to together: each attempt takes a turn, and the server counts them.

The server gives turns by the generic cell rate algorithm. Attempts that wait at the same time have theirs reserved
with one question, and no turn is reserved that nothing waits for.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from briqpay_async.config import RateLimit
from briqpay_async.errors import RateLimitedError, SharedStateError
from briqpay_async.shared.connection import Connection, UnreachableError
from briqpay_async.transport.rate_gate import ClientGate

__all__ = ["RedisGate"]

_TURNS = 16  # most that are reserved at once
# Requests of several processes do not reach the API as evenly as their turns are. What its bucket holds makes up
# for that, as long as turns leave some of it:
_USED = 0.97  # of the rate, so that the bucket fills again,
_AT_ONCE = 0.5  # and of what may come at once.


class RedisGate:
    """The gate of a client that shares a rate. Pauses that the API asks for stop this client alone."""

    closed = True

    def __init__(
        self, connection: Connection, key: str, rate: RateLimit, go_on_alone: Callable[[Exception], bool]
    ) -> None:
        self._connection = connection
        self._key = key
        self._interval = 1e6 / (_USED * rate.per_second)
        self._tolerance = self._interval * int(_AT_ONCE * (rate.burst - 1))
        self._go_on_alone = go_on_alone
        self._alone = ClientGate(rate)
        self._pauses = ClientGate()
        self._waiting: deque[tuple[asyncio.Future[float], float]] = deque()
        self._asking: asyncio.Task[None] | None = None

    async def wait(self, deadline: float) -> None:
        """Wait for the turn of one attempt.

        Raises:
            RateLimitedError: The turn would come after the deadline; raised at once, with ``retry_after``.
            SharedStateError: The server cannot be reached, or refuses.
        """
        if self._pauses.closed:
            await self._pauses.wait(deadline)
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, deadline))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        try:
            moment = await turn
        except UnreachableError as error:
            if not self._go_on_alone(error):
                raise SharedStateError(f"{error} Nothing was sent.") from error
            await self._alone.wait(deadline)
            return
        wait = moment - time.monotonic()
        if moment >= deadline:
            raise RateLimitedError(
                "The rate of requests, shared with other processes, leaves this call no turn within its time.",
                retry_after=max(wait, 0.0),
            )
        if wait > 0:
            await asyncio.sleep(wait)
        if self._pauses.closed:  # refused meanwhile
            await self._pauses.wait(deadline)

    async def _ask(self) -> None:
        """Reserve turns for those that wait, until none waits."""
        while self._waiting:
            asked = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TURNS))]
            asked = [(turn, deadline) for turn, deadline in asked if not turn.done()]
            if not asked:
                continue
            now = time.monotonic()
            longest = max(0.0, max(deadline for _, deadline in asked) - now) * 1e6
            try:
                refused, *turns = await self._connection.run(
                    "turns", self._key, self._interval, self._tolerance, len(asked), longest
                )
            except Exception as error:  # noqa: BLE001 - each attempt raises it
                for turn, _ in asked:
                    if not turn.done():
                        turn.set_exception(error)
                continue
            now = time.monotonic()
            for number, (turn, deadline) in enumerate(asked):
                if not turn.done():
                    taken = number < len(turns)
                    moment = now + (turns[number] if taken else refused) / 1e6
                    turn.set_result(moment if taken else max(moment, deadline))

    def answered(self, now: float, elapsed: float) -> None:
        """Nothing to learn."""

    def refused(self, now: float, retry_after: float | None) -> None:
        """Pause this client."""
        self._pauses.refused(now, retry_after)

    def failed(self, now: float) -> None:
        """A failure says nothing about the rate."""
