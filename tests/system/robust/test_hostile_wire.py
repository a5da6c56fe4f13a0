"""Whatever the server sends, a call ends with a model or an error of this library, and the client works on."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import resource
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.shop import address, data, line, new_session
from system.robust.robust_wire import (
    BODY,
    MAX_BODY,
    SESSION_ID,
    Serve,
    Wire,
    chunked,
    connections_in_use,
    drips,
    floods,
    http,
    says,
    says_and_closes,
    says_then,
)

from briqpay_async import (
    APIError,
    BriqpayClient,
    BriqpayError,
    CallTimeoutError,
    Decision,
    OutcomeUnknownError,
    Pool,
    ResponseDecodeError,
    RetryPolicy,
    ServerError,
    Session,
    SessionPatch,
    SessionUpdate,
    TransportError,
    unstructure,
)

PATIENCE = 20.0  # seconds, of which no call needs many
Call = Callable[[BriqpayClient, float], Awaitable[Any]]

PATCH = SessionPatch.between(data(), data(billing=address(city="Malmö")))
GIBBERISH = (TransportError,)
NONSENSE = (ResponseDecodeError,)
EITHER = (TransportError, ResponseDecodeError)  # whichever limit is met first; a deadline is one too


async def _edit(briqpay: BriqpayClient, timeout: float) -> None:
    async with briqpay.sessions.edit(SESSION_ID, timeout=timeout) as builder:
        builder.billing.update(city="Lund")
        assert unstructure(builder.data)  # an edit decodes only the sections that it changes or reads


async def _bulk(briqpay: BriqpayClient, timeout: float) -> Session | None:
    async for outcome in briqpay.sessions.update_many(
        [SessionUpdate(SESSION_ID, PATCH)], fields=None, timeout=timeout
    ):
        if outcome.error is not None:
            raise outcome.error
        return outcome.session
    return None


SAFE: dict[str, Call] = {
    "read": lambda briqpay, timeout: briqpay.sessions.read(SESSION_ID, timeout=timeout),
    "update": lambda briqpay, timeout: briqpay.sessions.update(SESSION_ID, PATCH, timeout=timeout),
    "metadata": lambda briqpay, timeout: briqpay.sessions.update_metadata(
        SESSION_ID, references={"a": "b"}, timeout=timeout
    ),
    "bulk": _bulk,
    "edit": _edit,
}
UNSAFE: dict[str, Call] = {
    "create": lambda briqpay, timeout: briqpay.sessions.create(new_session(), timeout=timeout),
    "decide": lambda briqpay, timeout: briqpay.sessions.decide(SESSION_ID, Decision.allow(), timeout=timeout),
}


def json(body: bytes, *headers: str, kind: str = "application/json") -> Serve:
    return says(http(body, "200 OK", *headers, kind=kind))


def status_line(line: bytes) -> Serve:
    return says_and_closes(line + b"\r\nContent-Length: 2\r\n\r\n{}")


def header(line: bytes) -> Serve:
    return says_and_closes(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n" + BODY)


def packed(body: bytes, encoding: str = "gzip") -> Serve:
    return says(http(body, "200 OK", f"Content-Encoding: {encoding}"))


ZEROS = bytes(50_000_000)
GZIP_BOMB = gzip.compress(ZEROS, 1)
DEFLATE_BOMB = zlib.compress(ZEROS, 1)
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DEEP = 100_000
ORDER = BODY[:-1] + b',"data":{"order":%s}}'
AMOUNT = ORDER % b'{"amountIncVat":%s}'

# Answers whose size has no end, or that swell when they are unpacked.
HUGE: dict[str, tuple[Serve, tuple[type[BriqpayError], ...]]] = {
    "declared": (says(http(bytes(MAX_BODY + 1))), NONSENSE),
    "declared, and never ending": (
        floods(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", b"x"),
        NONSENSE,
    ),
    "until the connection closes": (floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), NONSENSE),
    "large chunks": (floods(CHUNKED_HEAD, b"10000\r\n" + b"x" * 65536 + b"\r\n"), NONSENSE),
    "tiny chunks": (floods(CHUNKED_HEAD, b"1\r\nx\r\n", 800_000), EITHER),
    "one chunk's extension": (floods(CHUNKED_HEAD + b"5;", b"x", 3_000_000), EITHER),
    "trailers": (floods(CHUNKED_HEAD + b"0\r\n", b"X-A: b\r\n"), EITHER),
    "gzip bomb": (packed(GZIP_BOMB), NONSENSE),
    "gzip bomb in chunks": (says(chunked(GZIP_BOMB, b"", headers=b"Content-Encoding: gzip\r\n")), NONSENSE),
    "deflate bomb": (packed(DEFLATE_BOMB, "deflate"), NONSENSE),
    "gzip bomb as an error page": (says(http(GZIP_BOMB, "502 Oops", "Content-Encoding: gzip")), NONSENSE),
    "gzip bomb in a gzip bomb": (packed(gzip.compress(GZIP_BOMB), "gzip, gzip"), EITHER),
    "headers": (floods(b"HTTP/1.1 200 OK\r\n", b"X-A: bbbbbbbb\r\n"), GIBBERISH),
    "a header": (floods(b"HTTP/1.1 200 OK\r\nX-A: ", b"b"), GIBBERISH),
    "a header's name": (floods(b"HTTP/1.1 200 OK\r\n", b"b"), GIBBERISH),
    "a status line": (floods(b"HTTP/1.1 200 ", b"O"), GIBBERISH),
    "answers that are to be continued": (
        floods(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 1_000_000),
        (TransportError,),
    ),
}

NO_HTTP: dict[str, Serve] = {
    "nothing": says_and_closes(b""),
    "binary": says_and_closes(b"\x00\xff\xfe\r\n\r\n"),
    "HTTP/0.9": says_and_closes(b"<html>hello</html>"),
    "HTTP/9.9": status_line(b"HTTP/9.9 200 OK"),
    "HTTP/2": says_and_closes(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"),
    "TLS": says_and_closes(b"\x15\x03\x01\x00\x02\x02\x16"),
    "SMTP": says_and_closes(b"220 mail.example ESMTP\r\n"),
    "a status of letters": status_line(b"HTTP/1.1 2xx OK"),
    "a status of two digits": status_line(b"HTTP/1.1 42 OK"),
    "a status of five digits": status_line(b"HTTP/1.1 99999 OK"),
    "a negative status": status_line(b"HTTP/1.1 -200 OK"),
    "a head that breaks off": says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a zero in a header": header(b"X-A: a\x00b"),
    "a header without a name": header(b": a"),
    "lengths that differ": header(b"Content-Length: 2\r\nContent-Length: 5"),
    "a negative length": header(b"Content-Length: -5"),
    "a length with a sign": header(b"Content-Length: +52"),
    "a length of letters": header(b"Content-Length: abc"),
    "a length without end": header(b"Content-Length: 1" + b"0" * 400),
    "a length and chunks": header(b"Content-Length: 52\r\nTransfer-Encoding: chunked"),
    "a length too large": header(b"Content-Length: %d" % (len(BODY) + 3)),
    "chunks that are none": says_and_closes(CHUNKED_HEAD + b"nonsense\r\n"),
    "a chunk that breaks off": says_and_closes(CHUNKED_HEAD + b"ff\r\n{"),
    "chunks without an end": says_and_closes(chunked(BODY)),
    "gzip that is none": packed(b"nope"),
    "gzip with something after it": packed(gzip.compress(BODY) + b"junk"),
}

UNDECODABLE: dict[str, Serve] = {
    "no body": json(b""),
    "spaces": json(b" \n"),
    "a number": json(b"1"),
    "a text": json(b'"x"'),
    "an array": json(b"[]"),
    "an array of sessions": json(b"[%s]" % BODY),
    "null": json(b"null"),
    "half of it": json(BODY[:-2]),
    "two of them": json(BODY * 2),
    "deep arrays": json(b"[" * DEEP + b"]" * DEEP),
    "arrays that only open": json(b"[" * DEEP),
    "deep objects": json(b'{"a":' * (DEEP // 4) + b"1" + b"}" * (DEEP // 4)),
    "depth in an unknown member": json(BODY[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}"),
    "depth in a known member": json(b'{"references":' + b'{"a":' * 2000 + b"1" + b"}" * 2001),
    "NaN": json(AMOUNT % b"NaN"),
    "Infinity": json(AMOUNT % b"Infinity"),
    "-Infinity as a whole": json(b"-Infinity"),
    "an integer of 400 digits": json(AMOUNT % (b"1" + b"0" * 400)),
    "an unknown integer of 400 digits": json(b'{"unknown":1%s}' % (b"0" * 400)),
    "an integer of 30 digits": json(AMOUNT % (b"1" + b"0" * 30)),
    "an exponent without end": json(b'{"unknown":1e999999999}'),
    "a float where an integer belongs": json(AMOUNT % b"1.5"),
    "true where an integer belongs": json(AMOUNT % b"true"),
    "text where an object belongs": json(ORDER % b'"none"'),
    "a cart line that is null": json(ORDER % b'{"cart":[null]}'),
    "bytes that are no UTF-8": json(b'{"country":"\xff\xfe"}'),
    "UTF-8 that is longer than it may be": json(b'{"country":"\xc0\xaf"}'),
    "half a surrogate pair": json(b'{"country":"\\ud800"}'),
    "a byte order mark": json(b"\xef\xbb\xbf" + BODY),
    "UTF-16, and said so": json(BODY.decode().encode("utf-16"), kind="application/json; charset=utf-16"),
    "a web page": json(b"<!doctype html><title>Log in</title>", kind="text/html"),
    "a part of gzip": packed(gzip.compress(BODY * 3)[:40]),
    "an unknown encoding": packed(b"\x01\x02\x03", "lzma"),
}

ODD_BUT_VALID: dict[str, Serve] = {
    "another content type": json(BODY, kind="text/html"),
    "a content type that is none": json(BODY, kind=';;//="\xff'),
    "a charset that is none": json(BODY, kind="application/json; charset=klingon"),
    "chunks": says(chunked(BODY[:5], BODY[5:], b"")),
    "chunks with extensions": says(CHUNKED_HEAD + b'%x;a="b"\r\n%s\r\n0\r\n\r\n' % (len(BODY), BODY)),
    "until the connection closes": says_and_closes(b"HTTP/1.1 200 OK\r\n\r\n" + BODY),
    "HTTP/1.0": says_and_closes(b"HTTP/1.0 200 OK\r\n\r\n" + BODY),
    "answers that come first": says(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http()
    ),
    "cookies": json(BODY, *["Set-Cookie: a=b; Path=/", "Set-Cookie: c=d"] * 50),
    "cookies that are none": json(BODY, *["Set-Cookie: \x01=;;;==x"] * 20),
    "headers that are no ASCII": json(BODY, "Server: \xff\xe9"),
    "gzip in two members": packed(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
    "the identity encoding": packed(BODY, "identity"),
    "members twice": json(b'{"sessionId":"a","data":{"order":1},%s,"data":{}}' % BODY[1:-1]),
    "unknown members of any kind": json(BODY[:-1] + b',"x":[1e300,-0.0,18446744073709551615,null,{"":[]}]}'),
    "depth in an unknown member": json(BODY[:-1] + b',"x":' + b"[" * 200 + b"]" * 200 + b"}"),
}

STATUSES: dict[str, tuple[Serve, type[APIError], int]] = {
    "a redirect elsewhere": (says(http(b"", "302 Found", "Location: http://127.0.0.1:1/")), APIError, 302),
    "a redirect to itself": (says(http(b"", "307 Again", f"Location: /v3/session/{SESSION_ID}")), APIError, 307),
    "choices": (says(http(BODY, "300 Multiple Choices")), APIError, 300),
    "not modified": (says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), APIError, 304),
    "another protocol": (
        says(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x00\x01"),
        APIError,
        101,
    ),
    "an unknown status": (says(http(BODY, "999 Odd")), ServerError, 999),
    "status zero": (says(http(BODY, "000 Nothing")), APIError, 0),
    "a wait that is none": (says(http(b"", "503 Later", "Retry-After: \xff")), ServerError, 503),
    "a deep error": (says(http(b'{"error":' * 20_000, "500 Oops")), ServerError, 500),
    "an error of the wrong kinds": (
        says(http(b'{"error":{"code":[],"message":{}}}', "500 Oops")),
        ServerError,
        500,
    ),
    "an error that is no UTF-8": (says(http(b"\xff\xfe", "500 Oops")), ServerError, 500),
}


async def failure(call: Awaitable[Any]) -> BriqpayError:
    with pytest.raises(BriqpayError) as caught:
        await call
    return caught.value


async def looked_at(call: Awaitable[Any]) -> None:
    """A call whose answer is read, so that all of it is decoded."""
    session = await call
    if session is not None:
        assert unstructure(session)


async def works_on(wire: Wire, briqpay: BriqpayClient) -> None:
    """The client's only connection was given back or closed, and the next answer is the right one."""
    wire.always = says(http())
    for _ in range(3):  # a body that was still being written is given up in the next turns of the loop
        await asyncio.sleep(0)
    assert connections_in_use(briqpay) == 0
    assert await briqpay.sessions.read(SESSION_ID, timeout=PATIENCE) == Session(session_id=SESSION_ID)


