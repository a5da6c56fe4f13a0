"""How a pace comes back after a refusal: a curve like that of TCP CUBIC.

It is fast at first, flat at the limit, and beyond it ever steeper, so that a quota that rose is found within
seconds. What is saved below the limit fills the bucket and is spent before the next refusal, so that the quota is
used up.

It takes more requests the faster they are, but fewer seconds. Were it so many seconds for all, who is slow would
be refused a great share of its requests. Were it so many requests, paces of processes that share a quota would
stay as different as they are: each rises with its requests and falls with its refusals, both in proportion to its
pace. So who is slower comes back a little sooner, in requests, and the paces approach each other.
"""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["BELOW", "Curve"]

BELOW: Final = 0.9  # of the limit's rate: where it begins. What is saved then is what a bucket of ten holds
_REQUESTS: Final = 33.0  # until it is at the limit, times the fourth root of the rate: about 1 % are refused,
_LEAST_REQUESTS: Final = 100.0  # but not fewer,
_FOR_FLIGHT: Final = 10.0  # and more for each one under way: more are refused before an answer shows it
_LONGEST: Final = 20.0  # seconds until it is at the limit
_SLOWLY: Final = 8.0  # times that, where a quota is shared: each process causes refusals, and meets them
_FASTER: Final = 10.0  # times as fast as it came it goes beyond,
_AT_ONCE: Final = 2.0  # and as fast as if it had come in so many seconds, if it took longer


@attrs.define
class Curve:
    """The way back of one pace, again and again.

    Attributes:
        quota: Requests per second, of which it rises by a share: the limit, or the quota that is shared.
        seconds: Until it is at the limit.
        used: Seconds since it began in which requests were made.
    """

    quota: float = 0.0
    seconds: float = 0.0
    used: float = 0.0
    _low: float = 0.0

    @property
    def is_below(self) -> bool:
        """Whether the pace is clearly below the limit."""
        return self.used < 0.7 * self.seconds

    def begin(self, low: float, quota: float, in_flight: int, *, shared: bool) -> None:
        """Begin anew.

        Args:
            low: The pace.
            quota: Of which it rises by a share.
            in_flight: Requests under way, more than a near server has.
            shared: Whether others use the quota too.
        """
        self._low, self.quota = low, max(quota, low)
        requests = max(_REQUESTS * self.quota**0.25, _LEAST_REQUESTS) + _FOR_FLIGHT * in_flight
        self.seconds = min(requests / self.quota, _LONGEST) * (_SLOWLY if shared else 1.0)
        self.used = 0.0

    def pace(self) -> float:
        """The pace now."""
        beyond = self.used - self.seconds
        if beyond < 0.0:
            share = -((beyond / self.seconds) ** 2)
        else:
            share = _FASTER * (beyond / min(self.seconds, _AT_ONCE)) ** 3
        return self._low + (1.0 - BELOW) * self.quota * (1.0 + share)
