"""Deadlines that share a timer do what ``asyncio.timeout`` does."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

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

    async with asyncio.timeout(30):
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


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        scheduled = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        if not self._ready and scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, min(scheduled))
        super()._run_once()  # type: ignore[misc]


@attrs.frozen
class Block:
    """A block with a deadline: when it begins, how long it may take, takes, and when it is cancelled."""

    begins: int
    may_take: int
    takes: int
    cancelled: int | None
    inner: int | None


async def ends_of(blocks: list[Block], deadline: Callable[[float], AbstractAsyncContextManager[Any]]) -> list[Any]:
    """How and when each of some blocks ends that run at the same time."""
    loop = asyncio.get_running_loop()

    async def run(block: Block) -> tuple[str, float]:
        await asyncio.sleep(block.begins)
        try:
            async with deadline(block.may_take + 0.25):
                if block.inner is not None:
                    with contextlib.suppress(TimeoutError):
                        async with deadline(block.inner + 0.5):
                            await asyncio.sleep(block.takes)
                await asyncio.sleep(block.takes)
        except (TimeoutError, asyncio.CancelledError) as error:
            return type(error).__name__, loop.time()
        return "done", loop.time()

    tasks = [asyncio.create_task(run(block)) for block in blocks]
    for block, task in zip(blocks, tasks, strict=True):
        if block.cancelled is not None:
            loop.call_later(block.cancelled + 0.125, task.cancel)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


SECONDS = st.integers(0, 6)
BLOCKS = st.builds(Block, SECONDS, SECONDS, SECONDS, st.none() | SECONDS, st.none() | SECONDS)


@given(st.lists(BLOCKS, min_size=1, max_size=5))
def test_every_block_ends_as_it_does_with_a_timer_of_its_own(blocks: list[Block]) -> None:
    async def with_one_timer() -> list[Any]:
        shared = await timer()

        @contextlib.asynccontextmanager
        async def deadline(seconds: float) -> AsyncIterator[None]:
            with Deadline(shared, seconds):
                yield

        ended = await ends_of(blocks, deadline)
        assert not shared.watched
        return ended

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        plain = runner.run(ends_of(blocks, asyncio.timeout))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        shared = runner.run(with_one_timer())
    assert list(map(repr, shared)) == list(map(repr, plain))
