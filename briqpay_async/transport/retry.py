"""Retry policy: which failures may be repeated, how long to wait, and a budget that outages cannot exhaust.

Everything here is arithmetic on values. tenacity drives the loop (``call.py``); this file tells it what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import attrs

from briqpay_async.config import RetryPolicy
from briqpay_async.errors import (
    APIError,
    BriqpayError,
    RateLimitedError,
    SessionInitializingError,
    TransportError,
)
from briqpay_async.transport.requests import Repeat

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Budget", "RetryDecisions", "Verdict", "back_off", "verdict"]

_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class Verdict(Enum):
    """What to do about a failure."""

    RAISE = "raise"
    TRANSIENT = "transient"
    THROTTLED = "throttled"


def verdict(error: BaseException, repeat: Repeat) -> Verdict:
    """Whether a failed request may be sent again, and which kind of failure it was.

    An allow-list: what is not named here, cancellation above all, is raised.
    """
    if isinstance(error, TransportError):
        may_repeat = error.sent is False or repeat is Repeat.SAFE
        return Verdict.TRANSIENT if may_repeat else Verdict.RAISE
    if not isinstance(error, APIError):
        return Verdict.RAISE
    throttled = isinstance(error, RateLimitedError) or (error.status == 503 and error.retry_after is not None)
    if throttled:
        return Verdict.THROTTLED
    transient = isinstance(error, SessionInitializingError) or error.status in _TRANSIENT_STATUSES
    return Verdict.TRANSIENT if transient and repeat is Repeat.SAFE else Verdict.RAISE


def back_off(policy: RetryPolicy, attempt: int, random: Callable[[], float]) -> float:
    """Seconds to wait after a failed attempt: exponential with full jitter.

    Args:
        policy: Base and cap.
        attempt: Number of the attempt that failed, from 1.
        random: Gives numbers in ``[0, 1)``.
    """
    # The exponent is bounded so that a policy of thousands of attempts cannot overflow.
    return random() * min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 64))


class Budget:
    """A bucket of tokens that retries draw from and successes refill.

    While most calls succeed it stays full. In an outage it empties, and from then on each call makes one attempt.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tokens = capacity

    @property
    def tokens(self) -> int:
        """Tokens left."""
        return self._tokens

    def take(self, cost: int) -> bool:
        """Pay for a retry; ``False`` when there is not enough left."""
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True

    def give(self, amount: int) -> None:
        """Put tokens back after a success."""
        if self._tokens < self._capacity:
            self._tokens = min(self._capacity, self._tokens + amount)


@attrs.define(eq=False, repr=False)
class RetryDecisions:
    """The answers tenacity asks for during one failing call.

    Attributes:
        policy: When and how often to repeat.
        repeat: Whether the request may be repeated blindly.
        deadline: When the call must be over, on the clock's scale.
        clock: Monotonic seconds.
        random: Gives numbers in ``[0, 1)``.
        budget: Shared by the whole client.
        spent: Tokens that this call took from the budget.
    """

    policy: RetryPolicy
    repeat: Repeat
    deadline: float
    clock: Callable[[], float]
    random: Callable[[], float]
    budget: Budget
    spent: int = 0

    def should_retry(self, state: RetryCallState) -> bool:
        """Tenacity's ``retry``: is this a failure that may be repeated?"""
        error = state.outcome.exception() if state.outcome else None
        return error is not None and verdict(error, self.repeat) is not Verdict.RAISE

    def wait(self, state: RetryCallState) -> float:
        """Tenacity's ``wait``: ``Retry-After`` where the server sent one, else back-off."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, BriqpayError) else None
        if asked is not None:
            return max(asked, 0.0)
        if isinstance(error, SessionInitializingError):
            # "Try again in a few seconds" (reference §E): no jitter shortens the wait.
            return min(self.policy.cap, 4 * self.policy.base * 2.0 ** (state.attempt_number - 1))
        return back_off(self.policy, state.attempt_number, self.random)

    def stop(self, state: RetryCallState) -> bool:
        """Tenacity's ``stop``: attempts used up, the wait does not fit the deadline, or the budget is empty."""
        if state.attempt_number >= self.policy.attempts:
            return True
        if self.clock() + state.upcoming_sleep >= self.deadline:
            return True
        error = state.outcome.exception() if state.outcome else None
        throttled = error is not None and verdict(error, self.repeat) is Verdict.THROTTLED
        cost = self.policy.throttled_cost if throttled else self.policy.transient_cost
        if not self.budget.take(cost):
            return True
        self.spent += cost
        return False
