"""The pace: what a refusal tells about a token bucket, and what becomes of a run against one."""

from __future__ import annotations

import itertools

import pytest
from bulk.rate_limited_server import Simulation
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async.bulk.concurrency import Limiter, make_limiter
from briqpay_async.bulk.rate import Pace, rate_bounds

STARTS = [1, 10, 50, 200, "auto"]


# --- a run against a rate limit --------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [1000, 1500, 3000])
@pytest.mark.parametrize("start", STARTS)
def test_nine_tenths_of_a_rate_limit_are_reached_within_seconds(start: int | str, capacity: int) -> None:
    run = Simulation(make_limiter(start), capacity=capacity).run(8)

    assert run.share(0, 8) >= 0.93
    assert run.refused_share < 0.01
    assert run.early == 0


@pytest.mark.parametrize("capacity", [1000, 1500, 3000])
@pytest.mark.parametrize("start", STARTS)
def test_refusals_that_stop_everybody_for_a_second_are_two_and_no_more(start: int | str, capacity: int) -> None:
    run = Simulation(make_limiter(start), retry_after="seconds", capacity=capacity).run(40)

    assert run.share(0, 20) >= 0.94 * 18 / 20  # what two pauses leave of twenty seconds
    assert run.share(0, 40) >= 0.9
    assert run.refused[-1] < 2.5
    assert run.refused_share < 0.002
    assert run.early == 0


@pytest.mark.parametrize("start", STARTS)
def test_a_server_that_does_not_say_how_long_to_wait_is_no_worse(start: int | str) -> None:
    run = Simulation(make_limiter(start), retry_after=None).run(20)

    assert run.share(0, 20) >= 0.92
    assert run.refused_share < 0.01


@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
@pytest.mark.parametrize("per_second", [5, 50, 500])
@pytest.mark.parametrize("seconds_held", [0.02, 1.0, 3.0])
@pytest.mark.parametrize(("round_trip", "start"), [(0.001, 10), (0.02, 50), (0.2, 200)])
def test_any_rate_is_found_whatever_the_bucket_holds_and_the_network_takes(
    retry_after: str | None, per_second: int, seconds_held: float, round_trip: float, start: int
) -> None:
    burst = max(10, per_second * seconds_held)
    run = Simulation(
        make_limiter(start), per_second, burst, round_trip, retry_after, capacity=3 * per_second + 1000
    )
    seconds = 20 if per_second == 500 else 40

    run.run(seconds)

    assert run.share(seconds / 2, seconds) >= 0.9
    assert run.share(0, seconds) >= 0.75
    assert len(run.refused) <= 1.5 * start + 60
    assert run.early == 0


@pytest.mark.parametrize("retry_after", ["exact", "seconds"])
def test_a_bucket_that_holds_nothing_is_not_overrun(retry_after: str) -> None:
    run = Simulation(make_limiter(10), 50, burst=1, retry_after=retry_after).run(40)

    assert run.share(20, 40) >= 0.8
    assert run.refused_share < 0.02


def test_what_a_pause_let_the_bucket_regain_is_made_use_of() -> None:
    run = Simulation(make_limiter(50), burst=500, retry_after="seconds").run(20)

    assert run.share(0, 20) >= 1.0
    assert run.share(10, 20) >= 0.98


@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
@pytest.mark.parametrize("factor", [0.1, 0.5, 2, 8])
def test_a_rate_limit_that_changes_is_followed(retry_after: str | None, factor: float) -> None:
    run = Simulation(make_limiter(50), 100, retry_after=retry_after).run(20)
    run.per_second *= factor

    run.run(120)

    assert run.share(90, 120) >= 0.9
    assert run.refused_share < 0.02


@pytest.mark.parametrize("since", [0.3, 5.0])
@pytest.mark.parametrize("burst", [10, 100])
def test_a_limit_that_comes_into_force_during_a_run_is_found(since: float, burst: int) -> None:
    run = Simulation(make_limiter(50), 1e9, burst, retry_after="seconds").run(since)
    run.per_second = 500.0

    run.run(90)

    assert run.share(60, 90) >= 0.9


