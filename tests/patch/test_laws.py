"""The laws of the patch engine, over whole generated states and two readings of the server."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sockets import apply, exactly, follows_schema

from briqpay_async import (
    CLEAR,
    Address,
    CartItem,
    MergeDepth,
    Order,
    Session,
    SessionData,
    SessionPatch,
    UnpatchableChangeError,
    structure,
    unstructure,
)
from briqpay_async.testing import strategies

READINGS = [(MergeDepth.FIELD, "field"), (MergeDepth.SECTION, "field"), (MergeDepth.SECTION, "section")]
EDITS = strategies.edits()


@pytest.mark.parametrize(("depth", "reading"), READINGS)
@given(edit=EDITS)
def test_law_1_applying_the_patch_gives_the_intended_state(
    depth: MergeDepth, reading: str, edit: tuple[Session, Session]
) -> None:
    before, after = edit
    patch = SessionPatch.between(before, after, depth)
    assert exactly(apply(unstructure(before), patch.body, reading)) == exactly(unstructure(after))


@given(before=strategies.sessions(max_lines=5), after=strategies.sessions(max_lines=5))
def test_law_1_what_a_patch_cannot_express_is_named_and_never_dropped(before: Session, after: Session) -> None:
    old, new = unstructure(before), unstructure(after)
    lost = set(_lost(old, new))
    if lost:
        with pytest.raises(UnpatchableChangeError) as caught:
            SessionPatch.between(before, after)
        assert set(caught.value.pointers) == lost
        assert all(pointer in str(caught.value) for pointer in lost)
    else:
        assert exactly(apply(old, SessionPatch.between(before, after).body, "field")) == exactly(new)


def _lost(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Pointers of what disappears, worked out on plain JSON: sections, and members directly below them."""
    lost = [f"/{name}" for name in ("customerType", "modules") if old.get(name, new.get(name)) != new.get(name)]
    lost = [pointer for pointer in lost if pointer != "/modules" or "modules" not in new]
    pairs = [(f"/data/{name}", old["data"][name], new["data"].get(name)) for name in old["data"]]
    upsell = ("modules", "config", "upsell")
    if all(upsell[0] in state for state in (old, new)):
        pairs.append(
            ("/" + "/".join(upsell), old["modules"]["config"]["upsell"], new["modules"]["config"]["upsell"])
        )
    for pointer, section, other in pairs:
        if other is None:
            lost.append(pointer)
        else:
            lost += [
                f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}" for name in section if name not in other
            ]
    return lost


@given(state=strategies.sessions())
def test_law_2_a_state_differs_from_itself_by_nothing(state: Session) -> None:
    twin = structure(unstructure(state), Session)
    for depth in MergeDepth:
        for other in (state, twin):
            patch = SessionPatch.between(state, other, depth)
            assert patch.is_noop
            assert patch.body == {}
            assert patch.changed == ()


@given(edit=EDITS)
def test_law_3_no_member_can_be_left_out_of_a_field_patch(edit: tuple[Session, Session]) -> None:
    before, after = edit
    patch = SessionPatch.between(before, after)
    for smaller in _without_each_member(patch.body):
        result = apply(unstructure(before), smaller, "field")
        assert exactly(result) != exactly(unstructure(after)) or not follows_schema(smaller)


