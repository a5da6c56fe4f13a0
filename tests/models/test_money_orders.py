"""Orders: totals from lines, totals against lines, and orders made of some of an order's own lines."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.create_payloads import CREATES
from support.session_payloads import FULL_SESSION
from support.shop import line

import briqpay_async as bq
from briqpay_async.conversion.validate import problems
from briqpay_async.models.order import TotalsDiscrepancy


def _line(reference: str, quantity: int, unit_price: int, tax_rate: int = 2500, **members: Any) -> bq.CartItem:
    amounts = {"quantity": quantity, "unit_price": unit_price, "tax_rate": tax_rate}
    return line(reference, **(amounts | members))


# Three lines with 19 % whose parts round one up.
GERMAN = [_line("demo_1", 2, 1912, 1900), _line("demo_3", 1, 2872, 1900), _line("2", 1, 700, 1900)]
US = [_line("SKU-1", 1, 10000, 0), bq.SalesTaxItem(name="Sales tax", reference="sales_tax", total_tax_amount=825)]
DISCOUNTED = [
    _line("desk", 1, 100000, 1900, unit_price_inc_vat=119000, total_amount=119000, total_vat_amount=19000),
    _line(
        "sale",
        1,
        -15966,
        1900,
        product_type="discount",
        unit_price_inc_vat=-19000,
        total_amount=-19000,
        total_vat_amount=-3034,
    ),
]


@pytest.mark.parametrize(
    ("lines", "inc", "ex"),
    [
        ([_line("a", 2, 1200)], 3000, 2400),
        ([_line("a", 2, 1200, discount_percentage=1000)], 2700, 2160),
        (GERMAN, 8802, 7396),
        (US, 10825, 10000),
        (DISCOUNTED, 100000, 84034),
        ([_line("a", 1, 100, 0), _line("off", 1, -2, product_type="discount")], 97, 98),
        ([_line("a", 1, 1235, 0), _line("rounding", 1, -1, 0, product_type="surcharge")], 1234, 1234),
        ([], 0, 0),
    ],
    ids=["docs", "docs with discount", "german", "us", "discount line", "half discount", "rounding line", "empty"],
)
def test_an_order_adds_up_its_lines(lines: list[Any], inc: int, ex: int) -> None:
    order = bq.Order.of("EUR", iter(lines))
    assert (order.amount_inc_vat, order.amount_ex_vat) == (inc, ex)
    assert (order.currency, order.cart) == ("EUR", tuple(lines))
    assert order.check_totals() == ()


def test_each_line_is_rounded_by_itself() -> None:
    assert [line.amounts()[0] for line in GERMAN] == [4551, 3418, 833]
    order = attrs.evolve(bq.Order.of("EUR", GERMAN), amount_inc_vat=8801)  # the sum rounded once
    assert order.check_totals() == (TotalsDiscrepancy("/amountIncVat", 8801, 8802),)


def test_both_totals_are_checked() -> None:
    order = attrs.evolve(bq.Order.of("USD", US), amount_inc_vat=10000, amount_ex_vat=10825)
    assert order.check_totals() == (
        TotalsDiscrepancy("/amountIncVat", 10000, 10825),
        TotalsDiscrepancy("/amountExVat", 10825, 10000),
    )
    (inc, _) = order.check_totals()
    assert (inc.pointer, inc.declared, inc.computed) == ("/amountIncVat", 10000, 10825)


def test_a_missing_total_is_a_discrepancy() -> None:
    assert bq.Order(currency="SEK", cart=[_line("a", 2, 1200)]).check_totals() == (
        TotalsDiscrepancy("/amountIncVat", None, 3000),
        TotalsDiscrepancy("/amountExVat", None, 2400),
    )
    assert bq.Order(currency="SEK", amount_inc_vat=0, amount_ex_vat=0).check_totals() == ()


@pytest.mark.parametrize("wire", [wire["data"]["order"] for wire in CREATES.values() if "data" in wire])
def test_the_orders_of_the_examples_add_up(wire: dict[str, Any]) -> None:
    assert bq.structure(wire, bq.Order).check_totals() == ()


@given(
    st.lists(
        st.builds(
            _line,
            st.just("x"),
            st.integers(1, 99),
            st.integers(-(10**6), 10**6),
            st.sampled_from([0, 600, 1900, 2500]),
            discount_percentage=st.sampled_from([None, 0, 1000, 3333]),
            total_amount=st.none() | st.integers(-(10**6), 10**6),
            total_vat_amount=st.none() | st.integers(-(10**6), 10**6),
        )
        | st.builds(bq.SalesTaxItem, name=st.just("Tax"), total_tax_amount=st.integers(0, 10**6)),
        min_size=1,
        max_size=6,
    )
)
def test_a_computed_order_always_adds_up_and_may_be_sent(lines: list[Any]) -> None:
    order = bq.Order.of("SEK", lines)
    assert order.check_totals() == ()
    assert problems(order) == ()
    assert bq.Order.of("SEK", reversed(lines)).amount_inc_vat == order.amount_inc_vat


# --- another cart ----------------------------------------------------------------------------------------


def test_another_cart_brings_its_own_totals_and_keeps_the_rest() -> None:
    order = attrs.evolve(bq.Order.of("SEK", [_line("a", 2, 1200)]), extra={"coupon": "X"})
    other = order.with_cart([_line("b", 1, 100, 0)])
    assert (other.currency, other.amount_inc_vat, other.amount_ex_vat) == ("SEK", 100, 100)
    assert other.extra == {"coupon": "X"}
    assert [line.reference for line in other.cart or ()] == ["b"]
    assert order.amount_inc_vat == 3000


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (_line("a", "2", 1200), "/cart/1/quantity"),
        (_line("a", 1, 12.5), "/cart/1/unitPrice"),
        (_line("a", 1, 1200, True), "/cart/1/taxRate"),
        (_line("a", 1, 1200, discount_percentage="10"), "/cart/1/discountPercentage"),
        (_line("a", 1, 1200, total_amount=1.0), "/cart/1/totalAmount"),
        (_line("a", 1, 1200, total_vat_amount="1"), "/cart/1/totalVatAmount"),
        (bq.SalesTaxItem(name="Tax", total_tax_amount=1.5), "/cart/1/totalTaxAmount"),
        (None, "/cart/1"),
        ({"unitPrice": 1}, "/cart/1"),
        ("a", "/cart/1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lines_that_cannot_be_added_up_are_named(line: Any, place: str) -> None:
    good = _line("good", 1, 100)
    for make in (lambda lines: bq.Order.of("SEK", lines), bq.Order.of("SEK", [good]).with_cart):
        with pytest.raises(bq.ValidationError) as caught:
            make([good, line])
        assert [found for found, _ in caught.value.problems] == [place]


def test_every_line_that_cannot_be_added_up_is_named_at_once() -> None:
    with pytest.raises(bq.ValidationError) as caught:
        bq.Order.of("SEK", [_line("a", "2", 1.5), None])
    assert [place for place, _ in caught.value.problems] == ["/cart/0/quantity", "/cart/0/unitPrice", "/cart/1"]


def test_totals_cannot_be_checked_of_lines_without_integers_and_that_is_reported() -> None:
    order = bq.Order(currency="SEK", amount_inc_vat=1, amount_ex_vat=1, cart=[_line("a", "4", 1)])
    with pytest.raises(bq.ValidationError, match="/cart/0/quantity"):
        order.check_totals()


# --- a selection -----------------------------------------------------------------------------------------

CART = bq.Order.of(
    "SEK",
    [
        _line("cup", 3, 8000, unit_price_inc_vat=10000, total_amount=30000, total_vat_amount=6000),
        _line("pot", 1, 40000),
        _line("freight", 1, 4900, product_type="shipping_fee"),
        bq.SalesTaxItem(name="Tax", reference="tax", total_tax_amount=700),
    ],
)


def test_a_whole_line_is_taken_as_it_is() -> None:
    order = CART.select({"pot": 1})
    assert CART.cart is not None
    assert order.cart == (CART.cart[1],)
    assert order.cart[0] is CART.cart[1]
    assert (order.currency, order.amount_inc_vat, order.amount_ex_vat) == ("SEK", 50000, 40000)


def test_part_of_a_line_keeps_its_price_and_takes_its_share_of_the_totals() -> None:
    order = CART.select({"cup": 2})
    assert order.cart is not None
    (cup,) = order.cart
    assert isinstance(cup, bq.CartItem)
    assert (cup.quantity, cup.unit_price, cup.unit_price_inc_vat) == (2, 8000, 10000)
    assert (cup.total_amount, cup.total_vat_amount) == (20000, 4000)
    assert (order.amount_inc_vat, order.amount_ex_vat) == (20000, 16000)


def test_several_lines_add_up() -> None:
    order = CART.select({"cup": 1, "freight": 1, "tax": 1})
    assert (order.amount_inc_vat, order.amount_ex_vat) == (10000 + 6125 + 700, 8000 + 4900)
    assert order.check_totals() == ()


def test_all_of_an_order_is_the_order() -> None:
    assert CART.select({"cup": 3, "pot": 1, "freight": 1, "tax": 1}) == CART


@pytest.mark.parametrize("quantity", [0, -1, 4, True, 1.0, "1", None], ids=repr)
def test_only_units_that_are_there_can_be_chosen(quantity: Any) -> None:
    with pytest.raises(bq.ValidationError, match="'cup' has 3 units"):
        CART.select({"cup": quantity})


def test_sales_tax_is_chosen_once() -> None:
    with pytest.raises(bq.ValidationError, match="'tax' has 1 units"):
        CART.select({"tax": 2})


def test_a_reference_that_no_line_has_is_named_with_those_that_are_there() -> None:
    with pytest.raises(bq.ValidationError, match=r"no line has the reference 'mug'.*cup, freight, pot, tax"):
        CART.select({"mug": 1})


def test_a_reference_that_several_lines_have_is_ambiguous() -> None:
    order = bq.Order.of("SEK", [_line("cup", 1, 1), _line("cup", 1, 2)])
    with pytest.raises(bq.ValidationError, match="several lines have the reference 'cup'"):
        order.select({"cup": 1})


def test_every_impossible_choice_is_named_at_once() -> None:
    with pytest.raises(bq.ValidationError) as caught:
        CART.select({"mug": 1, "cup": 9, "pot": 1})
    assert [place for place, _ in caught.value.problems] == ["/cart", "/cart"]


def test_nothing_cannot_be_chosen() -> None:
    with pytest.raises(bq.ValidationError, match="choose at least one line"):
        CART.select({})
    with pytest.raises(bq.ValidationError, match="references here: none"):
        bq.Order(currency="SEK").select({"cup": 1})


def test_lines_of_a_session_are_chosen_with_all_that_they_carry() -> None:
    session = bq.structure(FULL_SESSION, bq.Session)
    assert session.data is not None
    assert session.data.order is not None
    order = session.data.order.select({"TENT-2": 1})
    assert bq.unstructure(order) == {
        "currency": "NOK",
        "amountIncVat": 100000,
        "amountExVat": 80000,
        "cart": [
            FULL_SESSION["data"]["order"]["cart"][0]
            | {"quantity": 1, "totalAmount": 100000, "totalVatAmount": 20000}
        ],
    }
