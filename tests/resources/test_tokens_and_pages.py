"""Tokens and hosted pages over a socket."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from support.shop import new_session

from briqpay_async import (
    APIError,
    BriqpayClient,
    HostedPageConfig,
    OutcomeUnknownError,
    Product,
    ValidationError,
)
from briqpay_async.sandbox import Sandbox

ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"


async def tokenized(client: BriqpayClient, sandbox: Sandbox) -> str:
    product = Product(type="payment", intent="payment_tokenize")
    session = await client.sessions.create(attrs.evolve(new_session(), product=product))
    sandbox.complete(str(session.session_id))
    (token_id,) = sandbox.tokens
    return token_id


async def test_a_token_is_read_and_deactivated(client: BriqpayClient, sandbox: Sandbox) -> None:
    token_id = await tokenized(client, sandbox)
    token = await client.tokens.read(token_id)
    assert (token.token_id, token.state) == (token_id, "active")
    assert (await client.tokens.deactivate(token_id)).state == "inactive"
    assert (await client.tokens.read(token_id)).state == "inactive"


async def test_deactivating_survives_a_lost_answer(client: BriqpayClient, sandbox: Sandbox) -> None:
    token_id = await tokenized(client, sandbox)
    sandbox.faults.add("apply_then_drop", method="DELETE", times=1)
    assert (await client.tokens.deactivate(token_id)).state == "inactive"


async def test_a_token_that_does_not_exist_is_an_api_error(client: BriqpayClient) -> None:
    with pytest.raises(APIError):
        await client.tokens.read("nope")


async def test_a_hosted_page_shows_a_session(client: BriqpayClient, sandbox: Sandbox) -> None:
    session = await client.sessions.create(new_session())
    config = HostedPageConfig(show_cart=True, page_title="Order 1001", logo_url="https://shop.example/logo.png")
    page = await client.hosted_pages.create(str(session.session_id), config)
    assert page.session_id == session.session_id
    assert page.hosted_page_id in sandbox.hosted_pages
    assert str(page.url).startswith(f"{sandbox.url}/_sandbox/hosted/")
    assert (await client.hosted_pages.create(str(session.session_id))).hosted_page_id != page.hosted_page_id


async def test_a_hosted_page_is_not_made_twice(client: BriqpayClient, sandbox: Sandbox) -> None:
    session = await client.sessions.create(new_session())
    sandbox.faults.add("apply_then_drop", endpoint="hosted_page")
    with pytest.raises(OutcomeUnknownError):
        await client.hosted_pages.create(str(session.session_id))
    assert len(sandbox.hosted_pages) == 1


async def test_bad_input_sends_nothing(client: BriqpayClient, sandbox: Sandbox) -> None:
    tokens: Any = client.tokens
    pages: Any = client.hosted_pages
    for call, pointer in [
        (tokens.read(""), "/tokenId"),
        (tokens.read("a/b"), "/tokenId"),
        (tokens.deactivate(7), "/tokenId"),
        (pages.create("nope"), "/sessionId"),
        (pages.create(ID, {}), "/config"),
        (pages.create(ID, HostedPageConfig(page_title="ab")), "/config/pageTitle"),
        (pages.create(ID, HostedPageConfig(logo_url="logo.png")), "/config/logoUrl"),
    ]:
        with pytest.raises(ValidationError) as caught:
            await call
        assert caught.value.problems[0][0] == pointer
    assert len(sandbox.journal) == 0
