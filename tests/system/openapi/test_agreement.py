"""The document against those it speaks of: the sandbox that enforces it, and the client that keeps to it."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from sandbox.sandbox_samples import ADDRESS, BUSINESS, MUG, ORDER, SESSION, Shop, basic

import briqpay_async
from briqpay_async.models.limits import limits_of
from briqpay_async.sandbox import Sandbox, Switches
from briqpay_async.sandbox.api.dispatch import Api
from briqpay_async.sandbox.openapi.document import openapi_document
from briqpay_async.sandbox.state.store import ApiRequest, Store

DOCUMENT = openapi_document(Switches())
SCHEMAS = DOCUMENT["components"]["schemas"]
REGISTRY: Any = Registry().with_resource("urn:document", Resource.opaque(DOCUMENT))


@functools.cache
def validator(name: str) -> Draft202012Validator:
    schema = {"$ref": f"urn:document#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=REGISTRY, format_checker=FormatChecker(["date"]))


# --- the sandbox ----------------------------------------------------------------------------------------------

HOOK = {
    "eventType": "order_status",
    "statuses": ["order_pending"],
    "method": "POST",
    "url": "https://shop.example/",
}
TAX = {"productType": "sales_tax", "name": "Tax", "totalTaxAmount": 5}
DISCOUNT = {**MUG, "productType": "discount", "unitPrice": -5}
INPUT = {"key": "a", "type": "string", "span": 1, "component": "checkbox", "enum": ["x"], "maxLength": 3}
DATA = {
    "order": {**ORDER, "cart": [MUG, TAX, DISCOUNT]},
    "billing": ADDRESS,
    "consumer": {"dateOfBirth": "1980-02-29", "name": "Astrid"},
    "tokenization": {"tokenId": "t"},
}
MODULES = {"config": {"upsell": {"header": "More?", "hideModule": False, "customInputs": [INPUT]}}}
CHARGE = {
    "product": {"type": "payment", "intent": "payment_charge_token"},
    "data": {"tokenization": {"tokenId": "t"}},
}
OPERATION = {"data": {"order": ORDER}}
ADJUSTMENT = {**MUG, "productType": "adjustment"}

BODIES: dict[str, tuple[str, list[Any]]] = {
    "NewSession": (
        "create",
        [
            {
                **SESSION,
                "data": DATA,
                "modules": {**MODULES, "loadModules": ["billing", "payment"]},
                "hooks": [HOOK],
            },
            {
                **BUSINESS,
                "config": {"realTimeProcessing": True},
                "product": {"type": "signup", "intent": "signup"},
            },
            CHARGE,
            {**CHARGE, "customerType": "consumer", "country": "SE", "locale": "sv-se"},
        ],
    ),
    "UpdateSession": ("patch", [{"data": DATA, "modules": MODULES}, {"data": BUSINESS["data"]}, {}]),
    "UpdateMetadata": ("metadata", [{"urls": SESSION["urls"], "references": {"a": "b"}}, {}]),
    "UpdateReferences": ("references", [{"references": {"a": "b"}}]),
    "DecisionRequest": (
        "decision",
        [
            {"decision": "allow"},
            {
                "decision": "reject",
                "rejectionType": "notify_user",
                "hardError": {"message": "no"},
                "softErrors": [],
            },
        ],
    ),
    "CaptureRequest": ("capture", [OPERATION]),
    "RefundRequest": ("refund", [{**OPERATION, "captureId": "c"}]),
    "HostedPageRequest": (
        "hosted_page",
        [{"sessionId": "s", "config": {"pageTitle": "Shop", "logoUrl": "https://shop.example/l.png?v=2"}}],
    ),
}
# What is said of a body that is right, when the session or its order does not allow what it asks for.
NOT_ABOUT_FORM = re.compile(r"Cannot |Invalid |.*Calculated cart amount|.*does not match|.*!= total")


def is_accepted(endpoint: str, body: Any) -> bool:
    """Whether the sandbox finds the form of a body right, whatever it then makes of the request."""
    store = Store("merchant")
    api = Api(store, "secret")

    def answer(endpoint: str, body: Any, target: str = "") -> Any:
        request = ApiRequest(target, None, orjson.dumps(body), "application/json", 0)
        return api.answer(endpoint, basic("merchant", "secret"), request)

    # A session of a token that the sandbox does not know says nothing of its customer.
    made = answer("create", CHARGE)
    answered = answer(endpoint, body, made.session_id)
    if answered.status != 400:
        return True
    return NOT_ABOUT_FORM.match(orjson.loads(answered.body)["error"]["message"]) is not None


VALUES = st.sampled_from(
    [
        *(
            None,
            True,
            False,
            0,
            1,
            2,
            3,
            -1,
            2500,
            0.5,
            "",
            "a",
            "SE",
            "sv-se",
            "sv-SE",
            "SEK",
            "fi",
            [],
            {},
            ["x"],
        ),
        *("x" * length for length in (2, 3, 10, 11, 64, 65, 100, 101, 256, 257, 512, 513)),
        *(
            "1980-02-29",
            "1981-02-29",
            "29-02-1980",
            "https://shop.example/a.svg",
            "ftp://shop.example",
            "http:// x",
        ),
        *(
            "reject",
            "allow",
            "physical",
            "discount",
            "sales_tax",
            "adjustment",
            "gift_card",
            "business",
            "consumer",
        ),
        *("payment", "signup", "payment_charge_token", "order_status", "captured_full", "GET"),
        *([{}], [MUG], [ADJUSTMENT], {"message": "x"}, ["payment"], ["nonsense"], [HOOK] * 11, [1]),
    ]
)


def places(document: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, and one beside the members of each object."""
    inner: Any = ()
    if isinstance(document, dict):
        inner = document.items()
        yield (*here, "more")
    elif isinstance(document, list):
        inner = enumerate(document)
    for key, value in inner:
        yield (*here, key)
        yield from places(value, (*here, key))


