"""How fast requests may be made, learned from those that an API refuses for their rate.

The model: refusals have two causes, and slowing down tells them apart.

* A **limit** refuses what comes faster than it admits. What it admitted while it refused is its rate, and at a
  slightly lower rate nothing is refused.
* **Noise** (a busy gateway, say) refuses the same share at any rate. To slow down would only lose throughput.

So requests are counted in short stretches. A stretch with more refusals than the known noise explains is
followed by a slower one. Where refusals got rarer, there is a limit, and the pace stays at what was admitted.
Where they did not, the pace goes down once more, further; if that does not help either, they are noise: their
share is remembered, and the pace goes back to where it was. The pace never falls far below the greatest rate that
was admitted lately. It grows in between, slowly at first, and faster with each stretch that went well: a quota
that rose is found within seconds.

The growth is not in proportion to the pace but to its square root: of several processes with one quota the slower
ones grow faster. That softens the competition and does not make it fair: a quota that is shared wants a rate that
the processes share.

A refused request waits by itself for the time that its answer names. All requests wait only when one refusal
follows the other and nothing is admitted, and no longer than that proves: a whole number of seconds has been
rounded up, so it proves one second less, and the rest is believed bit by bit.

Pure arithmetic. Times are monotonic seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Final

import attrs

__all__ = ["AdaptiveRate"]

_STRETCH: Final = 0.1  # seconds of a stretch at least: longer than a round trip and the hiccups of a busy loop
_ENOUGH: Final = 20  # requests of a stretch at least: one refusal is then within what may be refused
_BACK: Final = 0.95  # of what was admitted: below the limit, whatever the clock and the timers do
_DEEP: Final = 0.75  # of the pace that was refused: far enough that a limit would show
_GROWTH: Final = 1.5  # the pace grows by so many times its root each second: 15 a second at 100 a second
_CLOSED: Final = 8  # refusals in a row: by chance that is one in 10 000 000 where a tenth is refused
_RARER: Final = 0.3  # of the share of refusals: fewer than that, and slowing down helped
_MOST_NOISE: Final = 0.2  # a greater share of refusals is never called noise
_LATE: Final = 0.005  # seconds that a timer may be late and be made up for
_LONGEST_PAUSE: Final = 300.0
_UNTOLD_PAUSE: Final = 5.0  # seconds of all requests at most, where refusals do not say when to come back


class Phase(Enum):
    """What the pace does: rise, or stay low to see whether refusals get rarer."""

    RISING = "rising"
    LOW = "low"
    DEEP = "deep"


@attrs.define
class _Counts:
    """Requests of a stretch of time."""

    since: float
    admitted: int = 0
    refused: int = 0

    @property
    def requests(self) -> int:
        return self.admitted + self.refused

    @property
    def share(self) -> float:
        """The share of refusals."""
        return self.refused / self.requests if self.requests else 0.0

    def add(self, other: _Counts) -> None:
        self.admitted += other.admitted
        self.refused += other.refused


@attrs.define
class AdaptiveRate:
    """The rate of requests that the API admits, as far as it is known.

    Attributes:
        rate: Requests per second; ``None`` while nothing but the window holds requests back.
        noise: Share of requests that is refused at any rate.
        resumes: No request is made before this moment.
        refusals: Requests refused.
        random: Gives numbers in ``[0, 1)``.
    """

    now: float = 0.0
    random: Callable[[], float] = lambda: 0.5
    rate: float | None = None
    floor: float = 0.5
    noise: float = 0.0
    resumes: float = -math.inf
    refusals: int = 0
    _next: float = -math.inf
    _phase: Phase = Phase.RISING
    _stretch: _Counts = attrs.field(init=False)
    _low: _Counts = attrs.field(init=False)  # since the pace went down
    _cycle: _Counts = attrs.field(init=False)  # since the last refused stretch: the bucket was empty at both ends
    _top: float = 0.0  # the pace at which refusals began,
    _top_share: float = 0.0  # their share there,
    _was_open: bool = False  # and whether anything held requests back
    _best: float = 0.0  # the greatest rate that was admitted lately
    _speed: float = 1.0  # doubles while stretches go well
    _in_a_row: int = 0
    _closings: int = 0
    _under_way: int = 0
    _last: float = math.inf  # when the last answer came
    _old: int = 0  # answers still to come of requests that were made at another pace
    _old_until: float = -math.inf
    _heard: list[float] = attrs.Factory(list)  # what the refusals of the stretch asked for
    _noise_seen: tuple[float, float] = (0.0, 200.0)  # refusals and requests that the noise is taken from

    def __attrs_post_init__(self) -> None:
        self._stretch = _Counts(self.now)
        self._low = _Counts(self.now)
        self._cycle = _Counts(self.now)

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; not positive when it may be made now."""
        return (self.resumes if self.rate is None else max(self._next, self.resumes)) - now

    def took(self, now: float) -> None:
        """A request is made now."""
        if not self._under_way and (idle := now - self._last) > _STRETCH:
            self._stretch.since += idle  # all that could be sent waited for itself: that says nothing of the rate
            self._cycle.since += idle
        self._under_way += 1
        if self.rate is None:
            self.resumes = -math.inf
        else:
            self._next = max(self._next, now - _LATE) + 1.0 / self.rate

    def answered(self, now: float) -> None:
        """A request was admitted."""
        self._in_a_row = self._closings = 0
        if self._is_old(now):
            return
        self._stretch.admitted += 1
        if self._stretch.requests >= 3:
            self._look(now)

    def refused(self, now: float, retry_after: float | None) -> None:
        """A request was refused for its rate.

        Args:
            now: The time of the answer.
            retry_after: Seconds that it asked to wait, if it said so.
        """
        self.refusals += 1
        self._in_a_row += 1
        if not self._is_old(now):
            self._stretch.refused += 1
            self._heard.append(retry_after or 0.0)
            self._look(now)
        if self._in_a_row >= _CLOSED and now >= self.resumes:
            self._close(now, retry_after)

    def lost(self) -> None:
        """A request got no answer."""
        self._under_way = max(self._under_way - 1, 0)

    def _is_old(self, now: float) -> bool:
        """Whether an answer belongs to a request from before the pace changed."""
        self._last = now
        self._under_way = max(self._under_way - 1, 0)
        if self._old and now < self._old_until:
            self._old -= 1
            return True
        return False

    def _close(self, now: float, retry_after: float | None) -> None:
        """Let nothing pass for as long as the refusals prove."""
        asked = min(retry_after or _UNTOLD_PAUSE, _LONGEST_PAUSE)
        proven = 0.0
        if retry_after:
            proven = asked - 1.0 if asked == int(asked) else asked
        self._closings += 1
        doubled = 2.0**self._closings * max(0.02, 0.5 / (self.rate or math.inf))
        self.resumes = now + min(max(proven, doubled), asked) * (1.0 + 0.1 * self.random())
        self._in_a_row = 0

    # --- what a stretch says ---------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        stretch = self._stretch
        seconds, requests = now - stretch.since, stretch.requests
        flooded = requests >= _ENOUGH and stretch.refused > requests / 2
        searching = self._speed >= 64
        enough = 5 if searching else 3 if seconds >= 1.0 else _ENOUGH
        if not flooded and (seconds < (_STRETCH / 2 if searching else _STRETCH) or requests < enough):
            return
        seconds = max(seconds, 0.001)
        if seconds >= _STRETCH / 2:
            self._best = max(self._best * 0.8**seconds, stretch.admitted / seconds)
        self._cycle.add(stretch)
        if self._phase is Phase.RISING:
            self._judge_rise(now, stretch, seconds)
        else:
            self._judge_low(now, stretch, seconds)
        self._stretch = _Counts(max(now, self.resumes))
        self._heard.clear()

    def _too_many(self, counts: _Counts) -> bool:
        """Whether there are more refusals than the noise explains."""
        expected = self.noise * counts.requests
        return counts.refused > expected + 2.5 * math.sqrt(expected) + 0.5

    def _judge_rise(self, now: float, stretch: _Counts, seconds: float) -> None:
        if self._too_many(stretch):
            self._was_open = self.rate is None
            self._top, self._top_share = stretch.requests / seconds, stretch.share
            self._go_down(now, stretch, seconds)
        elif self.rate is None:
            self._learn_noise(stretch)
        else:
            self._rise(self.rate, stretch, seconds)

    def _go_down(self, now: float, stretch: _Counts, seconds: float) -> None:
        """Slow down to what was admitted, or to less where that is not known."""
        admitted = stretch.admitted / seconds
        if stretch.share > 0.3:
            self._speed = 64.0 if self.rate is None else 4.0  # look for the rate in great steps, but once only
            if self.rate is not None:
                admitted = min(admitted, self.rate / 2)
            elif stretch.admitted < 5 or seconds < _STRETCH:  # it was a burst, and tells nothing of the rate
                admitted = self._guess(stretch.requests / seconds)
        else:
            self._speed = 1.0
            since = now - self._cycle.since
            if self._cycle.admitted >= _ENOUGH and since > seconds:
                admitted = max(admitted, self._cycle.admitted / since)
        least = self._best * (0.25 if stretch.share > 0.12 else 0.9)
        self.rate = max(_BACK * admitted / (1.0 - self.noise), least, self.floor)
        self._phase = Phase.LOW
        self._low = _Counts(now)
        self._cycle = _Counts(now)
        self._old, self._old_until = self._under_way, now + 1.0

    def _guess(self, pace: float) -> float:
        """What a bucket may admit that a burst has just emptied."""
        asked = sorted(self._heard)[len(self._heard) // 2]  # in the middle: a few may be noise
        if asked != int(asked):
            return 1.0 / asked  # when the next token comes
        return math.sqrt(max(1.0 / asked if asked else 1.0, 1.0) * pace / 8)

    def _judge_low(self, now: float, stretch: _Counts, seconds: float) -> None:
        """Did refusals get rarer?"""
        low, rate = self._low, self.rate or self._top
        low.add(stretch)
        if stretch.share > 0.3 and self._too_many(stretch):
            self._go_down(now, stretch, seconds)
            return
        if low.refused >= 3 and low.share > _RARER * self._top_share:
            if self._phase is Phase.DEEP and max(low.share, self._top_share) <= _MOST_NOISE:
                self._call_it_noise(low)
            elif self._phase is Phase.DEEP:
                self._go_down(now, low, now - low.since)
            else:
                self._phase = Phase.DEEP
                self.rate = max(_DEEP * rate, self.floor)
                self._low = _Counts(now)
        elif low.requests * self._top_share >= 3 or now - low.since > 2.0:
            self._learn_noise(low)
            if self._phase is Phase.DEEP:
                self.rate = rate / _DEEP * _BACK
            self._phase = Phase.RISING

    def _call_it_noise(self, low: _Counts) -> None:
        """Slowing down does not help: go on as before."""
        self._noise_seen = (float(low.refused), float(low.requests))
        self.noise = low.share
        self.rate = None if self._was_open else max(self._top, self._best)
        self._phase = Phase.RISING
        self._speed = 64.0

    def _learn_noise(self, counts: _Counts) -> None:
        refused, requests = self._noise_seen
        kept = min(1.0, 2000.0 / (requests + 1.0))
        refused, requests = refused * kept + counts.refused, requests * kept + counts.requests
        self._noise_seen = refused, requests
        self.noise = min(refused / requests, _MOST_NOISE) if requests else 0.0

    def _rise(self, rate: float, stretch: _Counts, seconds: float) -> None:
        if stretch.requests / seconds < rate / 2:
            self.rate = None  # something else holds requests back
            self._speed = 1.0
            return
        growth = min(_GROWTH / math.sqrt(rate) * seconds, max(0.04, min(rate / 150, 0.4))) * max(
            1.0, self._speed / 4
        )
        self.rate = rate * (1.0 + min(growth, 1.0))
        self._speed = min((2.0 if self._speed >= 64 else 1.6) * self._speed, 256.0)
