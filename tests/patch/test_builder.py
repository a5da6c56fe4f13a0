"""``PatchBuilder``: the usual edits, by name."""

from __future__ import annotations

import attrs
import pytest
from support.shop import address, data, line, sales_tax

from briqpay_async import (
    CLEAR,
    Address,
    Company,
    Consumer,
    EditableData,
    Modules,
    ModulesConfig,
    Order,
    PatchBuilder,
    Session,
    SessionData,
    UnpatchableChangeError,
    UpsellConfig,
    ValidationError,
    unstructure,
)


def references(builder: PatchBuilder) -> list[str | None]:
    return [item["reference"] for item in builder.build().body["data"]["order"]["cart"]]


@pytest.mark.parametrize("base", [Session(data=SessionData(billing=address())), SessionData(), EditableData()])
def test_a_builder_that_was_not_used_changes_nothing(base: Session | EditableData) -> None:
    assert PatchBuilder(base).build().is_noop


def test_a_builder_needs_a_state_to_start_from() -> None:
    with pytest.raises(ValidationError, match="base must be"):
        PatchBuilder({"billing": {}})  # type: ignore[arg-type]


def test_changing_a_quantity_recomputes_both_totals() -> None:
    builder = PatchBuilder(data())
    builder.cart.set_quantity("sku-2", 3)
    order = builder.build().body["data"]["order"]
    assert (order["amountIncVat"], order["amountExVat"]) == (50_000, 40_000)
    assert [item["quantity"] for item in order["cart"]] == [1, 3]


def test_setting_the_same_quantity_changes_nothing() -> None:
    builder = PatchBuilder(data())
    builder.cart.set_quantity("sku-2", 1)
    assert builder.build().is_noop


def test_totals_that_do_not_follow_the_lines_stay_until_the_lines_change() -> None:
    base = data()
    assert base.order is not None
    base = attrs.evolve(base, order=attrs.evolve(base.order, amount_inc_vat=24_999))
    builder = PatchBuilder(base)
    builder.billing.update(city="Malmö")
    assert builder.build().body == {"data": {"billing": {"city": "Malmö"}}}


@pytest.mark.parametrize(
    ("members", "quantity", "expected"),
    [
        (
            {"unit_price_inc_vat": 12_500, "total_amount": 12_500, "total_vat_amount": 2_500},
            3,
            {"unitPriceIncVat": 12_500, "totalAmount": 37_500, "totalVatAmount": 7_500},
        ),
        # a shop that keeps prices with VAT: 19.99 three times is 59.97, whatever the net price rounds to
        (
            {"unit_price": 1599, "unit_price_inc_vat": 1999, "total_amount": 1999, "total_vat_amount": 400},
            3,
            {"unitPriceIncVat": 1999, "totalAmount": 5997, "totalVatAmount": 1200},
        ),
        ({"total_amount": 12_500}, 2, {"totalAmount": 25_000}),
        ({"total_vat_amount": 2_500}, 2, {"totalVatAmount": 5_000}),
        # totals that follow no rule are scaled
        ({"total_amount": 11_111, "total_vat_amount": 1_111}, 3, {"totalAmount": 33_333, "totalVatAmount": 3_333}),
    ],
)
def test_explicit_line_totals_follow_the_quantity(
    members: dict[str, int], quantity: int, expected: dict[str, int]
) -> None:
    builder = PatchBuilder(data(line("sku-1", **members)))
    builder.cart.set_quantity("sku-1", quantity)
    order = builder.build().body["data"]["order"]
    assert {name: order["cart"][0][name] for name in expected} == expected
    if "totalAmount" in expected:
        assert order["amountIncVat"] == expected["totalAmount"]


def test_lines_are_added_removed_and_replaced() -> None:
    builder = PatchBuilder(data())
    builder.cart.add(line("sku-3"))
    builder.cart.remove("sku-1")
    assert references(builder) == ["sku-2", "sku-3"]
    builder.cart.replace([line("sku-9"), sales_tax()])
    assert [item.reference for item in builder.cart.lines] == ["sku-9", "tax"]
    assert builder.build().body["data"]["order"]["amountIncVat"] == 12_500 + 825


@pytest.mark.parametrize("method", ["remove", "set_quantity"])
def test_a_missing_reference_names_the_ones_that_exist(method: str) -> None:
    builder = PatchBuilder(data())
    arguments = ("nope", 2) if method == "set_quantity" else ("nope",)
    with pytest.raises(ValidationError, match="no line with reference 'nope'; there are: 'sku-1', 'sku-2'"):
        getattr(builder.cart, method)(*arguments)


def test_an_ambiguous_reference_names_the_places() -> None:
    builder = PatchBuilder(data(line("a"), line("b"), line("a")))
    with pytest.raises(ValidationError, match="/data/order/cart/0, /data/order/cart/2") as caught:
        builder.cart.remove("a")
    assert caught.value.problems[0][0] == "/data/order/cart"


