"""The scenario of the demo without any I/O: carts, the till, edits and the proof."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async.cli.demo.cart_math import order_of, sales_tax_of, with_line_totals, with_quantity
from briqpay_async.cli.demo.client_edits import patch_to, perform
from briqpay_async.cli.demo.edits import (
    CASES,
    TYPICAL,
    AddLineStep,
    RemoveLineStep,
    SectionStep,
    SetQuantityStep,
    SetSalesTaxStep,
    Step,
    applied,
    taxed_quantity,
)
from briqpay_async.cli.demo.report import BulkReport
from briqpay_async.cli.demo.shop import MARKETS, US, Market, new_session
from briqpay_async.cli.demo.verify import differences, mismatches
from briqpay_async.conversion.decode import structure
from briqpay_async.conversion.validate import problems
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, NewSession, Session
from briqpay_async.patch.builder import PatchBuilder
from briqpay_async.patch.session_patch import MergeDepth

SEEDS = st.integers(0, 10**6)
MARKET = st.sampled_from((*MARKETS, US))
CUSTOMER = st.sampled_from(("business", "consumer"))
LINES = st.integers(5, 60)


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - repeats with the seed


def line(**members: Any) -> dict[str, Any]:
    return {
        "productType": "physical",
        "reference": "chair",
        "name": "Chair",
        "quantity": 3,
        "quantityUnit": "pc",
        "unitPrice": 999,
        "taxRate": 2500,
        **members,
    }


# --- carts ----------------------------------------------------------------------------------------------------


@given(SEEDS, MARKET, CUSTOMER, LINES)
def test_every_session_of_the_shop_is_one_that_the_api_takes(
    seed: int, market: Market, customer: str, lines: int
) -> None:
    wire = new_session(seeded(seed), market, customer, lines)
    session = structure(wire, NewSession)

    assert problems(session) == ()
    assert len(wire["data"]["order"]["cart"]) == lines
    references = [one["reference"] for one in wire["data"]["order"]["cart"]]
    assert len(set(references)) == lines


@given(SEEDS, MARKET, LINES)
def test_till_and_library_add_up_alike(seed: int, market: Market, lines: int) -> None:
    wire = new_session(seeded(seed), market, "consumer", lines)["data"]["order"]
    order = structure(wire, Order)

    assert order.check_totals() == ()
    assert Order.of(wire["currency"], order.cart or ()) == order


def test_the_same_seed_makes_the_same_session() -> None:
    one, other = (new_session(seeded(3), MARKETS[0], "consumer", 20) for _ in range(2))

    assert one == other
    assert one != new_session(seeded(4), MARKETS[0], "consumer", 20)


def test_the_carts_have_what_real_carts_have() -> None:
    data = [new_session(seeded(seed), MARKETS[seed % 6], "consumer", 40)["data"] for seed in range(12)]
    lines = [one for each in data for one in each["order"]["cart"]]

    assert {one["productType"] for one in lines} == {"physical", "digital", "discount", "shipping_fee"}
    assert {one["taxRate"] for one in lines} >= {2500, 2100, 1900, 1200, 600}
    for member in (
        "totalAmount",
        "totalVatAmount",
        "unitPriceIncVat",
        "imageUrl",
        "warehouse",
        "discountPercentage",
    ):
        assert any(member in one for one in lines)


def test_a_us_order_has_one_sales_tax_line_and_untaxed_goods() -> None:
    cart = new_session(seeded(1), US, "consumer", 8)["data"]["order"]["cart"]
    taxes = [one for one in cart if one["productType"] == "sales_tax"]

    assert [one["totalTaxAmount"] for one in taxes] == [sales_tax_of(cart)]
    assert {one["taxRate"] for one in cart if one not in taxes} == {0}


# --- the till -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cart", "with_vat", "without_vat"),
    [
        ([line()], 3746, 2997),  # 3746.25
        ([line(quantity=2)], 2498, 1998),  # 2497.5, half up
        ([line(quantity=1, unitPrice=-2, productType="discount")], -3, -2),  # -2.5, half away from zero
        ([line(discountPercentage=1250)], 3278, 2622),  # 3277.97 and 2622.375
        ([line(totalAmount=4000, totalVatAmount=900)], 4000, 3100),
        ([line(quantity=1), {"productType": "sales_tax", "totalTaxAmount": 77}], 1326, 999),
    ],
)
def test_the_till_rounds_each_line_half_up(cart: list[dict[str, Any]], with_vat: int, without_vat: int) -> None:
    order = order_of("SEK", cart)

    assert (order["amountIncVat"], order["amountExVat"]) == (with_vat, without_vat)


def test_explicit_line_totals_follow_the_quantity() -> None:
    rich = with_line_totals(line())

    assert (rich["unitPriceIncVat"], rich["totalAmount"], rich["totalVatAmount"]) == (1249, 3747, 750)
    assert with_quantity(rich, 2) == {**rich, "quantity": 2, "totalAmount": 2498, "totalVatAmount": 500}
    assert with_quantity(line(), 2) == line(quantity=2)


# --- edits ----------------------------------------------------------------------------------------------------

DATA: dict[str, Any] = {"order": order_of("SEK", [line(), line(reference="lamp")]), "billing": {"city": "Lund"}}


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (SetQuantityStep("lamp", 9), {"order": order_of("SEK", [line(), line(reference="lamp", quantity=9)])}),
        (RemoveLineStep("chair"), {"order": order_of("SEK", [line(reference="lamp")])}),
        (
            AddLineStep(line(reference="x")),
            {"order": order_of("SEK", [*DATA["order"]["cart"], line(reference="x")])},
        ),
        (SetSalesTaxStep(5), {}),
        (SectionStep("billing", {"zip": "1"}), {"billing": {"city": "Lund", "zip": "1"}}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_step_does_what_it_says(step: Step, wanted: dict[str, Any]) -> None:
    assert applied(DATA, (step,)) == {**DATA, **wanted}


def test_sales_tax_is_set_on_its_line() -> None:
    data = new_session(seeded(1), US, "consumer", 8)["data"]
    steps = taxed_quantity(data, seeded(1), US)
    after = applied(data, steps)

    assert isinstance(steps[-1], SetSalesTaxStep)
    assert after["order"]["cart"][-1]["totalTaxAmount"] == sales_tax_of(after["order"]["cart"])
    assert after["order"]["amountIncVat"] > data["order"]["amountIncVat"]


@given(SEEDS, st.sampled_from([case.plan for case in CASES]), st.sampled_from(MARKETS), LINES)
def test_edits_change_nothing_in_place_and_builder_and_states_agree(
    seed: int, plan: Any, market: Market, lines: int
) -> None:
    random = seeded(seed)
    market = US if plan is taxed_quantity else market
    data = new_session(random, market, "business", lines)["data"]
    kept = copy.deepcopy(data)
    steps = plan(data, random, market)
    wanted = applied(data, steps)
    builder = PatchBuilder(structure({"data": data}, Session))
    for step in steps:
        perform(builder, step)

    assert data == kept
    by_states = patch_to(structure({"data": data}, Session), wanted, MergeDepth.FIELD)
    assert builder.build() == by_states
    assert by_states.is_noop == (wanted == data)


def test_the_first_phase_has_every_typical_edit_and_all_kinds_of_sessions() -> None:
    assert {case.plan for case in CASES} >= set(TYPICAL)
    assert {case.customer_type for case in CASES} == {"business", "consumer"}
    assert {case.route for case in CASES} == {"edit", "between"}
    assert {case.market.country for case in CASES} == {"SE", "DE", "NL", "FI", "FR", "BE", "US"}
    assert min(case.lines for case in CASES) == 5
    assert max(case.lines for case in CASES) == 60


def test_typical_edits_fit_sessions_of_both_kinds() -> None:
    for customer in ("business", "consumer"):
        data = new_session(seeded(2), MARKETS[0], customer, 6)["data"]
        for number, plan in enumerate(TYPICAL):
            after = applied(data, plan(data, seeded(number), MARKETS[0]))
            assert problems(structure(after, EditableData)) == ()


# --- the proof ------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from((0.0, 1.0)) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, JSON)
def test_values_differ_exactly_when_their_json_does(one: Any, other: Any) -> None:
    same = orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)

    assert (not list(differences(one, other))) == same
    assert not list(differences(one, copy.deepcopy(one)))


@pytest.mark.parametrize(
    ("wanted", "got", "pointers"),
    [
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": 1}, {"a": 1.0}, ["/a"]),
        ({"a": None}, {}, ["/a"]),
        ({}, {"a": 1}, ["/a"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["/a/1/b"]),
        ({"a": [1]}, {"a": [1, 2]}, ["/a"]),
        ({"b": 1, "a": {"c": 1}}, {"b": 2, "a": 1}, ["/a", "/b"]),
    ],
)
def test_differences_are_named(wanted: Any, got: Any, pointers: list[str]) -> None:
    assert list(differences(wanted, got)) == pointers


CREATED = {"sessionId": "x", "status": "started", "moduleStatus": {}, "country": "SE", "data": {"billing": {}}}


@pytest.mark.parametrize(
    ("stored", "read", "found"),
    [
        ({**CREATED, "data": {"a": 1}, "status": "modules_in_progress", "moduleStatus": {"b": 1}}, {"a": 1}, ()),
        ({**CREATED, "data": {"a": 2}}, {"a": 1}, ("stored /data/a",)),
        ({**CREATED, "data": {"a": 1}}, {"a": 1, "b": 2}, ("read /data/b",)),
        ({**CREATED, "data": {"a": 1}, "country": "NO"}, {"a": 1}, ("stored /country",)),
    ],
)
def test_a_state_matches_when_only_what_was_meant_has_moved(
    stored: dict[str, Any], read: Any, found: tuple[str, ...]
) -> None:
    assert mismatches(CREATED, {"a": 1}, stored, read) == found


def test_only_the_first_mismatches_of_a_session_are_listed() -> None:
    wanted = dict.fromkeys("abcdefgh", 1)

    assert len(mismatches(CREATED, wanted, {**CREATED, "data": {}}, wanted)) == 5


def test_a_phase_that_took_no_time_has_no_throughput() -> None:
    report = BulkReport(
        sessions=1,
        updates=1,
        unchanged=0,
        workers=1,
        requests=1,
        retries={},
        sent_bytes=1,
        full_bytes=1,
        seconds=0.0,
        overlaps=0,
        problems=(),
    )

    assert report.updates_per_second == 0.0
