"""One acknowledged state for each session of a client: a writer, edits and updates agree on it."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from contextvars import Context
from typing import Any

import attrs
import pytest
from support.shop import data, line, new_session

from briqpay_async import Address, BriqpayClient, EditableData, Session, SessionPatch, TransportError
from briqpay_async.sandbox import Sandbox


@pytest.fixture
async def api() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(api: Sandbox) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(api.username, api.secret, base_url=api.url) as client:
        yield client


@pytest.fixture
async def session(briqpay: BriqpayClient) -> Session:
    return await briqpay.sessions.create(new_session(data(line("a"), line("b"))))


def city(name: str) -> EditableData:
    return EditableData(billing=Address(city=name))


def stored(api: Sandbox, session: Session) -> Any:
    return api.sessions[str(session.session_id)]["data"]["billing"]["city"]


def shown(session: Session) -> str | None:
    assert session.data is not None
    assert session.data.billing is not None
    return session.data.billing.city


async def change(briqpay: BriqpayClient, session: Session, how: str, name: str) -> None:
    session_id = str(session.session_id)
    if how == "edit":
        async with briqpay.sessions.edit(session_id) as builder:
            builder.billing.update(city=name)
    elif how == "writer":
        await briqpay.sessions.writer(await briqpay.sessions.read(session_id)).put(city(name))
    else:
        fields = {"update": None, "update, none": "none", "update, status": ["status"]}[how]
        await briqpay.sessions.update(session_id, SessionPatch.of(data=city(name)), fields)


def reads(api: Sandbox) -> int:
    return sum(entry.endpoint == "read" for entry in api.journal)


HOW = ["edit", "update", "update, none", "update, status"]


@pytest.mark.parametrize("how", HOW)
async def test_a_writer_knows_what_the_client_changed_otherwise(
    briqpay: BriqpayClient, api: Sandbox, session: Session, how: str
) -> None:
    writer = briqpay.sessions.writer(session)
    await writer.put(city("A"))
    await change(briqpay, session, how, "B")
    answer = await writer.put(city("B"))
    assert shown(answer) == stored(api, session) == "B"
    assert shown(await writer.put(city("A"))) == stored(api, session) == "A"
    assert writer.acknowledged.billing == answer_billing(writer.session)


def answer_billing(session: Session) -> Address | None:
    return session.data.billing if session.data else None


@pytest.mark.parametrize("how", [*HOW, "writer"])
@pytest.mark.parametrize("kind", ["answered", "pickled", "evolved"])
async def test_a_writer_made_of_an_old_session_sends_what_is_missing(
    briqpay: BriqpayClient, api: Sandbox, session: Session, how: str, kind: str
) -> None:
    old = {
        "answered": session,
        "pickled": pickle.loads(pickle.dumps(session)),  # noqa: S301 - our own
        "evolved": attrs.evolve(session),
    }[kind]
    await change(briqpay, session, how, "B")
    answer = await briqpay.sessions.writer(old).put(city("Lund"))
    assert shown(answer) == stored(api, session) == "Lund"


async def test_a_client_that_asked_for_no_session_yet_knows_that_it_changed_some(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    async with BriqpayClient(api.username, api.secret, base_url=api.url) as other:
        await change(other, session, "update, none", "B")
        answer = await other.sessions.writer(session).put(city("Lund"))
    assert shown(answer) == stored(api, session) == "Lund"


async def test_a_whole_answer_is_known_to_the_writer_at_once(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    writer = briqpay.sessions.writer(session)
    async with briqpay.sessions.edit(session) as builder:
        builder.cart.set_quantity("a", 5)
    assert builder.session is not None
    assert builder.session.data is not None
    assert writer.session is builder.session
    assert writer.acknowledged == builder.session.data.editable()
    asked = len(api.journal)
    assert await writer.put(writer.acknowledged) is builder.session
    assert len(api.journal) == asked


async def test_a_writer_takes_a_newer_session_and_ignores_an_older_one(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    writer = briqpay.sessions.writer(session)
    async with BriqpayClient(api.username, api.secret, base_url=api.url) as other:
        await other.sessions.update(str(session.session_id), SessionPatch.of(data=city("B")))
    newer = await briqpay.sessions.read(str(session.session_id))
    assert briqpay.sessions.writer(newer) is writer
    assert writer.session is newer
    assert briqpay.sessions.writer(session) is writer
    assert writer.session is newer
    assert shown(await writer.put(city("Lund"))) == stored(api, session) == "Lund"


async def test_a_writer_given_a_session_of_another_client_reads_before_it_sends(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    writer = briqpay.sessions.writer(session)
    async with BriqpayClient(api.username, api.secret, base_url=api.url) as other:
        newer = await other.sessions.update(str(session.session_id), SessionPatch.of(data=city("B")))
    assert newer is not None
    briqpay.sessions.writer(newer)
    assert shown(await writer.put(city("Lund"))) == stored(api, session) == "Lund"


async def test_a_writer_alone_never_reads(briqpay: BriqpayClient, api: Sandbox, session: Session) -> None:
    for name in "ABC":
        await briqpay.sessions.writer(session).put(city(name))  # a writer of its own each time
        session = await briqpay.sessions.writer(session).put(city(name))
    writer = briqpay.sessions.writer(session)
    await asyncio.gather(*(writer.put(city(name)) for name in "DEF"))
    assert stored(api, session) == "F"


async def test_a_put_in_the_block_of_an_edit_does_not_wait_for_one_outside(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    writer = briqpay.sessions.writer(session)
    async with asyncio.timeout(30), briqpay.sessions.edit(str(session.session_id)) as builder:
        outside = asyncio.create_task(writer.put(city("A")), context=Context())
        await asyncio.sleep(0.01)
        await asyncio.gather(writer.put(city("B")), writer.put(EditableData(shipping=Address(city="C"))))
        builder.cart.set_quantity("a", 5)
    await outside
    state = api.sessions[str(session.session_id)]["data"]
    assert (state["billing"]["city"], state["shipping"]["city"]) == ("B", "C")
    assert state["order"]["cart"][0]["quantity"] == 5
    assert len(briqpay._caller.shared.locks) == 0


async def test_an_update_whose_answer_was_lost_is_looked_for(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    writer = briqpay.sessions.writer(session)
    api.faults.add("apply_then_drop", endpoint="patch")
    with pytest.raises(TransportError):  # of the last attempt that the time allowed
        await briqpay.sessions.update(str(session.session_id), SessionPatch.of(data=city("B")), timeout=0.05)
    api.faults.clear()
    assert shown(await writer.put(city("Lund"))) == stored(api, session) == "Lund"
