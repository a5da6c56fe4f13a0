"""``edit(session, rebase=True)`` keeps what others changed, and an edit reports what they did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from support.shop import address, data, line, new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    CallHooks,
    CallTimeoutError,
    ChangedElsewhereEvent,
    EditableData,
    EditConflictError,
    Session,
    SessionPatch,
)
from briqpay_async.sandbox import Sandbox


class Heard(CallHooks):
    def __init__(self) -> None:
        self.events: list[ChangedElsewhereEvent] = []

    def on_changed_elsewhere(self, event: ChangedElsewhereEvent) -> None:
        self.events.append(event)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def api() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(api: Sandbox, heard: Heard) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(api.username, api.secret, base_url=api.url, hooks=[heard]) as client:
        yield client


@pytest.fixture
async def other(api: Sandbox) -> AsyncIterator[BriqpayClient]:
    """Another process that changes the same session."""
    async with BriqpayClient(api.username, api.secret, base_url=api.url) as client:
        yield client


@pytest.fixture
async def session(briqpay: BriqpayClient) -> Session:
    return await briqpay.sessions.create(new_session(data(line("a"), line("b"), line("c"))))


def quantities(api: Sandbox, session: Session) -> dict[str, int]:
    cart = api.sessions[str(session.session_id)]["data"]["order"]["cart"]
    return {one["reference"]: one["quantity"] for one in cart}


def patch(**sections: Address) -> SessionPatch:
    return SessionPatch.of(data=EditableData(**sections))


async def test_two_successive_edits_of_one_old_session_keep_each_others_changes(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    for reference, quantity in (("a", 2), ("b", 3)):
        async with briqpay.sessions.edit(session, rebase=True) as builder:
            builder.cart.set_quantity(reference, quantity)
            builder.billing.update(**{"city": "Malmö"} if reference == "a" else {"zip": "1"})
    assert quantities(api, session) == {"a": 2, "b": 3, "c": 1}
    stored = api.sessions[str(session.session_id)]["data"]["billing"]
    assert (stored["city"], stored["zip"]) == ("Malmö", "1")


async def test_many_edits_of_one_old_session_at_once_keep_each_others_changes(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    async def edit(reference: str, quantity: int) -> None:
        async with briqpay.sessions.edit(session, rebase=True) as builder:
            builder.cart.set_quantity(reference, quantity)
            await asyncio.sleep(0.01)

    await asyncio.gather(edit("a", 2), edit("b", 3), edit("c", 4))
    assert quantities(api, session) == {"a": 2, "b": 3, "c": 4}
    assert len(briqpay._caller.shared.locks) == 0


async def test_a_conflict_sends_nothing(
    briqpay: BriqpayClient, other: BriqpayClient, api: Sandbox, session: Session
) -> None:
    async with other.sessions.edit(session) as builder:
        builder.cart.replace([line("a", unit_price=1), line("c")])
    sent = len(api.effects_of(str(session.session_id), "patch"))

    async def edit() -> None:
        async with briqpay.sessions.edit(session, rebase=True) as builder:
            builder.cart.set_quantity("a", 2)
            builder.cart.set_quantity("b", 2)

    with pytest.raises(EditConflictError, match="Read the session") as caught:
        await edit()
    assert caught.value.pointers == ("/data/order/cart/0/unitPrice", "/data/order/cart/1")
    assert len(api.effects_of(str(session.session_id), "patch")) == sent
    assert len(briqpay._caller.shared.locks) == 0


async def test_a_rebased_edit_keeps_no_other_waiting_while_its_block_runs(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    session_id = str(session.session_id)
    async with asyncio.timeout(30), briqpay.sessions.edit(session, rebase=True) as builder:
        builder.cart.set_quantity("a", 2)
        await asyncio.create_task(briqpay.sessions.update(session_id, patch(billing=Address(city="Malmö"))))
    assert quantities(api, session)["a"] == 2
    assert api.sessions[session_id]["data"]["billing"]["city"] == "Malmö"
    assert builder.changed_elsewhere == ("/data/billing/city",)


async def test_a_rebased_edit_that_was_asked_for_nothing_reads_nothing(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    asked = len(api.journal)
    async with briqpay.sessions.edit(session, rebase=True) as builder:
        pass
    assert builder.session is session
    assert len(api.journal) == asked


async def test_a_rebased_edit_whose_change_is_there_already_sends_nothing(
    briqpay: BriqpayClient, other: BriqpayClient, api: Sandbox, session: Session
) -> None:
    for client in (other, briqpay):
        async with client.sessions.edit(session, rebase=True) as builder:
            builder.cart.set_quantity("a", 2)
    assert len(api.effects_of(str(session.session_id), "patch")) == 1
    assert builder.session is not None
    assert builder.session.data is not None
    assert builder.session.data.order is not None
    assert builder.session.data.order.cart is not None
    assert builder.session.data.order.cart[0].quantity == 2  # type: ignore[union-attr]


async def test_the_wait_of_a_rebased_edit_counts_in_the_deadline(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    session_id = str(session.session_id)

    async def edit() -> None:
        async with briqpay.sessions.edit(session, rebase=True, timeout=0.02) as builder:
            builder.cart.set_quantity("a", 2)

    briqpay._caller.shared.locks.try_enter(session_id)
    with pytest.raises(CallTimeoutError):
        await edit()
    briqpay._caller.shared.locks.leave(session_id)
    assert api.effects_of(session_id, "patch") == ()


async def test_an_edit_whose_block_changed_the_session_is_done_to_what_it_made(
    briqpay: BriqpayClient, api: Sandbox, session: Session
) -> None:
    session_id = str(session.session_id)
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity("a", 2)
        async with briqpay.sessions.edit(session_id) as inner:
            inner.cart.set_quantity("b", 3)
        await asyncio.gather(
            briqpay.sessions.update(session_id, patch(billing=Address(city="Malmö")), "none"),
            briqpay.sessions.update(session_id, patch(shipping=Address(city="Ystad"))),
        )
    assert quantities(api, session) == {"a": 2, "b": 3, "c": 1}
    assert builder.changed_elsewhere == ()


# --- changes of others are reported ------------------------------------------------------------------------------


@pytest.mark.parametrize("with_id", [True, False])
async def test_an_edit_reports_what_others_changed_meanwhile(
    briqpay: BriqpayClient,
    other: BriqpayClient,
    session: Session,
    heard: Heard,
    *,
    caplog: pytest.LogCaptureFixture,
    with_id: bool,
) -> None:
    session_id = str(session.session_id)
    with caplog.at_level(logging.INFO, "briqpay_async"):
        async with briqpay.sessions.edit(session_id if with_id else session) as builder:
            builder.cart.set_quantity("a", 2)
            await other.sessions.update(session_id, patch(billing=Address(city="Kiruna")))
    assert builder.changed_elsewhere == ("/data/billing/city",)
    (event,) = heard.events
    assert (event.path, event.pointers) == (f"/v3/session/{session_id}", ("/data/billing/city",))
    (record,) = [one for one in caplog.records if "somebody else" in one.message]
    assert "Kiruna" not in record.getMessage()
    assert "/data/billing/city" in record.getMessage()


async def test_a_member_beside_those_that_were_sent_is_reported_too(
    briqpay: BriqpayClient, other: BriqpayClient, session: Session
) -> None:
    async with briqpay.sessions.edit(session) as builder:
        builder.billing.update(city="Malmö")
        await other.sessions.update(str(session.session_id), patch(billing=Address(zip="1", city="Kiruna")))
    assert builder.changed_elsewhere == ("/data/billing/zip",)


async def test_a_cart_that_others_changed_is_reported_when_it_was_not_sent(
    briqpay: BriqpayClient, other: BriqpayClient, session: Session
) -> None:
    async with briqpay.sessions.edit(session) as builder:
        builder.billing.update(city="Malmö")
        async with other.sessions.edit(session) as rival:
            rival.cart.set_quantity("b", 3)
    assert set(builder.changed_elsewhere) == {
        "/data/order/amountIncVat",
        "/data/order/amountExVat",
        "/data/order/cart/1/quantity",
    }


async def test_an_edit_without_rivals_reports_nothing(
    briqpay: BriqpayClient, session: Session, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    async with briqpay.sessions.edit(str(session.session_id)) as builder:
        builder.cart.set_quantity("a", 2)
    assert builder.session is not None
    async with briqpay.sessions.edit(builder.session) as builder:
        builder.billing.update(city="Malmö")
    assert (builder.changed_elsewhere, heard.events, caplog.records) == ((), [], [])


async def test_a_section_that_others_added_is_reported_when_the_edit_read_the_session(
    briqpay: BriqpayClient, other: BriqpayClient
) -> None:
    made = await briqpay.sessions.create(new_session(data(line("a"), shipping=None)))
    async with briqpay.sessions.edit(str(made.session_id)) as builder:
        builder.billing.update(city="Malmö")
        await other.sessions.update(str(made.session_id), patch(shipping=address()))
    assert builder.changed_elsewhere == ("/data/shipping",)
