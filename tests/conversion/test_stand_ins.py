"""What PHP programs write in place of a value is read as that value, and goes back as it came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from support.session_payloads import FULL_SESSION
from support.wire_checks import at, changed, same

import briqpay_async as bq
from briqpay_async.transport.requests import Response
from briqpay_async.transport.responses import decode_model

WAYS: dict[str, Callable[[Any], bq.Session]] = {
    "at once": lambda wire: bq.structure(wire, bq.Session),
    "lazily": lambda wire: decode_model(Response(200, {}, orjson.dumps(wire)), bq.Session),
}
ABSENT: dict[tuple[str | int, ...], Any] = {
    ("data",): [],
    ("data", "company"): [],
    ("data", "shipping"): [],
    ("data", "order"): [],
    ("data", "transactions"): [[]],
    ("data", "order", "cart"): [[]],
    ("data", "transactions", 0, "cart"): [[]],
    ("modules",): [],
    ("references",): [],
    ("urls",): [],
}


@pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("path", "value"), ABSENT.items(), ids=str)
@pytest.mark.parametrize("repeated", [1, 5])  # constructors are compiled for shapes seen three times
def test_an_array_in_place_of_an_object_reads_as_absent_and_comes_back(
    read: Callable[[Any], bq.Session], path: tuple[str | int, ...], value: Any, repeated: int
) -> None:
    wire = changed(FULL_SESSION, path, value)
    absent = changed(FULL_SESSION, path, None)
    for _ in range(repeated):
        session = read(wire)
        assert at(bq.unstructure(read(absent)), path[:-1]) is not None
        assert _attribute(session, path) is None
        assert same(bq.unstructure(session), wire)
        assert read(FULL_SESSION) == bq.structure(FULL_SESSION, bq.Session)


def _attribute(model: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        model = model[part] if isinstance(part, int) else getattr(model, part)
    return model


@pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("repeated", [1, 5])
def test_a_number_in_place_of_a_text_reads_as_text_and_comes_back(
    read: Callable[[Any], bq.Session], repeated: int
) -> None:
    wire = changed(changed(FULL_SESSION, ("data", "order", "cart", 0, "reference"), 12), ("locale",), 1.5)
    for _ in range(repeated):
        session = read(wire)
        assert session.data
        assert session.data.order
        assert session.data.order.cart
        assert (session.data.order.cart[0].reference, session.locale) == ("12", "1.5")
        assert same(bq.unstructure(session), wire)


@pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("repeated", [1, 5])
def test_a_whole_number_with_a_fraction_of_nothing_is_an_integer(
    read: Callable[[Any], bq.Session], repeated: int
) -> None:
    wire = changed(FULL_SESSION, ("data", "order", "amountIncVat"), 190000.0)
    for _ in range(repeated):
        session = read(wire)
        assert session.data
        assert session.data.order
        assert type(session.data.order.amount_inc_vat) is int
        assert bq.unstructure(session) == wire


def test_a_real_fraction_of_a_minor_unit_is_refused() -> None:
    with pytest.raises(bq.ResponseDecodeError, match="/data/order/amountIncVat must be an integer"):
        bq.structure(changed(FULL_SESSION, ("data", "order", "amountIncVat"), 1.5), bq.Session)


@pytest.mark.parametrize(("amount", "exact"), [(2.0**53 - 1, True), (2.0**53, False), (-(2.0**53), False)])
def test_a_float_that_may_stand_for_several_integers_is_refused(amount: float, exact: bool) -> None:
    wire = changed(FULL_SESSION, ("data", "order", "amountIncVat"), amount)
    if exact:
        assert same(
            at(bq.unstructure(bq.structure(wire, bq.Session)), ("data", "order", "amountIncVat")), int(amount)
        )
        return
    with pytest.raises(bq.ResponseDecodeError, match="/data/order/amountIncVat must be an integer"):
        bq.structure(wire, bq.Session)
