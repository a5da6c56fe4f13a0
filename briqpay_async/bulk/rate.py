"""How fast requests may be made, learned from those that an API refuses for their rate.

The model: refusals have two causes, and slowing down distinguishes them.

* A **limit** refuses what comes faster than it admits. Slightly below its rate nothing is refused.
* **Noise** (a busy gateway, say) refuses the same share at any rate. To slow down would only lose throughput.

Each answer moves one number, the evidence that more is refused than the known noise explains (a CUSUM test: the
logarithm of how much likelier the answer is if the share is clearly higher). What happens when it is enough:

1. The pace goes **down**: below what was admitted since the last time, which is the limit's rate, for its bucket
   was empty then and is empty now. Where that is not known, by a seventh.
2. The same test, begun anew, shows what that did. **Rarer**: there is a limit. The pace rises again along a cubic
   curve: soon near the old pace, long about there, and then ever faster, so that a quota that rose is found within
   seconds. **Not rarer**: the pace goes down once more, to a place where a limit would refuse nothing. If refusals
   still come there, they are noise; their share is remembered, and the pace goes back to where it was.
3. More than three in ten refused is never noise: the pace is **halved** until it is less, or goes at once to the
   rate that the refusals show (one divided by the seconds until the next token), but never far below the greatest
   rate that was admitted a moment ago: others that begin to share the quota refuse much, and not for long.

Once a limit is known, only little noise is believed in: refusals that other users of a quota cause look like it,
and a client that believed so would take their share.

A refused request waits by itself for the time that its answer names. All requests wait only when one refusal
follows the other and nothing is admitted, and no longer than that proves: a whole number of seconds has been
rounded up, so it proves one second less.

Processes that share a quota without knowing of each other use it up, and their shares differ, by a factor of two
to five as a rule. To have them equal, set the rate and share it (``RateLimit``, ``RedisState``).

Pure arithmetic. Times are monotonic seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Final

import attrs

__all__ = ["AdaptiveRate"]

_DOWN: Final = 0.85  # of the pace that was refused, where it is not known what was admitted
_BELOW: Final = 0.9  # of what was admitted: what is saved fills a bucket of ten tokens again at 300 a second
_DEEPER: Final = 0.7  # of a pace at which at most 0.3 was refused: a limit would refuse nothing there
_MOST_NOISE: Final = 0.3  # a greater share of refusals is never called noise
_NOISE_AT_A_LIMIT: Final = 0.01  # what is believed of it once a limit is known
_PLATEAU: Final = (0.36, 50.0)  # seconds, and requests, to the middle of the curve: one in a hundred is refused
_MARGIN: Final = 0.03  # "clearly higher" is half as much again and 3 % more: what may be refused beyond the noise
_ALARM: Final = 3.0  # evidence, e^3 to one: one refusal where there is no noise. More where requests are many,
_EVERY: Final = 20.0  # so that chance alone raises an alarm once in so many seconds
_RARER: Final = 2.0  # evidence of the opposite: some sixty requests without a refusal
_EXPECTED: Final = 12.0  # refusals at a lower pace, if it did not help: of so many, chance hides few
_AS_BEFORE, _GONE = 0.6, 0.2  # of them: from the one on, it did not help; up to the other, it did
_KEPT: Final = 0.4  # of the greatest rate that was admitted in about the last half second
_WARM: Final = 0.6  # seconds until connections are made, and the speed is what it will be
_MANY: Final = 100  # requests: enough to learn a share of a few per cent from
_CLOSED: Final = 8  # refusals in a row: by chance that is one in 10 000 000 where a tenth is refused
_LATE: Final = 0.005  # seconds that a timer may be late and be made up for
_LONGEST_PAUSE: Final = 300.0


class Phase(Enum):
    """What the pace does: rise, or stay low to see whether refusals get rarer."""

    RISING = "rising"
    DOWN = "down"
    HALVED = "halved"
    DEEPER = "deeper"


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
    _phase: Phase = Phase.RISING
    _since: float = 0.0  # when the phase began
    _limited: bool = False  # a limit is known
    _share: float = 0.0  # of requests that were refused when the pace went down
    # Evidence, and what each answer adds to it.
    _evidence: float = 0.0
    _enough: float = _ALARM
    _of_refusal: float = 0.0
    _of_answer: float = 0.0
    _requests: int = 0  # of the phase, or of what was not learned from yet
    _refused: int = 0
    _asked: list[float] = attrs.Factory(list)  # what the refusals of the phase asked for
    _noise: tuple[float, float] = (0.3, 150.0)  # refusals and requests that the noise is taken from; a guess
    # The curve.
    _top: float = 0.0
    _low: float = 0.0
    _middle: float = _PLATEAU[0]
    _used: float = 0.0  # seconds of the curve that were used: time in which nothing was to be sent does not count
    _shown_rate: float = 0.0  # the limit's rate, where its refusals showed it
    _before: float | None = None  # the pace to go back to
    # What was admitted.
    _admitted: int = 0  # since ``_alarmed``
    _alarmed: float = 0.0
    _lately: int = 0  # since ``_counted``
    _counted: float = math.nan
    _best: float = 0.0
    # Requests under way.
    _under_way: int = 0
    _old: int = 0  # answers still to come of requests that were made at another pace
    _old_until: float = -math.inf
    _in_a_row: int = 0
    _before_row: float | None = None

    def __attrs_post_init__(self) -> None:
        self._since = self._alarmed = self.now
        self._weigh()

    @property
    def noise(self) -> float:
        """Share of requests that is refused at any rate."""
        refused, requests = self._noise
        return min(refused / requests, _NOISE_AT_A_LIMIT if self._limited else _MOST_NOISE)

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; not positive when it may be made now."""
        return (self.resumes if self.rate is None else max(self._next, self.resumes)) - now

    def on_sent(self, now: float) -> None:
        """A request is made now."""
        self._under_way += 1
        rate = self.rate
        if rate is None:
            self.resumes = -math.inf
            return
        self._next = max(self._next, now - _LATE) + 1.0 / rate
        if self._phase is Phase.RISING:
            self._rise(now, rate)

    def answered(self, now: float) -> None:
        """A request was admitted."""
        self._in_a_row = 0
        self._admitted += 1
        self._lately += 1
        if not now - self._counted < 0.2:
            self._count(now)
        if self._under_way:
            self._under_way -= 1
        if self._old and self._is_old(now):
            return
        self._requests += 1
        evidence = self._evidence + self._of_answer
        if self._phase is not Phase.RISING:
            self._evidence = evidence
            if self._limited:
                self._look_whether_rarer(now)
            else:
                self._compare(now)
            return
        self._evidence = max(evidence, 0.0)
        if self._requests >= _MANY:
            if self.rate is not None or evidence < self._enough:
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
        if not self._in_a_row:
            self._before_row = self.rate
        self._in_a_row += 1
        self._under_way = max(self._under_way - 1, 0)
        if not (self._old and self._is_old(now)):
            self._requests += 1
            self._refused += 1
            if len(self._asked) < 64:
                self._asked.append(retry_after or 0.0)
            most = self._enough + self._of_refusal
            self._evidence = min(self._evidence + self._of_refusal, most + 1.0)
            least = self._enough if self._phase is Phase.RISING else most
            if not self._limited and self._phase is not Phase.RISING:
                self._compare(now)
            elif self._evidence >= least and not self._can_wait(now):
                self._alarm(now)
        if self._in_a_row >= _CLOSED and now >= self.resumes:
            self._close(now, retry_after)

    def _can_wait(self, now: float) -> bool:
        """Whether nothing is lost by looking longer: little is refused, and the speed is not known yet."""
        if self.rate is not None or (self._refused >= _CLOSED and self._refused > self._requests / 2):
            return False
        return self._requests < _MANY or not self._best or now - self.now < _WARM

    def lost(self) -> None:
        """A request got no answer."""
        self._under_way = max(self._under_way - 1, 0)

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

    # --- evidence ------------------------------------------------------------------------------------------

    def _weigh(self) -> None:
        """Say what an answer proves, given the noise."""
        noise = self.noise
        more = 1.5 * noise + _MARGIN
        self._of_refusal = math.log(more / noise)
        self._of_answer = math.log((1.0 - more) / (1.0 - noise))
        by_chance = _EVERY * max(self.rate or self._best, 1.0) * noise
        self._enough = max(_ALARM, 1.0 + math.log(by_chance)) + (2.0 if self.rate is None else 0.0)

    def _learn(self) -> None:
        """Take what was just seen for noise. At a limit, only what is seen below it is."""
        if self._phase is not Phase.RISING or not self._limited:
            refused, requests = self._noise
            most = 200.0 if self._limited else max(500.0, self.rate or self._best)
            kept = min(1.0, most / (requests + 1.0))
            self._noise = max(refused * kept + self._refused, 0.3), requests * kept + self._requests
        self._weigh()
        self._requests = self._refused = 0
        self._asked.clear()

    def _count(self, now: float) -> None:
        """See how much was admitted lately."""
        if math.isnan(self._counted):
            self._counted = now
            return
        seconds = now - self._counted
        self._best = max(self._best * 0.25**seconds, self._lately / seconds)
        self._counted, self._lately = now, 0

    # --- down ------------------------------------------------------------------------------------------------

    def _alarm(self, now: float) -> None:
        """More is refused than the noise explains."""
        share = self._refused / self._requests
        if self._phase is Phase.RISING:
            self._share = share
            self._go_below(now)
        elif self._requests < 20 and not (self._refused >= 4 and share > 0.6):
            return
        elif share > _MOST_NOISE:
            self._halve(now)
        elif self._phase is Phase.HALVED:
            self._top = self.rate or self.floor
            self._slow_down(now, _DOWN * self._top, Phase.DOWN)
        elif self._phase is Phase.DOWN:
            self._top = self.rate or self.floor
            self._slow_down(now, _DEEPER * self._top, Phase.DEEPER)
        else:
            self._learn()
            self._evidence = 0.0

    def _compare(self, now: float) -> None:
        """Where no limit is known: whether the share of refusals at the lower pace is what it was before."""
        share = self._refused / self._requests
        if share > _MOST_NOISE and (self._requests >= 20 or (self._refused >= 4 and share > 0.6)):
            self._halve(now)
            return
        before = self._share * self._requests
        if before < _EXPECTED or now - self._since < 0.05:
            return
        left = self._refused / before
        if left >= (_AS_BEFORE if self._phase is Phase.DOWN else _AS_BEFORE / 1.5):
            self._call_it_noise(now)
        elif left > _GONE and self._phase is Phase.DOWN:  # a limit that is lower still, or chance
            self._top = self.rate or self.floor
            self._slow_down(now, _DEEPER * self._top, Phase.DEEPER)
        else:
            self._limited = True
            self._rise_again(now)

    def _go_below(self, now: float) -> None:
        rate = self._before = self.rate
        if rate is None:
            seconds = now - self._counted  # not a number before the first answer
            rate = self._best
            if not rate or seconds > 0.02:
                rate = max(rate, self._lately / max(seconds, 0.002) if seconds >= 0.0 else 500.0, 10.0)
        self._top, low = rate, _DOWN * rate
        if self._admitted >= 20 and self.rate is not None and self._used < 2.5 * self._middle:
            # The bucket was empty at the last alarm and is empty now, so this is what the limit admits.
            admitted = self._admitted / (now - self._alarmed) / (1.0 - self.noise)
            if admitted > 0.7 * rate:
                self._top = min(rate, admitted)
                low = _BELOW * self._top
        self._alarmed, self._admitted = now, 0
        self._slow_down(now, low, Phase.DOWN)

    def _halve(self, now: float) -> None:
        """Far too much is refused: there is a limit, far below."""
        self._top = self.rate or self.floor
        low = 0.5 * self._top
        asked = sorted(self._asked)[len(self._asked) // 2]  # in the middle: a few may be noise
        if asked != int(asked):
            self._shown_rate = 1.0 / asked
            if _BELOW * self._shown_rate < low:
                self._top, low = self._shown_rate, _BELOW * self._shown_rate
        self._limited = True
        self._before = None
        self._slow_down(now, low, Phase.HALVED)

    def _slow_down(self, now: float, rate: float, phase: Phase) -> None:
        if not self._limited:
            self._learn()
        kept = _KEPT * self._best * 0.25 ** max(now - self._counted, 0.0) if self._best else 0.0
        self.rate = max(rate, kept, self.floor)
        self._begin(now, phase)
        self._old, self._old_until = self._under_way, now + 1.0

    def _begin(self, now: float, phase: Phase) -> None:
        self._phase, self._since = phase, now
        self._evidence = 0.0
        self._requests = self._refused = 0
        self._asked.clear()

    def _call_it_noise(self, now: float) -> None:
        """Slowing down does not help: go on as before."""
        self._noise = float(self._refused), float(self._requests)
        self.rate = self._before
        if self.rate is not None:
            self._top, self._low = self.rate, _DOWN * self.rate
            self._used = self._set_middle(self.rate)
        self._begin(now, Phase.RISING)
        self._weigh()

    # --- up --------------------------------------------------------------------------------------------------

    def _look_whether_rarer(self, now: float) -> None:
        seconds = now - self._since
        few = self._requests >= 20 and not self._refused and seconds >= 2.0  # enough where they are so slow
        if few or self._requests >= 2 * _MANY or (self._evidence <= -_RARER and seconds >= 0.05):
            self._rise_again(now)

    def _rise_again(self, now: float) -> None:
        self._learn()
        self._low = self.rate or self.floor
        self._used = 0.0
        self._set_middle(self._low)
        self._begin(now, Phase.RISING)

    def _set_middle(self, rate: float) -> float:
        seconds, requests = _PLATEAU
        round_trip = self._under_way / rate
        self._middle = max(seconds, requests / max(self._shown_rate, self._top), 4.0 * round_trip)
        return self._middle

    def _rise(self, now: float, rate: float) -> None:
        self._used += 1.0 / rate
        if self._used > self._middle and now - self._since > 2.0 * self._used + 0.1:
            self.rate = None  # something else holds requests back
            self._limited = False
            self._begin(now, Phase.RISING)
            self._weigh()
        elif self._top > self._low:
            place = (self._used - self._middle) / self._middle
            self.rate = self._top + (self._top - self._low) * place**3
