"""``SessionWriter``: the latest wanted state wins, with few requests, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.shop import address, data, line, new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    EditableData,
    InvalidDataError,
    MergeDepth,
    RetryPolicy,
    Session,
    SessionData,
    SessionPatch,
    TransportError,
    ValidationError,
    structure,
    unstructure,
)
from briqpay_async.resources.session_writer import SessionWriter
from briqpay_async.sandbox import Sandbox

ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"


@pytest.fixture
async def api() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(api: Sandbox) -> AsyncIterator[BriqpayClient]:
    once = RetryPolicy(attempts=1)
    async with BriqpayClient(api.username, api.secret, base_url=api.url, retry=once) as client:
        yield client


def billing_after(before: EditableData, patch: SessionPatch) -> Address | None:
    """What a server that merges has of an address after a patch."""
    sent = patch.body.get("data", {}).get("billing", {})
    return structure({**unstructure(before.billing or Address()), **sent}, Address)


class Calls:
    """A session that only its writer changes."""

    moment = 0

    def now(self) -> int:
        self.moment += 1
        return self.moment

    def is_inside(self) -> bool:
        return False

    def in_doubt(self, session: Session) -> EditableData:
        return EditableData()

    @asynccontextmanager
    async def begin(self, known: int) -> AsyncIterator[tuple[Any, None]]:
        assert known <= self.moment
        yield None, None


class Api(Calls):
    """Applies patches after a turn of the loop that the test controls, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.under_way = 0
        self.gate = asyncio.Event()
        self.outcomes: list[BaseException | None] = []

    async def send(
        self, hold: Any, before: EditableData, build: Callable[[MergeDepth], SessionPatch]
    ) -> Session | None:
        patch = build(MergeDepth.FIELD)
        if patch.is_noop:
            return None
        assert self.under_way == 0, "two requests of one session overlap"
        self.under_way += 1
        self.sent.append(patch.body)
        try:
            await self.gate.wait()
            if self.outcomes and (failure := self.outcomes.pop(0)) is not None:
                raise failure
        finally:
            self.under_way -= 1
        return Session(session_id=ID, data=SessionData(billing=billing_after(before, patch), order=before.order))


def writer_of(api: Api, state: EditableData | None = None) -> SessionWriter:
    base = state or data()
    session = Session(
        session_id=ID, data=SessionData(order=base.order, billing=base.billing, shipping=base.shipping)
    )
    return SessionWriter(session, api)


def city(writer: SessionWriter, name: str) -> EditableData:
    return attrs.evolve(
        writer.acknowledged, billing=attrs.evolve(writer.acknowledged.billing or Address(), city=name)
    )


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_hundred_rapid_clicks_cause_at_most_three_requests(briqpay: BriqpayClient, api: Sandbox) -> None:
    session = await briqpay.sessions.create(new_session(data(line("a"))))
    api.faults.add("latency", endpoint="patch", seconds=0.05)
    writer = briqpay.sessions.writer(session)
    assert session.data is not None
    assert session.data.order is not None
    order = session.data.order
    wanted = [
        attrs.evolve(session.data.editable(), order=order.with_cart([line("a", quantity=count)]))
        for count in range(2, 102)
    ]
    answers = await asyncio.gather(*(writer.put(state) for state in wanted))
    effects = api.effects_of(str(session.session_id), "patch")
    assert 1 <= len(effects) <= 3
    assert api.sessions[str(session.session_id)]["data"]["order"]["cart"][0]["quantity"] == 101
    assert writer.acknowledged == wanted[-1]
    last = answers[-1].data
    assert last is not None
    assert last.order == wanted[-1].order


async def test_a_state_that_is_acknowledged_already_makes_no_request() -> None:
    api = Api()
    writer = writer_of(api)
    session = await writer.put(writer.acknowledged)
    assert api.sent == []
    assert session is writer.session


async def test_states_that_wait_travel_together_and_the_latest_wins() -> None:
    api = Api()
    writer = writer_of(api)
    puts = [asyncio.create_task(writer.put(city(writer, name))) for name in ("A", "B", "C")]
    await turns()
    assert len(api.sent) == 1
    api.gate.set()
    await asyncio.gather(*puts)
    assert [body["data"]["billing"]["city"] for body in api.sent] == ["A", "C"]


