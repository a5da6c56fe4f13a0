"""Hypothesis strategies for whole valid states of a session, and for edits of them.

Use them to test code of your own that builds or reads sessions::

    from hypothesis import given
    from briqpay_async.testing import strategies

    @given(strategies.edits())
    def test_my_checkout(edit):
        before, after = edit
        ...

Every state is one that the API accepts; unknown members occur at every level, because the API may add some any
day. Amounts are minor units.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import attrs
from hypothesis import strategies as st

from briqpay_async.conversion.decode import structure, unstructure
from briqpay_async.models.address import Address
from briqpay_async.models.base import CLEAR, per_class, wire_names
from briqpay_async.models.cart import AnyCartItem, CartItem, SalesTaxItem
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.enums import CustomInputComponent, CustomInputType, ProductType
from briqpay_async.models.modules import CustomInput, Modules, ModulesConfig, UpsellConfig
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, Session, SessionData, Tokenization
from briqpay_async.patch.comparison import overlay

__all__ = [
    "addresses",
    "cart_items",
    "carts",
    "companies",
    "consumers",
    "discount_items",
    "editable_data",
    "edits",
    "json_values",
    "orders",
    "sales_tax_items",
    "sessions",
    "texts",
    "tokenizations",
    "upsell_configs",
]

_DOCUMENTED_COMPONENTS = [
    CustomInputComponent.TEXT_FIELD,
    CustomInputComponent.TEXT_AREA,
    CustomInputComponent.CHECKBOX,
    CustomInputComponent.ENUM_RADIO,
    CustomInputComponent.ENUM_DROPDOWN,
]
_COUNTRIES = st.sampled_from(["SE", "NO", "DK", "FI", "DE", "NL", "FR", "GB", "US"])
_AMOUNTS = st.integers(min_value=0, max_value=10**9)
_TAX_RATES = (2500, 0, 600, 700, 1200, 1900, 2100, 2550)


_WORDS = (
    "",
    "a",
    "Lund",
    "Storgatan 1 B",
    "Åsa Öberg",
    "zażółć gęślą jaźń",
    "0",
    "null",
    "a/b~c",
    '"\\',
    "😀",
    "\u0000",
)


@cache
def texts(max_size: int = 100, min_size: int = 0) -> st.SearchStrategy[str]:
    """Unicode text: familiar words, awkward ones, anything short, and what is just as long as allowed."""
    words = [word for word in _WORDS if min_size <= len(word) <= max_size]
    short = st.text(st.characters(exclude_categories=["Cs"]), min_size=min_size, max_size=min(max_size, 8))
    return st.sampled_from([*words, "x" * max_size, "å" * max_size]) | short


@cache
def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value, as an unknown member may hold it; ``true``, ``1`` and ``1.0`` are frequent."""
    scalars = (
        st.none()
        | st.sampled_from([True, False, 0, 1, 1.0, 0.0, "", "1"])
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False, width=32)
        | texts(20)
    )
    return st.recursive(
        scalars,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(texts(8), below, max_size=3),
        max_leaves=5,
    )


@st.composite
def _of(draw: st.DrawFn, cls: type[Any], required: dict[str, Any], optional: dict[str, Any]) -> Any:
    """An instance with all required members, some optional ones and sometimes unknown members."""
    chosen = draw(st.integers(0, 2 ** len(optional) - 1))
    members = {name: draw(strategy) for name, strategy in required.items()}
    members |= {name: draw(strategy) for bit, (name, strategy) in enumerate(optional.items()) if chosen >> bit & 1}
    if draw(st.integers(0, 5)) == 5:
        members["extra"] = draw(_extras(cls))
    return cls(**members)


