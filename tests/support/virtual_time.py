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
        self._moves = False

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
        self._move_soon()
        await alarm

    def _move_soon(self, turns: int = 20) -> None:
        if not self._moves:
            self._moves = True
            asyncio.get_running_loop().call_soon(self._move, turns)

    def _move(self, turns: int) -> None:
        if turns:  # everybody who can run does so before time moves
            asyncio.get_running_loop().call_soon(self._move, turns - 1)
            return
        self._moves = False
        while self._sleepers:
            wakes, _, alarm = heapq.heappop(self._sleepers)
            if not alarm.done():
                self.now = max(self.now, wakes)
                alarm.set_result(None)
                break
        if self._sleepers:
            self._move_soon()
