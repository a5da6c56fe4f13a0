"""The share of requests that is refused at any rate, and tests that show when more are refused, or no fewer.

The test is CUSUM: each answer adds the logarithm of how much likelier it is if the share is clearly higher than
the noise. Enough of that evidence is an alarm. Without noise one refusal is enough.
"""

from __future__ import annotations

import math
from typing import Final

import attrs

__all__ = ["MOST_NOISE", "NoiseAtALimit", "NoiseTest"]

MOST_NOISE: Final = 0.3  # a greater share of refusals is a limit, until slowing down has changed nothing
_MARGIN: Final = 0.03  # "clearly higher" is half as much again and 3 % more: what may be refused beyond the noise
_ALARM: Final = 3.0  # evidence, e^3 to one: one refusal where there is no noise. More where requests are many,
_SECONDS: Final = 20.0  # so that chance alone raises an alarm once in so many seconds
_LITTLE: Final = 0.01  # noise that is believed at a limit: refusals that others cause look like it
# Of the requests below a limit, more than so many refused is noise, and more than so many a limit that fell;
_LEAST_PROOF, _MOST_PROOF = 0.035, 0.6
_ENOUGH: Final = 12  # if that is so of so many refusals,
_LONG_ENOUGH: Final = 1.0  # and for so many seconds, twice: once is a limit that fell, or others who begin


@attrs.define
class NoiseTest:
    """What is known of the noise, and the evidence against it.

    Attributes:
        at_most: A greater share is not believed.
        requests: Requests that were not learned from yet.
        refused: How many of them were refused.
    """

    at_most: float = MOST_NOISE
    requests: int = 0
    refused: int = 0
    _seen: tuple[float, float] = (
        0.3,
        150.0,
    )  # refusals and requests that the share is taken from; at first a guess
    _evidence: float = 0.0
    _enough: float = _ALARM
    _of_refusal: float = 0.0
    _of_answer: float = 0.0

    @property
    def share(self) -> float:
        """Share of requests that is refused at any rate."""
        refused, requests = self._seen
        return min(refused / requests, self.at_most)

    @property
    def alarm(self) -> bool:
        """Whether more is refused than the noise explains."""
        return self._evidence >= self._enough

    @property
    def is_no_noise(self) -> bool:
        """Whether so much is refused that the noise is no explanation."""
        refused, requests = self.refused, self.requests
        most = max(MOST_NOISE, min(1.5 * self.share, 0.9))
        return refused > most * requests and (requests >= 20 or (refused >= 8 and refused > 2.0 * most * requests))

    def on_admitted(self, count: int = 1) -> None:
        """Requests were admitted, one after the other."""
        self.requests += count
        self._evidence = max(self._evidence + count * self._of_answer, 0.0)

    def on_refused(self) -> None:
        """A request was refused."""
        self.requests += 1
        self.refused += 1
        self._evidence = min(self._evidence + self._of_refusal, self._enough + self._of_refusal + 1.0)

    def weigh(self, rate: float, *, paced: bool) -> None:
        """Say what an answer proves, and how much is enough.

        Args:
            rate: Requests a second.
            paced: Whether the rate is held; if not, an alarm is a great step, and must be more certain.
        """
        noise = self.share
        more = 1.5 * noise + _MARGIN
        self._of_refusal = math.log(more / noise)
        self._of_answer = math.log((1.0 - more) / (1.0 - noise))
        by_chance = _SECONDS * max(rate, 1.0) * noise
        self._enough = max(_ALARM, 1.0 + math.log(by_chance)) + (0.0 if paced else 2.0)

    def learn(self, memory: float) -> None:
        """Take what was seen for noise.

        Args:
            memory: Requests that are remembered from before.
        """
        refused, requests = self._seen
        kept = min(1.0, memory / (requests + 1.0))
        self._seen = max(refused * kept + self.refused, 0.3), requests * kept + self.requests
        self.requests = self.refused = 0

    def believe(self) -> None:
        """Take what was seen for noise, and forget what was seen before."""
        self._seen = float(self.refused), float(self.requests)

    def begin(self) -> None:
        """Begin anew to gather evidence."""
        self._evidence = 0.0
        self.requests = self.refused = 0


@attrs.define
class NoiseAtALimit:
    """Whether refusals go on below what seems to be a limit, where a limit alone refuses nothing.

    Attributes:
        since: When it began to look.
        most: The greatest share of noise that is believed at a limit.
        peak: The greatest rate that was admitted since it seems to be noise.
    """

    since: float = 0.0
    most: float = _LITTLE
    peak: float = 0.0
    _requests: int = 0
    _refused: int = 0
    _seems: bool = False

    @property
    def is_known(self) -> bool:
        """Whether there is noise at the limit."""
        return self.most > _LITTLE

    def on_limit(self, rate: float) -> None:
        """A limit was found at a rate."""
        self.peak = max(self.peak, rate)

    def on_below(self, test: NoiseTest) -> None:
        """Count what a test has seen below the limit."""
        self._requests += test.requests
        self._refused += test.refused

    def proves(self, now: float, test: NoiseTest) -> bool:
        """Whether it is noise; then the test believes it."""
        enough = self._refused >= _ENOUGH or self._requests >= _ENOUGH / _LEAST_PROOF
        if not enough or now - self.since < _LONG_ENOUGH:
            return False
        seems = _LEAST_PROOF < self._refused / self._requests < _MOST_PROOF
        proven = seems and self._seems
        if proven:
            test.requests, test.refused = self._requests, self._refused
            test.believe()
            self.most = _MOST_PROOF
        elif not seems:
            self.peak = 0.0
        self._seems = seems
        self._requests, self._refused, self.since = 0, 0, now
        return proven

    def forget(self) -> None:
        """Forget what was seen."""
        self._requests, self._refused, self.peak = 0, 0, 0.0

    def learn(self, share: float) -> None:
        """Learn the share of noise: when it is gone, believe in little again."""
        if share < _LEAST_PROOF:
            self.most = _LITTLE
