"""Time that only moves when everybody waits, for tests of waiting that do not wait."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class FakeTime:
    """A clock that stands still until everybody sleeps, and then jumps to the first who wakes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []
        self.jitter = 0.5
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._mover: asyncio.Task[None] | None = None

    def clock(self) -> float:
        return self.now

    def random(self) -> float:
        return self.jitter

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        await self.passes(seconds)

    async def passes(self, seconds: float) -> None:
        """Wait without being counted as a sleep: how fakes take their time."""
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), alarm))
        if self._mover is None:
            self._mover = asyncio.create_task(self._move())
        await alarm

    async def _move(self) -> None:
        while self._sleepers:
            for _ in range(20):  # everybody who can run does so before time moves
                await asyncio.sleep(0)
            wakes, _, alarm = heapq.heappop(self._sleepers)
            if not alarm.done():
                self.now = max(self.now, wakes)
                alarm.set_result(None)
        self._mover = None
