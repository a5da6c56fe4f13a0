"""No secret and no personal data in logs, errors, reprs, hooks, warnings or output, whatever the client does."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from system.privacy import ways_that_fail, ways_that_work
from system.privacy.canaries import BODIES, EMAIL, Net, listening, travelled
from system.privacy.privacy_world import Way, make_world

from briqpay_async import BriqpayError, PatchNotAppliedError

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


async def test_an_answer_that_shows_another_state_keeps_it_to_itself(net: Net, tmp_path: Path) -> None:
    async with make_world(net, tmp_path, merge="section") as world:
        with pytest.raises(PatchNotAppliedError) as caught:
            await world.client.sessions.update(world.id, world.patch())
        net.error(caught.value)
        assert EMAIL in str(caught.value.session.data.billing.email)


async def test_what_the_server_said_is_found_in_the_body_of_the_error_alone(net: Net, tmp_path: Path) -> None:
    async with make_world(net, tmp_path) as world:
        world.fault("status", status=400, body=f"<p>{EMAIL}</p>")
        with pytest.raises(BriqpayError) as caught:
            await world.client.sessions.read(world.id)
        net.error(caught.value)
        assert EMAIL in str(caught.value.body)


# --- the net --------------------------------------------------------------------------------------------------


def _note(net: Net) -> None:
    error = ValueError("none")
    error.add_note(f"about {EMAIL}")
    net.error(error)


def _cause(net: Net) -> None:
    error = ValueError("none")
    error.__cause__ = KeyError(EMAIL)
    net.error(error)


def _hidden_context(net: Net) -> None:
    error = ValueError("none")
    error.__context__ = KeyError(EMAIL)
    error.__suppress_context__ = True
    net.error(error)


def _member(net: Net) -> None:
    net.error(BriqpayError("none", code=EMAIL))


def _group(net: Net) -> None:
    net.error(ExceptionGroup("none", [ValueError(EMAIL)]))


LEAKS: dict[str, Callable[[Net], None]] = {
    "message": lambda net: logging.getLogger("briqpay_async.new").debug("to %s", EMAIL),
    "arguments": lambda net: logging.getLogger("aiohttp.client").info("%.2s", EMAIL),
    "extra": lambda net: logging.getLogger("briqpay_async").info("sent", extra={"to": EMAIL}),
    "warning": lambda net: warnings.warn(EMAIL, ResourceWarning, stacklevel=1),
    "note": _note,
    "cause": _cause,
    "hidden context": _hidden_context,
    "member": _member,
    "group": _group,
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_would_be_found(leak: str) -> None:
    caught = Net()
    with listening(caught):
        LEAKS[leak](caught)
    assert {canary for _, canary in caught.leaks()} == {"e-mail"}
