"""The pace: what refusals prove, and what becomes of a run against limits and noise."""

from __future__ import annotations

import math
from random import Random

import pytest
from bulk.rate_limited_server import Server, simulate, together
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async.bulk.rate import AdaptiveRate

# --- refusals at random ----------------------------------------------------------------------------------


@pytest.mark.parametrize("retry_after", [0.05, None, 1.0])
@pytest.mark.parametrize("share", [0.003, 0.01, 0.03, 0.1])
@pytest.mark.parametrize(("capacity", "round_trip"), [(2000, 0.001), (400, 0.02)])
def test_refusals_that_slowing_down_does_not_make_rarer_slow_nothing_down(
    share: float, retry_after: float | None, capacity: float, round_trip: float
) -> None:
    network = {"capacity": capacity, "round_trip": round_trip}
    run = simulate(Server(noise=share, noise_retry_after=retry_after), 3, **network)
    naive = simulate(Server(noise=share, noise_retry_after=retry_after), 3, naive=True, **network)

    assert len(run.admitted) >= 0.9 * len(naive.admitted)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.2, 0.3, 0.4])
def test_much_noise_is_taken_for_a_limit_only_for_a_moment(share: float, seed: int) -> None:
    (run,) = together(Server(noise=share), 12, (0.0,), seed=seed)
    (naive,) = together(Server(noise=share), 12, (0.0,), seed=seed, naive=True)

    assert sum(at > 10 for at in run.admitted) >= 0.9 * sum(at > 10 for at in naive.admitted)


def test_the_share_of_noise_is_learned() -> None:
    run = simulate(Server(noise=0.1), 4)

    assert run.pace is not None
    assert run.pace.rate is None
    assert run.pace.noise == pytest.approx(0.1, rel=0.3)


def test_rows_that_wait_after_a_refusal_keep_no_worker_from_working() -> None:
    run = simulate(Server(noise=0.03, noise_retry_after=1.0), 4)
    naive = simulate(Server(noise=0.03, noise_retry_after=1.0), 4, naive=True)

    assert len(run.admitted) >= 2 * len(naive.admitted)


def test_without_refusals_nothing_is_held_back() -> None:
    run = simulate(Server(), 2)

    assert run.pace is not None
    assert run.pace.rate is None
    assert len(run.admitted) == len(simulate(Server(), 2, naive=True).admitted)


# --- limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_second", [5, 20, 60, 300, 500])
def test_a_limit_that_says_when_a_token_comes_is_used_up(per_second: int) -> None:
    seconds = 15 if per_second < 20 else 8

    run = simulate(Server(lambda _: per_second), seconds)

    assert len(run.admitted) >= 0.95 * (per_second * seconds + 10)
    assert run.refused_share(2) <= 0.03


@pytest.mark.parametrize("retry_after", ["seconds", None])
@pytest.mark.parametrize(("per_second", "burst"), [(20, 10), (60, 5), (60, 10), (300, 10), (500, 10)])
def test_a_limit_that_rounds_its_times_or_names_none_is_used_up(
    per_second: int, burst: int, retry_after: str | None
) -> None:
    run = simulate(Server(lambda _: per_second, burst, retry_after=retry_after), 10)

    assert len(run.admitted) >= 0.95 * (10 * per_second + burst)
    assert run.refused_share(2) <= 0.03


@pytest.mark.parametrize(("before", "after"), [(200, 600), (600, 200), (900, 300), (300, 100)])
@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
def test_a_limit_that_changes_is_followed_within_seconds(before: int, after: int, retry_after: str | None) -> None:
    run = simulate(Server(lambda now: before if now < 3 else after, retry_after=retry_after), 8)

    assert len(run.admitted) >= 0.87 * (3 * before + 5 * after)
    assert run.refused_share(2) <= 0.035  # the change itself costs some twenty


@pytest.mark.parametrize("retry_after", ["exact", None])
def test_a_limit_that_becomes_eight_times_as_high_is_found(retry_after: str | None) -> None:
    run = simulate(Server(lambda now: 50 if now < 3 else 400, retry_after=retry_after), 15)

    assert sum(at > 13 for at in run.admitted) >= 0.9 * 2 * 400


@pytest.mark.parametrize(("before", "after"), [(1, 300), (5, 100), (20, 600)])
@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
def test_a_limit_that_was_very_low_is_left_behind(before: int, after: int, retry_after: str | None) -> None:
    run = simulate(Server(lambda now: before if now < 20 else after, retry_after=retry_after), 60)

    assert sum(at > 50 for at in run.admitted) >= 0.8 * 10 * after


