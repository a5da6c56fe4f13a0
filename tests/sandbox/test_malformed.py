"""Whatever is sent, the answer is one of the API's: never a 500, never a traceback."""

import asyncio
import gzip
import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.sandbox_samples import BUSINESS, GONE, MUG, ORDER, SESSION, Shop, basic, message

from briqpay_async.sandbox import Sandbox, Switches
from briqpay_async.sandbox.api.dispatch import HANDLERS, Api
from briqpay_async.sandbox.state.completion import complete
from briqpay_async.sandbox.state.request_log import BODIES_LIMIT, RequestLog
from briqpay_async.sandbox.state.store import ApiRequest, Store


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def head(line: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [line, "Host: 127.0.0.1", "Connection: close", *headers]
    if "Transfer-Encoding: chunked" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def exchange(box: Sandbox, raw: bytes) -> bytes:
    host, port = box.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("path", ["/v3/session", "/_sandbox/faults"])
async def test_a_body_that_is_not_packed_as_it_says_is_a_400(box: Sandbox, encoding: str, path: str) -> None:
    raw = head(
        f"POST {path} HTTP/1.1",
        f"Authorization: {basic(box.username, box.secret)}",
        "Content-Type: application/json",
        f"Content-Encoding: {encoding}",
        body=b"this is not packed",
    )
    assert b" 400 Bad Request" in (await exchange(box, raw)).split(b"\r\n")[0]


async def test_a_packed_body_is_unpacked(shop: Shop) -> None:
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    body = io.BytesIO(gzip.compress(orjson.dumps(SESSION)))
    assert (await shop.call("POST", "/v3/session", data=body, headers=packed))[0] == 201


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /v3/session/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        head("POST /v3/session HTTP/1.1", "Transfer-Encoding: chunked", body=b"ZZ\r\n"),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_400(box: Sandbox, raw: bytes) -> None:
    assert b" 400 Bad Request" in (await exchange(box, raw)).split(b"\r\n")[0]


async def test_a_client_that_leaves_in_the_middle_of_a_control_request_is_forgotten(box: Sandbox) -> None:
    host, port = box.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /_sandbox/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert b" 200 OK" in await exchange(box, head("GET /_sandbox/effects HTTP/1.1"))


@pytest.mark.parametrize("opening", ['{"a":', "["])
async def test_a_body_nested_too_deeply_to_be_answered_is_refused(shop: Shop, box: Sandbox, opening: str) -> None:
    closing = "}" if opening != "[" else "]"
    deep = f"{opening * 239}1{closing * 239}".encode()
    body = orjson.dumps(SESSION).replace(b'"Malm\xc3\xb6"', b'"Malmo","x":' + deep)
    assert message(await shop.call("POST", "/v3/session", body)) == "400 INVALID_DATA: body is nested too deeply"
    assert len(box.sessions) == 0
    session_id = await shop.create()
    completion = f"/_sandbox/sessions/{session_id}/complete"
    answer = await shop.call("POST", completion, b'{"data":{"x":' + deep + b"}}")
    assert message(answer) == "400 INVALID_DATA: body is nested too deeply"


async def test_many_lines_are_not_deep(shop: Shop) -> None:
    assert await shop.create({**SESSION, "data": {"order": {**ORDER, "cart": [MUG] * 300}}})


async def test_a_fault_that_could_not_be_answered_is_refused(shop: Shop) -> None:
    impossible: list[dict[str, Any]] = [
        {"kind": "status", "retry_after": "date:soon"},
        {"kind": "status", "retry_after": "date:1e30"},
        {"kind": "status", "retry_after": "1\r\nX: y"},
        {"kind": "oversized", "size": 2**40},
        {"kind": "lognormal_latency", "sigma": 1e300},
    ]
    for fault in impossible:
        answer = await shop.call("POST", "/_sandbox/faults", fault)
        assert message(answer).startswith("400 INVALID_FAULT: "), fault


# --- random bodies, without a socket ----------------------------------------------------------------------

_LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
_CAPTURE = {"data": {"order": ORDER}}
_BODIES: list[Any] = [
    SESSION,
    BUSINESS,
    {"data": SESSION["data"], "modules": {"config": {"upsell": {"customInputs": [{"key": "a"}], "header": "x"}}}},
    {
        **SESSION,
        "hooks": [
            {"eventType": "order_status", "statuses": ["order_pending"], "method": "GET", "url": "http://a"}
        ],
    },
    {**SESSION, "modules": {"loadModules": ["payment"], "config": {"payment": {"decision": {"enabled": True}}}}},
    {"product": {"type": "payment", "intent": "payment_charge_token"}, "data": {"tokenization": {"tokenId": "t"}}},
    _CAPTURE,
    {**_CAPTURE, "captureId": GONE},
    {
        "decision": "reject",
        "rejectionType": "notify_user",
        "softErrors": [{"message": "a"}],
        "hardError": {"message": ""},
    },
    {"sessionId": GONE, "config": {"logoUrl": "https://a/b.png", "pageTitle": "abc"}},
    {"references": {"reference1": "a"}, "urls": {"redirect": "https://a.b"}},
]


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every member and item in a document, as its container and its key."""
    items = list(document.items() if isinstance(document, dict) else enumerate(document))
    inner = [place for _, value in items if isinstance(value, dict | list) for place in _places(value)]
    return [(document, key) for key, _ in items] + inner


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body of the API with up to three places changed or removed, or any JSON, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=20) | _JSON.map(orjson.dumps))
    body = orjson.loads(orjson.dumps(draw(st.sampled_from(_BODIES))))
    for _ in range(draw(st.integers(0, 3))):
        places = _places(body)
        if not places:
            break
        container, key = places[draw(st.integers(0, len(places) - 1))]
        if isinstance(container, dict) and draw(st.booleans()):
            del container[key]
        else:
            container[key] = draw(_JSON)
    return orjson.dumps(body)


@given(
    data=st.data(),
    body=bodies(),
    switches=st.sampled_from([{}, {"vocabulary": "missing"}, {"check_totals": True}]),
)
def test_no_body_is_too_strange_to_be_answered(data: st.DataObject, body: bytes, switches: Any) -> None:
    store = Store("m", Switches(**switches))
    api = Api(store, "s")
    credentials = basic("m", "s")

    def call(endpoint: str, target: str, raw: bytes) -> Any:
        return api.answer(endpoint, credentials, ApiRequest(target, None, raw, "application/json", 1))

    session_id = call("create", "", orjson.dumps(SESSION)).session_id
    if data.draw(st.booleans(), "complete"):
        complete(store, session_id)
        if data.draw(st.booleans(), "capture"):
            call("capture", session_id, orjson.dumps(_CAPTURE))
    for endpoint in data.draw(st.lists(st.sampled_from(sorted(HANDLERS)), min_size=1, max_size=4), "endpoints"):
        raw = body.replace(GONE.encode(), session_id.encode())
        answer = call(endpoint, session_id, raw)
        assert answer.status < 500
        if answer.body is not None:
            orjson.loads(answer.body)


# --- memory ---------------------------------------------------------------------------------------------


async def test_the_oldest_sessions_go_when_there_are_too_many(opened: Any) -> None:
    sandbox, shop = await opened(session_limit=2)
    sandbox.faults.add("lagging_reads", reads=1)
    first, second, third = [await shop.create() for _ in range(3)]
    assert list(sandbox.sessions) == [second, third]
    assert (await shop.patch(first, {}))[0] == 400
    await shop.patch(second, {"data": {}})  # not made later by being changed
    await shop.create()
    assert third in sandbox.sessions
    assert second not in sandbox.sessions
    sandbox.reset()
    assert len({await shop.create(), await shop.create()} & set(sandbox.sessions)) == 2


async def test_the_oldest_hosted_pages_go_too(opened: Any) -> None:
    sandbox, shop = await opened(session_limit=1)
    session_id = await shop.create()
    for _ in range(3):
        await shop.call("POST", "/v3/hosted-page", {"sessionId": session_id})
    assert len(sandbox.hosted_pages) == 1


def test_large_bodies_are_kept_for_fewer_requests() -> None:
    journal = RequestLog(limit=100, bodies=100)
    large = bytes(BODIES_LIMIT // 4)
    for _ in range(10):
        journal.keep_body(journal.open("POST", "/", "", "create", None), large)
    assert sum(record.body is not None for record in journal) == 4
    journal.clear()
    for _ in range(4):
        journal.keep_body(journal.open("POST", "/", "", "create", None), large)
    assert all(record.body is not None for record in journal)
