"""Cancelling a call at any moment ends it there, sends nothing more, and frees the session for the next update."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

import pytest
from support.fake_transport import FakeTransport, answer, call, caller, read, update
from support.virtual_time import FakeTime

from briqpay_async import CallTimeoutError, ConnectError, TransportError
from briqpay_async.transport.call import Caller


def long_winded(fake_time: FakeTime) -> tuple[Caller, FakeTransport]:
    """A caller whose next call fails in every way that is repeated, slowly, before it works."""
    return caller(
        fake_time,
        (1.0, answer(503)),
        (1.0, TransportError("lost", sent=True)),
        (1.0, answer(429, Retry_After="3")),
        (40.0, answer()),
        (1.0, ConnectError("refused", sent=False)),
        (1.0, answer()),
        attempts=10,
    )


async def steps_of_an_undisturbed_call(fake_time: FakeTime) -> int:
    briqpay, transport = long_winded(fake_time)
    task = asyncio.create_task(call(briqpay, update()))
    steps = 0
    while not task.done():
        await asyncio.sleep(0)
        steps += 1
    assert (await task).status == 200
    assert len(transport.sent) == 6
    return steps


async def test_the_call_that_is_cancelled_below_is_long_enough(fake_time: FakeTime) -> None:
    assert await steps_of_an_undisturbed_call(fake_time) > 200


@pytest.mark.parametrize("first_step", range(0, 240, 40))
async def test_a_call_cancelled_at_any_step_stops_there_and_frees_its_lane(first_step: int) -> None:
    for step in range(first_step, first_step + 40):
        fake_time = FakeTime()
        briqpay, transport = long_winded(fake_time)
        task = asyncio.create_task(call(briqpay, update()))
        for _ in range(step):
            await asyncio.sleep(0)
        was_over = task.done()
        task.cancel()
        await asyncio.wait([task])
        if was_over:
            continue
        assert task.cancelled(), f"swallowed at step {step}"
        sent = len(transport.sent)
        await fake_time.passes(100.0)
        assert len(transport.sent) == sent, f"went on after step {step}"
        assert len(briqpay.shared.locks) == 0, f"lane kept at step {step}"
        transport.steps = [answer(204, b"")]
        assert (await call(briqpay, update())).status == 204
        assert transport.most_in_a_lane == 1


@pytest.mark.parametrize("step", range(60))
async def test_a_waiting_call_cancelled_at_any_step_lets_the_next_one_through(step: int) -> None:
    fake_time = FakeTime()
    briqpay, transport = caller(fake_time, (1.0, answer()))
    tasks = [asyncio.create_task(call(briqpay, update(query=str(number)))) for number in range(3)]
    for _ in range(step):
        await asyncio.sleep(0)
    was_over = tasks[1].done()
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError) is not was_over
    assert transport.most_in_a_lane == 1
    assert [request.query for _, request in transport.sent if request.query != "1"] == ["0", "2"]
    assert len(briqpay.shared.locks) == 0


async def driven(call: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine by hand: a task would hand an interrupt to the event loop."""
    while True:
        waited_for = call.send(None)
        if waited_for is not None:
            waited_for._asyncio_future_blocking = False
            await waited_for


@pytest.mark.parametrize("stop", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_what_ends_programs_is_never_repeated(fake_time: FakeTime, stop: type[BaseException]) -> None:
    briqpay, transport = caller(fake_time, answer(503), stop(), answer())
    with pytest.raises(stop):
        await driven(call(briqpay, update()))
    assert len(transport.sent) == 2
    assert len(briqpay.shared.locks) == 0


async def test_an_outer_timeout_reaches_the_caller_as_a_timeout(fake_time: FakeTime) -> None:
    async def forever(_seconds: float) -> None:
        await asyncio.Event().wait()

    briqpay, transport = caller(fake_time, answer(503), sleep=forever)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.01):
            await call(briqpay, update())
    assert not isinstance(caught.value, CallTimeoutError)
    assert len(transport.sent) == 1
    assert len(briqpay.shared.locks) == 0


async def test_updates_of_one_session_never_overlap_and_keep_their_order(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, (1.0, answer()))
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(call(briqpay, update(query=str(number))))
    assert transport.most_in_a_lane == 1
    assert [request.query for _, request in transport.sent] == [str(number) for number in range(20)]
    assert fake_time.now == 1020.0


async def test_updates_of_different_sessions_and_reads_run_side_by_side(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, (1.0, answer()))
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(call(briqpay, update(lane=str(number))))
            group.create_task(call(briqpay, read()))
    assert fake_time.now == 1001.0
    assert len(transport.sent) == 40


async def test_an_update_that_fails_lets_the_next_one_through(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, (1.0, answer(400)), (1.0, answer()))
    done = await asyncio.gather(*(call(briqpay, update()) for _ in range(2)), return_exceptions=True)
    assert [getattr(one, "status", None) for one in done] == [400, 200]
    assert transport.most_in_a_lane == 1


async def test_waiting_for_other_updates_longer_than_the_deadline_sends_nothing(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer())
    briqpay.shared.locks.try_enter("s")
    with pytest.raises(CallTimeoutError, match="Updates of this session") as caught:
        await call(briqpay, update(), timeout=0.01)
    assert (caught.value.sent, caught.value.attempts, transport.sent) == (False, 0, [])
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.path == "/v3/session/s"
    briqpay.shared.locks.leave("s")
    assert len(briqpay.shared.locks) == 0


# --- a lane kept for several calls -----------------------------------------------------------------------


async def test_a_lane_that_is_held_keeps_updates_waiting_until_it_is_left(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, (1.0, answer()))
    async with briqpay.holding("s", 60.0):
        waiting = asyncio.create_task(call(briqpay, update(query="second")), context=Context())  # another handler
        await call(briqpay, read(query="first"))
        assert [request.query for _, request in transport.sent] == ["first"]
    await waiting
    assert [request.query for _, request in transport.sent] == ["first", "second"]
    assert len(briqpay.shared.locks) == 0


async def test_holding_waits_for_updates_under_way(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, (1.0, answer()))
    running = asyncio.create_task(call(briqpay, update()))
    await asyncio.sleep(0)
    async with briqpay.holding("s", 60.0):
        assert running.done() or transport.under_way["s"] == 0
    await running


async def test_a_lane_that_is_not_left_in_time_is_a_timeout_that_sent_nothing(fake_time: FakeTime) -> None:
    briqpay, _ = caller(fake_time)
    async with briqpay.holding("s", 60.0):
        with pytest.raises(CallTimeoutError) as caught:
            await asyncio.create_task(briqpay.holding("s", 0.01).__aenter__(), context=Context())
        assert caught.value.sent is False
    assert len(briqpay.shared.locks) == 0


@pytest.mark.parametrize("stop", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_held_lane_is_left_whatever_happens(fake_time: FakeTime, stop: type[BaseException]) -> None:
    briqpay, _ = caller(fake_time)

    async def hold_and_fail() -> None:
        async with briqpay.holding("s", 60.0):
            raise stop

    with pytest.raises(stop):
        await hold_and_fail()
    assert len(briqpay.shared.locks) == 0
