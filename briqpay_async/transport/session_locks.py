"""Per-session order: requests of one lane never overlap, and later ones wait in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Lanes"]


class Lanes:
    """Mutual exclusion by key that costs one dictionary entry while nobody waits, and nothing afterwards."""

    def __init__(self) -> None:
        self._busy: dict[str, deque[asyncio.Future[None]] | None] = {}

    def __len__(self) -> int:
        return len(self._busy)

    def try_enter(self, key: str) -> bool:
        """Take a free lane; ``False`` when somebody is in it."""
        if key in self._busy:
            return False
        self._busy[key] = None
        return True

    async def enter(self, key: str, seconds: float) -> None:
        """Wait for a lane that somebody is in.

        Raises:
            TimeoutError: The lane did not become free in time.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._busy[key]
        if waiting is None:
            waiting = self._busy[key] = deque()
        waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave(key)  # the lane was handed over in the very moment of giving up: pass it on
            elif turn in waiting:
                waiting.remove(turn)
            raise

    def leave(self, key: str) -> None:
        """Hand the lane to whoever waits longest, or forget it."""
        waiting = self._busy[key]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._busy[key]
