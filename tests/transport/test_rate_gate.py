"""The gate of one client: a rate that is known, and pauses that the API asks for."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import pytest
from support.virtual_time import FakeTime

from briqpay_async import BriqpayClient, ConfigurationError, RateLimit, RateLimitedError
from briqpay_async.transport.rate_gate import ClientGate, asks_to_slow_down


def gate(time: FakeTime, rate: RateLimit | None = None) -> ClientGate:
    return ClientGate(rate, clock=time.clock, sleep=time.sleep)


async def turns(made: ClientGate, time: FakeTime, count: int) -> list[float]:
    """When so many attempts that ask together have their turns, in seconds from now."""
    started, found = time.now, []

    async def take() -> None:
        await made.wait(math.inf)
        found.append(time.now - started)

    await asyncio.gather(*(take() for _ in range(count)))
    return found


def test_a_client_without_a_rate_need_not_ask(fake_time: FakeTime) -> None:
    assert not gate(fake_time).closed
    assert gate(fake_time, RateLimit(5)).closed


@pytest.mark.parametrize(("per_second", "burst"), [(10, 1), (10, 4), (0.5, 2), (300, 10)])
async def test_a_known_rate_is_kept_and_used(fake_time: FakeTime, per_second: float, burst: int) -> None:
    found = await turns(gate(fake_time, RateLimit(per_second, burst)), fake_time, burst + 20)

    assert found[:burst] == pytest.approx([0.0] * burst)
    assert found[-1] == pytest.approx(20 / per_second)
    assert all(later - earlier == pytest.approx(1 / per_second) for earlier, later in pairwise(found[burst - 1 :]))


async def test_a_lull_earns_no_more_than_the_burst(fake_time: FakeTime) -> None:
    made = gate(fake_time, RateLimit(10, 3))
    await turns(made, fake_time, 3)
    await fake_time.sleep(60.0)

    assert await turns(made, fake_time, 5) == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2])


async def test_a_turn_after_the_deadline_is_refused_at_once_and_not_taken(fake_time: FakeTime) -> None:
    made = gate(fake_time, RateLimit(1))
    await made.wait(math.inf)
    started = fake_time.now

    with pytest.raises(RateLimitedError) as raised:
        await made.wait(started + 0.5)

    assert raised.value.retry_after == pytest.approx(1.0)
    assert fake_time.now == started
    assert await turns(made, fake_time, 1) == pytest.approx([1.0])


async def test_the_turn_of_a_call_that_is_cancelled_is_free_again(fake_time: FakeTime) -> None:
    made = gate(fake_time, RateLimit(1))
    await made.wait(math.inf)
    cancelled = asyncio.create_task(made.wait(math.inf))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait((cancelled,))

    assert await turns(made, fake_time, 1) == pytest.approx([1.0])


async def test_a_refusal_holds_back_those_who_wait_for_a_turn_too(fake_time: FakeTime) -> None:
    made = gate(fake_time, RateLimit(10))
    await made.wait(math.inf)
    waiting = asyncio.create_task(turns(made, fake_time, 1))
    await asyncio.sleep(0)
    made.refused(fake_time.now, 2.0)

    assert (await waiting)[0] >= 2.0


async def test_a_refusal_that_asks_for_no_wait_pauses_for_a_moment(fake_time: FakeTime) -> None:
    made = gate(fake_time)
    made.refused(fake_time.now, 0.0)
    started = fake_time.now
    await made.wait(math.inf)

    assert 0 < fake_time.now - started < 0.2
    assert not made.closed


async def test_those_who_waited_for_the_end_of_a_pause_go_on_one_by_one(fake_time: FakeTime) -> None:
    made = gate(fake_time)
    made.refused(fake_time.now, 2.0)

    found = await turns(made, fake_time, 10)

    assert found[0] == pytest.approx(2.0)
    assert all(later - earlier == pytest.approx(0.1) for earlier, later in pairwise(found))
    assert not made.closed


async def test_answers_let_those_who_wait_go_on_faster(fake_time: FakeTime) -> None:
    made = gate(fake_time)
    made.refused(fake_time.now, 2.0)
    await made.wait(math.inf)
    waiting = asyncio.create_task(turns(made, fake_time, 1))
    made.closed = True
    for _ in range(10):
        made.answered(fake_time.now, 0.01)
    await waiting

    found = await turns(made, fake_time, 5)

    assert max(later - earlier for earlier, later in pairwise(found)) < 0.02


async def test_a_call_that_the_queue_after_a_pause_leaves_no_time_fails_at_once(fake_time: FakeTime) -> None:
    made = gate(fake_time)
    made.refused(fake_time.now, 2.0)
    waiting = [asyncio.create_task(made.wait(math.inf)) for _ in range(20)]
    await asyncio.sleep(0)
    started = fake_time.now

    with pytest.raises(RateLimitedError) as raised:
        await made.wait(started + 3.0)

    assert fake_time.now == started
    assert raised.value.retry_after == pytest.approx(4.0)
    await asyncio.gather(*waiting)


async def test_a_refusal_after_a_pause_makes_those_who_wait_go_on_more_slowly(fake_time: FakeTime) -> None:
    made = gate(fake_time)
    made.refused(fake_time.now, 1.0)
    waiting = asyncio.create_task(turns(made, fake_time, 5))
    await fake_time.sleep(1.01)
    made.refused(fake_time.now, 1.0)
    found = await waiting

    assert found[1] >= 2.0
    assert found[-1] - found[-2] >= 0.1


async def test_a_known_rate_pauses_no_longer_than_it_is_asked_to(fake_time: FakeTime) -> None:
    made = gate(fake_time, RateLimit(300, burst=1))
    await made.wait(math.inf)
    made.refused(fake_time.now, 0.004)

    assert await turns(made, fake_time, 1) == pytest.approx([0.004])


async def test_refusals_of_one_burst_slow_down_as_one(fake_time: FakeTime) -> None:
    made = gate(fake_time)
    for _ in range(20):
        made.refused(fake_time.now, 2.0)

    found = await turns(made, fake_time, 10)

    assert all(later - earlier == pytest.approx(0.1) for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("status", "retry_after", "asks"),
    [
        (429, None, True),
        (429, 0.0, True),
        (503, 0.0, True),
        (503, 3.0, True),
        (503, None, False),
        (500, 1.0, False),
    ],
)
def test_an_answer_asks_to_slow_down_with_429_or_with_503_and_a_time(
    status: int, retry_after: float | None, asks: bool
) -> None:
    assert asks_to_slow_down(status, retry_after) is asks


@pytest.mark.parametrize("per_second", [0, -1, math.nan, math.inf, True, "5", 1e7])
def test_an_invalid_rate_is_refused(per_second: float) -> None:
    with pytest.raises(ConfigurationError, match="per_second"):
        RateLimit(per_second)
    with pytest.raises(ConfigurationError, match="burst"):
        RateLimit(1, 0)
    with pytest.raises(ConfigurationError, match="must be a RateLimit"):
        BriqpayClient("user", "secret", rate=5)  # type: ignore[arg-type]


async def test_copies_of_a_client_share_its_rate() -> None:
    briqpay = BriqpayClient("user", "secret", rate=RateLimit(5))

    assert briqpay.with_options()._caller.gate is briqpay._caller.gate
