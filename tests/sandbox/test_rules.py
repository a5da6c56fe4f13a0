"""What a PATCH may carry, rule by rule, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.sandbox_samples import ABSENT, ADDRESS, MUG, ORDER, bent

from briqpay_async.sandbox.rules.carts import LineRules, is_plain_item, line_fault, total_problems
from briqpay_async.sandbox.rules.patch_body import hidden_reasons, patch_problems

UPSELL = {
    "hideModule": False,
    "header": "Add a card?",
    "subheader": "It is free",
    "footer": "Really",
    "customInputs": [
        {
            "type": "string",
            "key": "card",
            "label": "Text",
            "minLength": 0,
            "maxLength": 80.0,
            "required": True,
            "span": 2,
            "enum": ["a", "b"],
            "component": "textArea",
        },
        {"key": "second"},
    ],
}
PATCH = {
    "data": {
        "order": ORDER,
        "consumer": {"identificationNumber": "197001011234", "dateOfBirth": "1970-01-01", "name": "A"},
        "billing": ADDRESS,
        "shipping": ADDRESS,
        "tokenization": {"tokenId": "token"},
    },
    "modules": {"config": {"upsell": UPSELL}},
}
TAX = {"productType": "sales_tax", "name": "Sales tax", "reference": "tax", "totalTaxAmount": 825}
DISCOUNT = {**MUG, "productType": "discount", "unitPrice": -1}
LINE = "body.data.order.cart.0 no (or more than one) schemas match"


def test_a_patch_with_everything_that_is_allowed_passes() -> None:
    assert patch_problems(PATCH, "consumer", check_totals=True) == []


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"modules": {}}, {"modules": {"config": {}}}])
def test_only_what_changes_has_to_be_sent(body: dict) -> None:
    assert patch_problems(body, "consumer") == []


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        ("config", {}, "body has additional properties"),
        ("data", [], "body.data is the wrong type"),
        ("data", None, "body.data is the wrong type"),
        ("data/customerType", "business", "body.data has additional properties"),
        ("data/references", {}, "body.data has additional properties"),
        ("modules", [], "body.modules is the wrong type"),
        ("modules/payment", {}, "body.modules has additional properties"),
        ("modules/loadModules", ["payment"], "body.modules has additional properties"),
        ("modules/config", [], "body.modules.config is the wrong type"),
        ("modules/config/payment", {}, "body.modules.config has additional properties"),
        ("modules/config/upsell", None, "body.modules.config.upsell is the wrong type"),
        ("data/order", None, "body.data.order is the wrong type"),
        ("data/order/currency", ABSENT, "body.data.order.currency is required"),
        ("data/order/currency", "sek", "body.data.order.currency pattern mismatch"),
        ("data/order/currency", "SEKK", "body.data.order.currency pattern mismatch"),
        ("data/order/currency", 752, "body.data.order.currency is the wrong type"),
        ("data/order/amountIncVat", ABSENT, "body.data.order.amountIncVat is required"),
        ("data/order/amountIncVat", True, "body.data.order.amountIncVat is the wrong type"),
        ("data/order/amountExVat", 1.0, "body.data.order.amountExVat is the wrong type"),
        ("data/order/amountExVat", "4", "body.data.order.amountExVat is the wrong type"),
        ("data/order/cart", ABSENT, "body.data.order.cart is required"),
        ("data/order/cart", [], "body.data.order.cart has less items than allowed"),
        ("data/order/cart", {}, "body.data.order.cart is the wrong type"),
        ("data/billing", [], "body.data.billing is the wrong type"),
        ("data/billing", None, "body.data.billing is the wrong type"),
        ("data/billing/city", None, "body.data.billing.city is the wrong type"),
        ("data/billing/city", 5, "body.data.billing.city is the wrong type"),
        ("data/billing/phoneNumber", None, "body.data.billing.phoneNumber is the wrong type"),
        ("data/consumer/dateOfBirth", "1970-1-1", "body.data.consumer.dateOfBirth pattern mismatch"),
        ("data/consumer/dateOfBirth", "1970-02-30", "body.data.consumer.dateOfBirth must be date format"),
        ("data/consumer/dateOfBirth", 19700101, "body.data.consumer.dateOfBirth is the wrong type"),
        ("data/consumer/name", None, "body.data.consumer.name is the wrong type"),
        ("data/tokenization", {}, "body.data.tokenization.tokenId is required"),
        ("data/tokenization/tokenId", 7, "body.data.tokenization.tokenId is the wrong type"),
        ("modules/config/upsell/hideModule", 0, "body.modules.config.upsell.hideModule is the wrong type"),
        (
            "modules/config/upsell/customInputs",
            {},
            "body.modules.config.upsell.customInputs is the wrong type",
        ),
        (
            "modules/config/upsell/customInputs/1/key",
            "card",
            "body.modules.config.upsell.customInputs must be unique",
        ),
        (
            "modules/config/upsell/customInputs/0",
            "card",
            "body.modules.config.upsell.customInputs.0 is the wrong type",
        ),
        (
            "modules/config/upsell/customInputs/0/span",
            3,
            "body.modules.config.upsell.customInputs.0.span must be an enum value",
        ),
        (
            "modules/config/upsell/customInputs/0/span",
            True,
            "body.modules.config.upsell.customInputs.0.span is the wrong type",
        ),
        (
            "modules/config/upsell/customInputs/0/type",
            "number",
            "body.modules.config.upsell.customInputs.0.type must be an enum value",
        ),
        (
            "modules/config/upsell/customInputs/0/component",
            5,
            "body.modules.config.upsell.customInputs.0.component is the wrong type",
        ),
        (
            "modules/config/upsell/customInputs/0/minLength",
            False,
            "body.modules.config.upsell.customInputs.0.minLength is the wrong type",
        ),
        (
            "modules/config/upsell/customInputs/0/required",
            "yes",
            "body.modules.config.upsell.customInputs.0.required is the wrong type",
        ),
        (
            "modules/config/upsell/customInputs/0/enum",
            [1],
            "body.modules.config.upsell.customInputs.0.enum is the wrong type",
        ),
    ],
)
def test_one_wrong_member_gives_one_message(pointer: str, value: object, expected: str) -> None:
    assert patch_problems(bent(PATCH, pointer, value), "consumer") == [expected]


@pytest.mark.parametrize(
    ("pointer", "limit"),
    [
        *((f"data/billing/{name}", 100) for name in ADDRESS if name != "phoneNumber"),
        ("data/shipping/streetAddress2", 100),
        ("data/shipping/region", 100),
        ("modules/config/upsell/header", 64),
        ("modules/config/upsell/subheader", 512),
        ("modules/config/upsell/footer", 512),
    ],
)
def test_text_may_be_as_long_as_its_limit_and_no_longer(pointer: str, limit: int) -> None:
    path = "body." + pointer.replace("/", ".")
    assert patch_problems(bent(PATCH, pointer, "å" * limit), "consumer") == []
    assert patch_problems(bent(PATCH, pointer, "å" * (limit + 1)), "consumer") == [
        f"{path} has longer length than allowed"
    ]


def test_a_phone_number_has_no_limit() -> None:
    assert patch_problems(bent(PATCH, "data/billing/phoneNumber", "4" * 500), "consumer") == []


def test_all_problems_are_reported_at_once_in_the_order_of_the_body() -> None:
    body = {"data": {"billing": {"city": 1}, "order": {**ORDER, "cart": []}}, "extra": 1}
    assert patch_problems(body, "consumer") == [
        "body.data.billing.city is the wrong type",
        "body.data.order.cart has less items than allowed",
        "body has additional properties",
    ]


@pytest.mark.parametrize("body", [[], None, "text", 1, True])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert patch_problems(body, "consumer") == ["body is the wrong type"]


@pytest.mark.parametrize(
    "pointer",
    [
        "data/order/discountCode",
        "data/order/cart/0/imageUrl",
        "data/billing/country",
        "data/shipping/companyName",
        "data/consumer/nickname",
        "data/tokenization/scheme",
        "modules/config/upsell/theme",
        "modules/config/upsell/customInputs/0/hint",
    ],
)
@pytest.mark.parametrize("value", [None, 1, [None], {"deep": None}])
def test_unknown_members_inside_a_section_are_welcome_whatever_they_hold(pointer: str, value: object) -> None:
    assert patch_problems(bent(PATCH, pointer, value), "consumer") == []


def test_company_belongs_to_businesses_and_consumer_to_consumers() -> None:
    company = {"data": {"company": {"cin": "1", "vatNo": "SE1"}}}
    consumer = {"data": {"consumer": {"name": "A"}}}
    assert patch_problems(company, "business") == []
    assert patch_problems(consumer, "consumer") == []
    assert patch_problems(company, "consumer") == [
        "body.data.company can only be provided for customerType business"
    ]
    assert patch_problems(consumer, "business") == [
        "body.data.consumer can only be provided for customerType consumer"
    ]
    assert patch_problems(company, None) == []


def test_null_clears_a_companys_number_and_name_and_nothing_else() -> None:
    assert patch_problems({"data": {"company": {"cin": None, "name": None}}}, "business") == []
    assert patch_problems({"data": {"company": {"cin": 5566778899}}}, "business") == [
        "body.data.company.cin is the wrong type"
    ]


@pytest.mark.parametrize("kind", ["physical", "digital", "shipping_fee", "deposit", "surcharge", "gift_card"])
def test_every_documented_type_of_item_can_be_sold(kind: str) -> None:
    assert line_fault({**MUG, "productType": kind}) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({**MUG, "quantity": 0}, "quantity is less than minimum"),
        ({**MUG, "quantity": -1}, "quantity is less than minimum"),
        ({**MUG, "quantity": True}, "quantity is the wrong type"),
        ({**MUG, "quantity": 1.0}, "quantity is the wrong type"),
        ({**MUG, "quantity": "4"}, "quantity is the wrong type"),
        ({**MUG, "unitPrice": 80.5}, "unitPrice is the wrong type"),
        ({**MUG, "taxRate": None}, "taxRate is the wrong type"),
        ({**MUG, "discountPercentage": None}, "discountPercentage is the wrong type"),
        ({**MUG, "name": "x" * 257}, "name has longer length than allowed"),
        ({**MUG, "reference": "x" * 257}, "reference has longer length than allowed"),
        ({**MUG, "reference": None}, "reference is the wrong type"),
        ({**MUG, "quantityUnit": "x" * 11}, "quantityUnit has longer length than allowed"),
        ({**MUG, "productType": "fee"}, "productType must be an enum value"),
        ({**MUG, "productType": ["physical"]}, "productType is the wrong type"),
        ({**MUG, "productType": "adjustment"}, "productType must be an enum value"),
        ({**DISCOUNT, "unitPrice": 0}, "unitPrice of a discount must be negative"),
        ({**DISCOUNT, "unitPrice": 5}, "unitPrice of a discount must be negative"),
        ({**TAX, "quantity": 1}, "quantity does not belong on a sales_tax item"),
        ({**TAX, "taxRate": 0}, "taxRate does not belong on a sales_tax item"),
        ({**TAX, "totalTaxAmount": 8.25}, "totalTaxAmount is the wrong type"),
        ({"productType": "sales_tax", "name": "Tax"}, "totalTaxAmount is required"),
        ({"productType": "sales_tax", "totalTaxAmount": 1}, "name is required"),
        ("mug", "is the wrong type"),
        ({}, "productType is required"),
    ],
)
def test_a_line_that_fits_no_variant_is_refused_in_the_words_of_the_api(line: object, expected: str) -> None:
    body = {"data": {"order": {**ORDER, "cart": [line]}}}
    assert patch_problems(body, "consumer") == [LINE]
    assert hidden_reasons(body) == [f"body.data.order.cart.0: {expected}"]


@pytest.mark.parametrize("name", ["productType", "name", "quantity", "quantityUnit", "unitPrice", "taxRate"])
def test_a_regular_item_lacks_none_of_its_required_members(name: str) -> None:
    assert line_fault(bent(MUG, name, ABSENT)) == f"{name} is required"


def test_lines_of_both_variants_share_a_cart() -> None:
    plain = {**MUG, "discountPercentage": 1000, "reference": "r" * 256, "quantityUnit": "u" * 10}
    body = {"data": {"order": {**ORDER, "cart": [plain, TAX, DISCOUNT]}}}
    assert patch_problems(body, "consumer") == []


def test_an_adjustment_is_for_refunds_only() -> None:
    adjustment = {**MUG, "productType": "adjustment"}
    assert line_fault(adjustment) is not None
    assert line_fault(adjustment, LineRules(refund=True)) is None


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(["physical", "discount", "sales_tax", "x" * 257, "y" * 256, []]),
)


@given(st.dictionaries(st.sampled_from([*MUG, "discountPercentage", "extra"]), _VALUES))
def test_the_quick_look_at_a_line_agrees_with_the_full_one(changes: dict) -> None:
    line = {**MUG, **changes}
    for candidate in (line, changes):
        assert is_plain_item(candidate) == (
            line_fault(candidate) is None and candidate.get("productType") != "sales_tax"
        )


def test_the_reasons_of_a_body_without_a_cart_are_none() -> None:
    assert hidden_reasons([]) == []
    assert hidden_reasons({"data": {"order": {"cart": {}}}}) == []
    assert hidden_reasons({"data": 1}) == []


@pytest.mark.parametrize(
    ("lines", "including", "excluding", "wrong"),
    [
        ([MUG], 20_000, 16_000, []),
        ([MUG], 20_001, 16_000, ["amountIncVat"]),
        ([MUG], 20_000, 15_999, ["amountExVat"]),
        ([MUG], 1, 2, ["amountIncVat", "amountExVat"]),
        # The example of the documentation: 2 x 1200 less 10 % and with 25 % VAT makes 2700.
        ([{**MUG, "unitPrice": 1200, "discountPercentage": 1000}], 2700, 2160, []),
        # A line's own totals win over unit price times quantity.
        ([{**MUG, "totalAmount": 19_999, "totalVatAmount": 4000}], 19_999, 15_999, []),
        # US sales tax adds to the amount including tax alone.
        ([{**MUG, "taxRate": 0}, TAX], 16_825, 16_000, []),
        # Rounded once or line by line, both are right: 8801.24 may be 8801 or 8802.
        (
            [
                {**MUG, "unitPrice": 1912, "taxRate": 1900},
                {**MUG, "quantity": 1, "unitPrice": 2872, "taxRate": 1900},
                {**MUG, "quantity": 1, "unitPrice": 700, "taxRate": 1900},
            ],
            8802,
            7396,
            [],
        ),
    ],
)
def test_totals_must_be_what_the_lines_add_up_to(lines: list, including: int, excluding: int, wrong: list) -> None:
    order = {"currency": "SEK", "amountIncVat": including, "amountExVat": excluding, "cart": lines}
    assert total_problems(order, "order") == [f"order.{name} does not match the sum of the cart" for name in wrong]


def test_totals_are_looked_at_only_when_asked_and_only_in_a_body_that_is_right() -> None:
    off = bent(PATCH, "data/order/amountIncVat", 1)
    assert patch_problems(off, "consumer") == []
    assert patch_problems(off, "consumer", check_totals=True) == [
        "body.data.order.amountIncVat does not match the sum of the cart"
    ]
    assert patch_problems({**off, "extra": 1}, "consumer", check_totals=True) == ["body has additional properties"]
    assert patch_problems({"data": {"billing": ADDRESS}}, "consumer", check_totals=True) == []