def by_name(cases: dict[str, Any]) -> pytest.MarkDecorator:
    rows = [pytest.param(*(row if isinstance(row, tuple) else (row,)), id=name) for name, row in cases.items()]
    names = ("serve", "expected", "status")[: len(rows[0].values)]
    return pytest.mark.parametrize(names, rows)


@by_name(NO_HTTP)
async def test_what_is_no_http_is_a_transport_error(wire: Wire, briqpay: BriqpayClient, serve: Serve) -> None:
    for call in SAFE.values():
        wire.always = serve
        error = await failure(call(briqpay, PATIENCE))
        assert type(error) is TransportError
        assert error.sent is True
        await works_on(wire, briqpay)
    for call in UNSAFE.values():
        wire.always = serve
        assert type(await failure(call(briqpay, PATIENCE))) is OutcomeUnknownError
        await works_on(wire, briqpay)


@by_name(UNDECODABLE)
async def test_an_undecodable_answer_is_a_decode_error(wire: Wire, briqpay: BriqpayClient, serve: Serve) -> None:
    for call in (*SAFE.values(), UNSAFE["create"]):
        wire.always = serve
        assert type(await failure(looked_at(call(briqpay, PATIENCE)))) is ResponseDecodeError
        await works_on(wire, briqpay)
    wire.always = serve
    await UNSAFE["decide"](briqpay, PATIENCE)  # a decision has no answer that could be wrong
    await works_on(wire, briqpay)


