"""The quick yes of outbound validation: never for what the rules refuse, and always for what shops send."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import briqpay_async as bq
from briqpay_async.conversion.validate import _rules, check_json
from briqpay_async.conversion.validate_fast import LARGEST, is_surely_valid
from briqpay_async.models.base import CLEAR, Model

FLAT: list[type[Model]] = [
    bq.CartItem,
    bq.SalesTaxItem,
    bq.Address,
    bq.Company,
    bq.Consumer,
    bq.UpsellConfig,
    bq.Urls,
]
LINE: dict[str, Any] = {
    "product_type": "physical",
    "name": "Shoe",
    "quantity": 1,
    "quantity_unit": "pc",
    "unit_price": 1000,
    "tax_rate": 2500,
}
ODD: tuple[Any, ...] = (
    None,
    CLEAR,
    True,
    0,
    -1,
    1,
    1.0,
    float("nan"),
    LARGEST,
    LARGEST + 1,
    -LARGEST - 1,
    "",
    "x" * 10,
    "x" * 11,
    "x" * 256,
    "x" * 257,
    "x" * 513,
    "Malmö",
    "🛒" * 5,
    "zero\u200bwidth",
    "\ud800",
    "SE",
    "se",
    "1990-02-28",
    "1990-02-30",
    "https://shop.example/terms",
    "line\nbreak",
    b"bytes",
    (),
    [],
    {},
    bq.ProductType.DISCOUNT,
    bq.ProductType.SALES_TAX,
    bq.SessionStatus.STARTED,
    bq.Address(city="Malmö"),
)


def by_the_rules(model: Model) -> list[tuple[str, str]]:
    """Everything that the rules refuse, asked one by one."""
    found: list[tuple[str, str]] = []
    for attribute, wire, required, rule in _rules(type(model)):
        value = getattr(model, attribute)
        if value is not None:
            rule(value, f"/{wire}", found)
        elif required:
            found.append((f"/{wire}", "is required"))
    found += model.broken_rules()
    check_json(model.extra, "", found)
    return found


@st.composite
def oddities(draw: st.DrawFn) -> Model:
    """A model of plain members, some of whose values are odd."""
    cls = draw(st.sampled_from(FLAT))
    names = [one.name for one in attrs.fields(cls) if one.init and one.name != "extra"]
    odd = draw(
        st.dictionaries(st.sampled_from(names), st.sampled_from(ODD) | st.text(max_size=300) | st.integers())
    )
    extra = draw(st.sampled_from([{}, {}, {"x": 1}, {"x": object()}, {"name": None}]))
    return cls(**((LINE if cls is bq.CartItem else {}) | odd), extra=extra)


@given(oddities())
def test_what_fits_has_nothing_that_the_rules_refuse(model: Model) -> None:
    if is_surely_valid(type(model))(model):
        assert by_the_rules(model) == []


@pytest.mark.parametrize(
    "name", [one for one in attrs.fields_dict(bq.CartItem) if one != "extra" and one[0] != "_"]
)
def test_a_line_with_one_odd_value_fits_only_if_the_rules_take_it(name: str) -> None:
    for value in ODD:
        line = bq.CartItem(**LINE | {name: value})
        assert not (is_surely_valid(bq.CartItem)(line) and by_the_rules(line)), value


@pytest.mark.parametrize(
    "model",
    [
        bq.CartItem(**LINE),
        bq.CartItem(**LINE | {"name": "Träningsskor, 42½", "reference": "SKU-1", "total_amount": 1250}),
        bq.CartItem(**LINE | {"product_type": bq.ProductType.DISCOUNT, "unit_price": -100}),
        bq.SalesTaxItem(name="VAT", total_tax_amount=100),
        bq.Address(street_address="Storgatan 1", zip="21142", city="Malmö", country="SE"),
        bq.Company(cin="5566778899", name="Företaget AB"),
        bq.Consumer(name="Ada", date_of_birth="1990-02-28"),
        bq.Urls(terms="https://shop.example/terms", redirect="https://shop.example/done"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_shops_send_fits_at_the_first_look(model: Model) -> None:
    assert is_surely_valid(type(model))(model)
