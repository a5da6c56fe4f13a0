"""What a create may carry, rule by rule, and what it makes."""

import base64

import orjson
import pytest
from sandbox.sandbox_samples import ABSENT, BUSINESS, MUG, SESSION, bent

from briqpay_async.sandbox.rules.create_body import creation_problems, hook_fault, hook_reasons
from briqpay_async.sandbox.state.new_session import client_token, new_session

HOOK = {
    "eventType": "order_status",
    "statuses": ["order_pending", "captured_full"],
    "method": "POST",
    "url": "https://shop.example/hook",
}
CHARGE = {
    "product": {"type": "payment", "intent": "payment_charge_token"},
    "data": {"tokenization": {"tokenId": "token"}},
}
FULL = {
    **SESSION,
    "product": {"type": "payment", "intent": "payment_one_time", "id": "a", "variantId": "b"},
    "hooks": [HOOK],
    "config": {"realTimeProcessing": True, "disableInsightsTracking": False, "later": 1},
    "data": {**SESSION["data"], "billingAddresses": [{}], "shippingAddresses": []},
    "modules": {
        "loadModules": ["payment", "terms"],
        "config": {
            "payment": {"decision": {"enabled": True}},
            "upsell": {"header": "Hello"},
        },
    },
}


@pytest.mark.parametrize("body", [SESSION, BUSINESS, FULL, CHARGE], ids=["consumer", "business", "full", "charge"])
def test_what_the_documentation_shows_can_be_created(body: dict) -> None:
    assert creation_problems(body, check_totals=True) == []


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        ("product", ABSENT, ["body.product is required"]),
        ("product", "payment", ["body.product is the wrong type"]),
        ("product/type", "lease", ["body.product.type must be an enum value"]),
        ("product/intent", "later", ["body.product.intent must be an enum value"]),
        ("product/intent", ABSENT, ["body.product.intent is required"]),
        ("customerType", ABSENT, ["body.customerType is required"]),
        ("customerType", "robot", ["body.customerType must be an enum value"]),
        ("country", ABSENT, ["body.country is required"]),
        ("country", "se", ["body.country pattern mismatch"]),
        ("country", "SWE", ["body.country pattern mismatch"]),
        ("locale", ABSENT, ["body.locale is required"]),
        ("locale", "fi", ["body.locale pattern mismatch", "body.locale has less length than allowed"]),
        ("locale", "sv_SE", ["body.locale pattern mismatch"]),
        ("locale", 5, ["body.locale is the wrong type"]),
        ("urls", ABSENT, ["body.urls is required"]),
        ("urls/redirect", ABSENT, ["body.urls.redirect is required"]),
        ("urls/redirect", "/thanks", ["body.urls.redirect pattern mismatch"]),
        ("urls/terms", ABSENT, ["body.urls.terms is required"]),
        ("references", [], ["body.references is the wrong type"]),
        ("references/reference1", 1001, ["body.references.reference1 is the wrong type"]),
        ("references/long", "x" * 513, ["body.references.long has longer length than allowed"]),
        ("hooks", {}, ["body.hooks is the wrong type"]),
        ("hooks", [HOOK] * 11, ["body.hooks has more items than allowed"]),
        ("hooks", [HOOK, {}], ["body.hooks.1 no (or more than one) schemas match"]),
        ("config", [], ["body.config is the wrong type"]),
        ("config/realTimeProcessing", 1, ["body.config.realTimeProcessing is the wrong type"]),
        ("data", 1, ["body.data is the wrong type"]),
        ("data/unknown", {}, ["body.data has additional properties"]),
        ("data/billingAddresses", {}, ["body.data.billingAddresses is the wrong type"]),
        ("data/company", {}, ["body.data.company can only be provided for customerType business"]),
        ("modules/payment", {}, ["body.modules has additional properties"]),
        ("modules/loadModules", ["coffee"], ["body.modules.loadModules must be an enum value"]),
        ("modules/loadModules", "payment", ["body.modules.loadModules is the wrong type"]),
        ("modules/config/coffee", {}, ["body.modules.config has additional properties"]),
        ("modules/config/payment", [], ["body.modules.config.payment is the wrong type"]),
        ("modules/config/upsell/header", 1, ["body.modules.config.upsell.header is the wrong type"]),
        ("modules", [], ["body.modules is the wrong type"]),
        ("modules/config", [], ["body.modules.config is the wrong type"]),
        ("unknown", 1, ["body has additional properties"]),
    ],
)
def test_a_wrong_member_is_named_in_the_words_of_the_api(pointer: str, value: object, expected: list) -> None:
    assert creation_problems(bent(FULL, pointer, value)) == expected


def test_a_create_that_is_no_object_is_refused() -> None:
    assert creation_problems([]) == ["body is the wrong type"]


@pytest.mark.parametrize("locale", ["sv-se", "en-GB", "de-DE"])
def test_a_locale_has_two_parts_whatever_the_case_of_its_region(locale: str) -> None:
    assert creation_problems({**SESSION, "locale": locale}) == []