async def test_partial_states_that_wait_together_are_all_sent() -> None:
    api = Api()
    writer = writer_of(api)
    first = asyncio.create_task(writer.put(EditableData(billing=Address(city="A"))))
    await turns()
    second = asyncio.create_task(writer.put(EditableData(billing=Address(zip="1"))))
    third = asyncio.create_task(writer.put(EditableData(shipping=Address(city="S"))))
    await turns()
    api.gate.set()
    await asyncio.gather(first, second, third)
    assert api.sent[1] == {"data": {"billing": {"zip": "1"}, "shipping": {"city": "S"}}}


async def test_a_refused_state_is_an_error_of_its_put_and_then_forgotten() -> None:
    api = Api()
    writer = writer_of(api)
    base = writer.acknowledged
    api.gate.set()
    api.outcomes = [InvalidDataError("no", status=400)]
    with pytest.raises(InvalidDataError, match="no"):
        await writer.put(city(writer, "A"))
    assert writer.acknowledged is base
    await writer.put(EditableData(shipping=Address(city="S")))
    assert api.sent[1] == {"data": {"shipping": {"city": "S"}}}


async def test_after_a_refusal_the_next_state_sends_what_is_missing() -> None:
    api = Api()
    writer = writer_of(api)
    api.gate.set()
    api.outcomes = [InvalidDataError("no", status=400)]
    with pytest.raises(InvalidDataError):
        await writer.put(city(writer, "A"))
    await writer.put(city(writer, "A"))
    assert [body["data"]["billing"] for body in api.sent] == [{"city": "A"}, {"city": "A"}]


async def test_everybody_who_waited_for_a_failed_request_gets_an_error_of_their_own() -> None:
    api = Api()
    writer = writer_of(api)
    first = asyncio.create_task(writer.put(city(writer, "A")))
    await turns()
    others = [asyncio.create_task(writer.put(city(writer, name))) for name in ("B", "C")]
    await turns()
    api.outcomes = [None, InvalidDataError("no", status=400, code="INVALID_DATA", call_id="x-1")]
    api.gate.set()
    await first
    errors = await asyncio.gather(*others, return_exceptions=True)
    assert [type(error) for error in errors] == [InvalidDataError, InvalidDataError]
    assert errors[0] is not errors[1]
    assert all(isinstance(error, InvalidDataError) and error.call_id == "x-1" for error in errors)


async def test_a_section_whose_fate_is_unknown_is_sent_whole_with_the_next_state() -> None:
    api = Api()
    writer = writer_of(api)
    api.gate.set()
    api.outcomes = [TransportError("lost", sent=True)]
    original = writer.acknowledged
    with pytest.raises(TransportError):
        await writer.put(city(writer, "A"))
    # Back to where it was: no difference to what is acknowledged, but the server may hold "A".
    await writer.put(original)
    assert api.sent[1]["data"]["billing"] == {
        "streetAddress": "Storgatan 1",
        "zip": "22222",
        "city": "Lund",
        "email": "ada@shop.example",
    }
    await writer.put(original)
    assert len(api.sent) == 2


async def test_a_request_that_was_certainly_not_sent_leaves_no_doubt() -> None:
    api = Api()
    writer = writer_of(api)
    api.gate.set()
    api.outcomes = [TransportError("no route", sent=False)]
    original = writer.acknowledged
    with pytest.raises(TransportError):
        await writer.put(city(writer, "A"))
    await writer.put(original)
    assert len(api.sent) == 1


async def test_a_bad_state_is_refused_at_once_and_disturbs_no_other() -> None:
    api = Api()
    writer = writer_of(api)
    good = asyncio.create_task(writer.put(city(writer, "A")))
    await turns()
    with pytest.raises(ValidationError, match="/data/billing/city"):
        await writer.put(city(writer, "x" * 101))
    with pytest.raises(ValidationError, match="desired must be"):
        await writer.put(Session())  # type: ignore[arg-type]
    api.gate.set()
    await good
    assert len(api.sent) == 1