@by_name(ODD_BUT_VALID)
async def test_an_odd_but_valid_answer_is_understood(wire: Wire, briqpay: BriqpayClient, serve: Serve) -> None:
    for name in ("read", "metadata", "create"):
        wire.always = serve
        session = await (SAFE | UNSAFE)[name](briqpay, PATIENCE)
        assert session.session_id == SESSION_ID
        await works_on(wire, briqpay)
    assert not any(b"cookie" in head.lower() for head in wire.requests)


@by_name(STATUSES)
async def test_a_strange_status_is_an_api_error_and_nothing_is_followed(
    wire: Wire, briqpay: BriqpayClient, serve: Serve, expected: type[APIError], status: int
) -> None:
    for name, call in (SAFE | UNSAFE).items():
        wire.always = serve
        asked = len(wire.requests)
        error = await failure(call(briqpay, PATIENCE))
        raised = OutcomeUnknownError if name in UNSAFE and expected is ServerError else expected
        assert (type(error), error.status) == (raised, status)
        assert len(wire.requests) == asked + 1
        await works_on(wire, briqpay)


@by_name(HUGE)
async def test_an_answer_without_end_is_cut_off_in_little_memory(
    wire: Wire, briqpay: BriqpayClient, serve: Serve, expected: tuple[type[BriqpayError], ...]
) -> None:
    await works_on(wire, briqpay)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        wire.always = serve
        error = await failure(SAFE["read"](briqpay.with_options(retry=RetryPolicy(attempts=1)), PATIENCE))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(error, expected)
    assert peak < 8_000_000  # the server's own buffers are in it
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident < 32 * 1024  # kibibytes
    await works_on(wire, briqpay)


