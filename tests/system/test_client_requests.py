"""What each method of a client puts on the wire, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import base64
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp
import attrs
import orjson
import pytest
from aioresponses import aioresponses
from support.shop import address, data, line, new_session
from yarl import URL

from briqpay_async import (
    APIError,
    AuthenticationError,
    BriqpayClient,
    BriqpayError,
    CartItem,
    ConfigurationError,
    ConflictError,
    Decision,
    EditableData,
    InvalidDataError,
    NewSession,
    Order,
    OutcomeUnknownError,
    PatchNotAppliedError,
    Product,
    RateLimitedError,
    ResponseDecodeError,
    RetryPolicy,
    ServerError,
    Session,
    SessionCompletedError,
    SessionData,
    SessionNotFoundError,
    SessionPatch,
    TotalsMismatchError,
    Urls,
    ValidationError,
)
from briqpay_async.version import __version__

BASE = "https://api.example"
ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"
PATH = f"{BASE}/v3/session/{ID}"
CITY = SessionPatch.between(data(), data(billing=address(city="Malmö")))

# of Any and not of BriqpayClient, because some of these calls are wrong on purpose
Call = Callable[[Any], Awaitable[Any]]


@pytest.fixture
async def briqpay() -> AsyncIterator[BriqpayClient]:
    retry = RetryPolicy(base=0.001, cap=0.001)
    async with BriqpayClient("shöp", "sécret", base_url=BASE, retry=retry) as running:
        yield running


def only_request(mock: aioresponses) -> tuple[str, str, dict[str, Any]]:
    """Method, URL and options of the one request that was made."""
    ((method, url), calls), *others = mock.requests.items()
    assert (len(calls), others) == (1, [])
    return method, str(url), calls[0].kwargs


CALLS: list[tuple[str, Call, str, str, Any]] = [
    ("read", lambda b: b.sessions.read(ID), "GET", PATH, None),
    ("update", lambda b: b.sessions.update(ID, CITY), "PATCH", PATH, {"data": {"billing": {"city": "Malmö"}}}),
    (
        "urls",
        lambda b: b.sessions.update_metadata(ID, urls=Urls(redirect="https://shop.example/r")),
        "PATCH",
        f"{PATH}/metadata",
        {"urls": {"redirect": "https://shop.example/r"}},
    ),
    (
        "references",
        lambda b: b.sessions.update_metadata(ID, references={"reference1": "1"}),
        "PATCH",
        f"{PATH}/metadata",
        {"references": {"reference1": "1"}},
    ),
    (
        "allow",
        lambda b: b.sessions.decide(ID, Decision.allow()),
        "POST",
        f"{PATH}/decision",
        {"decision": "allow"},
    ),
    (
        "reject",
        lambda b: b.sessions.decide(ID, Decision.reject(hard_error="No", soft_errors=["Zip"])),
        "POST",
        f"{PATH}/decision",
        {
            "decision": "reject",
            "rejectionType": "notify_user",
            "hardError": {"message": "No"},
            "softErrors": [{"message": "Zip"}],
        },
    ),
    (
        "create",
        lambda b: b.sessions.create(new_session(EditableData(billing=address()))),
        "POST",
        f"{BASE}/v3/session",
        {
            "product": {"type": "payment", "intent": "payment_one_time"},
            "customerType": "consumer",
            "country": "SE",
            "locale": "sv-se",
            "urls": {"terms": "https://shop.example/terms", "redirect": "https://shop.example/done"},
            "data": {
                "billing": {
                    "streetAddress": "Storgatan 1",
                    "zip": "22222",
                    "city": "Lund",
                    "email": "ada@shop.example",
                }
            },
        },
    ),
]


@pytest.mark.parametrize(
    ("call", "method", "url", "body"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS]
)
async def test_every_method_sends_exactly_its_request(
    briqpay: BriqpayClient, http_mock: aioresponses, *, call: Call, method: str, url: str, body: Any
) -> None:
    http_mock.add(url, method, payload={"sessionId": ID})
    await call(briqpay)
    sent_method, sent_url, options = only_request(http_mock)
    assert (sent_method, sent_url) == (method, url)
    assert (None if options["data"] is None else orjson.loads(options["data"])) == body
    token = base64.b64encode("shöp:sécret".encode()).decode()
    assert options["headers"] == {
        "Accept": "application/json",
        "Authorization": f"Basic {token}",
        "Content-Type": "application/json",
        "User-Agent": (
            f"briqpay-async/{__version__} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"
        ),
    }
    assert options["allow_redirects"] is False


FIELD_CALLS: list[tuple[str, Callable[[BriqpayClient, Any], Awaitable[Any]], str, str]] = [
    ("read", lambda b, fields: b.sessions.read(ID, fields), "GET", PATH),
    ("update", lambda b, fields: b.sessions.update(ID, CITY, fields), "PATCH", PATH),
    (
        "metadata",
        lambda b, fields: b.sessions.update_metadata(ID, references={}, fields=fields),
        "PATCH",
        f"{PATH}/metadata",
    ),
    ("create", lambda b, fields: b.sessions.create(new_session(), fields), "POST", f"{BASE}/v3/session"),
]
each_with_fields = pytest.mark.parametrize(
    ("call", "method", "url"), [row[1:] for row in FIELD_CALLS], ids=[row[0] for row in FIELD_CALLS]
)


@each_with_fields
async def test_fields_become_the_query_and_limit_the_answer(
    briqpay: BriqpayClient, http_mock: aioresponses, call: Any, method: str, url: str
) -> None:
    http_mock.add(f"{url}?fields=status,data", method, payload={"status": "started"})
    session = await call(briqpay, ("status", "data"))
    assert (session.status, session.session_id) == ("started", None)


@each_with_fields
async def test_fields_none_returns_nothing(
    briqpay: BriqpayClient, http_mock: aioresponses, call: Any, method: str, url: str
) -> None:
    http_mock.add(f"{url}?fields=none", method, status=204)
    assert await call(briqpay, "none") is None


@each_with_fields
async def test_an_empty_answer_where_a_session_was_asked_for_is_an_error(
    briqpay: BriqpayClient, http_mock: aioresponses, call: Any, method: str, url: str
) -> None:
    http_mock.add(url, method, status=204)
    with pytest.raises(ResponseDecodeError, match="no body"):
        await call(briqpay, None)


@each_with_fields
async def test_bad_fields_send_nothing(
    briqpay: BriqpayClient, http_mock: aioresponses, call: Any, method: str, url: str
) -> None:
    for fields in ("data", [], ["none"], ["a&b"], 5):
        with pytest.raises(ValidationError):
            await call(briqpay, fields)
    http_mock.assert_not_called()


async def test_a_decision_has_no_answer(briqpay: BriqpayClient, http_mock: aioresponses) -> None:
    http_mock.post(f"{PATH}/decision", status=204)
    assert await briqpay.sessions.decide(ID, Decision.allow()) is None  # type: ignore[func-returns-value]


async def test_a_created_session_without_an_id_is_an_error(
    briqpay: BriqpayClient, http_mock: aioresponses
) -> None:
    http_mock.post(f"{BASE}/v3/session", status=201, payload={"status": "started"})
    with pytest.raises(ResponseDecodeError, match="names no session") as caught:
        await briqpay.sessions.create(new_session())
    assert (caught.value.pointer, caught.value.status) == ("/sessionId", 201)


async def test_a_decode_error_names_its_call_like_every_other_error(
    briqpay: BriqpayClient, http_mock: aioresponses
) -> None:
    http_mock.get(PATH, body="<html>")
    with pytest.raises(ResponseDecodeError) as caught:
        await briqpay.sessions.read(ID)
    error = caught.value
    assert (error.method, error.path, error.attempts) == ("GET", f"/v3/session/{ID}", 1)
    assert error.call_id


async def test_an_unapplied_patch_names_its_call_like_every_other_error(
    briqpay: BriqpayClient, http_mock: aioresponses
) -> None:
    http_mock.patch(PATH, payload={"sessionId": ID, "data": {"billing": {"city": "Lund"}}})
    with pytest.raises(PatchNotAppliedError) as caught:
        await briqpay.sessions.update(ID, CITY)
    error = caught.value
    assert (error.method, error.path, error.status, error.attempts) == ("PATCH", f"/v3/session/{ID}", 200, 1)
    assert error.call_id


@pytest.mark.parametrize(
    ("status", "code", "cls"),
    [
        (400, "INVALID_DATA", InvalidDataError),
        (400, "SESSION_NOT_FOUND", SessionNotFoundError),
        (409, "SESSION_ALREADY_COMPLETED", SessionCompletedError),
        (401, None, AuthenticationError),
        (403, None, AuthenticationError),
        (409, None, ConflictError),
        (404, None, APIError),
        (429, None, RateLimitedError),
        (500, None, ServerError),
        (503, None, ServerError),
    ],
)
@pytest.mark.parametrize(("call", "method", "url"), [row[1:4] for row in CALLS], ids=[row[0] for row in CALLS])
async def test_every_method_raises_what_the_api_answers(
    briqpay: BriqpayClient,
    http_mock: aioresponses,
    *,
    call: Call,
    method: str,
    url: str,
    status: int,
    code: str | None,
    cls: type[BriqpayError],
) -> None:
    http_mock.add(url, method, status=status, payload={"error": {"code": code, "message": "so"}}, repeat=True)
    if cls is ServerError and method == "POST":  # it does not say how far the request got
        cls = OutcomeUnknownError
    with pytest.raises(cls, match="so") as caught:
        await call(briqpay)
    assert type(caught.value) is cls
    assert (caught.value.status, caught.value.code) == (status, code)
    assert (caught.value.method, caught.value.path) == (method, URL(url).path)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(briqpay: BriqpayClient, http_mock: aioresponses, status: int) -> None:
    http_mock.get(PATH, status=status, headers={"Location": f"{BASE}/elsewhere"})
    http_mock.get(f"{BASE}/elsewhere", payload={"sessionId": ID})
    with pytest.raises(APIError) as caught:
        await briqpay.sessions.read(ID)
    assert caught.value.status == status
    only_request(http_mock)


# --- nothing is sent -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "session_id",
    ["", "abc", ID[:-1], ID + "0", f"{ID}/x", f"{{{ID}}}", ID.replace("-", ""), f"urn:uuid:{ID}", " " + ID[1:],
     None, 5, ID.encode(), "../" * 12],
)  # fmt: skip
async def test_what_is_no_uuid_makes_no_request(
    briqpay: BriqpayClient, http_mock: aioresponses, session_id: Any
) -> None:
    calls = (
        briqpay.sessions.read(session_id),
        briqpay.sessions.update(session_id, CITY),
        briqpay.sessions.update_metadata(session_id, references={}),
        briqpay.sessions.decide(session_id, Decision.allow()),
        briqpay.sessions.edit(session_id).__aenter__(),
        briqpay.sessions.edit(Session(session_id=session_id)).__aenter__(),
    )
    for call in calls:
        with pytest.raises(ValidationError) as caught:
            await call
        assert caught.value.problems[0][0] == "/sessionId"
    http_mock.assert_not_called()


async def test_a_uuid_object_is_an_identifier_too(briqpay: BriqpayClient, http_mock: aioresponses) -> None:
    http_mock.get(PATH, payload={"sessionId": ID})
    assert (await briqpay.sessions.read(UUID(ID))).session_id == ID  # type: ignore[arg-type]


@pytest.mark.parametrize("other", [UUID(ID), ID.upper()])
async def test_one_session_under_another_spelling_of_its_id_is_still_updated_in_turn(
    briqpay: BriqpayClient, http_mock: aioresponses, other: Any
) -> None:
    under_way = most = 0

    async def slowly(_url: URL, **_options: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(10):
            await asyncio.sleep(0)
        under_way -= 1

    for url in (f"{PATH}?fields=none",):
        http_mock.patch(url, status=204, callback=slowly, repeat=True)
    async with asyncio.TaskGroup() as group:
        for session_id in (ID, other):
            group.create_task(briqpay.sessions.update(session_id, CITY, fields="none"))
    assert most == 1


@pytest.mark.parametrize("other", [UUID(ID), ID.upper()])
async def test_a_capture_under_another_spelling_of_the_id_does_not_overlap_an_update(
    briqpay: BriqpayClient, http_mock: aioresponses, other: Any
) -> None:
    under_way: list[str] = []
    overlaps: list[list[str]] = []

    async def slowly(url: URL, **_options: Any) -> None:
        under_way.append(url.path)
        overlaps.extend([under_way.copy()] if len(under_way) > 1 else [])
        for _ in range(10):
            await asyncio.sleep(0)
        under_way.remove(url.path)

    http_mock.patch(f"{PATH}?fields=none", status=204, callback=slowly)
    http_mock.post(f"{PATH}/order/capture", payload={"captureId": "c"}, callback=slowly)
    async with asyncio.TaskGroup() as group:
        group.create_task(briqpay.sessions.update(ID, CITY, fields="none"))
        order = data().order
        assert order is not None
        group.create_task(briqpay.orders.capture(other, order, before=Session(session_id=ID)))
    assert overlaps == []


BAD_ORDER = Order(
    currency="SEK", amount_inc_vat=1, amount_ex_vat=1, cart=(CartItem(product_type="physical", name="x"),)
)
INVALID: list[tuple[str, Call, str]] = [
    ("create nothing", lambda b: b.sessions.create(None), ""),
    ("create a dict", lambda b: b.sessions.create({}), ""),
    (
        "create empty",
        lambda b: b.sessions.create(
            NewSession(product=None, customer_type=None, country=None, locale=None, urls=None)
        ),
        "/product",
    ),
    (
        "create a bad order",
        lambda b: b.sessions.create(new_session(EditableData(order=BAD_ORDER))),
        "/data/order/cart/0/quantity",
    ),
    ("update with a dict", lambda b: b.sessions.update(ID, {"data": {}}), ""),
    ("update with nothing", lambda b: b.sessions.update(ID, None), ""),
    ("no metadata", lambda b: b.sessions.update_metadata(ID), ""),
    (
        "urls of another class",
        lambda b: b.sessions.update_metadata(ID, urls={"redirect": "https://a.example"}),
        "/urls",
    ),
    (
        "urls without redirect",
        lambda b: b.sessions.update_metadata(ID, urls=Urls(redirect=None)),
        "/urls/redirect",
    ),
    ("references list", lambda b: b.sessions.update_metadata(ID, references=["a"]), "/references"),
    ("references int", lambda b: b.sessions.update_metadata(ID, references={"a": 1}), "/references/a"),
    ("references long", lambda b: b.sessions.update_metadata(ID, references={"a": "x" * 513}), "/references/a"),
    (
        "references surrogate",
        lambda b: b.sessions.update_metadata(ID, references={"a": "\ud800"}),
        "/references/a",
    ),
    (
        "references surrogate name",
        lambda b: b.sessions.update_metadata(ID, references={"\ud800": "a"}),
        "/references",
    ),
    ("reject without type", lambda b: b.sessions.decide(ID, Decision(decision="reject")), "/rejectionType"),
    ("decide nothing", lambda b: b.sessions.decide(ID, None), ""),
    ("decide text", lambda b: b.sessions.decide(ID, "allow"), ""),
    ("decide another model", lambda b: b.sessions.decide(ID, Product(type="payment", intent="x")), ""),
    ("header injection", lambda b: b.sessions.read(ID, headers={"X-A": "b\r\nX-B: c"}), "/headers/X-A"),
    (
        "own header",
        lambda b: b.sessions.update(ID, CITY, headers={"authorization": "x"}),
        "/headers/authorization",
    ),
    ("headers list", lambda b: b.sessions.decide(ID, Decision.allow(), headers=["X"]), "/headers"),
]


@pytest.mark.parametrize(("call", "pointer"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
async def test_what_the_api_would_refuse_sends_nothing(
    briqpay: BriqpayClient, http_mock: aioresponses, call: Call, pointer: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        await call(briqpay)
    assert any(found.startswith(pointer) for found, _ in caught.value.problems), caught.value.problems
    http_mock.assert_not_called()


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "5", True])
async def test_an_invalid_timeout_sends_nothing(
    briqpay: BriqpayClient, http_mock: aioresponses, timeout: Any
) -> None:
    with pytest.raises(ConfigurationError, match="duration"):
        await briqpay.sessions.read(ID, timeout=timeout)
    http_mock.assert_not_called()


async def test_a_patch_that_changes_nothing_makes_no_request(
    briqpay: BriqpayClient, http_mock: aioresponses
) -> None:
    assert await briqpay.sessions.update(ID, SessionPatch.between(data(), data())) is None
    async with briqpay.sessions.edit(Session(session_id=ID, data=SessionData(billing=address()))) as builder:
        builder.billing.update(city="Lund")
    assert builder.session is not None
    assert builder.session.session_id == ID
    http_mock.assert_not_called()


async def test_a_block_that_raises_sends_nothing(briqpay: BriqpayClient, http_mock: aioresponses) -> None:
    async def edit_and_fail() -> None:
        async with briqpay.sessions.edit(Session(session_id=ID, data=SessionData(billing=address()))) as builder:
            builder.billing.update(city="Malmö")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await edit_and_fail()
    http_mock.assert_not_called()


# --- headers and totals ----------------------------------------------------------------------------------


async def test_extra_headers_are_sent_beside_the_client_s_own(
    briqpay: BriqpayClient, http_mock: aioresponses
) -> None:
    http_mock.get(PATH, payload={"sessionId": ID})
    await briqpay.sessions.read(ID, headers={"X-Trace": "abc", "User-Agent": "mine/1"})
    headers = only_request(http_mock)[2]["headers"]
    assert (headers["X-Trace"], headers["User-Agent"]) == ("abc", "mine/1")
    assert headers["Authorization"].startswith("Basic ")


def wrong_totals() -> EditableData:
    return EditableData(
        order=Order(currency="SEK", amount_inc_vat=1, amount_ex_vat=8000, cart=(line(unit_price=8000),))
    )


TOTALS: list[Call] = [
    lambda b: b.sessions.create(new_session(wrong_totals())),
    lambda b: b.sessions.update(ID, SessionPatch.of(data=wrong_totals())),
]


@pytest.mark.parametrize("call", TOTALS, ids=["create", "update"])
async def test_totals_that_do_not_add_up_are_refused_where_the_client_is_strict(
    briqpay: BriqpayClient, http_mock: aioresponses, call: Call
) -> None:
    with pytest.raises(TotalsMismatchError, match=r"/data/order/amountIncVat is 1, lines give 10000") as caught:
        await call(briqpay.with_options(check_totals="error"))
    assert [one.pointer for one in caught.value.discrepancies] == ["/amountIncVat"]
    http_mock.assert_not_called()


@pytest.mark.parametrize("call", TOTALS, ids=["create", "update"])
@pytest.mark.parametrize(("check_totals", "warnings"), [("warn", 1), ("off", 0)])
async def test_totals_that_do_not_add_up_are_logged_or_not_looked_at(
    briqpay: BriqpayClient,
    http_mock: aioresponses,
    caplog: pytest.LogCaptureFixture,
    *,
    call: Call,
    check_totals: Any,
    warnings: int,
) -> None:
    http_mock.post(f"{BASE}/v3/session", payload={"sessionId": ID})
    http_mock.patch(PATH, payload={"sessionId": ID})
    await call(briqpay.with_options(check_totals=check_totals))
    found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(found) == warnings
    assert all("amountIncVat is 1, lines give 10000" in text for text in found)


async def test_a_session_can_begin_without_data(briqpay: BriqpayClient, http_mock: aioresponses) -> None:
    http_mock.post(f"{BASE}/v3/session", payload={"sessionId": ID})
    await briqpay.sessions.create(attrs.evolve(new_session(), data=None))
    assert "data" not in orjson.loads(only_request(http_mock)[2]["data"])


async def test_totals_that_add_up_pass_the_strict_client(briqpay: BriqpayClient, http_mock: aioresponses) -> None:
    http_mock.post(f"{BASE}/v3/session", payload={"sessionId": ID})
    session = await briqpay.with_options(check_totals="error").sessions.create(new_session())
    assert session.session_id == ID
