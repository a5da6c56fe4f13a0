"""How much may be sent: a window (updates under way) and a pace (requests per second), learned from the answers.

Pure state machines. Every method that needs the time takes it as ``now``, in monotonic seconds.

The window is TCP's: slow start, additive increase, multiplicative decrease. It answers overload: servers that fail
or become very slow. A rate limit is another thing: where 500 requests per second are admitted and an answer takes
1 ms, even one request under way at a time is too many. So the first 429 brings in the pace, which looks for the
highest rate that is not refused.
"""

from __future__ import annotations

import math
from typing import Final

import attrs

from briqpay_async.errors import ConfigurationError

__all__ = ["AUTO", "Limiter", "Pace", "Window", "make_limiter"]

AUTO: Final = "auto"

_FIRST_WINDOW: Final = 10  # as TCP: enough to learn from, too little to do harm
_AUTO_CEILING: Final = 100  # the client's connection pool has this size unless told otherwise
_LONGEST_PAUSE: Final = 300.0


@attrs.define
class Window:
    """How many updates may be under way at once.

    Attributes:
        ceiling: Never more than this.
        floor: Never fewer than this.
        size: The window now.
        limit: Its whole part, which is what counts.
        probing: Whether to stop growing where more updates under way only make each one slower.
        latency: Seconds that an answer takes, lately.
    """

    ceiling: int
    floor: int = 1
    size: float = _FIRST_WINDOW
    probing: bool = False
    latency: float = 0.0
    limit: int = attrs.field(init=False)
    _threshold: float = math.inf
    _best_latency: float = math.inf
    _samples: int = 0
    _trouble: float = 0.0
    _quiet_until: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.limit = int(self.size)

    def answered(self, now: float, elapsed: float) -> None:
        """An update came back after so many seconds."""
        self._trouble *= 0.98
        self._samples += 1
        if self._samples == 1:
            self.latency = elapsed
        self.latency += (elapsed - self.latency) * 0.1
        latency = self.latency
        if self._samples >= 10 and latency < self._best_latency:
            self._best_latency = latency
        if latency > 1.0 and latency > 8 * self._best_latency:
            self._best_latency = latency / 4  # a server that stays slow is no news for ever
            self.shrink(now)
        elif self.size < self.ceiling and not (self.probing and latency > 2 * self._best_latency + 0.001):
            step = 1.0 if self.size < self._threshold else 1.0 / self.size
            self.size = min(self.ceiling, self.size + step)
            self.limit = int(self.size)

    def troubled(self, now: float) -> None:
        """A request failed for the server's or the network's sake. A few do no harm; one in ten means overload."""
        self._trouble += (1.0 - self._trouble) * 0.02
        if self._trouble > 0.1:
            self.shrink(now)

    def shrink(self, now: float) -> None:
        """Multiplicative decrease, once for all that goes wrong within two round trips."""
        if now < self._quiet_until:
            return
        self._quiet_until = now + max(0.1, 2 * self.latency)
        self._trouble = 0.0
        self.size = max(self.floor, self.size * 0.7)
        self.limit = int(self.size)
        self._threshold = self.size


