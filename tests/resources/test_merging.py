"""What a client does about members that an API which replaces sections would take away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from support.shop import address, data, line, new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    Company,
    EditableData,
    PatchNotAppliedError,
    RetryPolicy,
    Session,
    TransportError,
)
from briqpay_async.sandbox import Sandbox


@pytest.fixture
async def api() -> AsyncIterator[Sandbox]:
    async with Sandbox(merge="section") as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(api: Sandbox) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(api.username, api.secret, base_url=api.url, retry=RetryPolicy(attempts=1)) as client:
        yield client


async def create(briqpay: BriqpayClient) -> Session:
    return await briqpay.sessions.create(new_session(data(line("a"))))


async def edit_city(briqpay: BriqpayClient, session_id: str, city: str) -> None:
    async with briqpay.sessions.edit(session_id) as builder:
        builder.billing.update(city=city)


def billing(api: Sandbox, session_id: str) -> dict[str, Any]:
    return dict(api.sessions[session_id]["data"]["billing"])


def patches(api: Sandbox) -> list[Any]:
    return [orjson.loads(entry.body or b"")["data"] for entry in api.journal if entry.endpoint == "patch"]


async def lose_an_edit(briqpay: BriqpayClient, api: Sandbox, session_id: str, city: str) -> None:
    api.faults.add("apply_then_drop", endpoint="patch", times=1)
    with pytest.raises(TransportError):
        await edit_city(briqpay, session_id, city)


async def test_a_client_that_saw_sections_replaced_sends_them_whole_at_once(
    briqpay: BriqpayClient, api: Sandbox
) -> None:
    session_id = (await create(briqpay)).id
    await edit_city(briqpay, session_id, "Malmö")
    assert len(patches(api)) == 2  # the member alone, and then the section
    await edit_city(briqpay, session_id, "Ystad")
    assert patches(api)[2:] == [{"billing": {**billing(api, session_id), "city": "Ystad"}}]
    other = (await create(briqpay)).id
    await edit_city(briqpay, other, "Kivik")
    assert len(patches(api)) == 4
    assert billing(api, other)["zip"] == "22222"


async def test_an_edit_puts_back_what_a_lost_request_took_away(briqpay: BriqpayClient, api: Sandbox) -> None:
    session_id = (await create(briqpay)).id
    before = billing(api, session_id)
    await lose_an_edit(briqpay, api, session_id, "Malmö")
    assert billing(api, session_id) == {"city": "Malmö"}
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity("a", 2)
        assert builder.billing.value == address(city="Malmö")
    assert billing(api, session_id) == {**before, "city": "Malmö"}


async def test_an_edit_that_reads_again_puts_back_what_was_taken_away(
    briqpay: BriqpayClient, api: Sandbox
) -> None:
    session = await create(briqpay)
    before = billing(api, session.id)
    await lose_an_edit(briqpay, api, session.id, "Malmö")
    async with briqpay.sessions.edit(session, rebase=True) as builder:
        builder.cart.set_quantity("a", 2)
    assert billing(api, session.id) == {**before, "city": "Malmö"}


async def test_a_writer_puts_back_what_a_lost_request_took_away(briqpay: BriqpayClient, api: Sandbox) -> None:
    session = await create(briqpay)
    before = billing(api, session.id)
    await lose_an_edit(briqpay, api, session.id, "Malmö")
    writer = briqpay.sessions.writer(session)
    answer = await writer.put(EditableData(shipping=Address(city="Ystad")))
    assert billing(api, session.id) == {**before, "city": "Malmö"}
    assert answer.data is not None
    assert answer.data.billing == address(city="Malmö")


async def test_unknown_members_are_put_back_too(briqpay: BriqpayClient, api: Sandbox) -> None:
    session_id = (await create(briqpay)).id
    api.sessions[session_id]["data"]["billing"]["floor"] = 3
    await lose_an_edit(briqpay, api, session_id, "Malmö")
    await edit_city(briqpay, session_id, "Ystad")
    assert billing(api, session_id)["floor"] == 3


async def test_what_only_the_api_writes_is_not_put_back(briqpay: BriqpayClient, api: Sandbox) -> None:
    business = data(line("a"), company=Company(name="AB", cin="5566778899"))
    session_id = (await briqpay.sessions.create(new_session(business, "business"))).id
    api.sessions[session_id]["data"]["company"]["vatNumber"] = "SE556677889901"
    api.faults.add("apply_then_drop", endpoint="patch", times=1)
    with pytest.raises(TransportError):
        async with briqpay.sessions.edit(session_id) as builder:
            builder.company.update(name="New AB")
    await edit_city(briqpay, session_id, "Malmö")
    assert api.sessions[session_id]["data"]["company"] == {"name": "New AB", "cin": "5566778899"}


async def test_a_whole_section_that_does_not_help_is_not_sent_twice(briqpay: BriqpayClient, api: Sandbox) -> None:
    business = data(line("a"), company=Company(name="AB", cin="5566778899"))
    session_id = (await briqpay.sessions.create(new_session(business, "business"))).id
    await edit_city(briqpay, session_id, "Malmö")
    sent = len(patches(api))
    with pytest.raises(PatchNotAppliedError):  # the API drops a company whose number it cannot validate
        async with briqpay.sessions.edit(session_id) as builder:
            builder.company.update(cin="1111111111")
    assert len(patches(api)) == sent + 1


async def test_a_lost_request_is_no_reason_for_whole_sections_once_merging_is_proven() -> None:
    async with (
        Sandbox() as api,
        BriqpayClient(api.username, api.secret, base_url=api.url, retry=RetryPolicy(attempts=1)) as briqpay,
    ):
        session_id = (await create(briqpay)).id
        await edit_city(briqpay, session_id, "Malmö")
        await lose_an_edit(briqpay, api, session_id, "Ystad")
        await edit_city(briqpay, session_id, "Kivik")
        assert patches(api)[-1] == {"billing": {"city": "Kivik"}}


async def test_a_doubt_ends_with_an_answer_that_shows_the_section() -> None:
    async with (
        Sandbox() as api,
        BriqpayClient(api.username, api.secret, base_url=api.url, retry=RetryPolicy(attempts=1)) as briqpay,
    ):
        session_id = (await create(briqpay)).id
        await lose_an_edit(briqpay, api, session_id, "Ystad")
        await edit_city(briqpay, session_id, "Kivik")
        assert patches(api)[-1] == {"billing": {**billing(api, session_id), "city": "Kivik"}}
        await edit_city(briqpay, session_id, "Malmö")
        assert patches(api)[-1] == {"billing": {"city": "Malmö"}}
