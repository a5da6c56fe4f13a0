"""What may be shown of headers and bodies is listed; everything else is hidden."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from support.create_payloads import CREATE_WITH_TERMS
from support.session_payloads import FULL_SESSION
from support.wire_checks import at, paths, pointer

import briqpay_async as bq
from briqpay_async.redaction import HIDDEN, safe_headers, safe_value

SECRET = "s3cret-of-the-shop"


@pytest.mark.parametrize(
    "name",
    ["Content-Type", "content-length", "Date", "RETRY-AFTER", "X-Request-Id", "cf-ray", "Via", "Server", "Age"],
)
def test_a_harmless_header_is_shown_in_lower_case(name: str) -> None:
    assert safe_headers({name: "v"}) == safe_headers([(name, "v")]) == {name.lower(): "v"}


@pytest.mark.parametrize(
    "name", ["Authorization", "Set-Cookie", "Cookie", "Location", "X-Api-Key", "Proxy-Authorization", "X-New", ""]
)
def test_any_other_header_is_not(name: str) -> None:
    assert safe_headers({name: SECRET, "Date": "today"}) == {"date": "today"}


def test_no_headers_are_no_headers() -> None:
    assert safe_headers({}) == safe_headers([]) == {}


@pytest.mark.parametrize(
    "place",
    [
        "/data/order/currency",
        "/data/order/amountIncVat",
        "/data/order/amountExVat",
        "/data/order/cart/0/unitPrice",
        "/data/order/cart/12/quantity",
        "/data/order/cart/0/name",
        "/data/order/cart/0/reference",
        "/data/order/cart/0/imageUrl",
        "/data/order/cart/0/totalTaxAmount",
        "/modules/config/upsell/header",
        "/modules/config/upsell/hideModule",
        "/modules/config/upsell/customInputs/0/key",
        "/modules/config/upsell/customInputs/0/enum/3",
    ],
)
def test_goods_amounts_and_looks_are_shown(place: str) -> None:
    assert safe_value(place, 12) == "12"
    assert safe_value(place, "text") == "'text'"
    assert safe_value(place, True) == "True"


@pytest.mark.parametrize(
    "place",
    [
        "",
        "/",
        "/data",
        "/data/order",
        "/data/order/cart",
        "/data/order/cart/0",
        "/data/order/cart/0/giftMessage",
        "/data/order/cart/x/name",
        "/data/order/cart/0/name/first",
        "/data/order/name",
        "/data/order/reference",
        "/prefix/data/order/currency",
        "/data/order/currency\n",
        "/data/billing/city",
        "/data/shipping/email",
        "/data/company/cin",
        "/data/consumer/identificationNumber",
        "/data/tokenization/tokenId",
        "/modules/config/upsell",
        "/modules/config/upsell/customInputs/0",
        "/modules/config/upsell/customInputs/0/value",
        "/references/reference1",
        "/novel",
    ],
)
def test_everything_else_is_hidden(place: str) -> None:
    assert safe_value(place, SECRET) == HIDDEN
    assert safe_value(place, {"a": SECRET}) == HIDDEN


def test_a_null_is_no_secret() -> None:
    assert safe_value("/data/company/cin", None) == "None"


@pytest.mark.parametrize("document", [FULL_SESSION, CREATE_WITH_TERMS], ids=["session", "create"])
def test_nothing_about_a_person_is_ever_shown(document: dict[str, Any]) -> None:
    shown = [pointer(path) for path in paths(document) if safe_value(pointer(path), at(document, path)) != HIDDEN]
    assert shown  # the order is
    for place in shown:
        if at(document, tuple(int(s) if s.isdigit() else s for s in place.split("/")[1:])) is not None:
            assert place.startswith(("/data/order/", "/modules/config/upsell/"))


# --- the secret ------------------------------------------------------------------------------------------


def _reach(value: Any, seen: dict[int, Any], depth: int = 0) -> None:
    """Everything that hangs on a value, a few steps deep."""
    if id(value) in seen or depth > 6:
        return
    seen[id(value)] = value
    if isinstance(value, dict):
        below = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        below = list(value)
    else:
        names = [*getattr(value, "__dict__", {}), *getattr(type(value), "__slots__", ())]
        below = [getattr(value, name, None) for name in names if isinstance(name, str)]
    for entry in below:
        if not isinstance(entry, str | bytes | type) and type(entry).__module__.startswith(
            ("briqpay", "builtins")
        ):
            _reach(entry, seen, depth + 1)


def test_nothing_in_a_client_shows_the_secret() -> None:
    client = bq.BriqpayClient("shop", SECRET)
    basic = base64.b64encode(f"shop:{SECRET}".encode()).decode()
    seen: dict[int, Any] = {}
    _reach(client, seen)
    _reach(client.with_options(), seen)
    ours = [value for value in seen.values() if type(value).__module__.startswith("briqpay_async")]
    assert {type(value).__name__ for value in ours} >= {"BriqpayClient", "Sessions", "AiohttpTransport"}
    for value in ours:
        for shown in (repr(value), str(value), format(value)):
            assert SECRET not in shown
            assert basic not in shown


@pytest.mark.parametrize(
    ("username", "secret"),
    [("shop", SECRET + "\n"), ("shop:x", SECRET), ("", SECRET), ("shop", f"{SECRET}\x00")],
)
def test_refused_credentials_are_not_repeated(username: str, secret: str) -> None:
    with pytest.raises(bq.ConfigurationError) as caught:
        bq.BriqpayClient(username, secret)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_the_client_says_where_it_points() -> None:
    assert repr(bq.BriqpayClient("shop", SECRET)) == "<BriqpayClient https://playground-api.briqpay.com>"
