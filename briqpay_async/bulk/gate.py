"""The gate of a bulk run: how many updates may be under way, and when the next attempt may begin.

Each worker has a view of its own, a ``WorkerGate``, which the calls of that worker pass. So the gate sees every
attempt of every call, the client's own repetitions included, and the worker knows how many its row took.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from briqpay_async.bulk.concurrency import Limiter, make_limiter
from briqpay_async.bulk.room import Room
from briqpay_async.errors import BriqpayError, CallTimeoutError
from briqpay_async.transport.rate_gate import RateGate

__all__ = ["AdaptiveGate", "RunIsOverError", "WorkerGate"]


class RunIsOverError(BriqpayError):
    """No attempt may begin any more."""


class AdaptiveGate:
    """What the workers of a run share: the window and the pace, and the gate of the client behind them.

    Attributes:
        limiter: Window and pace.
        clock: Monotonic seconds.
        sleep: Waits for seconds.
        until: No attempt begins after this moment, on the clock.
    """

    def __init__(
        self,
        concurrency: int | str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        *,
        behind: RateGate | None = None,
        until: float = math.inf,
    ) -> None:
        """Make a gate.

        Args:
            concurrency: The most updates under way at once, or ``"auto"``.
            clock: Monotonic seconds.
            sleep: Waits for seconds.
            behind: The gate of the client, which attempts pass too.
            until: No attempt begins after this moment.

        Raises:
            ConfigurationError: ``concurrency`` is neither a positive integer nor ``"auto"``.
        """
        self.limiter: Limiter = make_limiter(concurrency, clock())
        self.clock = clock
        self.sleep = sleep
        self.until = until
        self._behind = behind
        self._queue = asyncio.Lock()
        self._waiting = 0
        self._waiting_since = 0.0
        self._waited = 0.0

    def for_worker(self, room: Room | None = None) -> WorkerGate:
        """A view for the calls of one worker.

        Args:
            room: Where its rows have their places, which they give up while they wait.
        """
        return WorkerGate(self, room)

    @property
    def is_over(self) -> bool:
        """Whether no attempt may begin any more."""
        return self.clock() >= self.until

    def take_turn(self) -> bool:
        """Take a turn if there is one now, which is the usual case; ``False`` where an attempt must wait."""
        pace, behind = self.limiter.pace, self._behind
        if pace.rate is not None or pace.resumes > -math.inf or (behind is not None and behind.closed):
            return False
        if self.until < math.inf and self.is_over:
            return False
        pace.on_sent_freely()
        return True

    async def turn(self, deadline: float) -> None:
        """Wait for the turn of one attempt.

        Raises:
            RunIsOverError: No attempt may begin any more.
            CallTimeoutError: No turn came before the deadline.
            RateLimitedError: The client's gate has no turn before the deadline.
        """
        if not self._waiting:
            self._waiting_since = self.clock()
        self._waiting += 1
        try:
            await self._wait(deadline)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._waited += self.clock() - self._waiting_since
        if self.is_over:
            raise RunIsOverError("No attempt may begin any more.")

    def waited(self, now: float) -> float:
        """Seconds until now in which an attempt waited for its turn."""
        return self._waited + (now - self._waiting_since if self._waiting else 0.0)

    async def _wait(self, deadline: float) -> None:
        pace = self.limiter.pace
        if pace.rate is None and pace.resumes == -math.inf:
            pace.on_sent(self.clock())
        elif deadline < math.inf:
            await self._queue_up_until(deadline)
        else:
            await self._queue_up()
        if self._behind is not None and self._behind.closed:
            await self._behind.wait(deadline)

    async def _queue_up_until(self, deadline: float) -> None:
        seconds = max(deadline - self.clock(), 0.0)
        try:
            async with asyncio.timeout(seconds):
                await self._queue_up()
        except TimeoutError:
            raise CallTimeoutError(
                f"The pace that the API admits left no turn within {seconds:.3g} seconds.", sent=False
            ) from None

    async def _queue_up(self) -> None:
        """Only the first in the queue sleeps, and looks again afterwards: a refusal changes everybody's turn."""
        pace = self.limiter.pace
        async with self._queue:
            now = self.clock()
            while (wait := min(pace.wait(now), self.until - now)) > 0:
                await self.sleep(wait)
                now = self.clock()
            pace.on_sent(now)

    def answered(self, now: float, elapsed: float) -> None:
        """An attempt was answered after so many seconds."""
        self.limiter.pace.answered(now)
        self.limiter.window.answered(now, elapsed)
        if self._behind is not None and self._behind.closed:
            self._behind.answered(now, elapsed)

    # Refusals do not reach the gate behind: it would stop all workers for each of them.

    def refused(self, now: float, retry_after: float | None) -> None:
        """An attempt was refused for its rate."""
        self.limiter.pace.refused(now, retry_after)

    def failed(self, now: float) -> None:
        """An attempt failed for the server's or the network's sake."""
        self.limiter.pace.lost()
        self.limiter.window.on_failure(now)


class WorkerGate:
    """The gate as one worker sees it.

    A row waits for its first turn without a deadline (``enter``), because a slow rate is no failure of the row;
    repetitions wait within the deadline of their call.

    Attributes:
        attempts: Attempts begun; the sender counts those of each row anew.
        aside: Whether the row gave up its place, because it waits after a refusal.
        holds_turn: Whether a turn is taken for the next attempt.
        answered, failed: As of the gate that all workers share.
    """

    closed = True

    def __init__(self, gate: AdaptiveGate, room: Room | None = None) -> None:
        self.attempts = 0
        self.aside = False
        self.answered = gate.answered
        self.failed = gate.failed
        self._gate = gate
        self._room = room
        self.holds_turn = False

    def enter_now(self) -> bool:
        """Take a turn for the next attempt, if there is one now."""
        self.holds_turn = self._gate.take_turn()
        return self.holds_turn

    async def enter(self) -> None:
        """Wait for a turn, however long it takes; the next attempt need not wait then.

        Raises:
            RunIsOverError: No attempt may begin any more.
        """
        if self.aside:
            await self._come_back()
        await self._gate.turn(math.inf)
        self.holds_turn = True

    async def wait(self, deadline: float) -> None:
        """Wait for the turn of one attempt, and count it."""
        if self.holds_turn:
            self.holds_turn = False
        else:
            if self.aside:
                await self._come_back()
            if not self._gate.take_turn():
                await self._gate.turn(deadline)
        self.attempts += 1

    def refused(self, now: float, retry_after: float | None) -> None:
        """An attempt was refused for its rate: others may use the place of this row until it is made again."""
        self._gate.refused(now, retry_after)
        if self._room is not None and not self.aside:
            self.aside = self._room.step_aside()

    async def _come_back(self) -> None:
        self.aside = False
        if self._room is not None:
            await self._room.come_back()

    def end(self) -> None:
        """The row has its outcome, or never will."""
        if self.holds_turn:  # and no attempt was made
            self.holds_turn = False
            self._gate.limiter.pace.lost()
        if self.aside and self._room is not None:
            self.aside = False
            self._room.take_back()