def bent(document: Any, place: tuple[Any, ...], value: Any, *, remove: bool) -> Any:
    result = orjson.loads(orjson.dumps(document))
    parent = functools.reduce(lambda each, key: each[key], place[:-1], result)
    if not remove:
        parent[place[-1]] = value
    elif place[-1] != "more":
        del parent[place[-1]]
    return result


@pytest.mark.parametrize("name", BODIES)
def test_the_samples_are_right_for_both(name: str) -> None:
    endpoint, samples = BODIES[name]
    for sample in samples:
        assert is_accepted(endpoint, sample)
        assert list(validator(name).iter_errors(sample)) == []


@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_the_document_and_the_sandbox_refuse_the_same_bodies(name: str, data: Any) -> None:
    endpoint, samples = BODIES[name]
    body = data.draw(st.sampled_from(samples))
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(sorted(places(body), key=repr) or [("more",)]))
        body = bent(body, place, data.draw(VALUES), remove=data.draw(st.booleans()))
    assert is_accepted(endpoint, body) == validator(name).is_valid(body), orjson.dumps(body)


# --- answers --------------------------------------------------------------------------------------------------


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def shop(box: Sandbox) -> AsyncIterator[Shop]:
    headers = {"Authorization": basic(box.username, box.secret)}
    async with aiohttp.ClientSession(box.url, headers=headers) as http:
        yield Shop(http)


async def test_the_answers_of_a_whole_order_are_as_the_document_says(shop: Shop, box: Sandbox) -> None:
    async def call(method: str, path: str, template: str, body: Any = None) -> Any:
        status, answer = await shop.call(method, path, body)
        described = DOCUMENT["paths"][template][method.lower()]["responses"][str(status)]
        content = described.get("content")
        assert (answer is None) == (content is None)
        if content is not None:
            name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert [error.message for error in validator(name).iter_errors(answer)] == []
        return answer

    base = "/v3/session/{sessionId}"
    product = {"type": "payment", "intent": "payment_tokenize_and_charge"}
    session_id = (await call("POST", "/v3/session", "/v3/session", {**SESSION, "product": product}))["sessionId"]
    here = f"/v3/session/{session_id}"
    await call("PATCH", here, base, {"data": {"billing": {"city": "Lund"}}})
    await call("PATCH", f"{here}?fields=none", base, {"data": {"billing": {"city": "Lund"}}})
    await call("PATCH", f"{here}/metadata", f"{base}/metadata", {"references": {"a": "b"}})
    await call("POST", f"{here}/decision", f"{base}/decision", {"decision": "allow"})
    await call("POST", "/v3/hosted-page", "/v3/hosted-page", {"sessionId": session_id})
    box.complete(session_id)
    one = {"data": {"order": {**ORDER, "amountIncVat": 20_000, "amountExVat": 16_000, "cart": [MUG]}}}
    await call("POST", f"{here}/order/capture", f"{base}/order/capture", one)
    await call("POST", f"{here}/order/refund", f"{base}/order/refund", one)
    await call("POST", f"{here}/order/release-remaining", f"{base}/order/release-remaining")
    await call("PATCH", f"{here}/order/update/references", f"{base}/order/update/references", {"references": {}})
    await call("GET", here, base)
    (token,) = box.tokens
    await call("GET", f"/v3/token/{token}", "/v3/token/{tokenId}")
    await call("DELETE", f"/v3/token/{token}", "/v3/token/{tokenId}")
    await call("GET", "/", "/")


# --- the client -----------------------------------------------------------------------------------------------


def resolved(schema: Any) -> Any:
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return schema


def branch(schema: Any, index: int) -> Any:
    return resolved(resolved(schema)["oneOf"][index])