def _without_each_member(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The body once without each member; the unknown members of an order belong to the whole that travels."""
    smaller = []
    for name, section in body.get("data", {}).items():
        known = {"currency", "amountIncVat", "amountExVat", "cart", "tokenId"}
        members = [member for member in section if name not in {"order", "tokenization"} or member in known]
        for member in members:
            less = copy.deepcopy(body)
            del less["data"][name][member]
            if not less["data"][name]:
                del less["data"][name]
            smaller.append(less)
    for member in body.get("modules", {}).get("config", {}).get("upsell", {}):
        less = copy.deepcopy(body)
        del less["modules"]["config"]["upsell"][member]
        smaller.append(less)
    return smaller


@pytest.mark.parametrize("reading", ["field", "section"])
@given(edit=EDITS)
def test_law_3_no_section_can_be_left_out_of_a_section_patch(reading: str, edit: tuple[Session, Session]) -> None:
    before, after = edit
    body = SessionPatch.between(before, after, MergeDepth.SECTION).body
    for name in body.get("data", {}):
        less = copy.deepcopy(body)
        del less["data"][name]
        assert exactly(apply(unstructure(before), less, reading)) != exactly(unstructure(after))
    if "modules" in body:
        less = {"data": body.get("data", {})}
        assert exactly(apply(unstructure(before), less, reading)) != exactly(unstructure(after))


@given(edit=EDITS)
def test_law_4_required_siblings_travel(edit: tuple[Session, Session]) -> None:
    before, after = edit
    body = SessionPatch.between(before, after).body
    whole = unstructure(after)
    for name in ("order", "tokenization"):
        if name in body.get("data", {}):
            assert exactly(body["data"][name]) == exactly(whole["data"][name])
    inputs = body.get("modules", {}).get("config", {}).get("upsell", {}).get("customInputs")
    if inputs is not None:
        assert exactly(inputs) == exactly(whole["modules"]["config"]["upsell"]["customInputs"])


@given(edit=EDITS)
def test_law_4_what_travels_for_company_only_is_named_as_carried(edit: tuple[Session, Session]) -> None:
    before, after = edit
    patch = SessionPatch.between(before, after)
    changed, carried = set(patch.changed), set(patch.carried)
    assert not changed & carried
    old, new = unstructure(before), unstructure(after)
    for pointer in carried:
        assert exactly(_at(old, pointer)) == exactly(_at(new, pointer))
    for pointer in changed:
        assert exactly(_at(old, pointer)) != exactly(_at(new, pointer))


def _at(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(name)] if isinstance(document, list) else document[name]
        except (LookupError, TypeError):
            return {"nothing": "here"}
    return document


LOOKALIKES = [True, 1, 1.0, "1", None, False, 0, 0.0, "", [], {}, [1], [True], [1.0], {"a": 1}, {"a": True}]


@pytest.mark.parametrize("one", LOOKALIKES, ids=repr)
def test_law_5_values_of_different_types_differ(one: Any) -> None:
    before = SessionData(billing=Address(extra={"x": one}))
    for other in LOOKALIKES:
        after = SessionData(billing=Address(extra={"x": other}))
        assert SessionPatch.between(before, after).is_noop == (exactly(one) == exactly(other)), other


@pytest.mark.parametrize("one", LOOKALIKES, ids=repr)
@pytest.mark.parametrize("other", [1, 0], ids=repr)
@pytest.mark.parametrize("rendered", [True, False])
def test_law_5_lines_with_values_of_different_types_differ(one: Any, other: int, rendered: bool) -> None:
    line = CartItem(product_type="physical", name="x", quantity=1, quantity_unit="pc", unit_price=1, tax_rate=0)
    for before_line, after_line in [
        (attrs.evolve(line, tax_rate=one), attrs.evolve(line, tax_rate=other)),
        (attrs.evolve(line, extra={"x": one}), attrs.evolve(line, extra={"x": other})),
        (attrs.evolve(line, tax_rate=None, extra={"taxRate": one}), attrs.evolve(line, tax_rate=other)),
    ]:
        order = Order(currency="SEK", amount_inc_vat=1, amount_ex_vat=1, cart=[line, before_line])
        before = SessionData(order=order)
        after = SessionData(order=attrs.evolve(order, cart=[attrs.evolve(line), after_line]))
        if rendered:  # lines remember what they were rendered to
            unstructure(before), unstructure(after)
        assert SessionPatch.between(before, after).is_noop == (exactly(one) == exactly(other))


@given(state=strategies.sessions(), seed=st.randoms())
def test_law_5_the_order_of_members_never_matters(state: Session, seed: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            seed.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(entry) for entry in value] if isinstance(value, list) else value

    other = structure(shuffled(unstructure(state)), Session)
    assert SessionPatch.between(state, other).is_noop


@given(order=strategies.orders(max_lines=8), data=st.data())
def test_law_5_the_order_of_lines_matters(order: Any, data: Any) -> None:
    cart = data.draw(st.permutations(order.cart))
    before, after = SessionData(order=order), SessionData(order=attrs.evolve(order, cart=cart))
    as_before = exactly(unstructure(after)) == exactly(unstructure(before))
    assert SessionPatch.between(before, after).is_noop == as_before


def built_anew(state: Session) -> Session:
    """The same state with a cart of lines that a shop has just made, and that remember nothing."""
    data = state.data
    if data is None or data.order is None or data.order.cart is None:
        return state
    cart = tuple(
        type(line)(**{one.name: getattr(line, one.name) for one in attrs.fields(type(line)) if one.init})
        for line in data.order.cart
    )
    return attrs.evolve(state, data=attrs.evolve(data, order=attrs.evolve(data.order, cart=cart)))


@given(edit=EDITS, warm=st.booleans(), more=st.booleans())
def test_a_cart_that_was_built_anew_gives_the_same_patch(
    edit: tuple[Session, Session], warm: bool, more: bool
) -> None:
    before, after = edit
    if more and after.data and after.data.order and after.data.order.cart:  # one line in front moves all others
        line = CartItem(
            product_type="physical", name="x", quantity=1, quantity_unit="pc", unit_price=1, tax_rate=0
        )
        order = attrs.evolve(after.data.order, cart=(line, *after.data.order.cart))
        after = attrs.evolve(after, data=attrs.evolve(after.data, order=order))
    if warm:
        unstructure(before)
    anew = built_anew(after)
    assert SessionPatch.between(before, anew).to_json() == SessionPatch.between(before, after).to_json()
    assert unstructure(anew) == unstructure(built_anew(after))
    assert SessionPatch.between(before, built_anew(before)).is_noop


def line(price: int = 1, **members: Any) -> CartItem:
    return CartItem(
        product_type="physical",
        name="x",
        quantity=1,
        quantity_unit="pc",
        unit_price=price,
        tax_rate=0,
        **members,
    )


@pytest.mark.parametrize("new", [[line(2)], [line(2), line(), line()], [line(2), line()]], ids=len)
def test_what_is_wrong_with_old_lines_is_no_matter(new: list[CartItem]) -> None:
    odd: Any = {1: "a name that is no text", "x": 1}
    before, after = (
        SessionData(order=Order(currency="SEK", amount_inc_vat=1, amount_ex_vat=1, cart=tuple(cart)))
        for cart in ([line(), line(extra=odd)], new)
    )
    assert len(SessionPatch.between(before, after).body["data"]["order"]["cart"]) == len(new)


def test_law_6_shared_subtrees_are_not_walked() -> None:
    class Tripwire(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("a shared subtree was walked")

        __iter__ = keys = values = items

    line = CartItem(product_type="physical", name="x", quantity=1, quantity_unit="pc", unit_price=1, tax_rate=0)
    object.__setattr__(line, "extra", Tripwire())
    before = structure({"order": {"currency": "SEK", "amountIncVat": 1, "amountExVat": 1}}, SessionData)
    assert before.order is not None
    before = attrs.evolve(before, order=attrs.evolve(before.order, cart=[line]), billing=Address(city="Lund"))
    after = attrs.evolve(before, billing=Address(city="Malmö"))
    assert SessionPatch.between(before, after).body == {"data": {"billing": {"city": "Malmö"}}}


@given(edit=EDITS, data=st.data())
def test_law_7_merged_patches_do_what_one_patch_does(edit: tuple[Session, Session], data: Any) -> None:
    first, second = edit
    third = strategies.edited(data.draw, second)
    for depth, reading in READINGS:
        merged = SessionPatch.between(first, second, depth).merge(SessionPatch.between(second, third, depth))
        straight = SessionPatch.between(first, third, depth)
        state = unstructure(first)
        assert exactly(apply(state, merged.body, reading)) == exactly(apply(state, straight.body, reading))


@given(edit=EDITS)
def test_equal_patches_have_equal_bytes_and_hashes_and_survive_pickling(edit: tuple[Session, Session]) -> None:
    before, after = edit
    patch = SessionPatch.between(before, after)
    again = SessionPatch.between(structure(unstructure(before), Session), structure(unstructure(after), Session))
    restored = pickle.loads(pickle.dumps(patch))  # noqa: S301 - our own bytes
    assert patch == again == restored
    assert patch.to_json() == again.to_json() == restored.to_json()
    assert hash(patch) == hash(again) == hash(restored)
    assert orjson.loads(patch.to_json()) == patch.body


@given(edit=EDITS)
def test_the_explanation_names_every_change_and_no_personal_value(edit: tuple[Session, Session]) -> None:
    before, after = edit
    patch = SessionPatch.between(before, after)
    text = patch.explain()
    assert all(pointer in text for pointer in (*patch.changed, *patch.carried))


def test_clearing_is_the_one_way_to_remove_a_company_name() -> None:
    before = structure({"company": {"cin": "5590000000", "name": "Old"}}, SessionData)
    assert before.company is not None
    cleared = attrs.evolve(before, company=attrs.evolve(before.company, name=CLEAR))
    assert SessionPatch.between(before, cleared).body == {"data": {"company": {"name": None}}}
    with pytest.raises(UnpatchableChangeError, match="CLEAR") as caught:
        SessionPatch.between(before, attrs.evolve(before, company=attrs.evolve(before.company, name=None)))
    assert caught.value.pointers == ("/data/company/name",)
