"""``sessions.update_many`` against a sandbox on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from bulk.bulk_world import NOOP, patch, read, statuses
from support.shop import data, line, new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    BulkJournal,
    ConfigurationError,
    EditableData,
    InvalidDataError,
    PatchNotAppliedError,
    RetryPolicy,
    SessionCompletedError,
    SessionNotFoundError,
    SessionPatch,
    SessionUpdate,
    UpdateOutcome,
    ValidationError,
)
from briqpay_async.sandbox import Sandbox

NEW = new_session(data(line("a"), billing=Address(city="Lund"), shipping=None))


@pytest.fixture
async def ids(client: BriqpayClient) -> list[str]:
    return [str((await client.sessions.create(NEW)).session_id) for _ in range(20)]


def rows(ids: list[str], count: int) -> list[SessionUpdate]:
    return [SessionUpdate(ids[number % len(ids)], patch(f"City {number}")) for number in range(count)]


def city(sandbox: Sandbox, session_id: str) -> str:
    return str(sandbox.sessions[session_id]["data"]["billing"]["city"])


async def test_each_row_is_one_small_request_without_an_answer(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str]
) -> None:
    updates = [*rows(ids, 200), SessionUpdate(ids[0], NOOP)]

    outcomes = [outcome async for outcome in client.sessions.update_many(updates)]

    made = sandbox.journal.of(endpoint="patch")
    assert len(made) == 200
    assert {(record.query, record.status) for record in made} == {("fields=none", 204)}
    assert sum(outcome.bytes_sent for outcome in outcomes) == sum(record.body_length for record in made)
    assert all(outcome.attempts == (outcome.status == "applied") for outcome in outcomes)
    assert not sandbox.journal.overlaps
    assert [city(sandbox, session_id) for session_id in ids] == [f"City {number}" for number in range(180, 200)]


async def test_outcomes_carry_the_session_when_fields_are_asked_for(client: BriqpayClient, ids: list[str]) -> None:
    async for outcome in client.sessions.update_many(rows(ids, 5), fields=["data"]):
        assert outcome.session is not None
        assert outcome.session.data is not None
        assert outcome.session.data.billing is not None
        assert outcome.session.data.billing.city == f"City {outcome.index}"


async def test_each_way_to_fail_is_an_outcome_of_its_own(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.complete(ids[1])
    sandbox.faults.add(
        "status", status=400, code="INVALID_DATA", message="no", session_id=ids[2], endpoint="patch"
    )
    updates = [
        SessionUpdate(ids[0], patch()),
        SessionUpdate(ids[1], patch()),
        SessionUpdate(ids[2], patch()),
        SessionUpdate("00000000-0000-4000-8000-000000000000", patch()),
        SessionUpdate("nonsense", patch()),
    ]

    outcomes = [outcome async for outcome in client.sessions.update_many(updates)]

    errors = {outcome.index: type(outcome.error) for outcome in outcomes if outcome.error is not None}
    assert errors == {
        1: SessionCompletedError,
        2: InvalidDataError,
        3: SessionNotFoundError,
        4: ValidationError,
    }


async def test_a_server_that_replaces_sections_is_noticed_in_bulk_too() -> None:
    async with (
        Sandbox(merge="section") as sandbox,
        BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url) as client,
    ):
        session = await client.sessions.create(NEW)
        assert session.session_id is not None
        assert session.data is not None
        after = EditableData(order=session.data.order, billing=Address(city="Lund", zip="22222"))
        update = SessionUpdate(session.session_id, SessionPatch.between(session, after, absent="keep"))

        (outcome,) = [outcome async for outcome in client.sessions.update_many([update], fields=None)]

    assert isinstance(outcome.error, PatchNotAppliedError)


async def test_transient_failures_are_survived_and_counted(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add("apply_then_drop", endpoint="patch", every=10)
    sandbox.faults.add("status", status=503, endpoint="patch", every=15)

    # One request in six fails, so that some row of 300 may well meet four failures one after the other.
    persistent = client.with_options(retry=RetryPolicy(attempts=10, base=0.001, cap=0.002))

    outcomes = [outcome async for outcome in persistent.sessions.update_many(rows(ids, 300), concurrency=20)]

    assert statuses(outcomes) == dict.fromkeys(range(300), "applied")
    assert sum(outcome.attempts for outcome in outcomes) == len(sandbox.journal.of(endpoint="patch")) > 320
    assert not sandbox.journal.overlaps
    assert [city(sandbox, session_id) for session_id in ids] == [f"City {number}" for number in range(280, 300)]


@pytest.mark.parametrize("concurrency", [1, 200, "auto"])
async def test_a_rate_limit_costs_no_row(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str], concurrency: Any
) -> None:
    sandbox.faults.add("rate_limit", per_second=500, burst=20, retry_after="exact", endpoint="patch")
    updates = rows(ids * 10, 400)

    outcomes = [outcome async for outcome in client.sessions.update_many(updates, concurrency)]

    assert statuses(outcomes) == dict.fromkeys(range(400), "applied")  # test_rate.py counts the refusals


async def test_a_rate_limit_with_long_waits_fails_no_row(sandbox: Sandbox, ids: list[str]) -> None:
    sandbox.faults.add("rate_limit", per_second=50, burst=1, retry_after=0.1, endpoint="patch")
    impatient = RetryPolicy(attempts=1)
    async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, retry=impatient) as client:
        outcomes = [outcome async for outcome in client.sessions.update_many(rows(ids, 10), 10)]

    assert statuses(outcomes) == dict.fromkeys(range(10), "applied")


async def test_leaving_early_cancels_what_is_on_the_wire_and_frees_its_sessions(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add("latency", seconds=0.05, endpoint="patch")
    async with aclosing(client.sessions.update_many(rows(ids, 500), concurrency=10)) as run:
        async for _ in run:
            break

    await client.sessions.read(ids[0])  # what was in the sockets by then has arrived
    made = len(sandbox.journal.of(endpoint="patch"))
    for session_id in ids:
        await client.sessions.read(session_id)
    assert len(sandbox.journal.of(endpoint="patch")) == made < 500
    sandbox.faults.clear()
    for session_id in ids:
        await client.sessions.update(session_id, patch("Afterwards"), "none", timeout=20)


async def test_other_updates_of_the_same_client_keep_their_turn(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str]
) -> None:
    sandbox.faults.add("latency", seconds=0.01, endpoint="patch")

    async def handler() -> None:
        for number in range(10):
            await client.sessions.update(ids[0], patch(f"Handler {number}"), "none")

    async def bulk() -> None:
        async for outcome in client.sessions.update_many(rows(ids[:1], 10)):
            assert outcome.status == "applied"

    await asyncio.gather(handler(), bulk())

    assert not sandbox.journal.overlaps


async def test_rows_may_come_from_an_async_source_and_a_journal_skips_them_the_next_time(
    client: BriqpayClient, ids: list[str], journal: BulkJournal
) -> None:
    async def source() -> AsyncIterator[SessionUpdate]:
        for update in rows(ids, 50):
            await asyncio.sleep(0)
            yield update

    first = [outcome async for outcome in client.sessions.update_many(source(), journal=journal)]
    second = [outcome async for outcome in client.sessions.update_many(source(), journal=journal)]

    assert set(statuses(first).values()) == {"applied"}
    assert set(statuses(second).values()) == {"skipped"}
    assert journal.summary().bytes_sent == sum(outcome.bytes_sent for outcome in first)


async def test_merged_rows_share_a_request(client: BriqpayClient, sandbox: Sandbox, ids: list[str]) -> None:
    outcomes = [outcome async for outcome in client.sessions.update_many(rows(ids[:2], 100), coalesce=True)]

    assert statuses(outcomes) == dict.fromkeys(range(100), "applied")
    assert sum(outcome.attempts for outcome in outcomes) == len(sandbox.journal.of(endpoint="patch")) < 10
    assert [city(sandbox, session_id) for session_id in ids[:2]] == ["City 98", "City 99"]


async def test_a_closed_client_ends_the_run(sandbox: Sandbox, ids: list[str]) -> None:
    client = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
    await client.aclose()

    seen: list[UpdateOutcome] = []
    with pytest.raises(ConfigurationError, match="closed"):
        await read(client.sessions.update_many(rows(ids, 100), concurrency=2), seen)

    assert set(statuses(seen).values()) == {"failed"}
    assert len(seen) <= 2


def test_invalid_options_are_refused_at_once(client: BriqpayClient) -> None:
    with pytest.raises(ConfigurationError):
        client.sessions.update_many([], timeout=-1)
    with pytest.raises(ValidationError):
        client.sessions.update_many([], headers={"Host": "elsewhere"})
    with pytest.raises(ConfigurationError):
        client.sessions.update_many([], concurrency=0)


async def test_headers_and_timeout_are_those_of_every_call(
    client: BriqpayClient, sandbox: Sandbox, ids: list[str]
) -> None:
    slow = client.sessions.update_many(
        rows(ids, 2), timeout=0.1, headers={"X-Sandbox-Fault": '{"kind": "latency", "seconds": 5}'}
    )

    outcomes = [outcome async for outcome in slow]

    assert all(isinstance(outcome.error, TimeoutError) for outcome in outcomes)