# --- what a refusal tells --------------------------------------------------------------------------------


@given(
    per_second=st.floats(1, 2000),
    burst=st.integers(1, 500),
    gaps=st.lists(st.floats(0.0, 3.0), max_size=300),
)
def test_the_rate_of_a_bucket_is_within_the_bounds_that_its_refusal_gives(
    per_second: float, burst: int, gaps: list[float]
) -> None:
    now, tokens, admitted, marks, full_at = 0.0, float(burst), 0, [(0.0, 0)], 0.0
    for gap in itertools.chain(gaps, itertools.repeat(0.3)):
        now += gap / per_second
        tokens = min(float(burst), tokens + gap)
        if tokens < 1:
            break
        if tokens == burst:
            full_at = now
        marks.append((now, admitted))
        tokens -= 1
        admitted += 1

    low, high = rate_bounds(marks, now, admitted, (float(burst), 0.0))

    assert low <= per_second
    if now - full_at > 0.005:
        assert per_second <= high + 0.51 / (now - full_at)  # the half of a token that a refusal leaves on average


def test_two_refusals_tell_both_the_rate_and_the_burst() -> None:
    # 500 a second and 20 at once: 50 in 60 ms before the first refusal, 320 in 600 ms before the second one
    low, high = rate_bounds([(10.0, 0)], 10.6, 320, (50.0, 0.06))

    assert low < 500 < high
    assert high - low < 10


def test_stretches_that_are_too_short_tell_nothing() -> None:
    assert rate_bounds([(10.0, 0)], 10.003, 5, (1.0, 0.0)) == (0.0, 0.0)
    assert rate_bounds([(10.0, 0)], 10.5, 5, (1.0, 0.5)) == (0.0, 0.0)


# --- turns -----------------------------------------------------------------------------------------------


def test_a_pace_that_holds_nothing_back_does_not_grow() -> None:
    pace = Pace(rate=100.0)
    for second in range(1, 1000):
        pace.took(second * 1.0, waited=False)

    assert pace.rate == 100.0


def test_days_in_which_the_pace_held_nothing_back_are_no_time_to_grow() -> None:
    pace = Pace(rate=100.0, error=0.02)
    pace.took(0.0, waited=True)
    pace.took(1e6, waited=True)

    assert pace.rate == pytest.approx(100.0, rel=0.01)


def test_a_late_timer_is_made_up_for_but_a_lull_is_not() -> None:
    pace = Pace(rate=100.0)
    pace.took(10.0, waited=False)
    pace.took(10.008, waited=False)

    assert pace.wait(10.008) == pytest.approx(0.007)
    pace.took(20.0, waited=False)
    assert pace.wait(20.0) == pytest.approx(0.005)


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 30.0),
            st.one_of(
                st.just("answer"), st.just("trouble"), st.none(), st.floats(0.0, 1e6), st.sampled_from([0.0, 1.0])
            ),
        ),
        max_size=200,
    )
)
def test_whatever_happens_pauses_are_kept_and_the_pace_stays_above_its_floor(
    events: list[tuple[float, float | str | None]],
) -> None:
    limiter: Limiter = make_limiter(50)
    now = silent_until = 0.0
    for seconds, event in events:
        now += seconds
        if event == "answer":
            if (wait := limiter.wait(now)) > 0:
                now += wait
            assert now >= silent_until - 1e-6
            limiter.took(now, waited=wait > 0)
            limiter.answered(now, 0.01)
        elif event == "trouble":
            limiter.failed(now)
        else:
            assert event is None or isinstance(event, float)
            limiter.refused(now, event)
            silent_until = max(silent_until, now + min(event or 0.0, 300.0))
        assert limiter.pace.rate is None or limiter.pace.rate >= limiter.pace.floor
        assert 1 <= limiter.window.limit <= 50
