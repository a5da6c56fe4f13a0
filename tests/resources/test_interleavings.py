"""No acknowledged change is lost: seeded interleavings of edits, updates and writers on one session.

The API is the sandbox's own, in memory, in both readings of how sections merge; requests take a random number of
turns of the loop, get lost before or after they had their effect, and calls are cancelled at random.
Run more of them with ``--hypothesis-profile=ten-thousand``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import attrs
import orjson
from hypothesis import given
from hypothesis import strategies as st
from support.shop import data, line, new_session

from briqpay_async import (
    Address,
    BriqpayError,
    EditableData,
    RetryPolicy,
    Session,
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

MEMBERS = ("city", "zip", "street_address", "first_name", "last_name", "region")
WIRE = {"city": "city", "zip": "zip", "street_address": "streetAddress", "first_name": "firstName"}
WIRE |= {"last_name": "lastName", "region": "region"}


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
    """What was asked for, in one order for each caller, and what is known of it."""

    core: Store
    sessions: Sessions
    chance: random.Random
    session_id: str
    # Where the API replaces sections, an address patch that is cut off before it is healed loses its siblings, as
    # ``MergeDepth`` says. A cart travels whole, so it is safe in both readings.
    addresses: bool = True
    counter: int = 0
    # For each place: the values that it may have at the end.
    possible: dict[str, set[Any]] = attrs.Factory(dict)

    def state(self) -> dict[str, Any]:
        return self.core.sessions[self.session_id]["data"]

    def next(self) -> int:
        self.counter += 1
        return 1 + self.counter

    async def caller(self, number: int) -> None:
        """One caller, who owns a cart line and a member of the billing address, and changes them in turn."""
        for _ in range(self.chance.randrange(1, 4)):
            ways = ("quantity", "stale", "update", "writer") if self.addresses else ("quantity", "stale")
            await self.change(number, self.chance.choice(ways))

    async def change(self, number: int, how: str) -> None:
        value = self.next()
        place = f"line-{number}" if how in {"quantity", "stale"} else MEMBERS[number % len(MEMBERS)]
        if place in MEMBERS:
            value = f"value {value}"  # type: ignore[assignment]
        earlier = self.possible.setdefault(place, {self.value(place)})
        # Until it is acknowledged, either may be there.
        self.possible[place] = {*earlier, value}
        try:
            await getattr(self, f"by_{how}")(place, value)
        except BriqpayError as error:
            if isinstance(error, TransportError) and error.sent is False:
                self.possible[place] = earlier
            return
        self.possible[place] = {value}

    def value(self, place: str) -> Any:
        if place in MEMBERS:
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

    async def by_update(self, place: str, value: str) -> None:
        async with self.sessions.edit(self.session_id) as builder:
            builder.billing.update(**{place: value})

    async def by_writer(self, place: str, value: str) -> None:
        session = await self.sessions.read(self.session_id)
        answer = await self.sessions.writer(session).put(EditableData(billing=Address(**{place: value})))
        assert answer.data is not None
        assert answer.data.billing is not None
        assert getattr(answer.data.billing, place) == value


def story(seed: int, merge: str, callers: int) -> Story:
    chance = random.Random(seed)  # noqa: S311 - repeats with the seed
    core = Store("m", Switches(merge=merge))
    state = data(*(line(f"line-{number}") for number in range(callers)))
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
    return Story(core, Sessions(caller, "off"), chance, session_id)


async def tell(seed: int, merge: str, callers: int) -> None:
    told = story(seed, merge, callers)
    tasks = [asyncio.create_task(told.caller(number)) for number in range(callers)]
    cancels = told.chance.random() < 0.5
    failures = told.sessions._caller.transport.failures  # type: ignore[attr-defined]
    told.addresses = merge == "field" or not (cancels or failures)
    while not all(task.done() for task in tasks):
        if cancels and told.chance.random() < 0.02:
            told.chance.choice(tasks).cancel()
        await asyncio.sleep(0)
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for place, values in told.possible.items():
        assert told.value(place) in values, (seed, merge, callers, place)
    assert len(told.sessions._caller.shared.locks) == 0
    assert structure(told.core.sessions[told.session_id], Session).session_id == told.session_id


@given(st.integers(0, 2**32), st.sampled_from(["field", "section"]), st.integers(2, 6))
def test_no_acknowledged_change_is_lost(seed: int, merge: str, callers: int) -> None:
    asyncio.run(tell(seed, merge, callers))


def test_no_acknowledged_change_is_lost_in_hundreds_of_interleavings() -> None:
    async def all_of_them() -> None:
        for seed in range(300):
            await tell(seed, ("field", "section")[seed % 2], 2 + seed % 5)

    asyncio.run(all_of_them())
