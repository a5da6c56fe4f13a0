"""What calls cost on a socket, counted: requests, bytes, timers and tasks.

The sandbox shares the event loop with the client, so the loop is asked for things by both, and by aiohttp. What is
counted is therefore compared with bare aiohttp that sends the same to the same sandbox.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from support import shop
from support.counting import counted_on_loop

from briqpay_async import Address, BriqpayClient, EditableData, Session, SessionPatch, Timeouts
from briqpay_async.sandbox import Sandbox

PATCH = SessionPatch.of(data=EditableData(billing=Address(city="Malmö")))
MANY = 100


@pytest.fixture
async def session(client: BriqpayClient) -> Session:
    """A session of a hundred lines."""
    lines = [shop.line(f"sku-{number}") for number in range(100)]
    return await client.sessions.create(shop.new_session(shop.data(*lines)))


@pytest.fixture
async def bare(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """aiohttp that keeps to the same limits as a client with default options."""
    credentials = base64.b64encode(f"{sandbox.username}:{sandbox.secret}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    limits = Timeouts()
    timeout = aiohttp.ClientTimeout(total=None, connect=limits.attempt, sock_connect=limits.connect)
    async with aiohttp.ClientSession(sandbox.url, headers=headers, timeout=timeout) as made:
        yield made


async def asked_of_loop(call: Callable[[], Awaitable[object]]) -> Counter[str]:
    """Timers and tasks that a hundred calls need, once the connection and its timers are there."""
    await call()
    with counted_on_loop("call_at", "create_task") as used:
        for _ in range(MANY):
            await call()
    return used


async def test_deadlines_of_all_requests_share_a_timer_and_none_has_a_task(
    client: BriqpayClient, bare: aiohttp.ClientSession, session: Session
) -> None:
    async def by_client() -> None:
        await client.sessions.update(session.session_id, PATCH, fields="none")

    async def by_aiohttp() -> None:
        url = f"/v3/session/{session.session_id}?fields=none"
        async with bare.patch(url, data=PATCH.to_json()) as response:
            await response.read()
            assert response.status == 204

    ours, theirs = await asked_of_loop(by_client), await asked_of_loop(by_aiohttp)
    few = 5  # timers that are set anew when they have run out, should the machine stand still for seconds
    assert ours["call_at"] <= theirs["call_at"] + few
    # aiohttp writes each body in a task; where tasks start at once, it does not ask the loop for them.
    assert ours["create_task"] <= max(theirs["create_task"] - MANY, 0) + few


async def test_an_update_is_one_request_of_what_changed_and_nothing_else(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    before = len(sandbox.journal)
    for _ in range(10):
        await client.sessions.update(session.session_id, PATCH, fields="none")
    records = sandbox.journal[before:]
    assert [(one.endpoint, one.query, one.status) for one in records] == [("patch", "fields=none", 204)] * 10
    assert {one.body for one in records} == {PATCH.to_json()}


async def test_an_edit_that_changes_nothing_makes_no_request(
    client: BriqpayClient, sandbox: Sandbox, session: Session
) -> None:
    before = len(sandbox.journal)
    async with client.sessions.edit(session) as builder:
        builder.billing.update(city=session.data.billing.city)
    assert len(sandbox.journal) == before
