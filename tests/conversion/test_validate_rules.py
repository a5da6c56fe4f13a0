"""What is sent obeys the rules between members, and every problem is named at once without its value."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from support.outbound_models import HOOK, LINE, NEW, ORDER, TAX, VALID, gist, variant

import briqpay_async as bq
from briqpay_async.conversion.validate import check, check_references, check_session_id, problems
from briqpay_async.models.base import Model, wire_names

# --- rules between members -------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "fits"), [(-1, True), (0, False), (1, False)])
def test_a_discount_has_a_negative_price(price: int, fits: bool) -> None:
    expected = () if fits else (("/unitPrice", "must be negative for a discount line"),)
    for product_type in (bq.ProductType.DISCOUNT, "discount"):
        assert problems(variant(bq.CartItem, product_type=product_type, unit_price=price)) == expected


@pytest.mark.parametrize("product_type", ["physical", "surcharge", "gift_card", "adjustment"])
def test_other_lines_may_have_a_negative_price(product_type: str) -> None:
    assert problems(variant(bq.CartItem, product_type=product_type, unit_price=-5)) == ()


def test_the_two_kinds_of_line_do_not_borrow_each_others_type() -> None:
    assert problems(variant(bq.CartItem, product_type="sales_tax")) == (
        ("/productType", "is sales_tax: use SalesTaxItem for this line"),
    )
    assert problems(variant(bq.SalesTaxItem, product_type="physical")) == (
        ("/productType", "must be sales_tax: use CartItem for any other line"),
    )


def test_the_keys_of_custom_inputs_are_unique() -> None:
    inputs = [bq.CustomInput(key=key) for key in ("a", "b", "a", None, None, "b")]
    assert problems(bq.UpsellConfig(custom_inputs=inputs), "/upsell") == (
        ("/upsell/customInputs/2/key", "must be unique between all inputs"),
        ("/upsell/customInputs/5/key", "must be unique between all inputs"),
    )


def test_a_payment_needs_terms() -> None:
    urls = bq.Urls(redirect="https://bok.example/tack")
    assert problems(attrs.evolve(NEW, urls=urls)) == (("/urls/terms", "is required when product.type is payment"),)
    signup = attrs.evolve(NEW, urls=urls, product=bq.Product(type="signup", intent="signup"))
    assert problems(signup) == ()


def test_a_company_is_for_businesses_and_a_person_for_consumers() -> None:
    company, person = bq.EditableData(company=bq.Company(cin="1")), bq.EditableData(consumer=bq.Consumer(name="x"))
    business = attrs.evolve(NEW, customer_type="business")
    assert problems(attrs.evolve(NEW, data=person)) == problems(attrs.evolve(business, data=company)) == ()
    assert problems(attrs.evolve(NEW, data=company)) == (
        ("/data/company", "can only be given for customerType business"),
    )
    assert problems(attrs.evolve(business, data=person)) == (
        ("/data/consumer", "can only be given for customerType consumer"),
    )


def test_charging_a_token_needs_the_token() -> None:
    product = bq.Product(type="payment", intent=bq.ProductIntent.PAYMENT_CHARGE_TOKEN)
    charge = attrs.evolve(NEW, product=product)
    assert problems(charge) == (("/data/tokenization", "is required when product.intent is payment_charge_token"),)
    with_token = attrs.evolve(NEW.data, tokenization=bq.Tokenization(token_id="tok-1"))
    assert problems(attrs.evolve(charge, data=with_token)) == ()


def test_charging_a_token_needs_data() -> None:
    product = bq.Product(type="payment", intent=bq.ProductIntent.PAYMENT_CHARGE_TOKEN)
    assert problems(attrs.evolve(NEW, product=product, data=None))


def test_the_data_of_a_new_session_has_nothing_that_only_the_api_writes() -> None:
    read = bq.SessionData(order=ORDER, captures=[bq.Capture(capture_id="c-1")])
    assert problems(attrs.evolve(NEW, data=read)) == (
        ("/data", "has members that only the API writes: give data.editable()"),
    )
    assert problems(attrs.evolve(NEW, data=read.editable())) == ()


def test_the_data_of_a_session_without_read_only_members_will_do_for_a_new_one() -> None:
    assert problems(attrs.evolve(NEW, data=bq.SessionData(order=ORDER))) == ()


@pytest.mark.parametrize("decision", ["reject", bq.DecisionKind.REJECT])
def test_a_rejection_says_which_kind_it_is(decision: str) -> None:
    assert problems(bq.Decision(decision=decision)) == (("/rejectionType", "is required when rejecting"),)
    assert problems(bq.Decision(decision=decision, rejection_type="notify_user")) == ()


# --- all problems at once --------------------------------------------------------------------------------


def _hopeless() -> bq.NewSession:
    return bq.NewSession(
        product=bq.Product(type="payment"),
        customer_type="consumer",
        country="se",
        urls=bq.Urls(redirect="tack"),
        references={"ok": "1", "long": "x" * 513},
        hooks=[attrs.evolve(HOOK, statuses=[])],
        data=bq.EditableData(
            order=bq.Order(
                currency="SEK",
                amount_inc_vat=True,
                amount_ex_vat=0,
                cart=[
                    LINE,
                    attrs.evolve(LINE, product_type="discount", quantity=0),
                    attrs.evolve(TAX, total_tax_amount=1.5),
                ],
            ),
            company=bq.Company(),
            billing=bq.Address(city="x" * 101, zip=5003),
        ),
        extra={"config": {"a": 1}},
    )


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(bq.ValidationError) as caught:
        check(_hopeless())
    assert sorted(gist(caught.value.problems)) == sorted(
        [
            ("/product/intent", "is required"),
            ("/country", "must be ISO 3166-1 alpha-2 code such as SE"),
            ("/locale", "is required"),
            ("/urls/redirect", "must be absolute http(s) URL"),
            ("/urls/terms", "is required when product.type is payment"),
            ("/references/long", "must be at most 512 characters"),
            ("/hooks/0/statuses", "must have at least 1 entries"),
            ("/data/order/amountIncVat", "must be integer"),
            ("/data/order/cart/1/quantity", "must be at least 1"),
            ("/data/order/cart/1/unitPrice", "must be negative for discount line"),
            ("/data/order/cart/2/totalTaxAmount", "must be integer"),
            ("/data/billing/city", "must be at most 100 characters"),
            ("/data/billing/zip", "must be text"),
            ("/data/company", "can only be given for customerType business"),
            ("/config", "is known here: set config instead of extra"),
        ]
    )


def test_the_message_names_every_problem() -> None:
    with pytest.raises(bq.ValidationError) as caught:
        check(_hopeless(), "/body")
    for place, message in caught.value.problems:
        assert place.startswith("/body/")
        assert f"{place} {message}" in str(caught.value)


def test_a_model_without_problems_is_let_through() -> None:
    check(NEW)


def test_a_line_found_valid_once_does_not_hide_the_others() -> None:
    assert problems(ORDER) == ()
    order = attrs.evolve(ORDER, cart=[LINE, attrs.evolve(LINE, quantity=0)])
    assert [place for place, _ in problems(order)] == ["/cart/1/quantity"]
    assert [place for place, _ in problems(order)] == ["/cart/1/quantity"]


MARK = "Secret-7f3a"


def _spoiled(model: Any) -> Iterator[bq.Model]:
    """A model with each member in turn replaced by what is refused, all of it carrying the mark."""
    for attribute in wire_names(type(model)):
        for bad in (MARK * 200, [MARK], {MARK: MARK}, MARK.encode(), (MARK,), {MARK}, f"{MARK}\ud800"):
            yield attrs.evolve(model, **{attribute: bad})


@pytest.mark.parametrize("cls", [bq.Address, bq.Consumer, bq.Company, bq.Tokenization, bq.DecisionMessage])
def test_the_messages_never_show_a_personal_value(cls: type[Model]) -> None:
    refused = 0
    for model in _spoiled(VALID[cls]):
        for place, message in problems(model, "/data"):
            refused += 1
            assert MARK not in f"{place} {message}"
    assert refused >= 4 * len(wire_names(cls))


@pytest.mark.parametrize("text", [f"{MARK}", f"2023-02-30 {MARK}", f"{MARK}-{MARK}"])
def test_a_text_of_the_wrong_form_is_not_shown(text: str) -> None:
    for model in (bq.Consumer(date_of_birth=text), bq.Address(country=text), bq.Urls(redirect=text)):
        assert problems(model)
        assert MARK not in str(problems(model))


# --- identifiers and references --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "session_id",
    [
        "c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d",
        "C0A5E6F0-64D3-4C8A-8A3B-0F6F1A2B3C4D",
        uuid.UUID("c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d"),
    ],
)
def test_a_uuid_is_a_session_id(session_id: str | uuid.UUID) -> None:
    assert check_session_id(session_id) == "c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d"


@pytest.mark.parametrize(
    "session_id",
    [
        "",
        "../../v3/token/1",
        "c0a5e6f064d34c8a8a3b0f6f1a2b3c4d",
        "{c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d}",
        "urn:uuid:c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d",
        "c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d/",
        "c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4g",
        "c0a5e6f06-4d3-4c8a-8a3b-0f6f1a2b3c4d",
        "\u0660\u0660000000-0000-0000-0000-000000000000",
        None,
        7,
        b"c0a5e6f0-64d3-4c8a-8a3b-0f6f1a2b3c4d",
    ],
    ids=repr,
)
def test_anything_else_is_no_session_id(session_id: object) -> None:
    with pytest.raises(bq.ValidationError) as caught:
        check_session_id(session_id)
    assert [place for place, _ in caught.value.problems] == ["/sessionId"]


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ({}, []),
        ({"reference1": ""}, []),
        ({"a": 1}, [("/references/a", "must be text")]),
        ({"a": None}, [("/references/a", "must be text")]),
        ({7: "a"}, [("/references", "has member whose name is not text")]),
        ([("a", "b")], [("/references", "must be object")]),
        ("a=b", [("/references", "must be object")]),
        (None, [("/references", "must be object")]),
    ],
    ids=str,
)
def test_references_are_texts_by_name(references: object, expected: list[tuple[str, str]]) -> None:
    assert list(gist(tuple(check_references(references)))) == expected
