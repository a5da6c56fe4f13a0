"""The compiled comparisons and the plain ones agree on generated states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sockets import exactly

from briqpay_async import (
    Address,
    CartItem,
    Order,
    Session,
    SessionData,
    SessionPatch,
    ValidationError,
    unstructure,
)
from briqpay_async.models.base import Model, wire_names
from briqpay_async.patch.comparison import changed_members, members_not_shared, same
from briqpay_async.testing import strategies

VALUES = (None, True, False, 0, 1, 1.0, 0.0, -0.0, "", "1", "SEK", "physical", [], [1], {"a": 1}, {"a": True})


def models_in(value: Any) -> Iterator[Model]:
    """A model and every model below it."""
    if isinstance(value, tuple):
        for entry in value:
            yield from models_in(entry)
    elif isinstance(value, Model):
        yield value
        for name in wire_names(type(value)):
            yield from models_in(getattr(value, name))


def rebuilt(value: Any) -> Any:
    """An equal value that shares nothing, and remembers nothing."""
    if isinstance(value, Model):
        names = {name: rebuilt(getattr(value, name)) for name in wire_names(type(value))}
        return type(value)(**names, extra=rebuilt(dict(value.extra)))
    if isinstance(value, tuple):
        return tuple(map(rebuilt, value))
    return {name: rebuilt(entry) for name, entry in value.items()} if isinstance(value, dict) else value


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Model, Model]:
    """Two instances of a class: equal or not, sharing their values or not, with odd unknown and known members."""
    models = list(models_in(draw(strategies.sessions(max_lines=3))))
    one = draw(st.sampled_from(models))
    other = draw(st.sampled_from([model for model in models if type(model) is type(one)]))
    pair = [one, other if draw(st.booleans()) else one]
    for index in (0, 1):
        if draw(st.booleans()):
            pair[index] = rebuilt(pair[index])
        if draw(st.booleans()):
            pair[index] = attrs.evolve(pair[index], extra={"x": draw(st.sampled_from(VALUES))})
        if draw(st.booleans()):
            name = draw(st.sampled_from(list(wire_names(type(one)))))
            pair[index] = attrs.evolve(pair[index], **{name: getattr(draw(st.sampled_from([one, other])), name)})
        if draw(st.booleans()):
            unstructure(pair[index])  # lines remember what they were rendered to
    return pair[0], pair[1]


@given(pairs())
def test_two_values_are_the_same_if_their_json_is(pair: tuple[Model, Model]) -> None:
    one, other = pair
    assert same(one, other) == (exactly(unstructure(one)) == exactly(unstructure(other)))


@given(pairs())
def test_the_members_found_are_those_that_a_loop_over_all_finds(pair: tuple[Model, Model]) -> None:
    one, other = pair
    members = [(name, getattr(one, name), getattr(other, name)) for name in (*wire_names(type(one)), "extra")]
    assert members_not_shared(type(one))(one, other) == [
        (name, old, new) for name, old, new in members if old is not new
    ]
    assert changed_members(type(one))(one, other) == [
        (name, old, new) for name, old, new in members if not same(old, new)
    ]


@given(strategies.orders(max_lines=6), st.data())
def test_a_cart_made_anew_is_the_same_wherever_its_lines_stood(order: Order, data: st.DataObject) -> None:
    """Lines take over what equal ones remember, by their place from either end: that must not show."""
    old = tuple(order.cart or ())
    if data.draw(st.booleans()):
        unstructure(order)
    new = [rebuilt(line) for line in old]
    for _ in range(data.draw(st.integers(0, 2))):
        if new and data.draw(st.booleans()):
            new.pop(data.draw(st.integers(0, len(new) - 1)))
        elif old:
            new.insert(data.draw(st.integers(0, len(new))), rebuilt(data.draw(st.sampled_from(old))))
    plain = exactly([unstructure(rebuilt(line)) for line in new])
    alike = plain == exactly([unstructure(rebuilt(line)) for line in old])
    assert same(old, tuple(new)) == alike
    assert exactly([unstructure(line) for line in new]) == plain


@pytest.mark.parametrize("one", VALUES, ids=repr)
def test_plain_values_are_the_same_if_their_json_is(one: Any) -> None:
    for other in VALUES:
        assert same(one, other) == (exactly(one) == exactly(other)), other


@pytest.mark.parametrize("longer", [False, True])
def test_a_line_takes_over_nothing_from_one_with_unknown_members(longer: bool) -> None:
    """Values that are not the same can render to the same bytes: NaN is no JSON, and renders to null."""
    line = CartItem(product_type="physical", name="x", quantity=1, quantity_unit="pc", unit_price=1, tax_rate=0)
    order = Order(currency="SEK", amount_inc_vat=1, amount_ex_vat=1)
    null, nan = (attrs.evolve(line, extra={"x": value}) for value in (None, float("nan")))
    old, new = [null, line], [nan]
    if longer:
        new = [nan, line, attrs.evolve(line)]
    before = SessionData(order=attrs.evolve(order, cart=old))
    assert SessionPatch.of(data=before.editable()).body  # what was sent is remembered, and that it is valid
    with pytest.raises(ValidationError, match="/data/order/cart/0/x"):
        SessionPatch.between(before, SessionData(order=attrs.evolve(order, cart=new)))


def test_models_of_two_classes_are_never_the_same() -> None:
    assert not same(Address(), Order())
    assert not same(Session(), None)
