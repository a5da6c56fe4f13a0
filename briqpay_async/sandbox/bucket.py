"""A token bucket: so many requests a second, and a burst above that."""

from collections.abc import Callable


class TokenBucket:
    """Lets requests through while there are tokens, which come back at a steady rate.

    Args:
        per_second: How many tokens come back each second.
        burst: How many tokens there are at most, and at first.
        clock: The time in seconds.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock()

    def take(self) -> float | None:
        """Take a token, or return in how many seconds there will be one."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return (1 - self._tokens) / self._per_second
