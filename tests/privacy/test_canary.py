"""No secret and no personal data in logs, errors, reprs, hooks, warnings or output, whatever the client does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import ways_that_fail
import ways_that_work
from canaries import BODIES, Net, listening, travelled
from world import Way, make_world

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def net(capfd: Captured) -> Iterator[Net]:
    """What was shown until the test ends must be none of the canaries."""
    caught = Net()
    with listening(caught):
        yield caught
    caught.add("output", *capfd.readouterr())
    assert caught.leaks() == set()


def name(way: object) -> str:
    return getattr(way, "__name__", "")


@pytest.mark.parametrize("way", ways_that_work.WAYS, ids=name)
async def test_what_goes_well_shows_nothing(net: Net, tmp_path: Path, way: Way) -> None:
    async with make_world(net, tmp_path) as world:
        task = asyncio.ensure_future(way(world))
        net.add("a result", await task)
        net.add("a task", task)
        assert travelled(record.body for record in world.sandbox.journal) >= BODIES


@pytest.mark.parametrize(("way", "error"), ways_that_fail.WAYS, ids=name)
async def test_what_fails_shows_nothing(net: Net, tmp_path: Path, way: Way, error: type[BaseException]) -> None:
    async with make_world(net, tmp_path) as world:
        task = asyncio.ensure_future(way(world))
        with pytest.raises(error) as caught:
            await task
        net.error(caught.value)
        net.add("a task", task)