NEW = branch(SCHEMAS["NewSession"], 0)
UPSELL = SCHEMAS["Upsell"]
OBJECTS: dict[str, Any] = {
    "NewSession": NEW,
    "Product": NEW["properties"]["product"],
    "SessionConfig": NEW["properties"]["config"],
    "Urls": SCHEMAS["Urls"],
    "Order": SCHEMAS["Order"],
    "CartItem": branch(SCHEMAS["CartLine"], 0),
    "SalesTaxItem": branch(SCHEMAS["CartLine"], 2),
    "Address": SCHEMAS["Billing"],
    "Company": SCHEMAS["Company"],
    "Consumer": SCHEMAS["Consumer"],
    "Tokenization": SCHEMAS["Tokenization"],
    "EditableData": SCHEMAS["UpdateSession"]["properties"]["data"],
    "UpsellConfig": UPSELL,
    "CustomInput": UPSELL["properties"]["customInputs"]["items"],
    "Decision": SCHEMAS["DecisionRequest"],
    "HostedPageConfig": SCHEMAS["HostedPageRequest"]["properties"]["config"],
}
# The client is stricter here on purpose, or knows the member from elsewhere; each with the reason.
STRICTER = {
    ("Tokenization", "tokenId", "minLength"),  # an empty identifier is a bug of the caller
    ("Address", "country", "pattern"),  # sent by plugins, not in the table of the sandbox
}


def camel_case(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def members() -> Iterator[tuple[str, str, Any, Any]]:
    """Each member of each object that client and document both know: class, wire name, limits, schema."""
    for class_name, schema in OBJECTS.items():
        model = getattr(briqpay_async, class_name, None) or _model(class_name)
        fields = {limits_of(each).wire or camel_case(each.name): each for each in attrs.fields(model)}
        for wire, inner in resolved(schema)["properties"].items():
            if inner.get("not") == {}:
                continue
            assert wire in fields, f"{class_name} does not know {wire}"
            yield class_name, wire, limits_of(fields[wire]), resolved(inner)


def _model(name: str) -> Any:
    from briqpay_async.models import hosted_page, session

    return getattr(session, name, None) or getattr(hosted_page, name)


@pytest.mark.parametrize(("class_name", "wire", "limits", "schema"), list(members()))
def test_the_client_has_the_limits_of_the_document(class_name: str, wire: str, limits: Any, schema: Any) -> None:
    def expected(word: str) -> Any:
        return None if (class_name, wire, word) in STRICTER else schema.get(word)

    number = schema.get("type") == "integer"
    smallest = expected("minimum")
    if wire == "references":
        assert limits.max_length in (None, SCHEMAS["References"]["additionalProperties"]["maxLength"])
    elif wire not in ("hooks", "cart"):
        assert limits.max_length == schema.get("maxLength")
        if (class_name, wire, "minLength") not in STRICTER:
            assert limits.min_length == schema.get("minLength")
    if number:
        assert limits.minimum == (smallest if smallest is not None and smallest > -(2**53) else None)
        assert limits.choices == (tuple(schema["enum"]) if "enum" in schema else None)
    if "pattern" in schema and (class_name, wire) != ("CartItem", "currency"):
        assert limits.form is not None


@pytest.mark.parametrize("class_name", OBJECTS)
def test_the_client_requires_what_the_document_requires(class_name: str) -> None:
    model = getattr(briqpay_async, class_name, None) or _model(class_name)
    ours = {
        limits_of(each).wire or camel_case(each.name) for each in attrs.fields(model) if limits_of(each).required
    }
    assert ours - {"cart"} == set(OBJECTS[class_name].get("required", ())) - {"cart"}


@pytest.mark.parametrize(
    ("right", "wrong", "schema"),
    [
        ("SE", ("se", "SWE", ""), NEW["properties"]["country"]),
        ("sv-SE", ("fi", "SV-se", "sv_se"), NEW["properties"]["locale"]),
        ("SEK", ("sek", "SE", "KRON"), SCHEMAS["Order"]["properties"]["currency"]),
        ("1980-02-29", ("1980-2-9", "29.2.1980"), SCHEMAS["Consumer"]["properties"]["dateOfBirth"]),
        (
            "https://shop.example/x",
            ("ftp://shop.example", "shop.example", ""),
            SCHEMAS["Urls"]["properties"]["terms"],
        ),
    ],
)
def test_forms_of_text_are_the_same(right: str, wrong: tuple[str, ...], schema: Any) -> None:
    from briqpay_async.models import formats

    pattern = schema["pattern"]
    checks = [
        check
        for _, check in inspect.getmembers(formats, inspect.isfunction)
        if check.__module__ == formats.__name__
    ]
    assert re.search(pattern, right)
    assert any(check(right) is None for check in checks)
    for text in wrong:
        assert not re.search(pattern, text)