@pytest.mark.parametrize(("before", "after"), [(600, 20), (600, 5), (2000, 10)])
@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
def test_a_limit_that_falls_steeply_is_not_taken_for_noise(
    before: int, after: int, retry_after: str | None
) -> None:
    run = simulate(Server(lambda now: before if now < 3 else after, retry_after=retry_after), 20)

    assert sum(at > 3 for at in run.admitted) >= 0.95 * 17 * after
    assert sum(at > 3.5 for at in run.refused) <= 0.15 * before


def test_a_limit_that_is_gone_is_forgotten() -> None:
    run = simulate(Server(lambda now: 100 if now < 3 else 1e6), 20, capacity=1000)

    assert run.pace is not None
    assert run.pace.rate is None
    assert sum(at > 19 for at in run.admitted) >= 0.99 * 1000


@pytest.mark.parametrize("idle", [(5.0, 15.0), (5.0, 7.0), (5.0, 5.5)])
@pytest.mark.parametrize("per_second", [20, 60, 300])
@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
def test_time_in_which_nothing_was_to_be_sent_changes_nothing(
    per_second: int, retry_after: str | None, idle: tuple[float, float]
) -> None:
    end = idle[1]
    run = simulate(Server(lambda _: per_second, retry_after=retry_after), end + 5, idle=idle)

    assert sum(at > end for at in run.admitted) >= 0.95 * 5 * per_second
    assert sum(at > end for at in run.refused) <= 0.04 * 5 * per_second + 6  # the bucket is full when it goes on


def test_waiting_for_an_answer_is_no_such_time() -> None:
    run = simulate(Server(lambda _: 10), 40, workers=1, round_trip=0.05)

    assert len(run.admitted) >= 0.95 * 40 * 10
    assert run.refused_share(5) <= 0.015


@pytest.mark.parametrize("noise", [0.003, 0.03, 0.1])
def test_noise_after_such_a_time_is_still_noise(noise: float) -> None:
    run = simulate(Server(noise=noise), 20, idle=(5.0, 15.0), capacity=2000)

    assert sum(at > 15 for at in run.admitted) >= 0.85 * 5 * 2000


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_limit_that_comes_after_such_a_time_is_found_as_ever(noise: float) -> None:
    server = Server(lambda now: 1e6 if now < 15 else 300, noise=noise)
    run = simulate(server, 20, idle=(5.0, 15.0), capacity=1000)

    assert sum(at > 15 for at in run.admitted) >= 0.9 * 5 * 300


@pytest.mark.parametrize(("per_second", "noise"), [(300, 0.03), (60, 0.03), (1000, 0.01)])
def test_a_limit_behind_noise_is_found_too(per_second: int, noise: float) -> None:
    run = simulate(Server(lambda _: per_second, noise=noise), 10)

    assert len(run.admitted) >= 0.8 * 10 * per_second


@pytest.mark.parametrize(
    ("per_second", "noise", "retry_after", "least"),
    [
        (60, 0.05, "exact", 0.8),
        (60, 0.2, "seconds", 0.8),
        (300, 0.02, "exact", 0.9),
        (300, 0.05, "seconds", 0.8),
        (300, 0.1, None, 0.8),
        (300, 0.2, "exact", 0.8),
        (1000, 0.1, "exact", 0.65),
    ],
)
def test_a_pace_does_not_sink_below_a_limit_because_of_noise(
    per_second: int, noise: float, retry_after: str | None, least: float
) -> None:
    used, refused = [], []
    for seed in range(1, 4):
        server = Server(lambda _: per_second, noise=noise, retry_after=retry_after, chance=Random(seed))  # noqa: S311 - repeats
        (run,) = together(server, 60, (0.0,), seed=seed, capacity=2000)
        used.append(sum(at > 40 for at in run.admitted) / (20 * per_second))
        refused.append(run.refused_share(40) - noise)

    assert sorted(used)[1] >= least
    assert sorted(refused)[1] <= 0.08


@pytest.mark.parametrize(
    ("per_second", "round_trip", "least"), [(300, 0.001, 0.97), (300, 0.02, 0.97), (100, 0.2, 0.8)]
)
def test_a_slow_network_does_not_hide_a_limit(per_second: int, round_trip: float, least: float) -> None:
    run = simulate(Server(lambda _: per_second), 10, round_trip=round_trip)

    assert len(run.admitted) >= least * 10 * per_second
    assert run.refused_share(2) <= 0.03


