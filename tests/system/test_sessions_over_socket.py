"""The life of a session through the client, against the sandbox on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import attrs
import orjson
import pytest
from support.shop import address, data, line, new_session

from briqpay_async import (
    BriqpayClient,
    Decision,
    MergeDepth,
    PatchNotAppliedError,
    RetryPolicy,
    Session,
    SessionCompletedError,
    SessionInitializingError,
    SessionNotFoundError,
    SessionPatch,
    Urls,
)
from briqpay_async.sandbox import Sandbox

GONE = "c5674f4f-7e84-405c-a44b-c83736bb7209"
TO_MALMO = SessionPatch.between(data(), data(billing=address(city="Malmö")))


@pytest.fixture
async def session(client: BriqpayClient) -> Session:
    return await client.sessions.create(new_session())


def id_of(session: Session) -> str:
    assert session.session_id is not None
    return session.session_id


def city_of(session: Session | None) -> str | None:
    assert session is not None
    assert session.data is not None
    assert session.data.billing is not None
    return session.data.billing.city


async def test_a_created_session_is_there_to_be_read(client: BriqpayClient, session: Session) -> None:
    assert session.status == "started"
    assert session.html_snippet
    assert await client.sessions.read(id_of(session)) == session


async def test_an_update_sends_what_changed_and_returns_the_whole_session(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    after = await client.sessions.update(id_of(session), TO_MALMO)
    assert city_of(after) == "Malmö"
    assert after is not None
    assert after.data is not None
    assert session.data is not None
    assert after.data.shipping == session.data.shipping
    assert orjson.loads(sandbox.journal[-1].body or b"") == {"data": {"billing": {"city": "Malmö"}}}
    assert await client.sessions.read(id_of(session)) == after


async def test_an_update_that_wants_nothing_back_gets_nothing_and_takes_effect(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    assert await client.sessions.update(id_of(session), TO_MALMO, fields="none") is None
    assert (sandbox.journal[-1].query, sandbox.journal[-1].status) == ("fields=none", 204)
    assert city_of(await client.sessions.read(id_of(session), fields=["data"])) == "Malmö"


async def test_metadata_is_replaced(client: BriqpayClient, sandbox: Sandbox, session: Session) -> None:
    urls = Urls(terms="https://shop.example/t", redirect="https://shop.example/r")
    after = await client.sessions.update_metadata(id_of(session), urls=urls, references={"reference1": "A-1"})
    assert after is not None
    assert (after.urls, after.references) == (urls, {"reference1": "A-1"})
    assert sandbox.sessions[id_of(session)]["references"] == {"reference1": "A-1"}


@pytest.mark.parametrize("decision", [Decision.allow(), Decision.reject(hard_error="Sold out")])
async def test_a_decision_arrives_once(
    client: BriqpayClient, sandbox: Sandbox, session: Session, decision: Decision
) -> None:
    await client.sessions.decide(id_of(session), decision)
    assert sandbox.sessions[id_of(session)]["decision"]["decision"] == decision.decision
    assert len(sandbox.effects_of(id_of(session), "decision")) == 1


async def test_an_edit_reads_changes_and_returns_the_session(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    async with client.sessions.edit(id_of(session)) as builder:
        builder.cart.set_quantity("sku-1", 3)
        builder.billing.update(city="Malmö")
    assert [record.endpoint for record in sandbox.journal] == ["create", "read", "patch"]
    after = builder.session
    assert city_of(after) == "Malmö"
    assert after is not None
    assert after.data is not None
    assert after.data.order is not None
    assert (after.data.order.amount_inc_vat, after.data.order.amount_ex_vat) == (50_000, 40_000)
    assert after.data.order.check_totals() == ()


async def test_an_edit_of_a_session_at_hand_reads_nothing(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    async with client.sessions.edit(session) as builder:
        builder.billing.update(city="Malmö")
    assert [record.endpoint for record in sandbox.journal] == ["create", "patch"]


async def test_members_the_client_does_not_know_survive_an_edit(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    stored = sandbox._store.sessions
    before = stored[id_of(session)]
    cart = [{**one, "futureMember": {"a": [1]}} for one in before["data"]["order"]["cart"]]
    stored[id_of(session)] = {
        **before,
        "data": {**before["data"], "order": {**before["data"]["order"], "cart": cart}},
    }
    async with client.sessions.edit(id_of(session)) as builder:
        builder.cart.set_quantity("sku-2", 5)
    lines = orjson.loads(sandbox.journal[-1].body or b"")["data"]["order"]["cart"]
    assert [one["futureMember"] for one in lines] == [{"a": [1]}, {"a": [1]}]


async def test_a_missing_session_is_an_error_of_every_method(client: BriqpayClient, sandbox: Sandbox) -> None:
    calls = (
        client.sessions.read(GONE),
        client.sessions.update(GONE, TO_MALMO),
        client.sessions.update_metadata(GONE, references={}),
        client.sessions.decide(GONE, Decision.allow()),
        client.sessions.edit(GONE).__aenter__(),
    )
    for call in calls:
        with pytest.raises(SessionNotFoundError):
            await call
    assert len(sandbox.journal) == len(calls)


async def test_the_code_to_come_for_a_missing_session_is_understood_too() -> None:
    async with (
        Sandbox(missing_session="not_found") as sandbox,
        BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url) as client,
    ):
        with pytest.raises(SessionNotFoundError) as caught:
            await client.sessions.read(GONE)
    assert (caught.value.status, caught.value.code) == (404, "SESSION_NOT_FOUND")


async def test_a_completed_session_refuses_updates_once_and_for_all(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    sandbox.complete(id_of(session))
    with pytest.raises(SessionCompletedError) as caught:
        await client.sessions.update(id_of(session), TO_MALMO)
    assert (caught.value.attempts, len(sandbox.journal.of(endpoint="patch"))) == (1, 1)
    assert (await client.sessions.read(id_of(session))).status == "completed"


async def test_a_session_that_is_not_ready_yet_is_asked_again() -> None:
    async with (
        Sandbox(initialization_pending=2) as sandbox,
        BriqpayClient(
            sandbox.username, sandbox.secret, base_url=sandbox.url, retry=RetryPolicy(base=0.001, attempts=3)
        ) as client,
    ):
        first = await client.sessions.create(new_session())
        assert city_of(await client.sessions.update(id_of(first), TO_MALMO)) == "Malmö"
        assert len(sandbox.effects_of(id_of(first), "patch")) == 1
        second = await client.sessions.create(new_session())
        with pytest.raises(SessionInitializingError):
            await client.with_options(retry=RetryPolicy(attempts=1)).sessions.read(id_of(second))


# --- an API that replaces sections -----------------------------------------------------------------------


@pytest.fixture
async def replacing() -> AsyncIterator[tuple[Sandbox, BriqpayClient]]:
    async with (
        Sandbox(merge="section") as sandbox,
        BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url) as client,
    ):
        yield sandbox, client


async def test_an_update_that_lost_siblings_is_an_error_that_names_them(
    replacing: tuple[Sandbox, BriqpayClient],
) -> None:
    _, client = replacing
    session = await client.sessions.create(new_session())
    with pytest.raises(PatchNotAppliedError, match=r"MergeDepth\.SECTION") as caught:
        await client.sessions.update(id_of(session), TO_MALMO)
    assert set(caught.value.pointers) == {
        "/data/billing/streetAddress",
        "/data/billing/zip",
        "/data/billing/email",
    }
    assert city_of(caught.value.session) == "Malmö"
    assert (caught.value.method, caught.value.status) == ("PATCH", 200)


async def test_an_edit_puts_lost_siblings_back(replacing: tuple[Sandbox, BriqpayClient]) -> None:
    sandbox, client = replacing
    session = await client.sessions.create(new_session())
    async with client.sessions.edit(session) as builder:
        builder.billing.update(city="Malmö")
    assert session.data is not None
    assert session.data.billing is not None
    stored = (await client.sessions.read(id_of(session))).data
    assert stored is not None
    assert stored.billing == attrs.evolve(session.data.billing, city="Malmö")
    assert builder.session is not None
    assert builder.session.data == stored
    assert len(sandbox.effects_of(id_of(session), "patch")) == 2


async def test_a_patch_of_whole_sections_is_right_at_once(replacing: tuple[Sandbox, BriqpayClient]) -> None:
    _, client = replacing
    session = await client.sessions.create(new_session())
    assert session.data is not None
    after = attrs.evolve(session.data, billing=address(city="Malmö"))
    answered = await client.sessions.update(
        id_of(session), SessionPatch.between(session.data, after, MergeDepth.SECTION)
    )
    assert answered is not None
    assert answered.data == after


async def test_an_api_that_never_does_what_was_sent_is_an_error_of_the_edit_too(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    stale = orjson.loads(orjson.dumps(sandbox.sessions[id_of(session)]))
    sandbox.faults.add("status", endpoint="patch", status=200, body=stale)
    with pytest.raises(PatchNotAppliedError) as caught:
        async with client.sessions.edit(session) as builder:
            builder.billing.update(city="Malmö")
    assert caught.value.pointers == ("/data/billing/city",)
    assert len(sandbox.journal.of(endpoint="patch")) == 2


# --- order -----------------------------------------------------------------------------------------------


async def test_updates_of_one_session_take_effect_in_the_order_they_were_made(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    sandbox.faults.add("lognormal_latency", median=0.002, cap=0.01, endpoint="patch")
    cities = [f"City {number}" for number in range(15)]
    async with asyncio.TaskGroup() as group:
        for city in cities:
            patch = SessionPatch.between(data(), data(billing=address(city=city)))
            group.create_task(client.sessions.update(id_of(session), patch, fields="none"))
    sent = [
        orjson.loads(record.body or b"")["data"]["billing"]["city"]
        for record in sandbox.journal.of(endpoint="patch")
    ]
    assert sent == cities
    assert sandbox.journal.overlaps == ()
    assert city_of(await client.sessions.read(id_of(session))) == cities[-1]


async def test_many_sessions_are_updated_at_the_same_time(client: BriqpayClient, sandbox: Sandbox) -> None:
    sessions = [await client.sessions.create(new_session(data(line()))) for _ in range(10)]
    sandbox.faults.add("latency", seconds=60, endpoint="patch")
    updates = [asyncio.create_task(client.sessions.update(id_of(one), TO_MALMO)) for one in sessions]
    async with asyncio.timeout(30):  # none is answered before all have arrived
        while len(sandbox.journal.of(endpoint="patch")) < 10:  # noqa: ASYNC110 - the sandbox has no event for it
            await asyncio.sleep(0.001)
    for update in updates:
        update.cancel()
    await asyncio.wait(updates)
