"""The echo check: an answer that does not show what was sent is an error, and ``edit`` heals it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from aioresponses import aioresponses
from hypothesis import given
from support.shop import address, data, line, new_session
from support.sockets import apply, exactly

from briqpay_async import (
    CLEAR,
    Address,
    BriqpayClient,
    Company,
    EditableData,
    MergeDepth,
    PatchNotAppliedError,
    Session,
    SessionData,
    SessionPatch,
    structure,
    unstructure,
)
from briqpay_async.conversion.lazy import decode_answer
from briqpay_async.patch.echo_check import not_applied
from briqpay_async.sandbox import Sandbox
from briqpay_async.testing import strategies


@pytest.fixture
async def replacing() -> AsyncIterator[Sandbox]:
    """An API that replaces sections where another would merge their members."""
    async with Sandbox(merge="section", show_modules=True) as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(replacing: Sandbox) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(replacing.username, replacing.secret, base_url=replacing.url) as client:
        yield client


def moved(session: Session) -> SessionPatch:
    assert session.data is not None
    assert session.data.billing is not None
    after = attrs.evolve(session.data, billing=attrs.evolve(session.data.billing, city="Malmö"))
    return SessionPatch.between(session.data, after)


async def test_members_that_a_replacing_api_drops_are_named(briqpay: BriqpayClient) -> None:
    session = await briqpay.sessions.create(new_session(data(billing=address(extra={"door": 7}))))
    with pytest.raises(PatchNotAppliedError, match="Send the section whole") as caught:
        await briqpay.sessions.update(str(session.session_id), moved(session))
    assert set(caught.value.pointers) == {
        f"/data/billing/{name}" for name in ("streetAddress", "zip", "email", "door")
    }
    assert caught.value.session.data.billing == Address(city="Malmö")
    assert (caught.value.method, caught.value.status) == ("PATCH", 200)


async def test_editing_heals_what_a_replacing_api_drops(briqpay: BriqpayClient, replacing: Sandbox) -> None:
    session = await briqpay.sessions.create(new_session(data(billing=address(extra={"door": 7}))))
    async with briqpay.sessions.edit(session) as builder:
        builder.billing.update(city="Malmö")
        builder.cart.set_quantity("sku-1", 2)
    assert session.data is not None
    expected = unstructure(session.data.editable())
    expected["billing"]["city"] = "Malmö"
    expected["order"] |= {"amountIncVat": 37_500, "amountExVat": 30_000}
    expected["order"]["cart"][0]["quantity"] = 2
    stored = replacing.sessions[str(session.session_id)]["data"]
    assert exactly(stored) == exactly(expected)
    assert builder.session is not None
    assert builder.session.data is not None
    assert exactly(unstructure(builder.session.data.editable())) == exactly(expected)
    assert len(replacing.effects_of(str(session.session_id), "patch")) == 2


async def test_an_upsell_configuration_is_checked_too(briqpay: BriqpayClient) -> None:
    session = await briqpay.sessions.create(new_session())
    async with briqpay.sessions.edit(session) as builder:
        builder.upsell.update(header="Hi", footer="Bye")
    assert builder.session is not None
    async with briqpay.sessions.edit(builder.session) as second:
        second.upsell.update(footer="See you")
    assert second.session is not None
    assert second.session.modules is not None
    assert second.session.modules.config is not None
    assert second.session.modules.config.upsell is not None
    assert (second.session.modules.config.upsell.header, second.session.modules.config.upsell.footer) == (
        "Hi",
        "See you",
    )


async def test_sections_that_are_not_answered_are_not_judged(briqpay: BriqpayClient) -> None:
    session = await briqpay.sessions.create(new_session())
    for fields in ("none", ["status"]):
        await briqpay.sessions.update(str(session.session_id), moved(session), fields)


def answer(state: EditableData, **changes: Any) -> Session:
    wire = {"data": unstructure(state)}
    for path, value in changes.items():
        *parents, last = path.split("__")
        target: Any = wire["data"]
        for name in parents:
            target = target[int(name)] if isinstance(target, list) else target[name]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return structure(wire, Session)


BEFORE = data(line("a", image_url="https://shop.example/a.png", extra={"x": {"y": [1, 2]}}), line("b"))
assert BEFORE.order is not None
AFTER = attrs.evolve(BEFORE, order=BEFORE.order.with_cart([*(BEFORE.order.cart or ()), line("c")]))
PATCH = SessionPatch.between(BEFORE, AFTER)


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({}, ()),
        ({"order__cart__0__totalAmount": 12_500}, ()),  # the server may add
        ({"order__amountIncVat": 1}, ("/data/order/amountIncVat",)),
        ({"order__cart__0__x": {"y": [1, 2.0]}}, ("/data/order/cart/0/x/y/1",)),
        ({"order__cart__0__x": {"y": [True, 2]}}, ("/data/order/cart/0/x/y/0",)),
        ({"order__cart__0__imageUrl": ...}, ("/data/order/cart/0/imageUrl",)),
        ({"order__cart__0__x": {"y": [1, 3]}}, ("/data/order/cart/0/x/y/1",)),
        ({"order__cart__0__x": ...}, ("/data/order/cart/0/x",)),
        ({"order__cart": [{"productType": "physical"}]}, ("/data/order/cart",)),
        ({"order": ...}, ()),
    ],
)
def test_every_member_sent_must_come_back_as_sent(changes: dict[str, Any], pointers: tuple[str, ...]) -> None:
    assert not_applied(PATCH, answer(AFTER, **changes)) == pointers


def test_a_cleared_member_may_be_answered_by_leaving_it_out() -> None:
    before = structure({"company": {"cin": "1", "name": "Old"}}, SessionData)
    cleared = structure({"company": {"cin": "1", "name": None}}, SessionData)
    patch = SessionPatch.between(before, cleared)
    assert not_applied(patch, structure({"data": {"company": {"cin": "1"}}}, Session)) == ()
    assert not_applied(patch, structure({"data": {"company": {"cin": "1", "name": None}}}, Session)) == ()
    assert not_applied(patch, structure({"data": {"company": {"cin": "1", "name": "Old"}}}, Session)) == (
        "/data/company/name",
    )


def test_an_answer_without_data_or_modules_is_not_judged() -> None:
    whole = SessionPatch.between(BEFORE, AFTER, MergeDepth.SECTION)
    assert not_applied(whole, Session()) == ()
    upsell = structure({"modules": {"config": {"upsell": {"header": "x"}}}}, Session)
    patch = SessionPatch.between(Session(), upsell)
    assert not_applied(patch, Session()) == ()
    assert not_applied(patch, structure({"modules": {}}, Session)) == ()
    assert not_applied(patch, structure({"modules": {"config": {"upsell": {}}}}, Session)) == (
        "/modules/config/upsell/header",
    )


def with_company(**members: Any) -> SessionPatch:
    return SessionPatch.of(data=EditableData(company=Company(**members)))


@pytest.mark.parametrize(
    ("patch", "answered", "pointers"),
    [
        (with_company(cin="1", name="A"), {"billing": {}}, ("/data/company/cin", "/data/company/name")),
        (with_company(cin="1"), {"company": []}, ("/data/company/cin",)),
        (with_company(cin="1"), {"company": None}, ("/data/company/cin",)),
        (with_company(cin="1"), {"company": {"cin": "1"}}, ()),
        (with_company(cin=CLEAR), {}, ()),
        (with_company(cin="1"), None, ()),
        (SessionPatch.of(data=EditableData(billing=Address(city="A"))), {}, ()),
    ],
    ids=["gone", "an empty array", "null", "there", "cleared", "no data", "another section"],
)
def test_a_company_that_the_api_drops_is_seen(
    patch: SessionPatch, answered: dict[str, Any] | None, pointers: tuple[str, ...]
) -> None:
    wire = {"sessionId": "s"} if answered is None else {"sessionId": "s", "data": answered}
    assert not_applied(patch, decode_answer(wire, Session)) == pointers


async def test_an_update_whose_company_was_dropped_raises(http_mock: aioresponses) -> None:
    session_id = "c5674f4f-7e84-405c-a44b-c83736bb7209"
    answer = {"sessionId": session_id, "data": {"billing": {}}}
    http_mock.patch(f"http://127.0.0.1:1/v3/session/{session_id}", payload=answer)
    async with BriqpayClient("m", "s", base_url="http://127.0.0.1:1") as briqpay:
        with pytest.raises(PatchNotAppliedError) as caught:
            await briqpay.sessions.update(session_id, with_company(cin="5566778899"))
    assert caught.value.pointers == ("/data/company/cin",)


def dropped(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Pointers of members of a section that are in one state and not in the other, on plain JSON."""
    sections = {f"/data/{name}": (section, after["data"][name]) for name, section in before["data"].items()}
    if "modules" in before:
        configs = (state["modules"]["config"]["upsell"] for state in (before, after))
        sections["/modules/config/upsell"] = tuple(configs)  # type: ignore[assignment]
    return {
        f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        for pointer, (old, new) in sections.items()
        for name in old
        if name not in new
    }


@given(strategies.edits())
def test_what_is_lost_is_what_a_walk_over_plain_json_misses(edit: tuple[Session, Session]) -> None:
    before, after = edit
    patch = SessionPatch.between(before, after)
    known = unstructure(before)
    for reading in ("field", "section"):
        state = apply(known, patch.body, reading)
        found = set(not_applied(patch, structure(state, Session)))
        assert found == dropped(known, state)
        assert reading == "section" or not found
