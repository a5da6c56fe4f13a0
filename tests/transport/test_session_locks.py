"""SessionLocks: requests of one session never overlap, wait in turn, and leave nothing behind."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async.transport.session_locks import SessionLocks


async def through(lanes: SessionLocks, key: str, seconds: float = 5.0) -> None:
    if not lanes.try_enter(key):
        await lanes.enter(key, seconds)


async def ticks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_free_lane_is_entered_at_once_and_forgotten_after() -> None:
    lanes = SessionLocks()
    assert lanes.try_enter("a")
    assert not lanes.try_enter("a")
    assert lanes.try_enter("b")
    assert len(lanes) == 2
    lanes.leave("a")
    lanes.leave("b")
    assert len(lanes) == 0


async def test_waiters_enter_in_the_order_they_came() -> None:
    lanes, order = SessionLocks(), []
    lanes.try_enter("a")

    async def visit(number: int) -> None:
        await through(lanes, "a")
        order.append(number)
        await asyncio.sleep(0)
        lanes.leave("a")

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(visit(number))
        await ticks(3)
        assert order == []
        lanes.leave("a")
    assert order == list(range(20))
    assert len(lanes) == 0


async def test_no_call_overtakes_those_that_wait() -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    waiter = asyncio.create_task(lanes.enter("a", 5))
    await ticks(2)
    lanes.leave("a")
    assert not lanes.try_enter("a"), "the lane was handed over, though the waiter has not run yet"
    await waiter
    lanes.leave("a")
    assert lanes.try_enter("a")


async def test_lanes_do_not_wait_for_each_other() -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    async with asyncio.timeout(30):
        await through(lanes, "b")
    assert len(lanes) == 2


async def test_a_cancelled_waiter_gives_up_its_place_and_the_next_one_gets_it() -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    first, second = (asyncio.create_task(lanes.enter("a", 5)) for _ in range(2))
    await ticks(2)
    first.cancel()
    await ticks(2)
    assert first.cancelled()
    lanes.leave("a")
    await second
    lanes.leave("a")
    assert len(lanes) == 0


async def test_a_waiter_cancelled_as_its_turn_comes_passes_the_lane_on() -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    first, second = (asyncio.create_task(lanes.enter("a", 5)) for _ in range(2))
    await ticks(2)
    lanes.leave("a")
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    async with asyncio.timeout(30):
        await second
    lanes.leave("a")
    assert len(lanes) == 0


async def test_the_last_waiter_cancelled_as_its_turn_comes_leaves_the_lane_free() -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    only = asyncio.create_task(lanes.enter("a", 5))
    await ticks(2)
    lanes.leave("a")
    only.cancel()
    await asyncio.wait([only])
    assert len(lanes) == 0
    assert lanes.try_enter("a")


async def test_cancelled_before_the_hand_over_but_not_yet_run_does_not_take_the_lane() -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    first, second = (asyncio.create_task(lanes.enter("a", 5)) for _ in range(2))
    await ticks(2)
    first.cancel()
    lanes.leave("a")
    await second
    assert first.cancelled()
    lanes.leave("a")
    assert len(lanes) == 0


@pytest.mark.parametrize("seconds", [0.01, 0.0, -1.0])
async def test_waiting_too_long_is_a_timeout_and_gives_up_the_place(seconds: float) -> None:
    lanes = SessionLocks()
    lanes.try_enter("a")
    with pytest.raises(TimeoutError):
        await lanes.enter("a", seconds)
    lanes.leave("a")
    assert len(lanes) == 0


async def test_a_hundred_thousand_keys_leave_nothing_behind() -> None:
    lanes = SessionLocks()
    for number in range(100_000):
        key = str(number)
        lanes.try_enter(key)
        if number % 100 == 0:
            waiter = asyncio.create_task(lanes.enter(key, 5))
            await asyncio.sleep(0)
            lanes.leave(key)
            await waiter
        lanes.leave(key)
    assert len(lanes) == 0


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(2, 12))
def test_under_any_schedule_no_calls_overlap_none_starves_and_nothing_remains(
    seed: int, keys: int, visitors: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeats with the seed
    asyncio.run(_random_schedule(chance, keys, visitors))


async def _random_schedule(chance: random.Random, keys: int, visitors: int) -> None:
    lanes = SessionLocks()
    inside: dict[str, int] = {}
    arrived: dict[str, list[int]] = {}
    entered: dict[str, list[int]] = {}

    async def visit(number: int, key: str) -> None:
        await ticks(chance.randrange(6))
        arrived.setdefault(key, []).append(number)
        # the clock of a wait is real, so a timeout comes at once or never
        await through(lanes, key, chance.choice((60.0, 60.0, 60.0, 0.0)))
        entered.setdefault(key, []).append(number)
        try:
            assert inside.setdefault(key, 0) == 0, "two were in one lane"
            inside[key] += 1
            await ticks(chance.randrange(4))
        finally:
            inside[key] -= 1
            lanes.leave(key)

    tasks = [asyncio.create_task(visit(number, str(chance.randrange(keys)))) for number in range(visitors)]
    while not all(task.done() for task in tasks):
        if chance.random() < 0.2:
            chance.choice(tasks).cancel()
        await asyncio.sleep(0)
    for task in tasks:
        if not task.cancelled():
            assert isinstance(task.exception(), TimeoutError | None)
    for key, order in entered.items():
        assert order == [number for number in arrived[key] if number in order], "a call overtook another"
    assert len(lanes) == 0