@per_class
def _extras(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    known = set(wire_names(cls).values())
    names = (st.sampled_from(["x", "y", "futureMember"]) | texts(6)).filter(lambda name: name not in known)
    return st.dictionaries(names, json_values(), min_size=1, max_size=2)


def addresses() -> st.SearchStrategy[Address]:
    """Partial or full addresses."""
    limited = ("street_address", "street_address2", "zip", "city", "region", "first_name", "last_name", "email")
    optional = dict.fromkeys(limited, texts(100)) | {
        "phone_number": texts(20),
        "company_name": texts(40),
        "cin": texts(20),
        "country": _COUNTRIES,
    }
    return _of(Address, {}, optional)


def companies() -> st.SearchStrategy[Company]:
    """Companies; ``cin`` and ``name`` are sometimes ``CLEAR``."""
    nullable = texts(40) | st.just(CLEAR)
    return _of(Company, {}, {"cin": nullable, "name": nullable})


def consumers() -> st.SearchStrategy[Consumer]:
    """Consumers."""
    dates = st.dates().map(lambda day: day.isoformat())
    return _of(Consumer, {}, {"identification_number": texts(20), "date_of_birth": dates, "name": texts(60)})


def tokenizations() -> st.SearchStrategy[Tokenization]:
    """Tokens to charge."""
    return _of(Tokenization, {"token_id": texts(36, min_size=1)}, {})


def _line(kinds: list[ProductType], prices: st.SearchStrategy[int]) -> st.SearchStrategy[CartItem]:
    required = {
        "product_type": st.sampled_from(kinds),
        "name": texts(256),
        "quantity": st.integers(1, 10_000),
        "quantity_unit": texts(10),
        "unit_price": prices,
        "tax_rate": st.sampled_from(_TAX_RATES),
    }
    optional = {
        "reference": st.sampled_from(["sku-1", "sku-2", "sku-3"]) | texts(256),
        "discount_percentage": st.integers(0, 10_000),
        "unit_price_inc_vat": _AMOUNTS,
        "total_amount": _AMOUNTS,
        "total_vat_amount": _AMOUNTS,
        "image_url": st.just("https://shop.example/picture.png"),
    }
    return _of(CartItem, required, optional)


def cart_items() -> st.SearchStrategy[CartItem]:
    """Regular lines."""
    kinds = [
        ProductType.PHYSICAL,
        ProductType.DIGITAL,
        ProductType.SHIPPING_FEE,
        ProductType.DEPOSIT,
        ProductType.SURCHARGE,
        ProductType.GIFT_CARD,
    ]
    return _line(kinds, _AMOUNTS)


def discount_items() -> st.SearchStrategy[CartItem]:
    """Discount lines: their unit price is negative (Briqpay docs)."""
    return _line([ProductType.DISCOUNT], st.integers(-(10**9), -1))


def sales_tax_items() -> st.SearchStrategy[SalesTaxItem]:
    """The sales tax line of a US order."""
    return _of(SalesTaxItem, {"name": texts(256), "total_tax_amount": _AMOUNTS}, {"reference": texts(256)})


def _plain_line(number: int) -> AnyCartItem:
    """A line made of one number: a cart of sixty of them costs sixty draws, not a thousand."""
    number, kind = divmod(number, 7)
    number, quantity = divmod(number, 50)
    number, unit_price = divmod(number, 99_999)
    number, rate = divmod(number, len(_TAX_RATES))
    reference = f"sku-{number % 40}"
    if kind == 6:
        return SalesTaxItem(reference=reference, name="Sales tax", total_tax_amount=unit_price)
    line = CartItem(
        product_type=[ProductType.PHYSICAL, ProductType.DIGITAL, ProductType.SHIPPING_FEE][kind % 3],
        reference=reference,
        name=f"Product {reference}",
        quantity=quantity + 1,
        quantity_unit="pc",
        unit_price=unit_price,
        tax_rate=_TAX_RATES[rate],
    )
    if kind == 0:
        return line
    inc, ex = line.amounts()
    return attrs.evolve(line, total_amount=inc, total_vat_amount=inc - ex)


def carts(max_lines: int = 60) -> st.SearchStrategy[tuple[AnyCartItem, ...]]:
    """Carts of 1 to ``max_lines`` lines of every kind."""
    plain = st.integers(0, 10**12).map(_plain_line)
    special: st.SearchStrategy[AnyCartItem] = cart_items() | discount_items() | sales_tax_items()
    mixed = st.tuples(
        st.lists(special, max_size=2), st.lists(plain, min_size=1, max_size=max(1, max_lines - 2))
    ).map(lambda drawn: (*drawn[0], *drawn[1]))
    return (mixed | special.map(lambda line: (line,))).map(lambda lines: lines[:max_lines])


def orders(max_lines: int = 60) -> st.SearchStrategy[Order]:
    """Orders; their totals are arbitrary, as the API stores them verbatim."""
    required = {
        "currency": st.sampled_from(["SEK", "EUR", "NOK", "DKK", "USD"]),
        "amount_inc_vat": _AMOUNTS,
        "amount_ex_vat": _AMOUNTS,
        "cart": carts(max_lines),
    }
    return _of(Order, required, {})


def _custom_inputs() -> st.SearchStrategy[tuple[CustomInput, ...]]:
    one = _of(
        CustomInput,
        {},
        {
            "type": st.sampled_from(CustomInputType),
            "key": texts(10),
            "label": texts(30),
            "min_length": st.integers(0, 5),
            "max_length": st.integers(5, 50),
            "required": st.booleans(),
            "span": st.sampled_from([1, 2]),
            "enum": st.lists(texts(8), max_size=3).map(tuple),
            "component": st.sampled_from(_DOCUMENTED_COMPONENTS),
        },
    )
    return st.lists(
        one, max_size=4, unique_by=lambda custom_input: object() if custom_input.key is None else custom_input.key
    ).map(tuple)


def upsell_configs() -> st.SearchStrategy[UpsellConfig]:
    """Configurations of the upsell module."""
    optional = {
        "custom_inputs": _custom_inputs(),
        "hide_module": st.booleans(),
        "header": texts(64),
        "subheader": texts(512),
        "footer": texts(512),
    }
    return _of(UpsellConfig, {}, optional)


def editable_data(customer_type: str = "business", max_lines: int = 60) -> st.SearchStrategy[EditableData]:
    """The sections that a PATCH may carry, any of them absent."""
    return st.builds(EditableData, **_sections(customer_type, max_lines))


def sessions(customer_type: str | None = None, max_lines: int = 60) -> st.SearchStrategy[Session]:
    """Sessions with the data and modules that a PATCH reaches."""
    kinds = st.sampled_from(["business", "consumer"]) if customer_type is None else st.just(customer_type)
    modules = st.none() | upsell_configs().map(lambda upsell: Modules(config=ModulesConfig(upsell=upsell)))
    return kinds.flatmap(
        lambda kind: st.builds(
            Session,
            customer_type=st.just(kind),
            data=st.builds(SessionData, **_sections(kind, max_lines)),
            modules=modules,
        )
    )


def _sections(customer_type: str, max_lines: int) -> dict[str, Any]:
    return {
        "order": st.none() | orders(max_lines),
        "company": st.none() | companies() if customer_type == "business" else st.none(),
        "consumer": st.none() | consumers() if customer_type == "consumer" else st.none(),
        "billing": st.none() | addresses(),
        "shipping": st.none() | addresses(),
        "tokenization": st.none() | tokenizations(),
    }


# --- edits -----------------------------------------------------------------------------------------------


@st.composite
def edits(draw: st.DrawFn, max_lines: int = 60) -> tuple[Session, Session]:
    """Two states, the second made from the first by edits that a PATCH can express.

    Single members, nested ones, lines added, removed, reordered and changed, whole sections replaced, or nothing.
    Unchanged parts are shared between the states, or equal without being shared.
    """
    before = draw(sessions(max_lines=max_lines))
    if draw(st.integers(0, 9)) == 0:
        return before, _copy(before)
    return before, edited(draw, before, max_lines)


def edited(draw: st.DrawFn, before: Session, max_lines: int = 60) -> Session:
    """A state that a PATCH can make of ``before``."""
    data = before.data or SessionData()
    new = draw(editable_data(before.customer_type or "business", max_lines))
    sections: dict[str, Any] = {}
    for name in wire_names(EditableData):
        old = getattr(data, name)
        sections[name] = _edit_section(draw, old, getattr(new, name), _edit_order if name == "order" else None)
    modules = before.modules
    if draw(st.booleans()):
        config = ModulesConfig(upsell=draw(upsell_configs()))
        modules = overlay(modules, Modules(config=config))
    after = attrs.evolve(before, data=attrs.evolve(data, **sections), modules=modules)
    return _copy(after) if draw(st.booleans()) else after


def _edit_section(
    draw: st.DrawFn, old: Any, new: Any, special: Callable[[st.DrawFn, Any, Any], Any] | None
) -> Any:
    action = draw(st.sampled_from(["keep", "overlay", "single", "special"]))
    if action == "keep" or new is None:
        return old
    if old is None:
        return new
    if action == "special" and special is not None:
        return special(draw, old, new)
    if action == "single":
        stated = [name for name in wire_names(type(new)) if getattr(new, name) is not None]
        if stated:
            name = draw(st.sampled_from(stated))
            return attrs.evolve(old, **{name: getattr(new, name)})
    return overlay(old, new)


def _edit_order(draw: st.DrawFn, old: Order, new: Order) -> Order:
    lines = list(old.cart or ())
    action = draw(st.sampled_from(["add", "remove", "reorder", "change", "quantity"]))
    index = draw(st.integers(0, len(lines) - 1))
    if action == "add":
        lines.insert(index, (new.cart or ())[0])
    elif action == "remove" and len(lines) > 1:
        del lines[index]
    elif action == "reorder":
        lines = draw(st.permutations(lines))
    elif action == "quantity" and isinstance(line := lines[index], CartItem):
        lines[index] = line.with_quantity(draw(st.integers(1, 100)))
    else:
        lines[index] = attrs.evolve(lines[index], name=draw(texts(256)), extra={"x": draw(json_values())})
    return attrs.evolve(old, cart=lines)


def _copy(session: Session) -> Session:
    """An equal state that shares nothing."""
    return structure(unstructure(session), Session)