def test_a_pause_of_the_machine_is_not_taken_for_a_limit() -> None:
    pace = AdaptiveRate()
    for _ in range(40):
        pace.on_sent(0.0)
    pace.refused(0.04, 0.001)
    for at in range(19):
        pace.answered(0.3 + 0.0001 * at)
    for at in range(20):
        pace.refused(0.31 + 0.0001 * at, 0.001)

    assert pace.rate is not None
    assert pace.rate > 500  # and not nineteen in a third of a second


# --- a quota that is shared ------------------------------------------------------------------------------


@pytest.mark.parametrize("retry_after", ["exact", "seconds", None])
@pytest.mark.parametrize("begins", [(0.0, 0.0, 0.0), (0.0, 0.3, 0.6)])
def test_processes_that_share_a_quota_use_it_up_and_are_refused_little(
    retry_after: str | None, begins: tuple[float, ...]
) -> None:
    runs = together(Server(lambda _: 300, retry_after=retry_after), 15, begins)

    refused = sum(at > 2 for run in runs for at in run.refused)
    admitted = sum(len(run.admitted) for run in runs)
    assert admitted >= 0.95 * 15 * 300
    assert refused <= 0.04 * admitted


@pytest.mark.parametrize("begins", [(0.0, 0.0, 0.0), (0.0, 0.3, 0.6), (0.0, 0.0), (0.0, 5.0, 5.0)])
def test_processes_get_equal_shares_where_refusals_say_when_a_token_comes(begins: tuple[float, ...]) -> None:
    shares = []
    for seed in range(5):
        runs = together(Server(lambda _: 300), 20, begins, seed=seed)
        late = [sum(at > 10 for at in run.admitted) for run in runs]
        shares.append(min(late) / max(late))

    assert sorted(shares)[2] >= 0.6
    assert min(shares) >= 0.2


# --- a closed door ---------------------------------------------------------------------------------------


def refuse(pace: AdaptiveRate, count: int, now: float, retry_after: float | None) -> None:
    for _ in range(count):
        pace.on_sent(now)
    for _ in range(count):
        pace.refused(now, retry_after)


def test_one_refusal_stops_no_worker() -> None:
    pace = AdaptiveRate()
    refuse(pace, 1, 1.0, 60.0)

    assert pace.wait(1.0) <= 0


def test_refusals_in_a_row_that_name_a_time_are_believed() -> None:
    pace = AdaptiveRate(random=lambda: 0.0)
    refuse(pace, 8, 1.0, 2.5)

    assert pace.wait(1.0) == pytest.approx(2.5)


def test_a_whole_number_of_seconds_proves_one_second_less() -> None:
    pace = AdaptiveRate(random=lambda: 0.0)
    refuse(pace, 8, 1.0, 30.0)

    assert pace.wait(1.0) == pytest.approx(29.0)


def test_a_door_that_stays_closed_is_tried_ever_more_rarely() -> None:
    pace = AdaptiveRate(random=lambda: 0.0)
    now, attempts = 0.0, 0
    while now < 60.0:
        now = max(now, now + pace.wait(now)) + 0.001
        pace.on_sent(now)
        pace.refused(now, 1.0)
        attempts += 1

    assert attempts < 200
    assert pace.rate is not None


def test_absurd_demands_for_silence_are_cut_to_minutes() -> None:
    pace = AdaptiveRate(random=lambda: 0.0)
    refuse(pace, 8, 0.0, 1e9)

    assert 200 <= pace.wait(0.0) <= 300


def test_processes_do_not_wake_together() -> None:
    waits = set()
    for chance in (0.0, 0.5, 0.9):
        pace = AdaptiveRate(random=lambda chance=chance: chance)  # type: ignore[misc]
        refuse(pace, 8, 0.0, 2.5)
        waits.add(round(pace.wait(0.0), 3))

    assert len(waits) == 3


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["answer", "lost", 0.0, 0.05, 1.0, 60.0, None]))))
def test_whatever_happens_the_pace_stays_above_its_floor_and_waits_stay_bounded(
    events: list[tuple[float, object]],
) -> None:
    pace, now = AdaptiveRate(), 0.0
    for seconds, event in events:
        now += seconds
        pace.on_sent(now)
        if event == "answer":
            pace.answered(now)
        elif event == "lost":
            pace.lost()
        else:
            pace.refused(now, event)  # type: ignore[arg-type]
        assert pace.rate is None or pace.floor <= pace.rate < math.inf
        assert pace.wait(now) <= 330.0
        assert 0.0 <= pace.noise <= 1.0