@pytest.mark.parametrize("quantity", [0, -1, True, 1.0, "2", None])
def test_a_quantity_is_an_integer_of_at_least_one(quantity: object) -> None:
    with pytest.raises(ValidationError, match="/data/order/cart/0 cannot have quantity"):
        PatchBuilder(data()).cart.set_quantity("sku-1", quantity)  # type: ignore[arg-type]


def test_a_sales_tax_line_has_no_quantity() -> None:
    with pytest.raises(ValidationError, match="sales tax line"):
        PatchBuilder(data(line("a", tax_rate=0), sales_tax())).cart.set_quantity("tax", 2)


def test_a_first_cart_needs_a_currency() -> None:
    builder = PatchBuilder(EditableData())
    builder.cart.add(line("a"))
    with pytest.raises(ValidationError, match="/data/order/currency is not known"):
        builder.build()
    builder.cart.replace([line("a")], currency="EUR")
    assert builder.build().body["data"]["order"]["currency"] == "EUR"


def test_a_new_currency_is_a_change() -> None:
    base = data()
    builder = PatchBuilder(base)
    builder.cart.replace(base.order.cart or () if base.order else (), currency="NOK")
    assert builder.build().changed == ("/data/order/currency",)


def test_an_order_without_a_cart_can_get_one() -> None:
    builder = PatchBuilder(EditableData(order=Order(currency="SEK", amount_inc_vat=0, amount_ex_vat=0)))
    builder.cart.add(line("a"))
    assert builder.build().body["data"]["order"]["amountExVat"] == 10_000


def test_every_section_is_edited_by_attribute_name() -> None:
    base = EditableData(billing=Address(city="Lund", zip="1"), company=Company(cin="1", name="Old"))
    builder = PatchBuilder(base)
    builder.billing.update(city="Malmö")
    builder.shipping.update(zip="2")
    builder.company.update(name=CLEAR)
    builder.tokenization.update(token_id="t")
    builder.upsell.update(header="Hello")
    assert builder.build().body == {
        "data": {
            "company": {"name": None},
            "billing": {"city": "Malmö"},
            "shipping": {"zip": "2"},
            "tokenization": {"tokenId": "t"},
        },
        "modules": {"config": {"upsell": {"header": "Hello"}}},
    }
    assert builder.billing.value == Address(city="Malmö", zip="1")


def test_a_consumer_is_edited_too() -> None:
    builder = PatchBuilder(Session(customer_type="consumer", data=SessionData(consumer=Consumer(name="Ada"))))
    builder.consumer.update(date_of_birth="1990-01-31")
    assert builder.build().body == {"data": {"consumer": {"dateOfBirth": "1990-01-31"}}}


@pytest.mark.parametrize(("customer_type", "section"), [("consumer", "company"), ("business", "consumer")])
def test_a_section_of_the_other_customer_type_is_refused(customer_type: str, section: str) -> None:
    builder = PatchBuilder(Session(customer_type=customer_type, data=SessionData()))
    getattr(builder, section).update(name="x")
    with pytest.raises(ValidationError, match=f"/data/{section} cannot be given for customerType {customer_type}"):
        builder.build()


def test_an_unknown_member_is_named() -> None:
    with pytest.raises(ValidationError, match="citty is not a member of Address"):
        PatchBuilder(data()).billing.update(citty="Lund")


def test_removing_a_member_is_named() -> None:
    builder = PatchBuilder(data())
    builder.billing.update(city=None)
    with pytest.raises(UnpatchableChangeError) as caught:
        builder.build()
    assert caught.value.pointers == ("/data/billing/city",)


def test_a_bad_value_is_named_when_the_patch_is_built() -> None:
    builder = PatchBuilder(data())
    builder.billing.update(city="x" * 101)
    builder.cart.add(line("y" * 257))
    with pytest.raises(ValidationError) as caught:
        builder.build()
    assert {pointer for pointer, _ in caught.value.problems} == {
        "/data/billing/city",
        "/data/order/cart/2/reference",
        "/data/order/cart/2/name",
    }


def test_a_line_whose_numbers_are_no_integers_is_named_before_totals_are_computed() -> None:
    builder = PatchBuilder(data())
    builder.cart.add(line("c", unit_price="100"))
    with pytest.raises(ValidationError, match="/cart/2/unitPrice must be an integer"):
        builder.build()


def test_the_upsell_module_starts_from_what_the_session_shows() -> None:
    upsell = UpsellConfig(header="Hello", footer="Bye")
    builder = PatchBuilder(Session(modules=Modules(config=ModulesConfig(upsell=upsell))))
    builder.upsell.update(footer="Good bye")
    assert builder.build().body == {"modules": {"config": {"upsell": {"footer": "Good bye"}}}}


def test_unknown_members_travel_with_the_cart() -> None:
    base = data(line("a", extra={"futureMember": {"kept": True}}), line("b"))
    builder = PatchBuilder(base)
    builder.cart.set_quantity("b", 2)
    assert builder.build().body["data"]["order"]["cart"][0]["futureMember"] == {"kept": True}
    builder.cart.set_quantity("a", 2)
    assert builder.build().body["data"]["order"]["cart"][0]["futureMember"] == {"kept": True}
    assert unstructure(base)["order"]["cart"][0]["quantity"] == 1
