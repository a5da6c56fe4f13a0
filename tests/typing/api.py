"""What a type checker knows of the public API: checked, never run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_type

import attrs

from briqpay_async import (
    CLEAR,
    Address,
    BriqpayClient,
    CartItem,
    Clear,
    Company,
    EditableData,
    MergeDepth,
    NewSession,
    Order,
    PatchBuilder,
    SalesTaxItem,
    Session,
    SessionData,
    SessionPatch,
    Timeouts,
    structure,
    unstructure,
)


async def sessions(briqpay: BriqpayClient, new: NewSession, session_id: str, patch: SessionPatch) -> None:
    assert_type(await briqpay.sessions.create(new), Session)
    assert_type(await briqpay.sessions.create(new, ["data"]), Session)
    assert_type(await briqpay.sessions.create(new, "none"), None)
    assert_type(await briqpay.sessions.read(session_id), Session)
    assert_type(await briqpay.sessions.read(session_id, fields=("status", "data"), timeout=5), Session)
    assert_type(await briqpay.sessions.read(session_id, fields="none"), None)
    assert_type(await briqpay.sessions.update(session_id, patch), Session | None)
    assert_type(await briqpay.sessions.update(session_id, patch, fields="none"), None)
    references = {"reference1": "1"}
    assert_type(await briqpay.sessions.update_metadata(session_id, references=references), Session)
    assert_type(await briqpay.sessions.update_metadata(session_id, references=references, fields="none"), None)
    async with briqpay.sessions.edit(session_id) as builder:
        assert_type(builder, PatchBuilder)
        builder.billing.update(city="Lund")
        assert_type(builder.billing.value, Address | None)
    session = await briqpay.sessions.read(session_id)
    writer = briqpay.sessions.writer(session)
    assert_type(await writer.put(EditableData()), Session)
    assert_type(briqpay.with_options(timeouts=Timeouts(call=5)), BriqpayClient)
    async with BriqpayClient.from_env(timeouts=Timeouts(call=5), hooks=[]) as other:
        assert_type(other, BriqpayClient)


def values(session: Session, lines: Iterable[CartItem | SalesTaxItem]) -> None:
    assert_type(session.data, SessionData | None)
    assert_type(Order.of("SEK", lines), Order)
    assert_type(Company(cin=CLEAR).cin, str | Clear | None)
    order = Order(currency="SEK", amount_inc_vat=1, amount_ex_vat=1, cart=[])
    assert_type(order.cart, tuple[CartItem | SalesTaxItem, ...] | None)
    assert_type(attrs.evolve(order, currency="EUR"), Order)
    assert_type(SessionPatch.between(session, session, MergeDepth.SECTION), SessionPatch)
    assert_type(SessionPatch.of(data=EditableData()).to_json(), bytes)
    assert_type(structure(unstructure(order), Order), Order)
