"""The gate of a run and of its workers: turns, attempts, and the moment after which none begins."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from briqpay_async import CallTimeoutError, RateLimit, RateLimitedError
from briqpay_async.bulk.gate import AdaptiveGate, RunIsOverError
from briqpay_async.transport.rate_gate import ClientGate


@pytest.fixture
def gate(fake_time: Any) -> AdaptiveGate:
    return AdaptiveGate(50, fake_time.clock, fake_time.sleep)


async def test_a_worker_knows_how_many_attempts_its_row_took(gate: AdaptiveGate) -> None:
    worker = gate.for_worker()
    for _ in range(3):
        await worker.wait(math.inf)

    assert worker.attempts == 3


async def test_a_row_that_had_its_turn_does_not_wait_for_a_second_one(gate: AdaptiveGate, fake_time: Any) -> None:
    gate.refused(fake_time.now, 2.0)
    worker, started = gate.for_worker(), fake_time.now
    await worker.enter()
    entered = fake_time.now
    await worker.wait(entered)

    assert fake_time.now == entered >= started


async def test_a_turn_that_comes_too_late_is_a_timeout_before_anything_was_sent(
    gate: AdaptiveGate, fake_time: Any
) -> None:
    gate.limiter.pace.resumes = fake_time.now + 100.0
    gate.sleep = asyncio.sleep

    with pytest.raises(CallTimeoutError) as raised:
        await gate.for_worker().wait(fake_time.now + 0.01)

    assert raised.value.sent is False


async def test_attempts_pass_the_clients_gate_too(fake_time: Any) -> None:
    client = ClientGate(RateLimit(10), clock=fake_time.clock, sleep=fake_time.sleep)
    gate = AdaptiveGate(50, fake_time.clock, fake_time.sleep, behind=client)
    started = fake_time.now

    await asyncio.gather(*(gate.for_worker().enter() for _ in range(11)))

    assert fake_time.now - started == pytest.approx(1.0)


async def test_a_call_that_the_clients_gate_has_no_turn_for_fails_at_once(fake_time: Any) -> None:
    client = ClientGate(RateLimit(1), clock=fake_time.clock, sleep=fake_time.sleep)
    worker = AdaptiveGate(50, fake_time.clock, fake_time.sleep, behind=client).for_worker()
    await worker.wait(math.inf)

    with pytest.raises(RateLimitedError) as raised:
        await worker.wait(fake_time.now + 0.5)

    assert raised.value.retry_after == pytest.approx(1.0)
    assert worker.attempts == 1


async def test_refusals_of_one_worker_hold_back_all(gate: AdaptiveGate, fake_time: Any) -> None:
    refused, other = gate.for_worker(), gate.for_worker()
    for _ in range(8):
        refused.refused(fake_time.now, 2.5)
    started = fake_time.now

    await other.enter()

    assert fake_time.now - started >= 2.5


async def test_a_refusal_of_a_bulk_run_does_not_stop_the_single_calls_of_the_client(fake_time: Any) -> None:
    client = ClientGate(clock=fake_time.clock, sleep=fake_time.sleep)
    gate = AdaptiveGate(50, fake_time.clock, fake_time.sleep, behind=client)

    gate.for_worker().refused(fake_time.now, 5.0)

    assert not client.closed


async def test_no_attempt_begins_after_the_moment_that_is_named(fake_time: Any) -> None:
    gate = AdaptiveGate(50, fake_time.clock, fake_time.sleep, until=fake_time.now + 1.0)
    worker = gate.for_worker()
    await worker.wait(math.inf)
    await fake_time.sleep(1.0)

    with pytest.raises(RunIsOverError):
        await worker.wait(math.inf)
    with pytest.raises(RunIsOverError):
        await worker.enter()

    assert worker.attempts == 1


async def test_a_wait_for_a_turn_ends_at_that_moment(fake_time: Any) -> None:
    gate = AdaptiveGate(50, fake_time.clock, fake_time.sleep, until=fake_time.now + 1.0)
    gate.limiter.pace.resumes = fake_time.now + 100.0
    started = fake_time.now

    with pytest.raises(RunIsOverError):
        await gate.for_worker().enter()

    assert fake_time.now - started == pytest.approx(1.0)


async def test_without_refusals_no_attempt_waits(fake_time: Any) -> None:
    gate = AdaptiveGate(10, fake_time.clock, fake_time.sleep)
    worker, started = gate.for_worker(), fake_time.now
    for _ in range(5000):
        await worker.wait(math.inf)
        worker.answered(fake_time.now, 0.01)

    assert fake_time.now == started
    assert gate.take_turn()


async def test_refusals_slow_down_and_do_not_shrink_the_window(fake_time: Any) -> None:
    gate = AdaptiveGate(10, fake_time.clock, fake_time.sleep)
    worker = gate.for_worker()
    for _ in range(100):
        worker.refused(fake_time.now, 0.1)

    assert gate.limiter.window.limit == 10
    assert not gate.take_turn()
    assert gate.limiter.pace.refusals == 100


async def test_a_turn_that_no_attempt_used_is_given_back(gate: AdaptiveGate) -> None:
    worker = gate.for_worker()

    assert worker.enter_now()

    worker.end()

    assert not worker.holds_turn