SLOW: dict[str, Serve] = {
    "nothing": drips(b""),
    "a head": drips(b"", http()[:200] * 50),
    "a header": drips(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 500),
    "a body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" " * 500),
    "chunks": drips(CHUNKED_HEAD, b"1\r\n \r\n" * 500, 6),
    "gzip": drips(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9000\r\n\r\n",
        gzip.compress(BODY * 99)[:400],
    ),
    "until the connection closes": drips(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 500),
    "answers that come first": drips(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 500, 27),
}


@by_name(SLOW)
async def test_an_answer_that_drips_does_not_outlast_the_deadline(
    wire: Wire, briqpay: BriqpayClient, serve: Serve
) -> None:
    wire.always = serve
    async with asyncio.timeout(20):  # none of these answers ever ends
        error = await failure(SAFE["update"](briqpay, 0.15))
    assert type(error) is CallTimeoutError
    await works_on(wire, briqpay)


# --- bytes that answer no request --------------------------------------------------------------------------

OTHER = http(b'{"sessionId":"00000000-0000-4000-8000-000000000000"}')


@pytest.mark.parametrize(
    "first",
    [http(), b"HTTP/1.1 204 No Content\r\n\r\n", chunked(BODY, b""), http(b"{}", "404 Not Found")],
    ids=["an answer", "an empty answer", "chunks", "an error"],
)
@pytest.mark.parametrize("seconds", [0.0, 0.02], ids=["at once", "later"])
async def test_a_second_answer_to_one_request_is_never_taken_for_that_of_the_next(
    wire: Wire, briqpay: BriqpayClient, first: bytes, seconds: float
) -> None:
    wire.next = says_then(first, OTHER, seconds)
    with contextlib.suppress(BriqpayError):  # what became of the first call is not what this is about
        await SAFE["read"](briqpay, PATIENCE)
    await asyncio.sleep(seconds * 2)
    await works_on(wire, briqpay)
    assert wire.connections == 2


