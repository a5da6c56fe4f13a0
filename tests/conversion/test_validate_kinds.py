"""What is sent is of the right kind: integers that are integers, text that is text, JSON that is JSON."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import attrs
import pytest
from support.outbound_models import HOOK, LINE, NEW, VALID, gist, variant

import briqpay_async as bq
from briqpay_async.conversion.validate import check, problems
from briqpay_async.models.base import wire_names

INTEGERS: list[tuple[type[bq.Model], str, str]] = [
    (bq.CartItem, "quantity", "/quantity"),
    (bq.CartItem, "unit_price", "/unitPrice"),
    (bq.CartItem, "tax_rate", "/taxRate"),
    (bq.CartItem, "discount_percentage", "/discountPercentage"),
    (bq.CartItem, "unit_price_inc_vat", "/unitPriceIncVat"),
    (bq.CartItem, "total_amount", "/totalAmount"),
    (bq.CartItem, "total_vat_amount", "/totalVatAmount"),
    (bq.SalesTaxItem, "total_tax_amount", "/totalTaxAmount"),
    (bq.Order, "amount_inc_vat", "/amountIncVat"),
    (bq.Order, "amount_ex_vat", "/amountExVat"),
]
BOOLEANS: list[tuple[type[bq.Model], str, str]] = [
    (bq.UpsellConfig, "hide_module", "/hideModule"),
    (bq.CustomInput, "required", "/required"),
    (bq.TermsCheckbox, "required", "/required"),
    (bq.TermsCheckbox, "default", "/default"),
    (bq.PaymentDecisionConfig, "enabled", "/enabled"),
    (bq.SessionConfig, "disable_session_complete_redirect", "/disableSessionCompleteRedirect"),
    (bq.SessionConfig, "disable_insights_tracking", "/disableInsightsTracking"),
    (bq.SessionConfig, "real_time_processing", "/realTimeProcessing"),
    (bq.HostedPageConfig, "show_cart", "/showCart"),
]


# --- kinds of values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "attribute", "place"), INTEGERS)
def test_an_integer_is_an_integer_and_nothing_like_it(cls: type[bq.Model], attribute: str, place: str) -> None:
    for value in (True, False, 1.0, 2.5, "4", [4], {}, b"4"):
        assert gist(problems(variant(cls, **{attribute: value}))) == ((place, "must be integer"),)


@pytest.mark.parametrize(("cls", "attribute", "place"), INTEGERS)
def test_an_integer_that_json_readers_lose_digits_of_is_refused(
    cls: type[bq.Model], attribute: str, place: str
) -> None:
    largest = 2**53 - 1
    assert problems(variant(cls, **{attribute: largest})) == ()
    for huge in (largest + 1, 10**400):
        assert problems(variant(cls, **{attribute: huge})) == (
            (place, "is larger than any JSON reader can be trusted with"),
        )


@pytest.mark.parametrize("attribute", ["min_length", "max_length", "span"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "must be integer or number"),
        ("1", "must be integer or number"),
        (float("nan"), "must be finite number"),
        (float("inf"), "must be finite number"),
        (-1e300, "is larger than any JSON reader can be trusted with"),
    ],
    ids=repr,
)
def test_a_number_is_a_finite_number(attribute: str, value: Any, message: str) -> None:
    place = "/" + wire_names(bq.CustomInput)[attribute]
    assert gist(problems(bq.CustomInput(**{attribute: value}))) == ((place, message),)


def test_a_number_may_have_a_fraction() -> None:
    assert problems(bq.CustomInput(min_length=0.5, max_length=10)) == ()


@pytest.mark.parametrize(("cls", "attribute", "place"), BOOLEANS)
def test_a_boolean_is_true_or_false(cls: type[bq.Model], attribute: str, place: str) -> None:
    assert problems(variant(cls, **{attribute: True})) == problems(variant(cls, **{attribute: False})) == ()
    for value in (1, 0, "true", 1.0, "", []):
        assert gist(problems(variant(cls, **{attribute: value}))) == ((place, "must be true or false"),)


@pytest.mark.parametrize(
    ("cls", "attributes"),
    [
        (bq.Address, tuple(wire_names(bq.Address))),
        (bq.Consumer, tuple(wire_names(bq.Consumer))),
        (bq.Company, ("cin", "name", "vat_number")),
        (bq.CartItem, ("product_type", "reference", "name", "quantity_unit", "image_url")),
        (bq.SalesTaxItem, ("reference", "name")),
        (bq.CustomInput, ("type", "key", "label", "component")),
        (bq.UpsellConfig, ("header", "subheader", "footer")),
        (bq.TermsCheckbox, ("key", "label")),
        (bq.Product, ("type", "intent", "id", "variant_id")),
        (bq.Urls, ("terms", "redirect")),
        (bq.OtherHook, ("event_type", "method", "url")),
        (bq.NewSession, ("customer_type", "country", "locale")),
        (bq.HostedPageConfig, ("page_title", "logo_url")),
        (bq.Order, ("currency",)),
        (bq.Tokenization, ("token_id",)),
        (bq.DecisionMessage, ("message",)),
        (bq.Decision, ("decision", "rejection_type")),
    ],
)
def test_a_text_is_text(cls: type[bq.Model], attributes: tuple[str, ...]) -> None:
    for attribute in attributes:
        for value in (7, True, b"text", ["text"], {"text": 1}):
            place = "/" + wire_names(cls)[attribute]
            assert gist(problems(variant(cls, **{attribute: value}))) == ((place, "must be text"),)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (variant(bq.Order, cart="BOOK-1"), ("/cart", "must be array")),
        (variant(bq.Order, cart=5), ("/cart", "must be array")),
        (variant(bq.Order, cart={"0": LINE}), ("/cart", "must be array")),
        (
            variant(bq.Order, cart=[LINE, None]),
            ("/cart/1", "must be CartItem or SalesTaxItem"),
        ),
        (
            variant(bq.Order, cart=[{"productType": "physical"}]),
            ("/cart/0", "must be CartItem or SalesTaxItem"),
        ),
        (variant(bq.Modules, load_modules="payment"), ("/loadModules", "must be array")),
        (variant(bq.Modules, load_modules=[1]), ("/loadModules/0", "must be text")),
        (variant(bq.Modules, config={}), ("/config", "must be ModulesConfig")),
        (variant(bq.UpsellConfig, custom_inputs="ab"), ("/customInputs", "must be array")),
        (variant(bq.UpsellConfig, custom_inputs=5), ("/customInputs", "must be array")),
        (
            variant(bq.UpsellConfig, custom_inputs=[{"key": "a"}]),
            ("/customInputs/0", "must be CustomInput"),
        ),
        (variant(bq.CustomInput, enum=["a", 1]), ("/enum/1", "must be text or object")),
        (variant(bq.CustomInput, enum=[{"value": object()}]), ("/enum/0/value", "is no JSON value")),
        (variant(bq.EditableData, billing=bq.Company()), ("/billing", "must be Address")),
        (variant(bq.EditableData, order=[LINE]), ("/order", "must be Order")),
        (variant(bq.ModulesConfig, billing="x"), ("/billing", "must be object")),
        (variant(bq.ModulesConfig, order_note={1: 2}), ("/order_note", "has member whose name is not text")),
        (
            variant(bq.ModulesConfig, company_lookup={"a": {"b/c": b""}}),
            ("/company_lookup/a/b~1c", "is no JSON value"),
        ),
        (variant(bq.PaymentConfig, psp_rules_override=[]), ("/pspRulesOverride", "must be object")),
        (variant(bq.TermsConfig, checkboxes=["a"]), ("/checkboxes/0", "must be TermsCheckbox")),
        (variant(bq.NewSession, references={"a": 1}), ("/references/a", "must be text")),
        (variant(bq.NewSession, references=["a"]), ("/references", "must be object")),
        (variant(bq.NewSession, product="payment"), ("/product", "must be Product")),
        (variant(bq.NewSession, urls={"redirect": "x"}), ("/urls", "must be Urls")),
        (variant(bq.NewSession, data={}), ("/data", "must be EditableData")),
        (variant(bq.Decision, soft_errors=["no"]), ("/softErrors/0", "must be DecisionMessage")),
        (variant(bq.Decision, hard_error="no"), ("/hardError", "must be DecisionMessage")),
        (variant(bq.OrderStatusHook, statuses=[None]), ("/statuses/0", "must be text")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else type(value).__name__,
)
def test_arrays_objects_and_models_are_what_they_must_be(model: bq.Model, expected: tuple[str, str]) -> None:
    assert gist(problems(model)) == (expected,)


@pytest.mark.parametrize("checked_before", [False, True])
def test_a_line_is_no_hook_whether_it_was_checked_as_a_line_or_not(checked_before: bool) -> None:
    line = attrs.evolve(LINE)
    if checked_before:
        check(line)
    assert [place for place, _ in problems(attrs.evolve(NEW, hooks=[HOOK, line]))] == ["/hooks/1"]


def test_any_mapping_serves_as_an_object() -> None:
    assert problems(attrs.evolve(NEW, references=MappingProxyType({"reference1": "1"}))) == ()


def test_a_constant_and_its_text_are_the_same() -> None:
    assert problems(variant(bq.CartItem, product_type="physical")) == ()
    assert problems(variant(bq.CartItem, product_type="fee")) == ()


# --- text that cannot be sent ----------------------------------------------------------------------------

SURROGATE = "has a lone surrogate, which is no Unicode text"


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (bq.Address(city="L\ud800nd"), "/city"),
        (bq.Consumer(date_of_birth="\udfff"), "/dateOfBirth"),
        (bq.Address(extra={"x": ["\ud83d"]}), "/x/0"),
        (bq.ModulesConfig(billing={"a": "\udc00"}), "/billing/a"),
    ],
)
def test_half_a_character_is_no_text(model: bq.Model, place: str) -> None:
    assert problems(model) == ((place, SURROGATE),)


@pytest.mark.parametrize(
    "model",
    [
        bq.Address(extra={"\ud800": 1}),
        bq.ModulesConfig(billing={"a": {"\udc00": 1}}),
        attrs.evolve(NEW, references={"\ud83d": "x"}),
    ],
    ids=lambda model: type(model).__name__,
)
def test_half_a_character_is_no_name_either(model: bq.Model) -> None:
    assert problems(model)


def test_whole_characters_of_every_plane_are_text() -> None:
    assert problems(bq.Address(city="Malmö 🏙 \U0001d4b3")) == ()


# --- CLEAR -----------------------------------------------------------------------------------------------

NO_CLEAR = "cannot be cleared: null is accepted for company cin and name only"


def test_the_number_and_the_name_of_a_company_can_be_cleared() -> None:
    assert problems(bq.Company(cin=bq.CLEAR, name=bq.CLEAR)) == ()


@pytest.mark.parametrize("cls", VALID)
def test_nothing_else_can_be_cleared(cls: type[bq.Model]) -> None:
    for attribute, wire in wire_names(cls).items():
        if (cls, attribute) not in {(bq.Company, "cin"), (bq.Company, "name")}:
            assert (f"/{wire}", NO_CLEAR) in problems(variant(cls, **{attribute: bq.CLEAR}))


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (variant(bq.Order, cart=[bq.CLEAR]), "/cart/0"),
        (attrs.evolve(NEW, references={"a": bq.CLEAR}), "/references/a"),
        (bq.Address(extra={"a": bq.CLEAR}), "/a"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_inside_an_array_or_object_can_be_cleared(model: bq.Model, place: str) -> None:
    assert [found for found, _ in problems(model)] == [place]


# --- extra -----------------------------------------------------------------------------------------------


def test_a_member_with_a_name_of_its_own_does_not_belong_in_extra() -> None:
    address = bq.Address(extra={"streetAddress": "Kai 4", "planet": "Mars"})
    assert problems(address) == (("/streetAddress", "is known here: set street_address instead of extra"),)


def test_a_null_that_the_server_sent_goes_back() -> None:
    assert problems(bq.structure({"city": None, "planet": None}, bq.Address)) == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "is no JSON value"),
        ({1, 2}, "is no JSON value"),
        (float("nan"), "must be finite number"),
        (-(2**63) - 1, "is integer of more than 64 bits"),
        (2**64, "is integer of more than 64 bits"),
    ],
    ids=["an object", "a set", "not a number", "too small", "too large"],
)
def test_an_unknown_member_is_json(value: Any, message: str) -> None:
    assert gist(problems(bq.Address(extra={"x": value}))) == (("/x", message),)
    assert gist(problems(bq.Address(extra={"x": {"y": [0, value]}}))) == (("/x/y/1", message),)


@pytest.mark.parametrize(
    "value", [None, True, 2**64 - 1, -(2**63), 1.5, "", [], {}, (1,), [{"a": [None]}]], ids=str
)
def test_any_json_may_be_an_unknown_member(value: Any) -> None:
    assert problems(bq.Address(extra={"x": value})) == ()


def test_a_model_inside_extra_is_checked_too() -> None:
    assert problems(bq.Address(extra={"x": [bq.Address(city="x" * 101)]})) == (
        ("/x/0/city", "must be at most 100 characters, not 101"),
    )


def test_unknown_members_are_not_nested_without_end() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    ((place, message),) = problems(bq.Address(extra={"x": value}))
    assert place.startswith("/x/0/0")
    assert message == "is nested too deeply"


def test_the_names_of_unknown_members_are_escaped() -> None:
    assert problems(bq.Address(extra={"a/b~c": object()}))[0][0] == "/a~1b~0c"


def test_a_name_in_extra_is_text() -> None:
    assert problems(bq.Address(extra={7: 1})) == (("", "has a member whose name is not text"),)
