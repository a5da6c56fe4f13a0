"""Which failures are repeated, how long after, and what it costs: tables and laws, without I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import Future, RetryCallState

from briqpay_async import (
    APIError,
    BriqpayError,
    CallTimeoutError,
    ConfigurationError,
    ConnectError,
    OutcomeUnknownError,
    PatchNotAppliedError,
    RateLimitedError,
    ResponseDecodeError,
    RetryPolicy,
    ServerError,
    SessionInitializingError,
    TransportError,
    ValidationError,
    WrongLoopError,
)
from briqpay_async.transport.requests import Repeat, Response
from briqpay_async.transport.responses import api_error
from briqpay_async.transport.retry import Budget, RetryDecisions, Verdict, back_off, verdict

RAISE, TRANSIENT, THROTTLED = Verdict.RAISE, Verdict.TRANSIENT, Verdict.THROTTLED


def answered(status: int, code: str | None = None, retry_after: str | None = None) -> APIError:
    body = b"" if code is None else b'{"error":{"code":"%s"}}' % code.encode()
    return api_error(Response(status, {} if retry_after is None else {"Retry-After": retry_after}, body))


# failure, verdict where repeating is safe, verdict where it is not
RULES: list[tuple[str, BaseException, Verdict, Verdict]] = [
    # nothing was sent: everybody may try again
    ("DNS, TCP, TLS", ConnectError("x", sent=False), TRANSIENT, TRANSIENT),
    ("bad certificate", ConnectError("x", sent=False, certificate=True), RAISE, RAISE),
    ("waiting for the pool", CallTimeoutError("x", sent=False), TRANSIENT, TRANSIENT),
    ("closed before writing", TransportError("x", sent=False), TRANSIENT, TRANSIENT),
    # sent, and no answer
    ("disconnect", TransportError("x", sent=True), TRANSIENT, RAISE),
    ("reset", TransportError("x", sent=None), TRANSIENT, RAISE),
    ("timeout", CallTimeoutError("x", sent=None), TRANSIENT, RAISE),
    ("timeout after writing", CallTimeoutError("x", sent=True), TRANSIENT, RAISE),
    # answers that say "later"
    ("408", answered(408), TRANSIENT, RAISE),
    ("425", answered(425), TRANSIENT, RAISE),
    ("429", answered(429), THROTTLED, THROTTLED),
    ("429 with a wait", answered(429, retry_after="3"), THROTTLED, THROTTLED),
    ("500", answered(500), TRANSIENT, RAISE),
    ("500 with a wait", answered(500, retry_after="3"), TRANSIENT, RAISE),
    ("502", answered(502), TRANSIENT, RAISE),
    ("503", answered(503), TRANSIENT, RAISE),
    ("503 with a wait", answered(503, retry_after="3"), THROTTLED, RAISE),
    ("503 with a zero wait", answered(503, retry_after="0"), THROTTLED, RAISE),
    ("503 with a senseless wait", answered(503, retry_after="nan"), TRANSIENT, RAISE),
    ("504", answered(504), TRANSIENT, RAISE),
    ("initializing", answered(400, "SESSION_INITIALIZATION_PENDING"), TRANSIENT, TRANSIENT),
    ("initializing, 409", answered(409, "SESSION_INITIALIZATION_PENDING"), TRANSIENT, TRANSIENT),
    # answers that are final
    *((str(status), answered(status), RAISE, RAISE) for status in (400, 401, 403, 404, 409, 410, 418, 422, 499)),
    *((str(status), answered(status), RAISE, RAISE) for status in (301, 302, 304, 307, 501, 505, 511, 599)),
    ("400 with a wait", answered(400, retry_after="3"), RAISE, RAISE),
    ("completed", answered(409, "SESSION_ALREADY_COMPLETED"), RAISE, RAISE),
    ("missing", answered(404, "SESSION_NOT_FOUND"), RAISE, RAISE),
    ("undecodable", ResponseDecodeError("x", status=200), RAISE, RAISE),
    ("not applied", PatchNotAppliedError("x"), RAISE, RAISE),
    ("wrong loop", WrongLoopError("x"), RAISE, RAISE),
    ("closed", ConfigurationError("x"), RAISE, RAISE),
    ("invalid", ValidationError("x"), RAISE, RAISE),
    ("base class", BriqpayError("x", status=503), RAISE, RAISE),
    # what is not an error of this library is not repeated
    ("cancellation", asyncio.CancelledError(), RAISE, RAISE),
    ("builtin timeout", TimeoutError(), RAISE, RAISE),
    ("OS error", OSError(), RAISE, RAISE),
    ("bug", RuntimeError(), RAISE, RAISE),
    ("interrupt", KeyboardInterrupt(), RAISE, RAISE),
    ("exit", SystemExit(), RAISE, RAISE),
]


@pytest.mark.parametrize(
    ("error", "safe", "unsafe"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES]
)
def test_every_failure_has_its_verdict(error: BaseException, safe: Verdict, unsafe: Verdict) -> None:
    assert (verdict(error, Repeat.SAFE), verdict(error, Repeat.UNSAFE)) == (safe, unsafe)


@given(st.integers(min_value=100, max_value=999), st.none() | st.just("5"))
def test_a_request_that_is_unsafe_to_repeat_is_repeated_after_429_only(
    status: int, retry_after: str | None
) -> None:
    repeated = verdict(answered(status, retry_after=retry_after), Repeat.UNSAFE) is not RAISE
    assert repeated == (status == 429)


def test_an_unknown_outcome_of_an_unsafe_request_is_never_repeated() -> None:
    for sent in (True, None):
        assert verdict(OutcomeUnknownError("x", sent=sent), Repeat.UNSAFE) is RAISE


# --- back-off --------------------------------------------------------------------------------------------


@given(
    st.floats(min_value=1e-6, max_value=1e3),
    st.floats(min_value=1e-6, max_value=1e4),
    st.integers(min_value=1, max_value=10_000),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_back_off_is_full_jitter_below_a_doubling_bound(
    base: float, cap: float, attempt: int, drawn: float
) -> None:
    bound = min(cap, base * 2.0 ** min(attempt - 1, 900))
    wait = back_off(RetryPolicy(base=base, cap=cap), attempt, lambda: drawn)
    assert 0 <= wait <= bound
    assert wait == pytest.approx(drawn * bound)


def test_the_bounds_of_the_default_policy_double_up_to_the_cap() -> None:
    bounds = [back_off(RetryPolicy(), attempt, lambda: 1.0) for attempt in range(1, 10)]
    assert bounds == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


# --- budget ----------------------------------------------------------------------------------------------


def test_a_budget_lends_until_it_is_empty_and_fills_up_to_its_size() -> None:
    budget = Budget(30)
    assert [budget.take(14) for _ in range(3)] == [True, True, False]
    assert budget.tokens == 2
    assert budget.take(2)
    assert not budget.take(1)
    assert budget.take(0)
    budget.give(29)
    assert budget.tokens == 29
    budget.give(100)
    assert budget.tokens == 30


@given(st.integers(0, 100), st.lists(st.tuples(st.booleans(), st.integers(0, 60))))
def test_a_budget_stays_between_nothing_and_its_size(size: int, steps: list[tuple[bool, int]]) -> None:
    budget = Budget(size)
    for take, amount in steps:
        before = budget.tokens
        if take:
            taken = budget.take(amount)
            assert taken == (amount <= before)
            assert budget.tokens == before - amount * taken
        else:
            budget.give(amount)
        assert 0 <= budget.tokens <= size


# --- decisions -------------------------------------------------------------------------------------------


def state(error: BaseException | None, attempt: int = 1, upcoming: float = 0.0) -> RetryCallState:
    made: Any = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    made.attempt_number, made.upcoming_sleep = attempt, upcoming
    made.outcome = Future(attempt)
    if error is None:
        made.outcome.set_result(None)
    else:
        made.outcome.set_exception(error)
    return made  # type: ignore[no-any-return]


def decisions(
    *, deadline: float = 60.0, budget: int = 500, random: Callable[[], float] = lambda: 0.5, **policy: Any
) -> RetryDecisions:
    return RetryDecisions(RetryPolicy(**policy), Repeat.SAFE, deadline, lambda: 0.0, random, Budget(budget))


@pytest.mark.parametrize(
    ("error", "again"),
    [(answered(503), True), (answered(429), True), (answered(400), False), (None, False), (OSError(), False)],
)
def test_only_failures_that_may_be_repeated_are_repeated(error: BaseException | None, again: bool) -> None:
    assert decisions().should_retry(state(error)) is again


@pytest.mark.parametrize(
    ("error", "attempt", "wait"),
    [
        (answered(503), 1, 0.125),
        (answered(503), 2, 0.25),
        (answered(503), 3, 0.5),
        (TransportError("x"), 1, 0.125),
        (answered(503, retry_after="7"), 3, 7.0),
        (answered(429, retry_after="0"), 3, 0.0),
        (answered(500, retry_after="0.25"), 1, 0.25),
        (answered(429, retry_after="86400"), 1, 86400.0),
        (RateLimitedError("x", retry_after=-3.0), 1, 0.0),
        (answered(429, retry_after="nan"), 1, 0.125),
        (OSError(), 1, 0.125),
    ],
)
def test_retry_after_wins_over_back_off(error: BaseException, attempt: int, wait: float) -> None:
    assert decisions().wait(state(error, attempt)) == wait


@pytest.mark.parametrize(("attempt", "stops"), [(1, False), (3, False), (4, True), (5, True)])
def test_attempts_are_limited(attempt: int, stops: bool) -> None:
    assert decisions(attempts=4).stop(state(answered(503), attempt)) is stops


@pytest.mark.parametrize(("wait", "stops"), [(9.99, False), (10.0, True), (10.01, True), (1e300, True)])
def test_a_wait_that_does_not_fit_the_deadline_ends_the_call_and_costs_nothing(wait: float, stops: bool) -> None:
    made = decisions(deadline=10.0)
    assert made.stop(state(answered(429), upcoming=wait)) is stops
    assert made.budget.tokens == (500 if stops else 495)


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (answered(429), 5),
        (answered(503, retry_after="1"), 5),
        (answered(503), 14),
        (TransportError("x"), 14),
        (SessionInitializingError("x"), 14),
        (ServerError("x", status=502), 14),
    ],
)
def test_a_retry_costs_tokens_by_its_kind(error: BaseException, cost: int) -> None:
    made = decisions()
    assert made.stop(state(error)) is False
    assert (made.spent, made.budget.tokens) == (cost, 500 - cost)


def test_an_empty_budget_ends_the_call() -> None:
    made = decisions(budget=20)
    assert [made.stop(state(answered(503))) for _ in range(3)] == [False, True, True]
    assert (made.spent, made.budget.tokens) == (14, 6)


def test_questions_before_there_is_an_outcome_have_answers() -> None:
    """tenacity's types allow a state without an outcome."""
    fresh = state(None)
    fresh.outcome = None
    made = decisions()
    assert made.should_retry(fresh) is False
    assert made.wait(fresh) == 0.125
    assert made.stop(fresh) is False
