"""Waits that cost no time keep the order of events, and deadlines."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.shop import data, line, new_session

from briqpay_async import BriqpayClient, BriqpayError, RateLimit, RateLimitedError, ServerError
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox import Sandbox, ThreadedSandbox
from briqpay_async.shared import MemoryState
from briqpay_async.testing.instant import InstantTime, instant


async def test_sleepers_wake_in_order_and_together_wait_as_long_as_the_longest() -> None:
    now, woken = InstantTime(), []
    began = now.clock()

    async def sleep(seconds: float) -> None:
        await now.sleep(seconds)
        woken.append(seconds)

    await asyncio.gather(sleep(300), sleep(100), sleep(200))
    assert woken == [100, 200, 300]
    assert 300 <= now.clock() - began < 400


async def test_time_does_not_jump_while_a_request_is_under_way() -> None:
    now = InstantTime()
    answered = asyncio.Event()

    async def request() -> None:
        with now.request():
            began = now.clock()
            await answered.wait()
            assert now.clock() - began < 100  # it would be 1000 if the sleeper had jumped

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(request())
        await asyncio.sleep(0)
        sleeper = tasks.create_task(now.sleep(1000))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not sleeper.done()
        answered.set()


async def test_a_sleep_that_is_cancelled_holds_no_other_up() -> None:
    now = InstantTime()
    with now.request():
        first = asyncio.create_task(now.sleep(1))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait((first,))
    async with asyncio.timeout(30):
        await now.sleep(10_000)


def jumped(now: InstantTime) -> float:
    """Seconds that cost no time."""
    return now.clock() - time.monotonic()


async def test_a_client_waits_for_its_rate_and_after_failures_in_no_time(sandbox: Sandbox) -> None:
    now = InstantTime()
    made = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, rate=RateLimit(per_second=0.1))
    async with instant(made, now) as briqpay:
        session = await briqpay.sessions.create(new_session(data(line("sku-1"))))
        sandbox.faults.add("status", endpoint="read", status=503, retry_after=15, times=2)
        assert (await briqpay.with_options().sessions.read(session.id)).id == session.id
    assert jumped(now) > 30  # two waits of 15 seconds, and turns that are 10 seconds apart


@pytest.mark.parametrize(("status", "error"), [(503, ServerError), (429, RateLimitedError)])
async def test_a_wait_that_does_not_fit_the_deadline_is_refused_as_in_earnest(
    sandbox: Sandbox, status: int, error: type[BriqpayError]
) -> None:
    made = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
    async with instant(made) as briqpay:
        session = await briqpay.sessions.create(new_session(data(line("sku-1"))))
        sandbox.faults.add("status", endpoint="read", status=status, retry_after=61)
        with pytest.raises(error) as raised:
            await briqpay.sessions.read(session.id)
    assert raised.value.attempts == 1


async def test_a_gate_of_several_processes_keeps_its_own_time(sandbox: Sandbox) -> None:
    shared = MemoryState(RateLimit(per_second=1000, burst=10))
    made = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, shared=shared)
    async with instant(made) as briqpay:
        await briqpay.sessions.create(new_session(data(line("sku-1"))))


def _read_after_two_failures(briqpay: BlockingBriqpayClient, sandbox: ThreadedSandbox, now: InstantTime) -> None:
    session = briqpay.sessions.create(new_session(data(line("sku-1"))))
    sandbox.faults.add("status", endpoint="read", status=503, retry_after=25, times=2)
    briqpay.sessions.read(session.id)
    assert jumped(now) > 49


def test_a_blocking_client_waits_in_no_time_before_and_after_its_first_call() -> None:
    with Sandbox().in_thread() as sandbox:
        first, second = InstantTime(), InstantTime()
        made = BlockingBriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
        with instant(made, first) as briqpay:
            _read_after_two_failures(briqpay, sandbox, first)
        with BlockingBriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url) as briqpay:
            briqpay.sessions.create(new_session(data(line("sku-1"))))
            instant(briqpay, second)
            _read_after_two_failures(briqpay, sandbox, second)
