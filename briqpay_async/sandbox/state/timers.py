"""What happens by itself after a time: a decision that does not come, a pending capture that settles.

Due actions run when the loop wakes for them, and at the next request at the latest. Without a running
loop (a sandbox that is not served) they run when the state is read.
"""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable

import attrs


@attrs.define(order=True)
class _Timer:
    due: float
    number: int
    action: Callable[[], None] = attrs.field(order=False)


class Timers:
    """Actions, each with the moment when it is due.

    Args:
        clock: The time in seconds; it only goes forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._timers: list[_Timer] = []
        self._wake_ups: set[asyncio.TimerHandle] = set()

    def __bool__(self) -> bool:
        return bool(self._timers)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let an action happen in some seconds."""
        heapq.heappush(self._timers, _Timer(self._clock() + seconds, next(self._numbers), action))
        with contextlib.suppress(RuntimeError):  # no loop runs
            loop = asyncio.get_running_loop()
            self._wake_ups = {each for each in self._wake_ups if each.when() > loop.time()}
            self._wake_ups.add(loop.call_later(seconds, self.run_due))

    def run_due(self) -> None:
        """Do everything that is due by now, in the order of its time."""
        while self._timers and self._timers[0].due <= self._clock():
            heapq.heappop(self._timers).action()

    def clear(self) -> None:
        """Forget everything that was still to happen."""
        self._timers.clear()
        self.quiet()

    def quiet(self) -> None:
        """Wake no loop any more; what is due happens when the state is read."""
        for handle in self._wake_ups:
            handle.cancel()
        self._wake_ups.clear()