@attrs.define
class Pace:
    """The rate of requests that the API admits, found by bisection between what it admitted and what it refused.

    When a request is refused, the API's token bucket is empty. So between two refusals it admitted no more than
    its rate allows: that is the lower bound. The pace at which it refused is the upper one.

    Attributes:
        rate: Requests per second; ``None`` until the first refusal: as fast as the window lets.
        floor: Never slower than this many requests per second.
        since: When the last refusal was, or the beginning.
        admitted: Requests answered since then; counted from outside.
    """

    rate: float | None = None
    floor: float = 0.5
    since: float = 0.0
    admitted: int = 0
    _next: float = 0.0
    _refused_at: float = math.inf  # the rate that was refused last
    _hold_until: float = 0.0
    _quiet_until: float = 0.0
    _grown: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; not positive when it may be made now."""
        return self._next - now

    def took(self, now: float) -> None:
        """A request is made now."""
        if self.rate is None:
            return
        self._grow(now, bound=self._next > now - 0.1)
        # A timer that fires late by up to 5 ms is made up for; after a longer lull there is no burst.
        self._next = max(self._next, now - 0.005) + 1.0 / self.rate

    def pause(self, until: float) -> None:
        """Make no request before this moment."""
        self._next = max(self._next, until)

    def refused(self, now: float, pause: float, round_trip: float) -> bool:
        """A request was refused; ``False`` when it belongs to a refusal that was dealt with already.

        Args:
            now: Monotonic seconds.
            pause: Seconds that the API asked to wait.
            round_trip: Seconds that an answer takes: refusals of what was under way are still to come.
        """
        self.pause(now + pause)
        if now < self._quiet_until:
            return False
        self._quiet_until = now + max(0.05, pause, 2 * round_trip)
        self._slow_down(now)
        # The dearer a refusal, the rarer we provoke one: looking for more costs at most 5 % of the time.
        self._hold_until = now + max(2.0, 21 * pause)
        self._grown = now + pause
        self.since, self.admitted = now, 0
        return True

    def _slow_down(self, now: float) -> None:
        if self.rate is None:
            # How fast we were says little: a burst may have been admitted. Begin low, and double until refused.
            self.rate = max(self.floor, 0.5 * self.admitted / max(now - self.since, 0.1))
            return
        self._refused_at = self.rate
        admitted = self.admitted / max(now - self.since, 0.01)
        middle = math.sqrt(max(admitted, self.floor) * self.rate)
        self.rate = max(self.floor, min(0.95 * self.rate, max(0.5 * self.rate, middle)))

    def _grow(self, now: float, *, bound: bool) -> None:
        """Grow for the time since the last request, if it was the pace that held it back."""
        seconds = min(now - self._grown, 1.0)
        if seconds <= 0:
            return
        self._grown = now
        rate = self.rate
        if rate is None or not bound:
            return
        target = 0.95 * self._refused_at
        if math.isinf(target):
            rate *= 4.0**seconds
        elif rate < target:
            rate += (target - rate) * min(1.0, 0.7 * seconds)
            if target - rate < 0.002 * target:
                rate = target
        elif now > self._hold_until:
            rate *= 1.0 + min(0.5, 0.01 * 2.0 ** ((now - self._hold_until) / 5.0)) * seconds
        self.rate = rate


@attrs.define
class Limiter:
    """Window and pace of one bulk run, fed with what happened to its requests."""

    window: Window
    pace: Pace = attrs.Factory(Pace)
    refusals: int = 0
    _resumes: float = 0.0

    @property
    def paced(self) -> bool:
        """Whether requests must ask ``wait`` first."""
        return self.pace.rate is not None or self._resumes > 0

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; not positive when it may be made now."""
        return self.pace.wait(now)

    def took(self, now: float) -> None:
        """A request is made now."""
        self._resumes = 0.0
        self.pace.took(now)

    def answered(self, now: float, elapsed: float, *, repeated: bool = False) -> None:
        """An update was answered after so many seconds, which mean something unless it took several attempts."""
        self.pace.admitted += 1
        if not repeated:
            self.window.answered(now, elapsed)

    def refused(self, now: float, retry_after: float | None) -> None:
        """A request was refused because there were too many (429)."""
        self.refusals += 1
        pause = min(retry_after or 0.0, _LONGEST_PAUSE)
        if self.pace.refused(now, pause, self.window.latency):
            self.window.shrink(now)

    def troubled(self, now: float, retry_after: float | None = None) -> None:
        """A request failed for the server's or the network's sake."""
        self.window.troubled(now)
        self.pause(now, retry_after)

    def pause(self, now: float, seconds: float | None) -> None:
        """Make no request for so many seconds."""
        if seconds:
            self._resumes = now + min(seconds, _LONGEST_PAUSE)
            self.pace.pause(self._resumes)


def make_limiter(concurrency: int | str, now: float = 0.0) -> Limiter:
    """A limiter for ``update_many``'s argument.

    Args:
        concurrency: The most updates under way at once, or ``"auto"`` to find out how many help.
        now: Monotonic seconds.

    Raises:
        ConfigurationError: It is neither a positive integer nor ``"auto"``.
    """
    if concurrency == AUTO:
        return Limiter(Window(_AUTO_CEILING, probing=True), Pace(since=now))
    if type(concurrency) is not int or concurrency < 1:
        raise ConfigurationError('concurrency must be an integer of at least 1, or "auto".')
    return Limiter(Window(concurrency, size=min(concurrency, _FIRST_WINDOW)), Pace(since=now))
