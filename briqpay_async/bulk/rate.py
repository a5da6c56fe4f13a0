"""How fast requests may be made, learned from those that an API refuses for their rate.

The model is a token bucket: a request takes a token, ``rate`` tokens come back each second, a full bucket holds
``burst`` of them, and a request that finds none is refused. A refusal says when the bucket was empty, so it is a
measurement. Up to it, no more was admitted

* since the refusal before than the tokens that came back,
* in any stretch of time than the tokens that came back and those of a full bucket.

Each is a lower bound of the rate, and the greatest one is the rate itself. The first refusal tells what a full
bucket holds, because nothing held back the requests before it. So the second one gives the rate within a few per
cent.

Looking for more ends in a refusal, and ``Retry-After`` says what that costs: whole seconds stop everybody for a
second, however soon there is a token. So the pace keeps to what is surely admitted until that has cost twice as
much, and then looks for more slowly at first, because the slower the approach, the better the next measurement.
What a pause let the bucket regain is spent in a burst after it.

Pure arithmetic. Times are monotonic seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import attrs

__all__ = ["Pace", "rate_bounds"]

_SEARCH: Final = 4.0  # the pace grows so much each second while the rate is unknown,
_STEP: Final = 1.06  # but no more than this with each request, or there would be nothing to measure
_SURE: Final = 0.25  # seconds of requests that are enough for a measurement
_SMALLEST_ERROR: Final = 0.015
_LATE: Final = 0.005  # how late a timer may be and be made up for
_WHOLE: Final = (1.0, 0.0)  # the smallest bucket

_TIMING: Final = 0.002  # seconds by which a request may be measured too early or too late
_COUNTING: Final = 0.5  # a token is whole for us, but not in the bucket


def rate_bounds(
    marks: Iterable[tuple[float, int]], now: float, admitted: int, full: tuple[float, float]
) -> tuple[float, float]:
    """Bounds of a bucket's rate, from what it admitted in stretches of time that ended with a refusal.

    Args:
        marks: When the stretches began, and what had been admitted by then.
        now: The time of the refusal.
        admitted: Requests admitted by now.
        full: What a full bucket lets through: so many requests in so many seconds.

    Returns:
        Requests per second, or zeros if no stretch is long enough to tell.
    """
    low = high = 0.0
    requests, head_start = full
    for at, before in marks:
        count, seconds = admitted - before, now - at
        beyond, longer = count - requests, seconds - head_start
        if longer > 2 * _TIMING:  # a full bucket holds one token at least, whatever the difference says
            low = max(
                low, min((beyond - _COUNTING) / (longer + _TIMING), (count - 1 - _COUNTING) / (seconds + _TIMING))
            )
            high = max(
                high, min((beyond + _COUNTING) / (longer - _TIMING), (count - 1 + _COUNTING) / (seconds - _TIMING))
            )
    return low, high


@attrs.define
class Pace:
    """The rate of requests that the API admits, as far as it is known.

    Attributes:
        rate: Requests per second; ``None`` until the first refusal: as fast as the window lets.
        floor: Never slower than this many requests per second.
        since: When the last refusal was, or the first answer.
        admitted: Requests answered since then; counted from outside.
        resumes: No request is made before this moment.
        error: Relative error of the rate; 0 while it is being looked for.
    """

    rate: float | None = None
    floor: float = 0.5
    since: float = 0.0
    admitted: int = 0
    resumes: float = 0.0
    error: float = 0.0
    _next: float = 0.0
    _slack: float = _LATE  # seconds that may be made up for by a burst
    _full: tuple[float, float] = _WHOLE  # what a full bucket lets through: so many requests in so many seconds
    _most: float = 1.0  # a full bucket holds no more than this
    _high: float = 0.0
    _searches: int = 1  # one after the other; each is slower, so that one of them lasts long enough
    _pause: float = 0.0
    _started: float = 0.0
    _hold_until: float = 0.0
    _quiet_until: float = 0.0
    _grown: float = 0.0
    _probed: float = 0.0
    _marks: list[tuple[float, int]] = attrs.Factory(list)
    _mark_at: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; not positive when it may be made now."""
        return max(self._next, self.resumes) - now

    def took(self, now: float, *, waited: bool) -> None:
        """A request is made now; the pace was what held it back, if it had to wait."""
        if self.rate is None:
            self.resumes = 0.0
            return
        if waited:
            self._grow(now, self.rate)
        if now >= self._mark_at:
            self._marks.append((now, self.admitted))
            self._mark_at = now + max(0.01, (now - self.since) / 50)
        self._next = max(self._next, now - self._slack) + 1.0 / self.rate

    def pause(self, until: float) -> None:
        """Make no request before this moment."""
        self.resumes = max(self.resumes, until)

    def refused(self, now: float, pause: float, round_trip: float) -> bool:
        """A request was refused; ``False`` when it belongs to a refusal that was dealt with already.

        Args:
            now: Monotonic seconds.
            pause: Seconds that the API asked to wait.
            round_trip: Seconds that an answer takes: refusals of what was under way are still to come.
        """
        self.pause(now + pause)
        if self.rate is None:
            self._begin(now)
        elif now < self._quiet_until:
            if self.admitted >= 10:  # the bucket was empty all the time, so this is its rate
                self.rate = max(self.floor, min(self.rate, self.admitted / max(now - self.since, 0.001)))
            return False
        elif self.error and self._slack * self.rate > 1 and self._pause >= _SURE > now - self._started:
            # It came with the burst after a pause. So the bucket is smaller than it was believed to be, and what
            # followed from that is wrong, too.
            self._slack /= 2
            self._most = max(1.0, min(self.admitted, self._slack * self.rate))
            self._full = min(self._full[0], self._most), 0.0
            self._search(self.rate / 2)
        else:
            self._measure(now, pause, self.rate)
        self._quiet_until = self._grown = now + max(0.05, pause, 2 * round_trip)
        self._started, self._pause = now + pause, pause
        self._next = max(self._next, now)
        self.since, self.admitted = now, 0
        self._marks.clear()
        self._mark_at = self._probed = 0.0
        return True

    def _begin(self, now: float) -> None:
        """Nothing held the requests back, so they tell more about the burst than about the rate."""
        seconds = max(now - self.since, 0.001)
        self._most = max(1.0, self.admitted)
        if seconds < 2:  # else there may have been lulls
            self._full = self._most, seconds
        self._search(self.admitted / max(seconds, 0.01) / 4)

    def _search(self, rate: float) -> None:
        self.rate = max(self.floor, rate)
        self.error = 0.0

    def _measure(self, now: float, pause: float, rate: float) -> None:
        low, high = self._bounds(now, rate)
        if self.error and low > 1.05 * self._high:
            # More was admitted than could be. It is not such a bucket, or another one.
            self._full = _WHOLE
            low, high = self._bounds(now, rate)
        if high > 2 * low:
            self._searches += 1
            self._search(math.sqrt(low * high))
            return
        middle = (low + high) / 2
        requests, seconds = self._full
        burst = min(max(1.0, requests - middle * seconds), requests)
        self._full = burst, 0.0
        self._slack = 0.8 * (burst - 1) / middle if burst > 1 else min(_LATE, (self._most - 1) / middle)
        self._high, self._searches = high, 1
        error = max(_SMALLEST_ERROR, 1 - low / high)
        if self.error and now < self._hold_until:  # the last measurement was worse than it seemed
            error = min(0.5, max(error, 2 * self.error))
            if self._pause >= _SURE and self._marks:
                at, before = self._marks[0]
                self._full = self.admitted - before, now - at
        self.error = error
        self.rate = max(self.floor, high * (1 - self.error))
        cost = max(pause - burst / middle, pause / 10)  # what the bucket regains in a pause is not lost
        self._hold_until = now + pause + max(2.0, cost * min(60.0, 2 / self.error))

    def _bounds(self, now: float, rate: float) -> tuple[float, float]:
        """Bounds of the rate; the upper one is the pace itself, if too little was seen for another one."""
        seconds = max(now - self.since, 0.001)
        low, high = rate_bounds(self._marks, now, self.admitted, self._full)
        low = max(low, (self.admitted - _COUNTING) / (seconds + _TIMING), self.floor)
        high = max(low, high, (self.admitted + _COUNTING) / seconds)
        overflowed = low * self._pause > 1  # perhaps: tokens may have come back in vain while nobody took them
        if overflowed and now - self._started - self._full[1] < _SURE:
            high = rate
        return min(low, rate), min(high, rate)

    def _grow(self, now: float, rate: float) -> None:
        """Grow for the time since the last request that had to wait."""
        seconds = min(now - self._grown, max(0.1, 2 / rate))
        if seconds <= 0:
            return
        self._grown = now
        if not self.error:
            self.rate = rate * min(_STEP, _SEARCH ** (seconds / self._searches))
        elif now > self._hold_until:
            self._probed = min(self._probed + seconds, 60.0)
            self.rate = rate * (1.0 + min(0.5, self.error / 2 * 2.0 ** (self._probed / 3)) * seconds)
