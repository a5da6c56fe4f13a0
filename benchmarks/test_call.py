"""What ``sessions.update`` costs above the transport: difference, checks, encoding, the answer as a model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import payloads
from benchmarks.fakes import SESSION_ID, client, make_caller, make_request, states
from briqpay_async import SessionPatch, Timeouts

CALLS = 100


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of its own: the benchmark enters it once for many calls."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.mark.benchmark(group="100 updates without a socket")
def test_transport_alone(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    """The baseline: the fake transport awaited directly."""
    transport, request, timeouts = make_caller().transport, make_request(lane=True), Timeouts()

    async def calls() -> None:
        for _ in range(CALLS):
            await transport.send(request, timeouts, 30.0)

    benchmark(lambda: loop.run_until_complete(calls()))


@pytest.mark.benchmark(group="100 updates without a socket")
@pytest.mark.parametrize("lines", [1, 10, 100])
@pytest.mark.parametrize("fields", ["none", None], ids=["none", "all"])
@pytest.mark.parametrize("patch", ["made once", "made each time"])
def test_update(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, lines: int, fields: str | None, patch: str
) -> None:
    """An update of the billing address; with a patch made beforehand, difference and encoding are left out."""
    before, after = states(lines)
    update = client(b"" if fields else payloads.answer(lines)).sessions.update
    ready = SessionPatch.between(before, after)

    async def calls() -> None:
        for _ in range(CALLS):
            changes = ready if patch == "made once" else SessionPatch.between(before, after)
            session = await update(SESSION_ID, changes, fields)
            assert (session is None) == (fields == "none")

    benchmark(lambda: loop.run_until_complete(calls()))