async def test_a_cancelled_sender_hands_over_to_a_put_that_waits() -> None:
    api = Api()
    writer = writer_of(api)
    first = asyncio.create_task(writer.put(city(writer, "A")))
    await turns()
    second = asyncio.create_task(writer.put(city(writer, "B")))
    await turns()
    first.cancel()
    await turns()
    api.gate.set()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    # "A" may have arrived, so the whole section goes out.
    assert api.sent[1]["data"]["billing"]["city"] == "B"
    assert "zip" in api.sent[1]["data"]["billing"]


async def test_a_cancelled_waiter_is_forgotten() -> None:
    api = Api()
    writer = writer_of(api)
    first = asyncio.create_task(writer.put(city(writer, "A")))
    await turns()
    second = asyncio.create_task(writer.put(city(writer, "B")))
    await turns()
    second.cancel()
    await turns()
    api.gate.set()
    await first
    assert len(api.sent) == 1
    assert writer.acknowledged.billing is not None
    assert writer.acknowledged.billing.city == "A"


async def test_there_is_one_writer_for_a_session_and_none_for_idle_ones(briqpay: BriqpayClient) -> None:
    session = Session(session_id=ID, data=SessionData())
    writer = briqpay.sessions.writer(session)
    assert briqpay.sessions.writer(session) is writer
    assert briqpay.with_options().sessions.writer(session) is writer
    del writer
    gc.collect()
    assert len(briqpay._caller.shared.writers) == 0


async def test_a_writer_needs_a_session_with_an_identifier(briqpay: BriqpayClient) -> None:
    with pytest.raises(ValidationError, match="/sessionId"):
        briqpay.sessions.writer(Session())


async def test_a_replacing_api_is_healed_by_the_writer_too() -> None:
    async with (
        Sandbox(merge="section") as api,
        BriqpayClient(api.username, api.secret, base_url=api.url) as briqpay,
    ):
        session = await briqpay.sessions.create(new_session(data(billing=address(extra={"door": 7}))))
        writer = briqpay.sessions.writer(session)
        await writer.put(EditableData(billing=Address(city="Malmö")))
        stored = api.sessions[str(session.session_id)]["data"]["billing"]
        assert stored["city"] == "Malmö"
        assert stored["door"] == 7
        assert stored["zip"] == "22222"


Step = tuple[str, Any]
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "cancel", "answer", "lose", "refuse"]), st.integers(0, 5)), max_size=25
)


@given(steps=STEPS)
def test_whatever_happens_an_acknowledged_state_is_on_the_server(steps: list[Step]) -> None:
    asyncio.run(_storm(steps))


class Storm(Calls):
    """A server that answers on a signal, and may apply a request without an answer."""

    def __init__(self) -> None:
        self.cities: list[str] = ["Lund"]
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self.under_way = 0

    async def send(
        self, hold: Any, before: EditableData, build: Callable[[MergeDepth], SessionPatch]
    ) -> Session | None:
        patch = build(MergeDepth.FIELD)
        if patch.is_noop:
            return None
        assert self.under_way == 0, "two requests of one session overlap"
        self.under_way += 1
        try:
            answer = await self.answers.get()
        finally:
            self.under_way -= 1
        if answer == "refuse":
            raise InvalidDataError("no", status=400)
        self.cities.append(patch.body.get("data", {}).get("billing", {}).get("city", self.cities[-1]))
        if answer == "lose":
            raise TransportError("lost", sent=True)
        return Session(session_id=ID, data=SessionData(billing=billing_after(before, patch)))


async def _storm(steps: list[Step]) -> None:
    storm = Storm()
    writer = SessionWriter(Session(session_id=ID, data=SessionData(billing=address())), storm)
    tasks: list[asyncio.Task[Session]] = []
    for action, number in steps:
        if action == "put":
            tasks.append(asyncio.create_task(writer.put(EditableData(billing=Address(city=f"City {number}")))))
        elif action != "cancel":
            storm.answers.put_nowait(action)
        elif tasks:
            tasks[number % len(tasks)].cancel()
        await turns(3)
        billing = writer.acknowledged.billing
        if storm.under_way == 0 and not writer._doubtful and billing is not None:
            assert billing.city == storm.cities[-1]
    storm.answers = asyncio.Queue()
    for _ in range(len(tasks) + 2):
        storm.answers.put_nowait("answer")
    await turns()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await writer.put(EditableData(billing=Address(city="The end")))
    assert storm.cities[-1] == "The end"
