"""Rounding, and what a line of a cart amounts to."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import briqpay_async as bq
from briqpay_async.models.rounding import half_up, line_amounts, share

AMOUNTS = st.integers(-(10**12), 10**12)


def _round(exact: Fraction) -> int:
    """Half-up on the absolute value, written as the rule reads."""
    whole, rest = divmod(abs(exact), 1)
    magnitude = int(whole) + (rest >= Fraction(1, 2))
    return -magnitude if exact < 0 else magnitude


def _line(**members: Any) -> bq.CartItem:
    return bq.CartItem(
        **{"product_type": "physical", "name": "x", "quantity": 1, "quantity_unit": "pc", **members}
    )


# --- half-up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [
        (0, 1, 0),
        (1, 2, 1),
        (-1, 2, -1),
        (3, 2, 2),
        (-3, 2, -2),
        (5, 2, 3),
        (1, 3, 0),
        (-1, 3, 0),
        (2, 3, 1),
        (-2, 3, -1),
        (49, 100, 0),
        (50, 100, 1),
        (-50, 100, -1),
        (7, 7, 1),
    ],
)
def test_a_half_goes_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


@given(numerator=st.integers(), denominator=st.integers(min_value=1))
def test_rounding_is_exact_for_numbers_of_any_size(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == _round(Fraction(numerator, denominator))


@given(numerator=AMOUNTS, denominator=st.integers(1, 10**6))
def test_a_negative_amount_rounds_as_its_positive_one(numerator: int, denominator: int) -> None:
    assert half_up(-numerator, denominator) == -half_up(numerator, denominator)


@given(total=AMOUNTS, part=st.integers(0, 1000), whole=st.integers(1, 1000))
def test_a_share_is_the_rounded_part(total: int, part: int, whole: int) -> None:
    assert share(total, part, whole) == _round(Fraction(total * part, whole))


# --- a line computed -------------------------------------------------------------------------------------


@given(
    price=AMOUNTS,
    quantity=st.integers(1, 10**6),
    rate=st.integers(0, 10_000),
    discount=st.integers(0, 10_000),
)
def test_a_line_is_rounded_once_from_the_exact_product(
    price: int, quantity: int, rate: int, discount: int
) -> None:
    exact = Fraction(price) * quantity * (1 - Fraction(discount, 10_000))
    assert line_amounts(price, quantity, rate, discount) == (
        _round(exact * (1 + Fraction(rate, 10_000))),
        _round(exact),
    )


@pytest.mark.parametrize(
    ("members", "inc", "ex"),
    [
        ({"quantity": 2, "unit_price": 1200, "tax_rate": 2500}, 3000, 2400),
        ({"quantity": 2, "unit_price": 1200, "tax_rate": 2500, "discount_percentage": 1000}, 2700, 2160),
        ({"unit_price": 1235, "tax_rate": 0}, 1235, 1235),
        ({"unit_price": 988, "tax_rate": 2500}, 1235, 988),
        ({"unit_price": -2, "tax_rate": 2500}, -3, -2),
        ({"unit_price": 2, "tax_rate": 2500}, 3, 2),
        ({"quantity": 2, "unit_price": 1912, "tax_rate": 1900}, 4551, 3824),
        ({"unit_price": 1, "tax_rate": 0, "discount_percentage": 5000}, 1, 1),
        ({"unit_price": -1, "tax_rate": 0, "discount_percentage": 5000}, -1, -1),
        ({"unit_price": 9999, "tax_rate": 2550}, 12549, 9999),
        ({"unit_price": 500, "tax_rate": 2500, "discount_percentage": 10_000}, 0, 0),
        ({"product_type": "gift_card", "unit_price": -5000, "tax_rate": 0}, -5000, -5000),
        ({"quantity": 10**9, "unit_price": 999_999, "tax_rate": 2500}, 1_249_998_750_000_000, 999_999_000_000_000),
    ],
    ids=str,
)
def test_a_line_amounts_to_what_the_reference_says(members: dict[str, Any], inc: int, ex: int) -> None:
    assert _line(**members).amounts() == (inc, ex)


def test_an_amount_that_floating_point_truncates_is_right() -> None:
    assert int(1.15 * 100) == 114  # the trap (1234 for 12.35)
    assert _line(unit_price=115, tax_rate=0).amounts() == (115, 115)
    assert _line(unit_price=1029, tax_rate=2000).amounts() == (1235, 1029)


def test_vat_is_not_computed_from_a_rounded_net_total() -> None:
    # 3 at 0.33 less 50 % are 0.495 net: 0.50, and 0.61875 with VAT: 0.62, not 0.50 x 1.25 = 0.63.
    assert _line(quantity=3, unit_price=33, tax_rate=2500, discount_percentage=5000).amounts() == (62, 50)


def test_what_a_line_does_not_say_counts_as_nothing_and_one_unit() -> None:
    assert bq.CartItem().amounts() == (0, 0)
    assert bq.CartItem(unit_price=100).amounts() == (100, 100)
    assert bq.CartItem(unit_price=100, quantity=2, tax_rate=1000).amounts() == (220, 200)


def test_sales_tax_adds_to_the_amount_with_tax_only() -> None:
    assert bq.SalesTaxItem(name="Tax", total_tax_amount=825).amounts() == (825, 0)
    assert bq.SalesTaxItem(name="Tax").amounts() == (0, 0)


# --- explicit totals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "inc", "ex"),
    [
        ({"total_amount": 1250, "total_vat_amount": 250}, 1250, 1000),
        ({"total_amount": 1260, "total_vat_amount": 251}, 1260, 1009),
        ({"total_amount": 1260}, 1260, 1010),
        ({"total_vat_amount": 260}, 1260, 1000),
        ({"total_vat_amount": 0}, 1000, 1000),
        ({"total_amount": 0, "total_vat_amount": 0}, 0, 0),
    ],
    ids=str,
)
def test_totals_given_with_a_line_win(members: dict[str, Any], inc: int, ex: int) -> None:
    assert _line(unit_price=1000, tax_rate=2500, **members).amounts() == (inc, ex)


def test_amounts_follow_an_edit() -> None:
    line = _line(unit_price=1000, tax_rate=2500)
    assert line.amounts() == line.amounts() == (1250, 1000)
    assert attrs.evolve(line, unit_price=2000).amounts() == (2500, 2000)


# --- another quantity ------------------------------------------------------------------------------------


def test_the_same_quantity_is_the_same_line() -> None:
    line = _line(unit_price=1000, tax_rate=2500, quantity=3, total_amount=3750)
    assert line.with_quantity(3) is line


def test_a_line_without_totals_only_changes_its_quantity() -> None:
    line = _line(unit_price=1000, tax_rate=2500)
    assert line.with_quantity(4) == attrs.evolve(line, quantity=4)


@pytest.mark.parametrize(
    ("members", "quantity", "total", "vat"),
    [
        # Net prices: 3 at 3.33 with 25 % are 12.49; 2 of them 8.33, and the VAT is what remains above 6.66.
        ({"quantity": 3, "unit_price": 333, "total_amount": 1249, "total_vat_amount": 250}, 2, 833, 167),
        # Gross prices: the total follows the unit price with VAT, though the net prices would say otherwise.
        (
            {
                "quantity": 3,
                "unit_price": 333,
                "unit_price_inc_vat": 417,
                "total_amount": 1251,
                "total_vat_amount": 252,
            },
            2,
            834,
            168,
        ),
        (
            {
                "quantity": 1,
                "unit_price": 799,
                "unit_price_inc_vat": 999,
                "total_amount": 999,
                "total_vat_amount": 200,
            },
            5,
            4995,
            1000,
        ),
        # Totals of the shop's own making: scaled, half-up.
        ({"quantity": 4, "unit_price": 1000, "total_amount": 4806, "total_vat_amount": 1002}, 1, 1202, 251),
        ({"quantity": 2, "unit_price": -1000, "total_amount": -2401, "total_vat_amount": -481}, 1, -1201, -241),
        # One of the two.
        ({"quantity": 2, "unit_price": 1000, "total_amount": 2500}, 1, 1250, None),
        ({"quantity": 2, "unit_price": 1000, "total_vat_amount": 501}, 1, None, 251),
        ({"quantity": 2, "unit_price": 1000, "total_amount": 2500, "total_vat_amount": 500}, 6, 7500, 1500),
    ],
    ids=str,
)
def test_totals_follow_the_quantity(
    members: dict[str, Any], quantity: int, total: int | None, vat: int | None
) -> None:
    line = _line(tax_rate=2500, **members).with_quantity(quantity)
    assert (line.quantity, line.total_amount, line.total_vat_amount) == (quantity, total, vat)
    assert line.unit_price_inc_vat == members.get("unit_price_inc_vat")


def test_a_line_without_a_quantity_counts_as_one_unit() -> None:
    line = bq.CartItem(unit_price=1000, tax_rate=2500, total_amount=1250, total_vat_amount=250).with_quantity(3)
    assert (line.quantity, line.total_amount, line.total_vat_amount) == (3, 3750, 750)


def test_unknown_members_stay_with_another_quantity() -> None:
    line = bq.structure({"unitPrice": 100, "quantity": 1, "size": "XL"}, bq.CartItem)
    assert line.with_quantity(2).extra == {"size": "XL"}


PRICES = st.integers(-(10**7), 10**7)
COUNTS = st.integers(1, 500)
RATES = st.sampled_from([0, 600, 1200, 1400, 1900, 2500, 2550])


@given(price=PRICES, rate=RATES, before=COUNTS, after=COUNTS)
def test_net_priced_lines_stay_as_if_computed_anew(price: int, rate: int, before: int, after: int) -> None:
    def computed(quantity: int) -> bq.CartItem:
        inc, ex = line_amounts(price, quantity, rate)
        return _line(
            unit_price=price, tax_rate=rate, quantity=quantity, total_amount=inc, total_vat_amount=inc - ex
        )

    assert computed(before).with_quantity(after) == computed(after)


@given(gross=PRICES, rate=RATES, before=COUNTS, after=COUNTS)
def test_gross_priced_lines_keep_the_price_that_the_buyer_saw(
    gross: int, rate: int, before: int, after: int
) -> None:
    net = _round(Fraction(gross * 10_000, 10_000 + rate))
    line = _line(
        unit_price=net,
        unit_price_inc_vat=gross,
        tax_rate=rate,
        quantity=before,
        total_amount=gross * before,
        total_vat_amount=(gross - net) * before,
    ).with_quantity(after)
    assert line.total_amount == gross * after
    assert line.total_vat_amount == (gross - net) * after
    assert line.amounts() == (gross * after, net * after)


@given(before=COUNTS, after=COUNTS, total=PRICES, vat=st.integers(-1000, 1000), price=PRICES)
def test_totals_of_any_making_stay_within_a_minor_unit_of_their_share(
    before: int, after: int, total: int, vat: int, price: int
) -> None:
    line = _line(
        unit_price=price, tax_rate=2500, quantity=before, total_amount=total, total_vat_amount=vat
    ).with_quantity(after)
    assert line.total_amount is not None
    assert line.total_vat_amount is not None
    assert abs(line.total_amount - Fraction(total * after, before)) <= Fraction(after, 2 * before) + 1
    assert abs(line.total_vat_amount - Fraction(vat * after, before)) <= Fraction(after, before) + 2
    assert line.amounts() == (line.total_amount, line.total_amount - line.total_vat_amount)
