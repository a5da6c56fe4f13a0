"""How fast requests may be made, learned from those that an API refuses for their rate.

The model: refusals have two causes, and slowing down distinguishes them.

* A **limit** is a bucket of tokens. It refuses what comes faster than it admits, and nothing below its rate.
* **Noise** (a busy gateway, say) refuses the same share at any rate. To slow down would only lose throughput.

When more is refused than the known noise explains (``noise.py``):

* More than three in ten are taken for a limit. With less, and no limit known, the pace goes down a
  little to compare the shares of refusals. Not rarer: noise, whose share is remembered, and the pace goes back.
  Rarer: a limit.
* At a limit the bucket was empty at the last alarm and is empty now, so **what was admitted between the two is the
  limit's rate**. The pace goes to nine tenths of it, and comes back along a curve (``curve.py``).
* What is refused below a limit again and again, although the pace went down, is noise: its share is remembered,
  and the pace goes back to where it was.

Time in which nothing was to be sent is forgotten.

**Other processes on the quota** show in the time until the next token, which refusals name where the API says it
exactly: a token takes ``1 / quota`` seconds. A process that gets clearly less than the quota shares it, and then
rises in steps of the quota and not of its own pace. All rise alike and each falls by a share of what it has, so
that their paces become equal, as TCP's do. Where refusals name no such time, this takes longer and is less exact:
``RateLimit`` and ``RedisState`` share a quota that is known.

A refused request waits by itself for the time that its answer names. All requests wait only when one refusal
follows the other and nothing is admitted, and no longer than that proves: a whole number of seconds has been
rounded up, so it proves one second less.

Pure arithmetic. Times are monotonic seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import attrs

from briqpay_async.bulk.curve import BELOW, Curve
from briqpay_async.bulk.noise import MOST_NOISE, NoiseAtALimit, NoiseTest

__all__ = ["AdaptiveRate"]

# The model.
_SHARED: Final = 0.8  # of a quota: who gets less shares it
_LOWER: Final = (0.85, 0.7)  # of the pace that was refused: where the shares of refusals are compared
_EXPECTED: Final = 12.0  # refusals there, if it did not help: of so many, chance hides few
_AS_BEFORE, _GONE = 0.6, 0.2  # of them: from the one on, it did not help; up to the other, it did
# How long to look, and what to take into account.
_WARM: Final = 0.6  # seconds until connections are made, and the speed is what it will be
_MANY: Final = 100  # requests: enough to learn a share of a few per cent from
_FEW: Final = 20  # requests: too few to say that a quota is shared
_OVERDUE: Final = 1.6  # of the curve: the bucket is empty again, unless the limit is far above what was thought;
_OVERSHOT: Final = 0.7  # of the pace, which is at most so far beyond the limit then
_KEPT: Final = 0.4  # of the greatest rate that was admitted in about the last half second: others may come and go
_CLOSED: Final = 8  # refusals in a row: by chance that is one in 10 000 000 where a tenth is refused
_DENSE: Final = 0.05  # seconds: where nothing holds requests back, an empty bucket refuses one sooner
_LULL: Final = 1.0  # seconds without an answer: there was nothing to send
_PRECISE: Final = 0.001  # seconds: how exactly the time until the next token is named
_LATE: Final = 0.005  # seconds that a timer may be late and be made up for
_LONGEST_PAUSE: Final = 300.0


@attrs.define
class AdaptiveRate:
    """The rate of requests that the API admits, as estimated so far.

    Attributes:
        now: When it begins.
        random: Gives numbers in ``[0, 1)``.
        rate: Requests per second; ``None`` while nothing but the window holds requests back.
        floor: The least rate.
        resumes: No request is made before this moment.
        refusals: Requests refused.
    """

    now: float = 0.0
    random: Callable[[], float] = lambda: 0.5
    rate: float | None = None
    floor: float = 0.5
    resumes: float = -math.inf
    refusals: int = 0
    _next: float = -math.inf
    _test: NoiseTest = attrs.Factory(NoiseTest)
    _since: float = 0.0  # when the pace was changed last, or left alone on purpose
    # Comparing.
    _trials: int = 0  # of ``_LOWER``; 0 while the pace rises
    _share: float = 0.0  # of requests that were refused before
    _before: float | None = None  # the pace to go back to
    _refused_rate: float = 0.0
    # The limit.
    _limited: bool = False
    _shared: bool = False
    _empty: float = math.nan  # when its bucket was empty
    _admitted: int = 0  # since then
    _last: float = -math.inf  # when a request was refused
    _heard: float = 0.0  # or answered
    _soonest: float = math.inf  # the shortest time until the next token that was named since then
    _token: float = 0.0  # the longest one ever, which fades
    _noise: NoiseAtALimit = attrs.Factory(lambda self: NoiseAtALimit(self.now), takes_self=True)
    _curve: Curve = attrs.Factory(Curve)
    _learned: bool = False  # from what was refused below the limit
    # The speed.
    _lately: int = 0  # admitted since ``_counted``
    _undisturbed: bool = False  # nothing holds requests back, and nothing was refused lately
    _counted: float = math.nan
    _best: float = 0.0
    # Requests under way.
    _under_way: int = 0
    _in_flight: int = 0  # more than a near server has, when the bucket was empty
    _old: int = 0  # answers still to come of requests that were made at another pace
    _old_until: float = -math.inf
    _in_a_row: int = 0
    _before_row: float | None = None

    def __attrs_post_init__(self) -> None:
        self._since = self._heard = self.now
        self._weigh()

    @property
    def noise(self) -> float:
        """Share of requests that is refused at any rate."""
        return self._test.share

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; not positive when it may be made now."""
        return (self.resumes if self.rate is None else max(self._next, self.resumes)) - now

    def on_sent(self, now: float) -> None:
        """A request is made now."""
        rate = self.rate
        if not self._under_way and rate is not None:
            self._forget(now - max(self._next, self.resumes, self._heard))
        self._under_way += 1
        if rate is None:
            self.resumes = -math.inf
            return
        self._next = max(self._next, now - _LATE) + 1.0 / rate
        if not self._trials:
            self._rise(now, rate)

    def _forget(self, seconds: float) -> None:
        """Forget time in which nothing was to be sent, or under way: it says nothing about the limit."""
        if seconds > _LATE:
            self._since += seconds
            self._empty += seconds
            self._counted += seconds

    def on_sent_freely(self) -> None:
        """A request is made, and nothing holds requests back."""
        self._under_way += 1

    def answered(self, now: float) -> None:
        """A request was admitted."""
        self._lately += 1
        if self._under_way:
            self._under_way -= 1
        if not now - self._counted < 0.2:
            self._count(now)
        elif self._undisturbed:
            return  # the usual case: nothing was refused since ``_count``, which looks at all of these together
        self._in_a_row = 0
        self._heard = now
        self._admitted += 1
        if self._old and self._is_old(now):
            return
        test = self._test
        test.on_admitted()
        if self._trials:
            self._compare(now)
        elif test.requests >= _MANY and not self._limited:
            if self.rate is not None or not test.alarm:
                self._learn()
            elif self._best and now - self.now >= _WARM:
                self._alarm(now)

    def refused(self, now: float, retry_after: float | None) -> None:
        """A request was refused for its rate.

        Args:
            now: The time of the answer.
            retry_after: Seconds that it asked to wait, if it said so.
        """
        self.refusals += 1
        if self._undisturbed:
            self._undisturbed = False
            self._test.on_admitted(self._lately)
        if math.isnan(self._empty) or (self.rate is None and now - self._last > _DENSE):
            self._empty, self._admitted = now, 0
        self._last = self._heard = now
        if retry_after is not None and retry_after != int(retry_after):
            self._soonest = min(self._soonest, retry_after)
            self._token = max(retry_after, 0.999 * self._token)
        if not self._in_a_row:
            self._before_row = self.rate
        self._in_a_row += 1
        self._under_way = max(self._under_way - 1, 0)
        if not (self._old and self._is_old(now)):
            self._test.on_refused()
            if self._trials:
                self._compare(now)
            elif self._test.alarm and not self._can_wait(now):
                self._alarm(now)
        if self._in_a_row >= _CLOSED and now >= self.resumes:
            self._close(now, retry_after)

    def lost(self) -> None:
        """A request got no answer."""
        self._under_way = max(self._under_way - 1, 0)

    def _can_wait(self, now: float) -> bool:
        """Whether nothing is lost by looking longer: little is refused, and the speed is not known yet."""
        if self.rate is not None or self._test.is_no_noise:
            return False
        return self._test.requests < _MANY or not self._best or now - self.now < _WARM

    def _is_old(self, now: float) -> bool:
        """Whether an answer belongs to a request from before the pace changed."""
        self._old -= 1
        return now < self._old_until

    def _close(self, now: float, retry_after: float | None) -> None:
        """Let nothing pass for as long as the refusals prove."""
        asked = min(retry_after or 0.0, _LONGEST_PAUSE)
        proven = asked - 1.0 if asked == int(asked) else asked
        self._in_a_row = 0
        if proven > 0.0:
            self.resumes = now + proven * (1.0 + 0.1 * self.random())
        if proven >= 1.0:
            self.rate = self._before_row  # a door that is closed for so long says nothing about the pace

    def _weigh(self) -> None:
        self._test.at_most = self._noise.most if self._limited else max(self._noise.most, MOST_NOISE)
        self._test.weigh(self.rate or self._best, paced=self.rate is not None)

    def _learn(self) -> None:
        self._test.learn(200.0 if self._limited else max(500.0, self.rate or self._best))
        self._noise.learn(self._test.share)
        self._weigh()

    def _count(self, now: float) -> None:
        """See how much was admitted lately."""
        if math.isnan(self._counted):
            self._counted = now
            return
        seconds = now - self._counted
        if seconds > _LULL:  # there was nothing to send
            self._counted, self._lately = now, 0
            return
        self._best = max(self._best * 0.25**seconds, self._lately / seconds)
        if self._undisturbed:
            self._test.on_admitted(self._lately - 1)  # all but the one that is looked at now
        self._counted, self._lately = now, 0
        self._undisturbed = self.rate is None and not (self._trials or self._old) and now - self._last > _DENSE

    def _speed(self, now: float) -> float:
        """The rate that was admitted lately."""
        rate, seconds = self._best, now - self._counted  # not a number before the first answer
        if not rate or seconds > 0.02:
            rate = max(rate, self._lately / max(seconds, 0.002) if seconds >= 0.0 else 500.0, 10.0)
        return rate

    def _alarm(self, now: float) -> None:
        """More is refused than the noise explains."""
        if self._limited or self._test.is_no_noise:
            self._go_below(now)
        else:
            self._share = self._test.refused / self._test.requests
            self._before = self.rate
            self._refused_rate = self.rate or self._speed(now)
            self._try_lower(now)

    def _try_lower(self, now: float) -> None:
        """Slow down to see whether refusals get rarer."""
        self._learn()
        self._slow_down(now, _LOWER[self._trials] * self._refused_rate)
        self._trials += 1

    def _compare(self, now: float) -> None:
        """Whether the share of refusals at the lower pace is what it was before."""
        if self._test.is_no_noise:
            self._go_below(now)
            return
        expected = self._share * self._test.requests
        if expected < _EXPECTED or now - self._since < 0.05:
            return
        left, last = self._test.refused / expected, self._trials == len(_LOWER)
        if left >= (_AS_BEFORE / 1.5 if last else _AS_BEFORE):
            self._test.believe()
            self._empty = math.nan
            self.rate = self._before
            self._rise_again(now)
        elif left > _GONE and not last:  # a limit that is lower still, or chance
            self._try_lower(now)
        else:
            self._limited = True
            self._rise_again(now)

    def _go_below(self, now: float) -> None:
        """Go below the limit's rate: its bucket is empty now."""
        curve, rate = self._curve, self.rate or self._speed(now)
        if self._limited and curve.is_below:
            self._noise.on_below(self._test)
        if not self._noise.is_known and self._noise.proves(now, self._test):
            self.rate = max(self.rate or 0.0, BELOW * self._noise.peak)
            self._noise.forget()
            self._rise_again(now)
            return
        limit = min(rate, self._limit(now))
        if curve.used > _OVERDUE * curve.seconds:
            limit = max(limit, min(_OVERSHOT * rate, self._best if self._noise.is_known else math.inf))
        if curve.is_below and self._test.requests >= _FEW and not self._test.is_no_noise:
            self._learn()
        quota = self._quota(limit)
        self._noise.on_limit(min(limit, self._best))
        self._limited = True
        self._in_flight = max(self._under_way - 2, 0) if self._admitted >= 2 * _FEW else 0
        self._empty, self._admitted, self._soonest = now, 0, math.inf
        kept = _KEPT * self._best * 0.25 ** max(now - self._counted, 0.0) if self._best else 0.0
        self._slow_down(now, max(BELOW * limit, kept))
        self._rise_again(now, quota)

    def _quota(self, limit: float) -> float:
        """The quota of which the limit is a share, or all: see whether others use it too."""
        if self._admitted >= _FEW and self._token:
            self._token = min(self._token, 1.0 / limit)
            self._shared = limit < _SHARED / (self._token + _PRECISE)
        return 1.0 / (self._token + _PRECISE) if self._shared else limit

    def _limit(self, now: float) -> float:
        """The limit's rate, estimated from what was admitted since its bucket was empty."""
        seconds = max(now - self._empty, 0.001)
        admitted = self._admitted + 1
        if self.rate is None:
            admitted += self._under_way  # answers that are read together come in any order
        limit = admitted / seconds
        if not self._limited and self._soonest < math.inf:
            # A token takes at least this long, unless more was admitted than that allows: then it was noise.
            limit = min(limit, max(1.0 / self._soonest, self._admitted / seconds))
        return limit

    def _slow_down(self, now: float, rate: float) -> None:
        self.rate = max(rate, self.floor)
        self._since = now
        self._test.begin()
        self._old, self._old_until = self._under_way, now + 1.0

    def _rise_again(self, now: float, quota: float = 0.0) -> None:
        self._trials = 0
        self._curve.begin(self.rate or self.floor, quota, self._in_flight, shared=self._shared)
        self._learned = False
        self._since = now
        self._test.begin()
        self._weigh()

    def _rise(self, now: float, rate: float) -> None:
        curve = self._curve
        curve.used += 1.0 / rate
        if self._limited and not self._learned and not curve.is_below:
            self._learned = True
            self._noise.on_below(self._test)
            self._learn()
        if curve.used > curve.seconds and now - self._since > 2.0 * curve.used + 0.1 and rate > 2.0 * self._best:
            self._open(now)  # something else holds requests back
        else:
            self.rate = curve.pace()

    def _open(self, now: float) -> None:
        """Hold nothing back."""
        self.rate = None
        self._limited = self._shared = False
        self._noise.forget()
        self._empty = math.nan
        self._since = now
        self._test.begin()
        self._weigh()
