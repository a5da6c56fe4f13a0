"""The pages over HTTP: what they serve, what they refuse, and that odd input is never an error of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from support.shop import new_session

from briqpay_async import BriqpayClient, HostedPageConfig
from briqpay_async.sandbox import Sandbox


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield session


@pytest.fixture
async def session_id(client: BriqpayClient) -> str:
    return (await client.sessions.create(new_session())).id


@pytest.mark.parametrize(
    "path",
    [
        "/_sandbox/",
        "/_sandbox/briq.min.js",
        "/_sandbox/web/page.css",
        "/_sandbox/web/checkout.js",
        "/_sandbox/inspector/sessions",
        "/_sandbox/inspector/requests?limit=3",
        "/_sandbox/inspector/effects?limit=x",
        "/_sandbox/inspector/deliveries",
        "/_sandbox/inspector/faults",
        "/_sandbox/inspector/switches",
    ],
)
async def test_what_is_there_is_served(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/_sandbox/web/",
        "/_sandbox/web/unknown.js",
        "/_sandbox/web/../pages.py",
        "/_sandbox/web/%2e%2e/pages.py",
        "/_sandbox/web/checkout.py",
        "/_sandbox/briq.min.js/more",
        "/_sandbox/checkout/unknown",
        "/_sandbox/checkout/",
        "/_sandbox/hosted/unknown/token",
        "/_sandbox/hosted/",
        "/_sandbox/inspector/",
        "/_sandbox/inspector/unknown",
        "/_sandbox/inspector/sessions/unknown",
    ],
)
async def test_what_is_not_there_is_not_found(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        assert answer.status == 404


async def test_pages_come_with_a_policy_that_lets_nothing_inline_run(
    http: aiohttp.ClientSession, session_id: str
) -> None:
    for path, framed in (("/_sandbox/", False), (f"/_sandbox/checkout/{session_id}", True)):
        async with http.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            text = await answer.text()
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert ("127.0.0.1" in policy) is framed
        assert "<script>" not in text


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"null", b'"text"', b"\xff", b"[" * 500])
@pytest.mark.parametrize("verb", ["details", "pay"])
async def test_a_body_that_is_no_object_is_refused(
    http: aiohttp.ClientSession, session_id: str, verb: str, body: bytes
) -> None:
    async with http.post(f"/_sandbox/checkout/{session_id}/{verb}", data=body) as answer:
        assert answer.status == 400


ODD: list[Any] = [
    {"billing": 7, "shipping": [], "company": "text", "terms": 1, "upsell": [1], "note": {}, "provider": 3},
    {"billing": {"city": 7, "zip": None, "unknown": "x"}},
    {"billing": {"city": "x" * 100_000}},
    {"shipping": {"email": []}},
    {"provider": ["invoice"]},
    {"terms": {"terms": {"deep": [1]}}},
]


@pytest.mark.parametrize("entered", ODD)
@pytest.mark.parametrize("verb", ["details", "pay"])
async def test_odd_input_is_answered_and_never_stored(
    http: aiohttp.ClientSession, sandbox: Sandbox, session_id: str, verb: str, entered: Any
) -> None:
    async with http.post(f"/_sandbox/checkout/{session_id}/{verb}", json=entered) as answer:
        assert answer.status in {200, 400}, await answer.text()
    data = sandbox.sessions[session_id]["data"]
    assert all(isinstance(value, str) and len(value) <= 100 for value in data["billing"].values())
    assert "unknown" not in data["billing"]
    assert sandbox.sessions[session_id]["status"] != "completed"


async def test_a_completed_session_takes_nothing_more(
    http: aiohttp.ClientSession, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.complete(session_id)
    for verb in ("details", "pay"):
        async with http.post(f"/_sandbox/checkout/{session_id}/{verb}", json={}) as answer:
            assert answer.status == 409


async def test_a_hosted_page_needs_its_whole_address(
    http: aiohttp.ClientSession, client: BriqpayClient, session_id: str
) -> None:
    page = await client.hosted_pages.create(session_id, HostedPageConfig(page_title="Order 7"))
    async with http.get(str(page.url) + "/view") as answer:
        assert (await answer.json())["title"] == "Order 7"
    async with http.get(str(page.url).rpartition("/")[0] + "/guessed") as answer:
        assert answer.status == 404


async def test_the_page_of_a_followed_session_gets_each_change_and_its_end(
    http: aiohttp.ClientSession, client: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    async with http.get(f"/_sandbox/checkout/{session_id}/events") as events:
        first = await events.content.readuntil(b"\n\n")
        assert b'"state":"open"' in first
        async with client.sessions.edit(session_id) as builder:
            builder.cart.set_quantity("sku-1", 5)
        assert b'"quantity":5' in await events.content.readuntil(b"\n\n")
        sandbox.complete(session_id)
        assert b'"state":"paid"' in await events.content.readuntil(b"\n\n")
        sandbox.reset()
        assert await asyncio.wait_for(events.content.read(), 10) == b""


async def test_a_sandbox_stops_while_a_page_follows_it() -> None:
    async with (
        Sandbox() as sandbox,
        aiohttp.ClientSession() as http,
        http.get(f"{sandbox.url}/_sandbox/inspector/events") as events,
    ):
        await events.content.readuntil(b"\n\n")
        await asyncio.wait_for(sandbox.stop(), 10)


async def test_a_session_shows_the_bytes_of_a_patch_beside_those_of_a_full_body(
    http: aiohttp.ClientSession, client: BriqpayClient, session_id: str
) -> None:
    async with client.sessions.edit(session_id) as builder:
        builder.billing.update(city="Malmö")
    async with http.get(f"/_sandbox/inspector/sessions/{session_id}") as answer:
        shown = await answer.json()
    patch = shown["requests"][0]
    assert patch["body"] == '{"data":{"billing":{"city":"Malmö"}}}'
    assert patch["full_length"] > 5 * patch["body_length"]
    assert patch["after"]["data"]["billing"]["city"] == "Malmö"


async def test_sessions_are_found_by_what_people_know_of_them(
    http: aiohttp.ClientSession, client: BriqpayClient, session_id: str
) -> None:
    await client.sessions.update_metadata(session_id, references={"reference1": "order-77"})
    for query, count in ((session_id[:8], 1), ("ORDER-77", 1), ("ada@shop", 1), ("started", 1), ("nothing", 0)):
        async with http.get("/_sandbox/inspector/sessions", params={"q": query}) as answer:
            assert (await answer.json())["total"] == count, query
