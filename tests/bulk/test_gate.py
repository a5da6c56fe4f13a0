"""The throttle: turns one by one, and what a wrapped transport teaches it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from briqpay_async import CallTimeoutError, ConnectError, Timeouts
from briqpay_async.bulk.gate import Tally, Throttle
from briqpay_async.transport.requests import Request, Response

REQUEST = Request(method="PATCH", path="/v3/session/1", body=b"12345")


class FakeTransport:
    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.seconds: list[float] = []
        self.closed = False

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        self.seconds.append(seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        self.closed = True


def answer(status: int, retry_after: str | None = None) -> Response:
    return Response(status, {} if retry_after is None else {"Retry-After": retry_after}, b"")


async def send(throttle: Throttle, transport: FakeTransport, times: int = 1, *, admitted: bool = False) -> Tally:
    tally = Tally(admitted=admitted)
    throttle.tally.set(tally)
    wire = throttle.around(transport)
    for _ in range(times):
        await wire.send(REQUEST, Timeouts(), 10.0)
    return tally


@pytest.fixture
def throttle(fake_time: Any) -> Throttle:
    return Throttle(50, fake_time.clock, fake_time.sleep)


async def test_every_attempt_is_counted_with_its_bytes(throttle: Throttle) -> None:
    tally = await send(throttle, FakeTransport(answer(503), answer(204)), times=2)

    assert (tally.attempts, tally.bytes_sent) == (2, 10)


async def test_a_refusal_that_the_client_repeats_by_itself_is_seen(throttle: Throttle) -> None:
    await send(throttle, FakeTransport(answer(429, "2")))

    assert throttle.limiter.refusals == 1
    assert throttle.limiter.wait(throttle.clock()) == pytest.approx(2.0)


async def test_an_overloaded_server_is_given_the_time_it_asks_for(throttle: Throttle) -> None:
    await send(throttle, FakeTransport(answer(503, "3")))

    assert throttle.limiter.refusals == 0
    assert throttle.limiter.wait(throttle.clock()) == pytest.approx(3.0)


async def test_requests_that_go_unanswered_shrink_the_window(throttle: Throttle) -> None:
    before = throttle.limiter.window.limit
    for _ in range(10):
        with pytest.raises(ConnectError):
            await send(throttle, FakeTransport(ConnectError("refused")))

    assert throttle.limiter.window.limit < before


async def test_a_repeated_request_waits_for_its_turn_within_its_time(throttle: Throttle, fake_time: Any) -> None:
    transport = FakeTransport(answer(429, "2"), answer(204))
    started = fake_time.now

    await send(throttle, transport, times=2, admitted=True)

    assert fake_time.now - started == pytest.approx(2.0)
    assert transport.seconds == [10.0, pytest.approx(8.0)]


async def test_a_turn_that_comes_too_late_is_a_timeout_before_anything_was_sent(throttle: Throttle) -> None:
    throttle.limiter.pause(throttle.clock(), 100.0)
    throttle.sleep = asyncio.sleep
    transport = FakeTransport(answer(204))
    throttle.tally.set(Tally())

    with pytest.raises(CallTimeoutError) as raised:
        await throttle.around(transport).send(REQUEST, Timeouts(), 0.01)

    assert raised.value.sent is False
    assert transport.seconds == []


async def test_turns_come_one_by_one_at_the_pace(throttle: Throttle, fake_time: Any) -> None:
    throttle.limiter.pace.rate = 100.0
    throttle.limiter.pace.error = 0.02
    throttle.limiter.pace._hold_until = 1e9
    turns: list[float] = []

    async def take() -> None:
        await throttle.turn()
        turns.append(fake_time.now)

    await asyncio.gather(*(take() for _ in range(50)))

    assert turns[-1] - turns[0] == pytest.approx(0.49, abs=0.011)


async def test_a_pause_holds_back_those_who_already_wait(throttle: Throttle, fake_time: Any) -> None:
    throttle.limiter.pace.rate = 1.0
    await throttle.turn()
    waiting = asyncio.create_task(throttle.turn())
    await asyncio.sleep(0)
    throttle.limiter.refused(fake_time.now, 30.0)
    started = fake_time.now

    await waiting

    assert fake_time.now - started >= 30.0


async def test_closing_leaves_the_clients_transport_open(throttle: Throttle) -> None:
    transport = FakeTransport()

    await throttle.around(transport).aclose()

    assert not transport.closed