async def test_a_server_that_answers_everything_twice_is_understood_all_the_same(wire: Wire) -> None:
    wire.always = says_then(http(), OTHER, 0.0)
    async with wire.client() as briqpay:
        for _ in range(10):
            assert (await briqpay.sessions.read(SESSION_ID, timeout=PATIENCE)).session_id == SESSION_ID
            await asyncio.sleep(0.002)


async def test_a_server_that_speaks_first_gets_no_more_connections_than_the_pool_has() -> None:
    greeted = 0

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greeted
        greeted += 1
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with (
        server,
        BriqpayClient(
            "merchant",
            "secret",
            base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            pool=Pool(size=3),
            retry=RetryPolicy(attempts=1),
        ) as briqpay,
    ):
        assert type(await failure(SAFE["update"](briqpay, PATIENCE))) is TransportError
    assert 1 <= greeted <= 4


@pytest.mark.parametrize("sends", [100_000, 2_000_000], ids=["some", "much"])
async def test_a_refusal_that_comes_before_the_body_is_sent_is_that_refusal(
    wire: Wire, briqpay: BriqpayClient, sends: int
) -> None:
    lines = [line(f"sku-{number}", name="x" * 240) for number in range(sends // 400)]
    large = SessionPatch.of(data=data(*lines))
    for status in ("413 Too Large", "429 Slow Down"):
        wire.unread = http(b"", status)
        error = await failure(briqpay.sessions.update(SESSION_ID, large, timeout=PATIENCE))
        assert isinstance(error, APIError | TransportError)
        wire.unread = None
        await works_on(wire, briqpay)


@pytest.mark.parametrize("size", [2**20 - 1, 2**20 + 1, 3 * 2**20])
async def test_a_large_body_is_sent_whole_and_as_it_is(wire: Wire, briqpay: BriqpayClient, size: int) -> None:
    patch = SessionPatch.of(data=data(line("sku", name="x" * 255, extra={"note": "y" * size})))
    await briqpay.sessions.update(SESSION_ID, patch, "none")
    assert wire.bodies == [patch.to_json()]
    assert b"\r\ncontent-type: application/json\r\n" in wire.requests[0].lower()
    assert b"chunked" not in wire.requests[0].lower()
