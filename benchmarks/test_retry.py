"""What the call layer costs when nothing fails: deadline, retry budget, order of updates, events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.fakes import make_caller, make_request
from briqpay_async import Timeouts
from briqpay_async.resources.base import no_content

CALLS = 200


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of its own: the benchmark enters it once for many calls."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def _repeat(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, call: Callable[[], Awaitable[object]]
) -> None:
    async def calls() -> None:
        for _ in range(CALLS):
            await call()

    benchmark.extra_info["calls"] = CALLS
    benchmark(lambda: loop.run_until_complete(calls()))


@pytest.mark.benchmark(group="200 calls that succeed at once")
def test_transport_alone(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    """The baseline: the fake transport awaited directly."""
    transport, request, timeouts = make_caller().transport, make_request(lane=False), Timeouts()
    _repeat(benchmark, loop, lambda: transport.send(request, timeouts, 30.0))


@pytest.mark.benchmark(group="200 calls that succeed at once")
@pytest.mark.parametrize("lane", [False, True], ids=["unordered", "ordered"])
def test_call(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, *, lane: bool) -> None:
    """The same through ``Caller.call``, with and without the order of a session's updates."""
    caller, request = make_caller(), make_request(lane=lane)
    _repeat(benchmark, loop, lambda: caller.call(request, no_content))
