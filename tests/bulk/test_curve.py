"""The way back of a pace: up to the limit ever more slowly, and beyond it ever faster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async.bulk.curve import BELOW, Curve


def curve(limit: float, *, in_flight: int = 0, shared: bool = False, of: float | None = None) -> Curve:
    made = Curve()
    made.begin(BELOW * limit, of or limit, in_flight, shared=shared)
    return made


def pace_after(made: Curve, seconds: float) -> float:
    made.used = seconds
    return made.pace()


def requests_until_the_limit(limit: float, **options: int) -> float:
    return curve(limit, **options).seconds * limit


@given(st.floats(0.5, 10_000), st.integers(0, 100), st.booleans())
def test_it_leads_from_nine_tenths_to_the_limit_and_always_up(limit: float, in_flight: int, shared: bool) -> None:
    made = curve(limit, in_flight=in_flight, shared=shared)
    paces = [pace_after(made, made.seconds * part / 10) for part in range(31)]

    assert paces[0] == pytest.approx(0.9 * limit)
    assert paces[10] == pytest.approx(limit)
    assert paces == sorted(paces)


def test_it_is_slow_near_the_limit() -> None:
    made = curve(300)

    assert pace_after(made, 0.5 * made.seconds) > 0.97 * 300
    assert pace_after(made, 1.4 * made.seconds) < 1.1 * 300


@pytest.mark.parametrize("limit", [1, 5, 20, 200, 1000])
def test_a_quota_that_rose_is_found_within_seconds(limit: float) -> None:
    made = curve(limit)

    assert pace_after(made, made.seconds + 6) > 8 * limit


def test_few_requests_are_refused() -> None:
    assert all(requests_until_the_limit(limit) >= 100 for limit in (5, 20, 60, 300, 1000))
    assert curve(1).seconds == 20


def test_who_is_slower_is_back_after_fewer_requests_and_more_seconds() -> None:
    limits = [100, 300, 1000, 3000]

    assert sorted(limits, key=requests_until_the_limit) == limits
    assert sorted(limits, key=lambda limit: curve(limit).seconds, reverse=True) == limits


def test_requests_under_way_make_it_longer() -> None:
    assert requests_until_the_limit(300, in_flight=20) == pytest.approx(requests_until_the_limit(300) + 200)


def test_processes_that_share_a_quota_rise_by_the_same_steps() -> None:
    slow, fast = curve(20, shared=True, of=300), curve(200, shared=True, of=300)

    assert slow.seconds == fast.seconds == pytest.approx(8 * curve(300).seconds)
    for seconds in (1.0, 3.0, 6.0):
        assert pace_after(slow, seconds) - 0.9 * 20 == pytest.approx(pace_after(fast, seconds) - 0.9 * 200)
