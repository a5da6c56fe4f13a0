"""The lane of a worker: batches share one run, and what ends one does not hold up the next ones."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from briqpay_async import Address, BriqpayClient, ConfigurationError, EditableData, SessionPatch, UpdateOutcome
from briqpay_async.bulk.gate import AdaptiveGate
from briqpay_async.integrations.taskiq.lane import Errand, Lane
from briqpay_async.integrations.taskiq.rows import QueuedRow
from briqpay_async.transport.rate_gate import RateGate


class SlowApi:
    """What a lane needs of a client: requests are answered when a test says so."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.sent: list[str] = []
        self.under_way = self.most = 0
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    @property
    def sessions(self) -> SlowApi:
        return self

    def _bulk_gate(self, concurrency: int) -> AdaptiveGate:
        return AdaptiveGate(concurrency, asyncio.get_running_loop().time, asyncio.sleep)

    def _bind(self, gate: RateGate) -> Callable[..., Awaitable[None]]:
        async def update(session_id: str, *_: object, **__: object) -> None:
            await gate.wait(math.inf)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.begun.put_nowait(session_id)
            try:
                await self.may_answer.wait()
            finally:
                self.under_way -= 1
            self.sent.append(session_id)
            if self.error is not None:
                raise self.error

        return update


class Worker:
    """Errands on a lane."""

    def __init__(self, api: SlowApi, concurrency: int) -> None:
        self.lane = Lane(cast("BriqpayClient", api), concurrency)
        self.outcomes: list[str | None] = []

    def _settle(self, _: Sequence[QueuedRow], outcome: UpdateOutcome) -> None:
        self.outcomes.append(outcome.session_id)

    def send(self, numbers: range, until: float = math.inf) -> tuple[Errand, asyncio.Task[None]]:
        errand = Errand(until, self._settle)
        return errand, asyncio.create_task(self.lane.send(errand, [[row(number)] for number in numbers]))


def name(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def row(number: int) -> QueuedRow:
    return QueuedRow(name(number), SessionPatch.of(data=EditableData(billing=Address(city="Ystad"))))


async def begun(api: SlowApi, count: int) -> list[str]:
    async with asyncio.timeout(10):
        return [await api.begun.get() for _ in range(count)]


@pytest.fixture
async def api() -> SlowApi:
    return SlowApi()


async def test_batches_at_once_share_the_places(api: SlowApi) -> None:
    worker = Worker(api, 5)
    _, first = worker.send(range(3))
    _, second = worker.send(range(3, 20))
    assert await begun(api, 5) == [name(number) for number in range(5)]
    api.may_answer.set()
    await asyncio.gather(first, second)
    assert (api.most, sorted(filter(None, worker.outcomes))) == (5, [name(number) for number in range(20)])
    await worker.lane.aclose()


async def test_what_was_not_begun_when_a_batch_is_cancelled_never_is(api: SlowApi) -> None:
    worker = Worker(api, 2)
    cancelled, sending = worker.send(range(5))
    _, other = worker.send(range(5, 7))
    await begun(api, 2)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert (cancelled.open, cancelled.over.done()) == (2, False)
    api.may_answer.set()
    await cancelled.over
    await other
    assert sorted(api.sent) == [name(number) for number in (0, 1, 5, 6)]
    await worker.lane.aclose()


async def test_nothing_begins_after_the_moment_of_a_batch_and_the_next_one_is_sent(api: SlowApi) -> None:
    worker = Worker(api, 2)
    late, sending = worker.send(range(5), until=0.0)
    await sending
    assert (late.open, api.sent) == (5, [])
    api.may_answer.set()
    _, next_one = worker.send(range(5, 8))
    await next_one
    assert sorted(api.sent) == [name(number) for number in (5, 6, 7)]
    await worker.lane.aclose()


async def test_a_client_of_no_use_is_told_to_every_batch(api: SlowApi) -> None:
    worker = Worker(api, 1)
    sendings = [worker.send(range(3))[1], worker.send(range(3, 5))[1]]
    await begun(api, 1)
    api.error = ConfigurationError("closed")
    api.may_answer.set()
    for sending in sendings:
        with pytest.raises(ConfigurationError, match="closed"):
            await sending
    api.error = None
    await worker.send(range(5, 7))[1]
    assert api.sent == [name(0), name(5), name(6)]
    await worker.lane.aclose()


async def test_closing_lets_go_of_what_is_under_way(api: SlowApi) -> None:
    worker = Worker(api, 2)
    errand, sending = worker.send(range(3))
    await begun(api, 2)
    await worker.lane.aclose()
    await sending
    assert (errand.open, api.under_way, api.sent) == (3, 0, [])


async def test_closing_at_once_lets_go_too(api: SlowApi) -> None:
    worker = Worker(api, 2)
    errand, sending = worker.send(range(3))
    await asyncio.sleep(0)  # the run was made, and has not begun
    await worker.lane.aclose()
    await sending
    assert (errand.open, api.sent) == (3, [])
    _, later = worker.send(range(3))
    await later
    assert api.sent == []


async def test_a_batch_is_claimed_when_few_rows_wait(api: SlowApi) -> None:
    worker = Worker(api, 1)
    _, sending = worker.send(range(4))
    await begun(api, 1)
    claims: list[str] = []

    async def claim(who: str) -> None:
        async with worker.lane.claim():
            claims.append(f"{who} after {len(api.sent)}")

    claiming: list[asyncio.Task[Any]] = [asyncio.create_task(claim(who)) for who in ("one", "two")]
    gives_up = asyncio.create_task(claim("gives up"))
    await asyncio.sleep(0)
    gives_up.cancel()
    assert claims == []
    api.may_answer.set()
    await asyncio.gather(sending, *claiming)
    assert [each.split()[0] for each in claims] == ["one", "two"]
    assert all(int(each.split()[2]) >= 1 for each in claims)
    await worker.lane.aclose()