def test_modules_need_no_config() -> None:
    assert creation_problems({**SESSION, "modules": {"loadModules": ["payment"]}}) == []


def test_a_signup_needs_no_terms() -> None:
    signup = {**SESSION, "product": {"type": "signup", "intent": "signup"}}
    assert creation_problems(bent(signup, "urls/terms", ABSENT)) == []


def test_ten_hooks_are_allowed() -> None:
    assert creation_problems({**SESSION, "hooks": [HOOK] * 10}) == []


def test_charging_a_token_requires_the_token_and_little_else() -> None:
    assert creation_problems({**CHARGE, "data": {}}) == ["body.data.tokenization is required"]
    assert creation_problems(bent(CHARGE, "data", ABSENT)) == ["body.data is required"]
    assert creation_problems(bent(CHARGE, "data", 1)) == ["body.data is the wrong type"]
    redirect_only = {**CHARGE, "urls": {"redirect": "https://shop.example"}}
    assert creation_problems(redirect_only) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"eventType": "weather"}, "hook.eventType must be an enum value"),
        ({"eventType": 5}, "hook.eventType must be an enum value"),
        ({"statuses": ["approved"]}, "hook.statuses must be an enum value"),
        ({"statuses": "order_pending"}, "hook.statuses is the wrong type"),
        ({"method": "PUT"}, "hook.method must be an enum value"),
        ({"url": "shop.example"}, "hook.url pattern mismatch"),
    ],
)
def test_a_hook_fits_the_variant_of_its_event(changes: dict, expected: str) -> None:
    hook = {**HOOK, **changes}
    assert hook_fault(hook) == expected
    assert hook_reasons({"hooks": [HOOK, hook]}) == [f"body.hooks.1: {expected}"]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("session_status", "completed"),
        ("capture_status", "approved"),
        ("refund_status", "rejected"),
        ("module_ui_status", "hidden"),
    ],
)
def test_every_event_can_be_subscribed_to(event: str, status: str) -> None:
    assert hook_fault({**HOOK, "eventType": event, "statuses": [status]}) is None


@pytest.mark.parametrize("body", [[], {"hooks": 1}, {}])
def test_the_reasons_of_a_body_without_hooks_are_none(body: object) -> None:
    assert hook_reasons(body) == []


def test_totals_of_a_create_are_checked_when_asked() -> None:
    off = bent(SESSION, "data/order/amountExVat", 1)
    assert creation_problems(off) == []
    assert creation_problems(off, check_totals=True) == [
        "body.data.order.amountExVat does not match the sum of the cart"
    ]


def made(body: dict, token: dict | None = None) -> dict:
    return new_session(body, session_id="s", created_at="now", username="me", token=token)


def test_a_new_session_holds_what_was_sent_verbatim() -> None:
    body = bent(SESSION, "data/order/cart/0/imageUrl", "https://cdn.example/mug.png")
    assert made(body)["data"] == body["data"]
    assert made(bent(SESSION, "data", ABSENT))["data"] == {}


def test_a_client_token_names_the_merchant() -> None:
    payload = client_token("s", "me").split(".")[1]
    padded = payload + "=" * (-len(payload) % 4)
    assert orjson.loads(base64.urlsafe_b64decode(padded)) == {"merchantId": "me", "sessionId": "s"}
    assert made(SESSION)["clientToken"] == client_token("s", "me")


def test_modules_show_where_the_buyer_stands() -> None:
    def statuses(body: dict) -> dict:
        return {name: part["uiStatus"] for name, part in made(body)["moduleStatus"].items()}

    assert statuses(SESSION) == {
        "company_lookup": "hidden",
        "billing": "completed",
        "shipping": "visible_optional",
        "payment": "not_yet_reached",
    }
    assert statuses(bent(BUSINESS, "data/company", ABSENT))["company_lookup"] == "visible_required"
    assert statuses(BUSINESS) == {
        "company_lookup": "completed",
        "billing": "visible_required",
        "shipping": "visible_optional",
        "payment": "not_yet_reached",
    }
    assert statuses({**SESSION, "modules": {"loadModules": ["billing"]}}) == {
        "company_lookup": "hidden",
        "billing": "completed",
        "shipping": "hidden",
        "payment": "hidden",
    }
    assert statuses({**SESSION, "product": {"type": "signup", "intent": "signup"}})["payment"] == "hidden"


def test_a_token_lends_what_the_body_leaves_out() -> None:
    token = {"customerType": "consumer", "country": "SE", "locale": "sv-se", "state": "active"}
    lent = made({**CHARGE, "locale": "en-gb"}, token)
    assert (lent["customerType"], lent["country"], lent["locale"]) == ("consumer", "SE", "en-gb")
    assert "customerType" not in made(CHARGE)
    assert made(SESSION, {"country": "NO"})["country"] == "SE"


def test_a_line_that_fits_no_variant_is_refused_at_creation_too() -> None:
    body = bent(SESSION, "data/order/cart/1", {**MUG, "productType": "adjustment"})
    assert creation_problems(body) == ["body.data.order.cart.1 no (or more than one) schemas match"]
