"""The limiter alone: pure arithmetic, on a simulated clock."""

from __future__ import annotations

import pytest

from briqpay_async import ConfigurationError
from briqpay_async.bulk.concurrency import Window, make_limiter

# --- the window ------------------------------------------------------------------------------------------


def test_the_window_doubles_each_round_until_something_goes_wrong() -> None:
    window = Window(1000, size=10)
    for _ in range(10):
        window.answered(0.0, 0.01)

    assert window.size == 20


def test_after_a_decrease_the_window_grows_by_one_each_round() -> None:
    window = Window(1000, size=100)
    window.decrease(0.0)
    for _ in range(70):
        window.answered(1.0, 0.01)

    assert 70.9 < window.size < 71.1


def test_the_window_stays_between_floor_and_ceiling() -> None:
    window = Window(12, floor=3, size=10)
    for number in range(100):
        window.answered(number, 0.01)
    assert window.size == 12

    for number in range(100, 200):
        window.decrease(number)
    assert window.size == 3


def test_a_few_failures_of_the_server_do_no_harm() -> None:
    window = Window(50, size=50)
    for number in range(1000):
        window.answered(number / 100, 0.01)
        if number % 20 == 0:
            window.on_failure(number / 100)

    assert window.size == 50


def test_a_server_that_fails_every_third_request_is_spared() -> None:
    window = Window(50, size=50)
    for number in range(300):
        (window.on_failure if number % 3 == 0 else lambda now: window.answered(now, 0.01))(number / 100)

    assert window.size < 25


def test_a_collapse_of_latency_decreases_the_window() -> None:
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
