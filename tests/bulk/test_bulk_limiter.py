"""The limiter alone: pure arithmetic, on a simulated clock."""

from __future__ import annotations

import pytest
from rate_limited_server import Simulation

from briqpay_async import ConfigurationError
from briqpay_async.bulk.limiter import Limiter, Pace, Window, make_limiter


def limiter(start: int, ceiling: int = 200) -> Limiter:
    return Limiter(Window(ceiling, size=start))


# --- finding the rate ------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [1, 10, 200])
@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
@pytest.mark.parametrize("burst", [10, 50])
def test_nine_tenths_of_an_unknown_rate_limit_are_found_and_kept(
    start: int, retry_after: str | None, burst: int
) -> None:
    simulation = Simulation(make_limiter(start), burst=burst, retry_after=retry_after)
    if start == 1:  # one update under way at a time may yet be too fast; here it shall be able to grow
        simulation.limiter.window.ceiling = 100

    simulation.run(40)

    assert simulation.rate(20, 40) >= 0.9 * 500
    assert simulation.refused_share < 0.02


@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
def test_the_rate_is_also_found_across_a_slow_network(retry_after: str | None) -> None:
    simulation = Simulation(limiter(10), burst=50, round_trip=0.1, retry_after=retry_after)

    simulation.run(60)

    assert simulation.rate(30, 60) >= 0.9 * 500
    assert simulation.refused_share < 0.02


def test_a_large_burst_is_used_and_not_mistaken_for_the_rate() -> None:
    simulation = Simulation(limiter(10, ceiling=50), burst=500)

    simulation.run(30)

    assert simulation.rate(0, 1) > 900
    assert 450 <= simulation.rate(15, 30) <= 550
    assert simulation.refused_share < 0.02


def test_a_rate_limit_that_is_raised_is_noticed() -> None:
    simulation = Simulation(limiter(10), per_second=200)
    simulation.run(20)
    raised = Simulation(simulation.limiter, per_second=800)
    raised.limiter.pace._next = raised.limiter.pace._grown = 0.0
    raised.limiter.pace._hold_until = raised.limiter.pace._quiet_until = 2.0

    raised.run(60)

    assert raised.rate(50, 60) > 0.8 * 800


def test_without_refusals_nothing_is_paced() -> None:
    free = limiter(10)

    for number in range(5000):
        free.answered(number / 1000, 0.01)

    assert not free.paced
    assert free.wait(5.0) <= 0


def test_refusals_of_what_was_under_way_together_count_once() -> None:
    once = limiter(100)
    for number in range(100):
        once.answered(number / 100, 0.02)
    before = once.window.limit

    for _ in range(50):
        once.refused(1.0, 0.1)

    assert once.window.limit == int(before * 0.7)
    assert once.refusals == 50


def test_a_refusal_never_slows_down_below_the_floor() -> None:
    slow = limiter(10)

    for number in range(100):
        slow.refused(number * 10.0, None)

    assert slow.pace.rate == slow.pace.floor
    assert slow.window.limit == 1


def test_nothing_is_sent_while_the_api_asked_for_silence() -> None:
    asked = limiter(10)
    asked.refused(100.0, 30.0)

    assert asked.wait(101.0) == pytest.approx(29.0)
    assert asked.wait(130.0) <= 0


def test_a_pause_is_over_with_the_first_request_after_it() -> None:
    paused = limiter(10)
    paused.troubled(100.0, retry_after=5.0)

    assert paused.paced
    assert paused.wait(100.0) == pytest.approx(5.0)
    paused.took(105.0)
    assert not paused.paced


def test_absurd_demands_for_silence_are_cut_to_minutes() -> None:
    asked = limiter(10)
    asked.refused(0.0, 1e9)
    asked.troubled(0.0, 1e9)

    assert asked.wait(0.0) == 300.0


def test_a_pace_that_does_not_hold_anything_back_does_not_grow() -> None:
    pace = Pace(rate=100.0)
    for second in range(1, 1000):
        pace.took(second * 1.0)

    assert pace.rate == 100.0


def test_a_late_timer_is_made_up_for_but_a_lull_is_not() -> None:
    pace = Pace(rate=100.0)
    pace._refused_at = 100.0 / 0.95
    pace._hold_until = 1e9
    pace.took(10.0)
    pace.took(10.008)

    assert pace.wait(10.008) == pytest.approx(0.007)
    pace.took(20.0)
    assert pace.wait(20.0) == pytest.approx(0.005)


# --- the window ------------------------------------------------------------------------------------------


def test_the_window_doubles_each_round_until_something_goes_wrong() -> None:
    window = Window(1000, size=10)
    for _ in range(10):
        window.answered(0.0, 0.01)

    assert window.size == 20


def test_after_a_decrease_the_window_grows_by_one_each_round() -> None:
    window = Window(1000, size=100)
    window.shrink(0.0)
    for _ in range(70):
        window.answered(1.0, 0.01)

    assert 70.9 < window.size < 71.1


def test_the_window_stays_between_floor_and_ceiling() -> None:
    window = Window(12, floor=3, size=10)
    for number in range(100):
        window.answered(number, 0.01)
    assert window.size == 12

    for number in range(100, 200):
        window.shrink(number)
    assert window.size == 3


def test_a_few_failures_of_the_server_do_no_harm() -> None:
    window = Window(50, size=50)
    for number in range(1000):
        window.answered(number / 100, 0.01)
        if number % 20 == 0:
            window.troubled(number / 100)

    assert window.size == 50


def test_a_server_that_fails_every_third_request_is_spared() -> None:
    window = Window(50, size=50)
    for number in range(300):
        (window.troubled if number % 3 == 0 else lambda now: window.answered(now, 0.01))(number / 100)

    assert window.size < 25


def test_a_collapse_of_latency_shrinks_the_window() -> None:
    window = Window(50, size=50)
    for number in range(100):
        window.answered(number / 100, 0.1)
    for number in range(100):
        window.answered(2 + number / 10, 5.0)

    assert window.size < 50


def test_a_server_that_stays_slow_is_not_punished_for_ever() -> None:
    window = Window(50, size=50)
    for number in range(100):
        window.answered(number / 100, 0.1)
    for number in range(5000):
        window.answered(2 + number / 10, 5.0)

    assert window.size == 50


def test_auto_stops_growing_where_more_updates_only_make_each_one_slower() -> None:
    window = make_limiter("auto").window
    for number in range(20_000):  # a server that handles 1000 a second, whatever the number under way
        window.answered(number / 1000, max(0.005, int(window.size) / 1000))

    assert 5 <= window.size <= 40


def test_auto_grows_where_it_helps() -> None:
    window = make_limiter("auto").window
    for number in range(20_000):
        window.answered(number / 1000, 0.05)

    assert window.size == 100


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True, "many", None])
def test_concurrency_is_a_positive_integer_or_auto(concurrency: object) -> None:
    with pytest.raises(ConfigurationError):
        make_limiter(concurrency)  # type: ignore[arg-type]
