"""Where processes share the order of sessions: one lease around whatever changes a session."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any

import attrs
import pytest
from support.fake_transport import FakeTransport, answer, call, caller, read, update
from support.virtual_time import FakeTime

from briqpay_async import BriqpayError, CallTimeoutError, ConfigurationError
from briqpay_async.transport.call import Caller


@attrs.define
class FakeLeases:
    """Gives leases of sessions, and remembers what became of them."""

    log: list[str] = attrs.Factory(list)
    lost: bool = False
    refuses: BaseException | None = None

    async def acquire(self, session_id: str, seconds: float) -> FakeLease:
        assert seconds > 0
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
        self.log.append(f"acquire {session_id}")
        return FakeLease(self, session_id)


@attrs.define
class FakeLease:
    leases: FakeLeases
    session_id: str

    def check(self) -> None:
        if self.leases.lost:
            raise ConfigurationError("the lease ran out")

    async def release(self) -> None:
        await asyncio.sleep(0)
        self.leases.log.append(f"release {self.session_id}")


def shared(fake_time: FakeTime, *steps: Any, **options: Any) -> tuple[Caller, FakeTransport, FakeLeases]:
    briqpay, transport = caller(fake_time, *steps, **options)
    leases = FakeLeases()
    briqpay.shared.locks.leases = leases
    return briqpay, transport, leases


async def test_an_update_has_a_lease_and_a_read_needs_none(fake_time: FakeTime) -> None:
    briqpay, _, leases = shared(fake_time)
    await call(briqpay, read())
    assert leases.log == []
    await call(briqpay, update())
    assert leases.log == ["acquire s", "release s"]
    assert len(briqpay.shared.locks) == 0


async def test_updates_of_one_process_do_not_share_a_lease(fake_time: FakeTime) -> None:
    briqpay, transport, leases = shared(fake_time, (1.0, answer()))
    await asyncio.gather(*(call(briqpay, update()) for _ in range(3)))
    assert leases.log == ["acquire s", "release s"] * 3
    assert transport.most_in_a_lane == 1


async def test_what_happens_inside_a_hold_has_the_lease_of_the_hold(fake_time: FakeTime) -> None:
    briqpay, transport, leases = shared(fake_time)
    async with briqpay.holding("s", 60.0) as hold:
        await call(briqpay, update())
        await call(briqpay, update(lane=hold, path="/v3/session/s"))
        async with briqpay.holding("s", 60.0):
            await call(briqpay, update())
        assert leases.log == ["acquire s"]
    assert leases.log == ["acquire s", "release s"]
    assert len(transport.sent) == 3
    assert len(briqpay.shared.locks) == 0


async def test_a_holder_whose_lease_ran_out_begins_no_further_attempt(fake_time: FakeTime) -> None:
    briqpay, transport, leases = shared(fake_time, answer(503))

    async def lose(_seconds: float) -> None:
        leases.lost = True

    briqpay.shared.sleep = lose
    with pytest.raises(ConfigurationError, match="ran out"):
        await call(briqpay, update())
    assert len(transport.sent) == 1
    assert leases.log == ["acquire s", "release s"]
    with pytest.raises(ConfigurationError, match="ran out"):
        async with briqpay.holding("s", 60.0):
            await call(briqpay, update())
    assert len(transport.sent) == 1


@pytest.mark.parametrize("refuses", [TimeoutError(), BriqpayError("no store"), asyncio.CancelledError()])
async def test_without_a_lease_nothing_is_sent_and_the_place_is_given_back(
    fake_time: FakeTime, refuses: BaseException
) -> None:
    briqpay, transport, leases = shared(fake_time)
    leases.refuses = refuses
    expected = CallTimeoutError if isinstance(refuses, TimeoutError) else type(refuses)
    with pytest.raises(expected):
        await call(briqpay, update())
    assert transport.sent == []
    assert len(briqpay.shared.locks) == 0


async def test_a_call_that_outlives_its_block_releases_the_lease(fake_time: FakeTime) -> None:
    briqpay, _, leases = shared(fake_time, (1.0, answer()))
    async with briqpay.holding("s", 60.0):
        orphan = asyncio.create_task(call(briqpay, update()))
        await asyncio.sleep(0)
    assert leases.log == ["acquire s"]
    await orphan
    assert leases.log == ["acquire s", "release s"]
    assert len(briqpay.shared.locks) == 0


@pytest.mark.parametrize("step", range(25))
async def test_whatever_is_cancelled_around_the_end_of_a_block_nothing_stays_held(step: int) -> None:
    fake_time = FakeTime()
    briqpay, transport, leases = shared(fake_time, (0.0, answer()))
    inside: list[asyncio.Task[Any]] = []

    async def block() -> None:
        async with briqpay.holding("s", 60.0):
            inside.extend(asyncio.create_task(call(briqpay, update())) for _ in range(3))
            await asyncio.sleep(0)

    holder = asyncio.create_task(block())
    rival = asyncio.create_task(call(briqpay, update()), context=Context())
    for _ in range(step):
        await asyncio.sleep(0)
    for task in inside[1:2] + ([holder] if step % 2 else []):
        task.cancel()
    async with asyncio.timeout(30):
        await asyncio.gather(holder, rival, *inside, return_exceptions=True)
        await asyncio.gather(*inside, return_exceptions=True)
        await asyncio.gather(*briqpay.shared.locks._releases)
    assert len(briqpay.shared.locks) == 0
    assert leases.log.count("acquire s") == leases.log.count("release s")
    assert transport.most_in_a_lane == 1


async def test_a_call_that_waited_inside_for_longer_than_the_block_lasted_waits_outside(
    fake_time: FakeTime,
) -> None:
    briqpay, transport, leases = shared(fake_time, (1.0, answer()))
    async with briqpay.holding("s", 60.0):
        tasks = [asyncio.create_task(call(briqpay, update(query=str(number)))) for number in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert leases.log == ["acquire s", "release s"] * 2
    assert [request.query for _, request in transport.sent] == ["0", "1"]
    assert len(briqpay.shared.locks) == 0
