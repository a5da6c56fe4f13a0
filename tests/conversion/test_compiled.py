"""Compiled constructors and cattrs, which is the plain way, give the same for every object."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from hypothesis import example, given
from hypothesis import strategies as st
from support.wire_checks import same

import briqpay_async as bq
from briqpay_async.conversion.compiled import MOST_SHAPES, compile_constructor
from briqpay_async.conversion.decode import MalformedError, readers_of, structurer
from briqpay_async.models.base import Model
from briqpay_async.testing.strategies import sessions

ODD_VALUES = (None, True, 0, 12, 1.0, 1.5, "", "12", "SEK", "digital", [], [[]], {}, {"a": [None]})
BEFORE_COMPILED = 3


def models_in(value: Any) -> Iterator[Model]:
    """A model and every model below it."""
    if isinstance(value, tuple):
        for entry in value:
            yield from models_in(entry)
    elif isinstance(value, Model):
        yield value
        for attribute in attrs.fields(type(value)):
            if attribute.name not in {"extra", "_wire", "_pending"}:
                yield from models_in(getattr(value, attribute.name))


@st.composite
def odd_objects(draw: st.DrawFn) -> tuple[type[Model], dict[str, Any]]:
    """A class and a JSON object of it, in any order, with members left out, unknown, null or of a wrong type."""
    model = draw(st.sampled_from(list(models_in(draw(sessions(max_lines=3))))))
    wire = bq.unstructure(model)
    for name in draw(st.lists(st.sampled_from(sorted(wire) or ["x"]), max_size=2, unique=True)):
        wire[name] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    for name in draw(st.lists(st.sampled_from(sorted(wire) or ["x"]), max_size=2, unique=True)):
        wire.pop(name, None)
    if draw(st.booleans()):
        wire["unknown"] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    return type(model), {name: wire[name] for name in draw(st.permutations(list(wire)))}


def outcome(structure: Callable[[dict[str, Any]], Model], wire: dict[str, Any]) -> Any:
    """All that an instance holds, with the JSON that a line remembers, in order; or why there is none.

    Only lines without unknown members are remembered by all: those of others are rendered when they are needed.
    """
    try:
        model = structure(copy.deepcopy(wire))
    except MalformedError as error:
        return str(error)
    held = {attribute.name: getattr(model, attribute.name) for attribute in attrs.fields(type(model))}
    remembered = None if model.extra else held.pop("_wire", None)
    held.pop("_wire", None)
    return type(model), bq.unstructure(model), held, remembered and list(remembered.items())


class Counted:
    """The plain way, and how often it was asked."""

    def __init__(self, cls: type[Model]) -> None:
        self.plain = structurer(cls)
        self.asked = 0

    def __call__(self, wire: dict[str, Any]) -> Any:
        self.asked += 1
        return self.plain(wire)


@example((bq.SalesTaxItem, {"name": "", "totalTaxAmount": 0, "x": None}))
@example((bq.SalesTaxItem, {"totalTaxAmount": None, "name": "", "reference": "r", "x": {"b": 1, "a": 2}}))
@given(odd_objects())
def test_a_compiled_constructor_gives_what_cattrs_gives(odd: tuple[type[Model], dict[str, Any]]) -> None:
    cls, wire = odd
    construct = compile_constructor(cls, readers_of(cls), structurer(cls))
    expected = outcome(structurer(cls), wire)
    for _ in range(BEFORE_COMPILED + 2):
        assert same(outcome(construct, wire), expected)


@given(sessions(max_lines=3).flatmap(lambda session: st.sampled_from(list(models_in(session)))))
def test_cattrs_is_asked_for_the_first_objects_of_a_shape_only(model: Model) -> None:
    plain = Counted(type(model))
    construct = compile_constructor(type(model), readers_of(type(model)), plain)
    for _ in range(BEFORE_COMPILED + 2):
        construct(bq.unstructure(model))
    assert plain.asked == BEFORE_COMPILED


def test_more_shapes_than_a_class_may_have_are_left_to_cattrs() -> None:
    plain = Counted(bq.Address)
    construct = compile_constructor(bq.Address, readers_of(bq.Address), plain)
    for number in range(MOST_SHAPES):
        construct({f"unknown{number}": 1})
    plain.asked = 0
    for _ in range(BEFORE_COMPILED + 1):
        assert construct({"city": "Malmö"}).city == "Malmö"
    assert plain.asked == BEFORE_COMPILED + 1
