"""Every limit of the API, at its edge: what fits passes, what is one too many is named."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from support.outbound_models import HOOK, LINE, NEW, VALID, variant

import briqpay_async as bq
from briqpay_async.conversion.validate import check_references, problems
from briqpay_async.models.limits import limits_of

TEXT_LIMITS: list[tuple[type[bq.Model], str, str, int]] = [
    (bq.Address, "street_address", "/streetAddress", 100),
    (bq.Address, "street_address2", "/streetAddress2", 100),
    (bq.Address, "zip", "/zip", 100),
    (bq.Address, "city", "/city", 100),
    (bq.Address, "region", "/region", 100),
    (bq.Address, "first_name", "/firstName", 100),
    (bq.Address, "last_name", "/lastName", 100),
    (bq.Address, "email", "/email", 100),
    (bq.CartItem, "reference", "/reference", 256),
    (bq.CartItem, "name", "/name", 256),
    (bq.CartItem, "quantity_unit", "/quantityUnit", 10),
    (bq.SalesTaxItem, "reference", "/reference", 256),
    (bq.SalesTaxItem, "name", "/name", 256),
    (bq.UpsellConfig, "header", "/header", 64),
    (bq.UpsellConfig, "subheader", "/subheader", 512),
    (bq.UpsellConfig, "footer", "/footer", 512),
    (bq.HostedPageConfig, "page_title", "/pageTitle", 256),
]
_HOOKS: list[type[bq.Model]] = [
    bq.SessionStatusHook,
    bq.OrderStatusHook,
    bq.CaptureStatusHook,
    bq.RefundStatusHook,
    bq.OtherHook,
]
REQUIRED: list[tuple[type[bq.Model], str, str]] = [
    (bq.CartItem, "product_type", "/productType"),
    (bq.CartItem, "name", "/name"),
    (bq.CartItem, "quantity", "/quantity"),
    (bq.CartItem, "quantity_unit", "/quantityUnit"),
    (bq.CartItem, "unit_price", "/unitPrice"),
    (bq.CartItem, "tax_rate", "/taxRate"),
    (bq.SalesTaxItem, "name", "/name"),
    (bq.SalesTaxItem, "total_tax_amount", "/totalTaxAmount"),
    (bq.Order, "currency", "/currency"),
    (bq.Order, "amount_inc_vat", "/amountIncVat"),
    (bq.Order, "amount_ex_vat", "/amountExVat"),
    (bq.Order, "cart", "/cart"),
    (bq.Tokenization, "token_id", "/tokenId"),
    (bq.TermsCheckbox, "key", "/key"),
    (bq.TermsCheckbox, "label", "/label"),
    (bq.Product, "type", "/type"),
    (bq.Product, "intent", "/intent"),
    (bq.Urls, "redirect", "/redirect"),
    *((hook, "statuses", "/statuses") for hook in _HOOKS),
    *((hook, "method", "/method") for hook in _HOOKS),
    *((hook, "url", "/url") for hook in _HOOKS),
    *((hook, "event_type", "/eventType") for hook in _HOOKS),
    (bq.NewSession, "product", "/product"),
    (bq.NewSession, "customer_type", "/customerType"),
    (bq.NewSession, "country", "/country"),
    (bq.NewSession, "locale", "/locale"),
    (bq.NewSession, "urls", "/urls"),
    (bq.DecisionMessage, "message", "/message"),
    (bq.Decision, "decision", "/decision"),
]


@pytest.mark.parametrize("model", VALID.values(), ids=lambda model: type(model).__name__)
def test_a_valid_model_has_no_problems(model: bq.Model) -> None:
    assert problems(model) == ()


@pytest.mark.parametrize(("cls", "attribute", "place", "limit"), TEXT_LIMITS)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(
    cls: type[bq.Model], attribute: str, place: str, limit: int
) -> None:
    assert problems(variant(cls, **{attribute: "ö" * limit})) == ()
    assert problems(variant(cls, **{attribute: "ö" * (limit + 1)})) == (
        (place, f"must be at most {limit} characters, not {limit + 1}"),
    )


def test_the_address_of_a_logo_may_have_512_characters() -> None:
    address = "https://bok.example/" + "a" * 492
    assert problems(bq.HostedPageConfig(logo_url=address)) == ()
    assert problems(bq.HostedPageConfig(logo_url=address + "a")) == (
        ("/logoUrl", "must be at most 512 characters, not 513"),
    )


def test_a_reference_may_have_512_characters() -> None:
    assert check_references({"reference1": "r" * 512}) == []
    assert check_references({"a/b": "r" * 513}) == [
        ("/references/a~1b", "must be at most 512 characters, not 513")
    ]
    new = attrs.evolve(NEW, references={"reference1": "r" * 512, "reference2": "r" * 513})
    assert problems(new) == (("/references/reference2", "must be at most 512 characters, not 513"),)


@pytest.mark.parametrize(("title", "fits"), [("abc", True), ("ab", False), ("", False)])
def test_a_page_title_has_at_least_three_characters(title: str, fits: bool) -> None:
    expected = () if fits else (("/pageTitle", "must be at least 3 characters"),)
    assert problems(bq.HostedPageConfig(page_title=title)) == expected


def test_an_empty_token_is_no_token() -> None:
    assert problems(bq.Tokenization(token_id="")) == (("/tokenId", "must be at least 1 characters"),)


@pytest.mark.parametrize(("cls", "attribute", "place"), REQUIRED)
def test_a_required_member_must_be_there(cls: type[bq.Model], attribute: str, place: str) -> None:
    assert problems(variant(cls, **{attribute: None})) == ((place, "is required"),)


def test_a_quantity_is_at_least_one() -> None:
    assert problems(variant(bq.CartItem, quantity=1)) == ()
    for quantity in (0, -1):
        assert problems(variant(bq.CartItem, quantity=quantity)) == (
            ("/quantity", f"must be at least 1, not {quantity}"),
        )


@pytest.mark.parametrize(("span", "fits"), [(1, True), (2, True), (0, False), (3, False), (1.5, False)])
def test_an_input_spans_one_or_two_columns(span: float, fits: bool) -> None:
    expected = () if fits else (("/span", f"must be 1 or 2, not {span}"),)
    assert problems(bq.CustomInput(span=span)) == expected


def test_a_cart_has_at_least_one_line() -> None:
    assert problems(variant(bq.Order, cart=[])) == (("/cart", "must have at least 1 entries"),)


@pytest.mark.parametrize("hook", _HOOKS)
def test_a_hook_has_at_least_one_status(hook: type[bq.Model]) -> None:
    assert problems(variant(hook, statuses=[])) == (("/statuses", "must have at least 1 entries"),)


def test_the_modules_to_load_are_all_or_at_least_one() -> None:
    assert problems(bq.Modules(load_modules=["payment"])) == ()
    assert problems(bq.Modules(load_modules=[])) == (("/loadModules", "must have at least 1 entries"),)


def test_a_session_has_at_most_ten_hooks() -> None:
    assert problems(attrs.evolve(NEW, hooks=[HOOK] * 10)) == ()
    assert problems(attrs.evolve(NEW, hooks=[HOOK] * 11)) == (("/hooks", "must have at most 10 entries, not 11"),)


# --- forms of text ---------------------------------------------------------------------------------------

DATE_FORM, NO_DATE = "must be a date written YYYY-MM-DD", "must be a date that exists"


@pytest.mark.parametrize("date", ["2000-02-29", "1999-12-31", "0001-01-01"])
def test_a_date_that_exists_passes(date: str) -> None:
    assert problems(bq.Consumer(date_of_birth=date)) == ()


@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("2023-02-29", NO_DATE),
        ("1900-02-29", NO_DATE),
        ("2023-04-31", NO_DATE),
        ("2023-13-01", NO_DATE),
        ("2023-00-10", NO_DATE),
        ("2023-01-00", NO_DATE),
        ("0000-01-01", NO_DATE),
        ("23-01-01", DATE_FORM),
        ("2023-1-1", DATE_FORM),
        ("20230101", DATE_FORM),
        ("2023-W01-1", DATE_FORM),
        ("2023-01-01T00:00", DATE_FORM),
        (" 2023-01-01", DATE_FORM),
        ("2023-01-01\n", DATE_FORM),
        ("\u0662\u0660\u0662\u0663-\u0660\u0661-\u0660\u0661", DATE_FORM),
        ("01/01/2023", DATE_FORM),
        ("", DATE_FORM),
    ],
)
def test_any_other_date_is_refused(date: str, message: str) -> None:
    assert problems(bq.Consumer(date_of_birth=date)) == (("/dateOfBirth", message),)


@pytest.mark.parametrize("country", ["se", "Se", "SWE", "S", "", "S1", "SÄ", "SE\n", " SE"])
def test_a_country_is_two_capital_letters(country: str) -> None:
    wanted = "must be an ISO 3166-1 alpha-2 code such as SE"
    assert problems(attrs.evolve(NEW, country=country)) == (("/country", wanted),)
    assert problems(bq.Address(country=country)) == (("/country", wanted),)
    assert problems(bq.Address(country="US")) == ()


@pytest.mark.parametrize("currency", ["sek", "SE", "SEKK", "", "S€K", "SEK\n", "kr"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    wanted = "must be an ISO 4217 code such as SEK"
    assert problems(variant(bq.Order, currency=currency)) == (("/currency", wanted),)
    assert problems(variant(bq.Order, currency="JPY")) == ()


@pytest.mark.parametrize("locale", ["sv-se", "en-gb", "sv-SE", "en-Gb"])
def test_a_locale_of_two_parts_passes(locale: str) -> None:
    assert problems(attrs.evolve(NEW, locale=locale)) == ()


@pytest.mark.parametrize("locale", ["fi", "SV-se", "sv_se", "swe-se", "sv-swe", "sv-se-x", "sv-", "", "sv-se\n"])
def test_any_other_locale_is_refused(locale: str) -> None:
    assert problems(attrs.evolve(NEW, locale=locale)) == (("/locale", "must be a two-part locale such as sv-se"),)


@pytest.mark.parametrize(
    "url",
    [
        "https://bok.example",
        "http://bok.example:8080/a/b?c=d#e",
        "https://bok.example/tack?s={briqpay_session}",
        "https://bok.example/{briqpay_session}",
        "https://bök.example/å",
        "https://[2001:db8::1]/",
        "HTTPS://BOK.EXAMPLE/",
    ],
)
def test_an_absolute_address_passes(url: str) -> None:
    assert problems(bq.Urls(redirect=url)) == ()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bok.example/tack",
        "/tack",
        "//bok.example/tack",
        "ftp://bok.example/",
        "javascript:alert(1)",
        "https://",
        "https:///tack",
        "https:/bok.example",
        "http://[::1",
        "https://:443/tack",
        "https://bok.example/a b",
        "https://bok .example/",
        " https://bok.example/",
        "https://bok.example/\n",
        "https://bok.exa\nmple/",
        "https://bok.example:99999/",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    wanted = "must be an absolute http(s) URL"
    assert problems(bq.Urls(redirect=url)) == (("/redirect", wanted),)


def test_every_address_is_checked() -> None:
    wanted = "must be an absolute http(s) URL"
    assert problems(variant(bq.Urls, terms="villkor")) == (("/terms", wanted),)
    assert problems(bq.HostedPageConfig(logo_url="logo.svg")) == (("/logoUrl", wanted),)
    for hook in _HOOKS:
        assert problems(variant(hook, url="/hook")) == (("/url", wanted),)


# --- nothing is left out ---------------------------------------------------------------------------------


def test_every_declared_limit_has_its_test() -> None:
    declared: set[tuple[type, str, str]] = set()
    for cls in {value for value in vars(bq).values() if isinstance(value, type) and issubclass(value, bq.Model)}:
        for attribute in attrs.fields(cls):
            limits = limits_of(attribute)
            declared |= {
                (cls, attribute.name, rule)
                for rule in ("required", "max_length", "min_length", "minimum", "choices", "form")
                if getattr(limits, rule) not in {None, False}
            }
    tested = {
        *((cls, attribute, "max_length") for cls, attribute, _, _ in TEXT_LIMITS),
        *((cls, attribute, "required") for cls, attribute, _ in REQUIRED),
        (bq.SalesTaxItem, "product_type", "required"),
        (bq.HostedPageConfig, "logo_url", "max_length"),
        (bq.HostedPageConfig, "page_title", "min_length"),
        (bq.NewSession, "references", "max_length"),
        (bq.NewSession, "hooks", "max_length"),
        (bq.Tokenization, "token_id", "min_length"),
        (bq.Order, "cart", "min_length"),
        (bq.Modules, "load_modules", "min_length"),
        *((hook, "statuses", "min_length") for hook in _HOOKS),
        (bq.CartItem, "quantity", "minimum"),
        (bq.CustomInput, "span", "choices"),
        (bq.Consumer, "date_of_birth", "form"),
        (bq.NewSession, "country", "form"),
        (bq.NewSession, "locale", "form"),
        (bq.Address, "country", "form"),
        (bq.Order, "currency", "form"),
        (bq.Urls, "terms", "form"),
        (bq.Urls, "redirect", "form"),
        (bq.HostedPageConfig, "logo_url", "form"),
        *((hook, "url", "form") for hook in _HOOKS),
    }
    assert declared == tested


def test_the_type_of_a_sales_tax_line_is_required() -> None:
    line = bq.SalesTaxItem(name="Tax", total_tax_amount=1, product_type=None)
    assert ("/productType", "is required") in problems(line)


def test_limits_hold_wherever_a_model_stands() -> None:
    too_many = attrs.evolve(LINE, quantity_unit="x" * 11)
    new = attrs.evolve(NEW, data=bq.EditableData(order=bq.Order.of("SEK", [LINE, too_many])))
    assert problems(new) == (("/data/order/cart/1/quantityUnit", "must be at most 10 characters, not 11"),)


def test_a_pointer_starts_where_the_model_stands() -> None:
    assert problems(bq.Address(city="x" * 101), "/data/billing") == (
        ("/data/billing/city", "must be at most 100 characters, not 101"),
    )


@pytest.mark.parametrize("value", ["", "x"])
def test_texts_without_a_documented_limit_have_none(value: str) -> None:
    long: Any = value * 5000
    assert problems(bq.Address(phone_number=long, company_name=long, cin=long)) == ()
    assert problems(bq.Company(cin=long, name=long)) == ()
    assert problems(bq.Consumer(identification_number=long, name=long)) == ()
