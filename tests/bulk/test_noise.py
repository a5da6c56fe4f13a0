"""The share of requests that is refused at any rate, and the test against it."""

from __future__ import annotations

import random

import pytest

from briqpay_async.bulk.noise import MOST_NOISE, NoiseAtALimit, NoiseTest


def weighed(refused: int = 0, requests: int = 0, *, at_most: float = MOST_NOISE) -> NoiseTest:
    test = NoiseTest(at_most)
    see(test, refused, requests)
    test.learn(200.0)
    test.weigh(300.0, paced=True)
    test.begin()
    return test


def see(test: NoiseTest, refused: int, requests: int) -> None:
    for place in range(requests):
        if place < refused:
            test.on_refused()
        else:
            test.on_admitted()


def test_without_noise_one_refusal_is_an_alarm() -> None:
    test = weighed(0, 500)
    test.on_refused()

    assert test.alarm


def test_known_noise_is_no_alarm_and_twice_as_much_is() -> None:
    chance = random.Random(1)  # noqa: S311 - repeats
    for share, alarms in ((0.1, False), (0.25, True)):
        test = weighed(100, 1000)
        for _ in range(400):
            if chance.random() < share:
                test.on_refused()
            else:
                test.on_admitted()
        assert test.alarm is alarms


@pytest.mark.parametrize(
    ("refused", "requests", "found"),
    [(7, 7, False), (8, 10, True), (8, 16, False), (6, 20, False), (7, 20, True), (300, 1000, False)],
)
def test_so_much_is_no_noise(refused: int, requests: int, found: bool) -> None:
    test = NoiseTest()
    see(test, refused, requests)

    assert test.is_no_noise is found


def test_no_more_noise_is_believed_than_may_be() -> None:
    assert weighed(100, 1000).share == pytest.approx(0.1, rel=0.2)
    assert weighed(100, 1000, at_most=0.01).share == 0.01


def test_what_was_learned_fades() -> None:
    test = weighed(100, 1000)
    for _ in range(4):
        see(test, 0, 1000)
        test.learn(200.0)

    assert test.share < 0.001


def test_what_is_believed_replaces_what_was_learned() -> None:
    test = weighed(100, 1000)
    see(test, 2, 100)
    test.believe()

    assert test.share == pytest.approx(0.02)


def test_what_is_no_noise_depends_on_the_noise_that_is_known() -> None:
    test = weighed(400, 1000, at_most=0.5)
    see(test, 9, 20)

    assert not test.is_no_noise

    see(test, 9, 10)

    assert test.is_no_noise


# --- below a limit ---------------------------------------------------------------------------------------


def below(found: NoiseAtALimit, now: float, requests: int, refused: int) -> bool:
    test = NoiseTest(requests=requests, refused=refused)
    found.on_below(test)
    return found.proves(now, test)


def test_as_much_refused_below_a_limit_twice_is_noise() -> None:
    found = NoiseAtALimit()
    assert not below(found, 2.0, 150, 15), "once is a limit that fell"
    test = NoiseTest(requests=160, refused=16)
    found.on_below(test)

    assert found.proves(4.0, test)
    assert found.is_known
    assert test.share == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("requests", "refused"),
    [(20, 3), (1000, 30), (150, 100), (50, 8)],
    ids=["too few to say", "as many as others cause", "a limit that fell", "too few refusals"],
)
def test_this_is_no_noise(requests: int, refused: int) -> None:
    found = NoiseAtALimit()

    assert not below(found, 2.0, requests, refused)
    assert not below(found, 4.0, requests, refused)
    assert not found.is_known


def test_refusals_of_a_moment_are_no_noise() -> None:
    found = NoiseAtALimit()

    assert not any(below(found, 0.09 * number, 30, 5) for number in range(1, 11))
    assert not found.is_known


def test_noise_at_a_limit_that_is_gone_is_forgotten() -> None:
    found = NoiseAtALimit()
    below(found, 2.0, 150, 15)
    below(found, 4.0, 150, 15)
    found.learn(0.02)

    assert not found.is_known


def test_the_peak_is_the_greatest_limit_since_it_seems_to_be_noise() -> None:
    found = NoiseAtALimit()
    found.on_limit(500.0)
    below(found, 2.0, 400, 4)
    found.on_limit(300.0)
    below(found, 4.0, 150, 15)
    found.on_limit(200.0)

    assert found.peak == 300.0
