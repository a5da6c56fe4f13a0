"""An outage is not multiplied by the client's repetitions, and the client is its old self soon after."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.shop import address, data, new_session
from support.virtual_time import FakeTime
from system.robust.robust_wire import SESSION_ID, Wire

from briqpay_async import (
    AttemptEvent,
    BriqpayClient,
    BriqpayError,
    CallHooks,
    ConnectError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    SessionPatch,
)
from briqpay_async.sandbox import Sandbox

CALLS = 250
AT_ONCE = 20
PATCH = SessionPatch.between(data(), data(billing=address(city="Malmö")))


class Attempts(CallHooks):
    def __init__(self) -> None:
        self.made = 0

    def on_attempt(self, event: AttemptEvent) -> None:
        self.made += 1


def client_of(url: str, fake_time: FakeTime, hooks: tuple[CallHooks, ...] = ()) -> BriqpayClient:
    """A client with the retry policy that users get, and time that passes at once."""
    client = BriqpayClient("sandbox-merchant", "sandbox-secret", base_url=url, hooks=hooks)
    shared = client._caller.shared
    shared.clock, shared.sleep, shared.random = fake_time.clock, fake_time.sleep, fake_time.random
    gate: Any = shared.gate
    gate._clock, gate._sleep = fake_time.clock, fake_time.sleep
    return client


def tokens(client: BriqpayClient) -> int:
    return client._caller.shared.budget.tokens


async def calls(client: BriqpayClient, session_id: str, count: int) -> Counter[str]:
    """Make reads, so many at a time, and count how they end."""
    ends: Counter[str] = Counter()
    turns = iter(range(count))

    async def work() -> None:
        for _ in turns:
            try:
                await client.sessions.read(session_id)
            except BriqpayError as error:
                ends[type(error).__name__] += 1
            else:
                ends["ok"] += 1

    await asyncio.gather(*[work() for _ in range(AT_ONCE)])
    return ends


@pytest.fixture
async def session_id(sandbox: Sandbox, client: BriqpayClient) -> str:
    session = await client.sessions.create(new_session())
    assert session.session_id is not None
    return session.session_id


@pytest.fixture
async def patient(sandbox: Sandbox, fake_time: FakeTime) -> AsyncIterator[BriqpayClient]:
    async with client_of(sandbox.url, fake_time) as running:
        yield running


ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "503": ({"status": 503}, "ServerError"),
    "503 with a wait": ({"status": 503, "retry_after": 1}, "ServerError"),
    "502": ({"status": 502, "body": "html"}, "ServerError"),
    "429": ({"status": 429, "retry_after": 1}, "RateLimitedError"),
}


@pytest.mark.parametrize(("fault", "error"), ANSWERS.values(), ids=ANSWERS)
async def test_once_the_budget_is_spent_an_outage_sees_hardly_more_requests_than_calls(
    patient: BriqpayClient, sandbox: Sandbox, session_id: str, fault: dict[str, Any], error: str
) -> None:
    sandbox.faults.add("status", **fault)
    first = await calls(patient, session_id, CALLS)
    assert tokens(patient) < RetryPolicy().transient_cost
    spent = len(sandbox.journal)
    assert (
        spent < CALLS + 1.3 * 500 / RetryPolicy().throttled_cost
    )  # a retry costs tokens, of which there were 500
    ends = await calls(patient, session_id, CALLS)
    assert first.keys() | ends.keys() <= {error, "RateLimitedError"}  # the latter where a call would wait too long
    assert len(sandbox.journal) - spent <= 1.3 * CALLS


async def test_after_an_outage_calls_succeed_at_once_and_repetitions_come_back(
    patient: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    outage = sandbox.faults.add("status", status=503)
    await calls(patient, session_id, CALLS)
    sandbox.faults.remove(outage)
    assert await calls(patient, session_id, RetryPolicy().budget) == {"ok": RetryPolicy().budget}
    assert tokens(patient) == RetryPolicy().budget
    sandbox.faults.add("status", status=503, times=3)
    sandbox.journal.clear()
    await patient.sessions.read(session_id)
    assert len(sandbox.journal) == 4


async def test_repetitions_help_while_half_the_requests_fail_and_never_make_it_much_worse(
    patient: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.add("status", status=503, probability=0.5)
    sandbox.journal.clear()
    ends = await calls(patient, session_id, CALLS)
    assert ends["ok"] > 0.6 * CALLS  # four attempts would do for 94 in a hundred, the budget for somewhat fewer
    assert len(sandbox.journal) < 2.2 * CALLS


async def test_a_server_that_refuses_connections_is_not_stormed(wire: Wire, fake_time: FakeTime) -> None:
    attempts = Attempts()
    async with client_of(wire.url, fake_time, (attempts,)) as briqpay:
        assert await calls(briqpay, SESSION_ID, 1) == {"ok": 1}
        await wire.go_down()
        first = await calls(briqpay, SESSION_ID, CALLS)
        assert tokens(briqpay) < RetryPolicy().transient_cost
        spent = attempts.made
        ends = await calls(briqpay, SESSION_ID, CALLS)
        assert attempts.made - spent <= 1.3 * CALLS
        assert (first + ends) == {ConnectError.__name__: 2 * CALLS}
        await wire.come_up()
        assert await calls(briqpay, SESSION_ID, 50) == {"ok": 50}
        assert tokens(briqpay) >= 50


async def test_updates_that_fail_in_an_outage_leave_no_lane_behind(
    patient: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.add("status", status=503, endpoint="patch")
    found = await asyncio.gather(
        *[patient.sessions.update(session_id, PATCH, timeout=1e6) for _ in range(50)], return_exceptions=True
    )
    assert {type(error) for error in found} == {ServerError}
    assert len(patient._caller.shared.locks) == 0
    sandbox.faults.clear()
    assert await patient.sessions.update(session_id, PATCH) is not None


async def test_a_client_asked_to_slow_down_sends_nothing_until_then_however_many_call(
    patient: BriqpayClient, sandbox: Sandbox, session_id: str, fake_time: FakeTime
) -> None:
    sandbox.faults.add("status", status=429, retry_after=30, times=1)
    with pytest.raises(RateLimitedError):
        await patient.sessions.read(session_id, timeout=10)
    asked = len(sandbox.journal)
    refused = await asyncio.gather(
        *[patient.sessions.read(session_id, timeout=20) for _ in range(50)], return_exceptions=True
    )
    assert {type(error) for error in refused} == {RateLimitedError}
    assert len(sandbox.journal) == asked
    before = fake_time.now
    assert await calls(patient, session_id, 50) == {"ok": 50}
    assert fake_time.now - before >= 29
