"""No acknowledged change is lost: seeded interleavings of edits, updates and writers on one session.

The API is the sandbox's own, in memory, in both readings of how sections merge; requests take a random number of
turns of the loop, get lost before or after they had their effect, and calls are cancelled at random.

``python -m pytest tests/resources/test_interleavings.py --interleavings 5000`` runs that many.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.shop import address, data, line, new_session

from briqpay_async import (
    Address,
    BriqpayError,
    EditableData,
    RetryPolicy,
    Session,
    SessionPatch,
    Timeouts,
    TransportError,
    structure,
    unstructure,
)
from briqpay_async.resources.sessions import Sessions
from briqpay_async.sandbox.answers import Refusal
from briqpay_async.sandbox.api import dispatch
from briqpay_async.sandbox.api.projection import parse_fields
from briqpay_async.sandbox.state.store import ApiRequest, Store
from briqpay_async.sandbox.switches import Switches
from briqpay_async.transport.call import Caller, ClientState
from briqpay_async.transport.requests import Request, Response
from briqpay_async.transport.retry import Budget

MEMBERS = ("city", "zip", "street_address", "first_name", "last_name", "street_address2")
WIRE = {"city": "city", "zip": "zip", "street_address": "streetAddress", "first_name": "firstName"}
WIRE |= {
    "last_name": "lastName",
    "street_address2": "streetAddress2",
    "region": "region",
    "company_name": "companyName",
}


@attrs.define
class Server:
    """The sandbox without a socket: each request takes some turns, and may fail on the way."""

    core: Store
    chance: random.Random
    failures: float
    under_way: int = 0

    async def turns(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        changes = request.method != "GET"
        self.under_way += changes
        assert self.under_way <= 1, "two changes of one session overlap"
        try:
            await self.turns()
            fails = self.chance.random() < self.failures
            before = self.chance.random() < 0.5
            if fails and before:
                raise TransportError("lost on the way", sent=None)
            answer = self.answer(request)
            await self.turns()
            if fails:
                raise TransportError("the answer got lost", sent=True)
            return answer
        finally:
            self.under_way -= changes

    def answer(self, request: Request) -> Response:
        names = request.query.removeprefix("fields=") or None
        handler = dispatch.HANDLERS["read" if request.method == "GET" else "patch"]
        call = ApiRequest(
            request.path.split("/")[3], parse_fields(names), request.body or b"", "application/json", 0
        )
        try:
            found = handler(self.core, call)
        except Refusal as refusal:
            found = refusal.answer()
        body = found.body if isinstance(found.body, bytes) else orjson.dumps(found.body)
        return Response(found.status, {"Content-Type": "application/json"}, b"" if found.status == 204 else body)

    async def aclose(self) -> None:
        """Nothing to close."""


@attrs.define
class Story:
    """What callers asked for, each in its own order, and the values that may be there at the end."""

    core: Store
    server: Server
    sessions: Sessions
    chance: random.Random
    session_id: str
    counter: int = 0
    # For each place: the value acknowledged last, and those that may have been applied since.
    possible: dict[str, set[Any]] = attrs.Factory(dict)
    in_flight: dict[str, set[Any]] = attrs.Factory(dict)

    def __attrs_post_init__(self) -> None:
        lines = [one["reference"] for one in self.state()["order"]["cart"]]
        self.possible = {place: {self.value(place)} for place in (*lines, *WIRE, "shipping")}

    def state(self) -> dict[str, Any]:
        return self.core.sessions[self.session_id]["data"]

    async def caller(self, number: int) -> None:
        """One caller, who has a cart line and a member of the billing address, and shares others with all."""
        for _ in range(self.chance.randrange(1, 4)):
            way = self.chance.choice(("quantity", "stale", "address", "writer", "update"))
            if way in {"quantity", "stale"}:
                place = self.chance.choice((f"line-{number}", f"line-{number}", "shared"))
            elif way == "update":
                place = "shipping"
            elif way == "writer":
                place = MEMBERS[number]
            else:
                place = self.chance.choice((MEMBERS[number], "region"))
            await self.change(place, way)

    async def change(self, place: str, way: str) -> None:
        self.counter += 1
        value: Any = self.counter if way in {"quantity", "stale"} else f"value {self.counter}"
        earlier = self.possible[place]
        in_flight = self.in_flight.setdefault(place, set())
        earlier.add(value)  # until it is acknowledged, either may be there
        in_flight.add(value)
        try:
            await getattr(self, f"by_{way}")(place, value)
        except BriqpayError:
            return
        finally:
            in_flight.discard(value)
        self.possible[place] = {value, *in_flight}

    def value(self, place: str) -> Any:
        if place == "shipping":
            return self.state()["shipping"]["city"]
        if place in WIRE:
            return self.state()["billing"].get(WIRE[place])
        return {one["reference"]: one["quantity"] for one in self.state()["order"]["cart"]}[place]

    async def by_quantity(self, place: str, value: int) -> None:
        async with self.sessions.edit(self.session_id) as builder:
            builder.cart.set_quantity(place, value)
            for _ in range(self.chance.randrange(3)):
                await asyncio.sleep(0)

    async def by_stale(self, place: str, value: int) -> None:
        session = await self.sessions.read(self.session_id)
        async with self.sessions.edit(session, rebase=True) as builder:
            builder.cart.set_quantity(place, value)
            for _ in range(self.chance.randrange(6)):
                await asyncio.sleep(0)

    async def by_address(self, place: str, value: str) -> None:
        async with self.sessions.edit(self.session_id) as builder:
            builder.billing.update(**{place: value})

    async def by_update(self, place: str, value: str) -> None:
        whole = SessionPatch.of(data=EditableData(shipping=address(city=value)))
        await self.sessions.update(self.session_id, whole)

    async def by_writer(self, place: str, value: str) -> None:
        session = await self.sessions.read(self.session_id)
        answer = await self.sessions.writer(session).put(EditableData(billing=Address(**{place: value})))
        assert answer.data is not None
        assert answer.data.billing is not None
        assert getattr(answer.data.billing, place) == value

    async def edit_in_peace(self) -> None:
        """An edit of the billing address that nothing disturbs."""
        self.server.failures = 0.0
        await self.change("company_name", "address")

    def check(self) -> None:
        for place, values in self.possible.items():
            assert self.value(place) in values, place
        assert len(self.sessions._caller.shared.locks) == 0
        assert structure(self.core.sessions[self.session_id], Session).session_id == self.session_id


def new_story(seed: int, merge: str, callers: int) -> Story:
    chance = random.Random(seed)  # noqa: S311 - repeats with the seed
    core = Store("m", Switches(merge=merge))
    state = data(line("shared"), *(line(f"line-{number}") for number in range(callers)))
    body = orjson.dumps(unstructure(new_session(state)))
    made = dispatch.HANDLERS["create"](core, ApiRequest("", None, body, "application/json", 0))
    assert made.status == 201
    (session_id,) = core.sessions
    retry = RetryPolicy(attempts=chance.choice((1, 3)), base=1e-9, cap=2e-9)
    server = Server(core, chance, chance.choice((0.0, 0.1, 0.3)))

    async def no_sleep(_seconds: float) -> None:
        await asyncio.sleep(0)

    shared = ClientState(Budget(retry.budget), sleep=no_sleep, random=chance.random)
    caller = Caller(transport=server, timeouts=Timeouts(), policy=retry, hooks=(), shared=shared)
    return Story(core, server, Sessions(caller, "off"), chance, session_id)


async def play(seed: int, merge: str, callers: int) -> None:
    """Let all callers go at once; now and then cancel one."""
    story = new_story(seed, merge, callers)
    failures, cancels = story.server.failures, story.chance.random() < 0.5
    # Before an answer has shown how the API merges, a patch that is cut off may leave a gap until the next edit.
    learn_first = story.chance.random() < 0.5
    if learn_first:
        await story.edit_in_peace()
        story.server.failures = failures
    tasks = [asyncio.create_task(story.caller(number)) for number in range(callers)]
    while not all(task.done() for task in tasks):
        if cancels and story.chance.random() < 0.02:
            story.chance.choice(tasks).cancel()
        await asyncio.sleep(0)
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    if not learn_first:
        await story.edit_in_peace()
    story.check()


@given(st.integers(0, 2**32), st.sampled_from(["field", "section"]), st.integers(2, 6))
def test_no_acknowledged_change_is_lost(seed: int, merge: str, callers: int) -> None:
    asyncio.run(play(seed, merge, callers))


def test_no_acknowledged_change_is_lost_in_many_interleavings(pytestconfig: pytest.Config) -> None:
    async def play_all() -> None:
        for seed in range(pytestconfig.getoption("interleavings")):
            await play(seed, ("field", "section")[seed % 2], 2 + seed % 5)

    asyncio.run(play_all())
