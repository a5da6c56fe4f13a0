"""Deadlines that share a timer do what ``asyncio.timeout`` does."""

from __future__ import annotations

import asyncio
import contextlib
import math

import pytest

from briqpay_async.transport.deadlines import Deadline, Timer

FAR = 60.0
NEAR = 0.02


async def timer() -> Timer:
    return Timer(asyncio.get_running_loop())


async def test_a_block_that_is_done_in_time_is_left_as_it_is() -> None:
    shared = await timer()
    with Deadline(shared, FAR):
        await asyncio.sleep(0)
        assert len(shared.watched) == 1
    assert not shared.watched


async def test_a_block_that_takes_too_long_ends_with_a_timeout_and_an_unharmed_task() -> None:
    shared = await timer()
    with pytest.raises(TimeoutError), Deadline(shared, NEAR):
        await asyncio.sleep(FAR)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert not shared.watched
    await asyncio.sleep(0)


async def test_each_deadline_ends_its_own_block_in_the_order_of_time() -> None:
    shared = await timer()
    ended: list[float] = []

    async def wait(seconds: float) -> None:
        try:
            with Deadline(shared, seconds):
                await asyncio.sleep(FAR)
        except TimeoutError:
            ended.append(seconds)

    async with asyncio.timeout(5):
        long = asyncio.create_task(wait(FAR))
        await asyncio.gather(*(wait(seconds) for seconds in (4 * NEAR, NEAR, 2 * NEAR)))
    assert ended == [NEAR, 2 * NEAR, 4 * NEAR]
    assert not long.done()
    long.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await long
    assert not shared.watched


async def test_the_timer_is_set_once_for_deadlines_that_follow_each_other() -> None:
    shared = await timer()
    moments = set()
    for _ in range(100):
        with Deadline(shared, FAR):
            moments.add(shared.wakes_at)
    assert len(moments) == 1
    shared.stop()
    assert shared.wakes_at == math.inf


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    shared = await timer()

    async def wait() -> None:
        with Deadline(shared, FAR):
            await asyncio.sleep(FAR)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not shared.watched


async def test_a_cancellation_in_the_same_moment_as_the_deadline_stays_one() -> None:
    shared = await timer()

    async def wait() -> None:
        with Deadline(shared, FAR):
            await asyncio.sleep(FAR)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    (deadline,) = shared.watched
    deadline.expire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1


async def test_an_error_of_the_block_is_not_hidden_by_a_deadline_that_passes_meanwhile() -> None:
    shared = await timer()

    async def wait() -> None:
        with Deadline(shared, NEAR):
            try:
                await asyncio.sleep(FAR)
            except asyncio.CancelledError:
                raise LookupError from None

    with pytest.raises(LookupError):
        await wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


def test_it_needs_a_task() -> None:
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(RuntimeError, match="needs a task"), Deadline(Timer(loop), FAR):
            pass
    finally:
        loop.close()
