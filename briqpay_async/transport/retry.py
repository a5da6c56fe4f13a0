"""Retry policy: which failures may be repeated, how long to wait, and a budget that outages cannot exhaust.

Everything here is arithmetic on values. tenacity drives the loop (``call.py``), and this file decides.
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
    ConnectError,
    OutcomeUnknownError,
    RateLimitedError,
    ResponseDecodeError,
    SessionInitializingError,
    TransportError,
)
from briqpay_async.transport.requests import Repeat

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Budget", "RetryDecisions", "Verdict", "back_off", "unknown_outcome", "verdict"]

_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class Verdict(Enum):
    """What to do about a failure."""

    RAISE = "raise"
    TRANSIENT = "transient"
    THROTTLED = "throttled"


def verdict(error: BaseException, repeat: Repeat) -> Verdict:
    """Whether a failed request may be sent again, and which kind of failure it was.

    An allow-list: what is not named here, cancellation above all, is raised. A request that must not be made
    twice is repeated only when no byte of it left, or when the answer says that nothing was done.
    """
    if isinstance(error, TransportError):
        is_bad_certificate = isinstance(error, ConnectError) and error.certificate  # as bad a second later
        may_repeat = not is_bad_certificate and (error.sent is False or repeat is Repeat.SAFE)
        return Verdict.TRANSIENT if may_repeat else Verdict.RAISE
    if isinstance(error, RateLimitedError):
        return Verdict.THROTTLED
    if isinstance(error, SessionInitializingError):
        return Verdict.TRANSIENT
    is_transient = isinstance(error, APIError) and error.status in _TRANSIENT_STATUSES
    if not is_transient or repeat is Repeat.UNSAFE:
        return Verdict.RAISE
    return Verdict.THROTTLED if _asks_to_wait(error) else Verdict.TRANSIENT


def _asks_to_wait(error: BaseException) -> bool:
    return isinstance(error, APIError) and error.status == 503 and error.retry_after is not None


def unknown_outcome(error: BriqpayError, repeat: Repeat) -> OutcomeUnknownError | None:
    """The error that says what a failure leaves open, or ``None`` where it leaves nothing open.

    Only a request that must not be made twice has an unknown outcome: when its answer is lost, or is an error
    status that does not say how far the request got (408, 425, 5xx). Any other 4xx is a refusal.
    """
    if repeat is Repeat.SAFE or isinstance(error, OutcomeUnknownError):
        return None
    if isinstance(error, TransportError):
        sent = error.sent
        if sent is False:
            return None
    elif isinstance(error, APIError | ResponseDecodeError) and _leaves_open(error):
        sent = True
    else:
        return None
    return OutcomeUnknownError(
        f"Look whether this took effect before doing it again: {error.message}",
        sent=sent,
        status=error.status,
        code=error.code,
        retry_after=error.retry_after,
        headers=error.headers,
        body=error.body,
    )


def _leaves_open(error: APIError | ResponseDecodeError) -> bool:
    if isinstance(error, RateLimitedError | SessionInitializingError) or error.status is None:
        return False
    return error.status >= 500 or error.status in {408, 425}


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
            # The API says "Try again in a few seconds": no jitter shortens the wait.
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
