"""One attempt on real sockets: what is known of a request that got no answer, and what of the answer is read."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from transport.socket_kit import CREATE, READ, always, failure, http, send, served, transport_to

from briqpay_async import (
    CallTimeoutError,
    ConnectError,
    Pool,
    ResponseDecodeError,
    TransportError,
)
from briqpay_async.transport.aiohttp_transport import _transport_error
from briqpay_async.transport.requests import Request

# --- what aiohttp says, and what that means for the request -----------------------------------------------

_KEY = ConnectionKey("h", 1, False, None, None, None, None)
_INFO: Any = Mock(real_url="http://h")


@pytest.mark.parametrize(
    ("error", "cls", "sent"),
    [
        (aiohttp.ClientConnectorError(_KEY, OSError("refused")), ConnectError, False),
        (aiohttp.ClientConnectorDNSError(_KEY, OSError("unknown")), ConnectError, False),
        (aiohttp.ClientProxyConnectionError(_KEY, OSError("refused")), ConnectError, False),
        (aiohttp.ClientConnectorSSLError(_KEY, OSError("TLS")), ConnectError, False),
        (aiohttp.ClientConnectorCertificateError(_KEY, ValueError("expired")), ConnectError, False),
        (aiohttp.ServerFingerprintMismatch(b"a", b"b", "h", 1), ConnectError, False),
        (aiohttp.ClientHttpProxyError(_INFO, (), status=407), ConnectError, False),
        (aiohttp.ConnectionTimeoutError(), ConnectError, False),
        (aiohttp.ClientConnectionResetError("closing"), TransportError, False),
        (aiohttp.ServerDisconnectedError(), TransportError, True),
        (aiohttp.ClientPayloadError(), TransportError, True),
        (aiohttp.ClientResponseError(_INFO, (), status=400), TransportError, True),
        (aiohttp.SocketTimeoutError(), CallTimeoutError, None),
        (aiohttp.ServerTimeoutError(), CallTimeoutError, None),
        (TimeoutError(), CallTimeoutError, None),
        (aiohttp.ClientOSError(104, "reset"), TransportError, None),
        (aiohttp.ClientConnectionError("Connector is closed."), TransportError, None),
        (ConnectionResetError(104, "reset"), TransportError, None),
        (BrokenPipeError(), TransportError, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_is_known_of_the_request_follows_from_the_failure(
    error: Exception, cls: type[TransportError], sent: bool | None
) -> None:
    mapped = _transport_error(error, 5.0, 1.0)
    assert type(mapped) is cls
    assert mapped.sent is sent


@pytest.mark.parametrize(
    ("error", "certificate"),
    [
        (aiohttp.ClientConnectorCertificateError(_KEY, ValueError("expired")), True),
        (aiohttp.ServerFingerprintMismatch(b"a", b"b", "h", 1), True),
        (aiohttp.ClientConnectorSSLError(_KEY, OSError("TLS")), False),
        (aiohttp.ClientConnectorError(_KEY, OSError("refused")), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_a_refused_certificate_is_distinguished_from_other_failures_to_connect(
    error: Exception, certificate: bool
) -> None:
    mapped = _transport_error(error, 5.0, 1.0)
    assert isinstance(mapped, ConnectError)
    assert mapped.certificate is certificate
    assert mapped.message.startswith("Check the server's certificate") is certificate


def test_a_connection_that_took_all_the_time_there_was_is_a_timeout_that_sent_nothing() -> None:
    mapped = _transport_error(aiohttp.ConnectionTimeoutError(), 5.0, 4.9)
    assert (type(mapped), mapped.sent) == (CallTimeoutError, False)


# --- connecting ------------------------------------------------------------------------------------------


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def black_hole() -> AsyncIterator[int]:
    """A port whose queue is full: connecting to it neither works nor fails."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        await asyncio.sleep(0.01)
        yield int(address[1])
        for filler in fillers:
            filler.close()


async def test_a_refused_connection_sent_nothing(closed_port: int) -> None:
    transport = transport_to(closed_port)
    error = await failure(transport)
    await transport.aclose()
    assert (type(error), error.sent) == (ConnectError, False)
    assert isinstance(error.__cause__, aiohttp.ClientConnectorError)


async def test_a_host_without_an_address_sent_nothing() -> None:
    transport = transport_to(1, host="no-such-host.invalid")
    error = await failure(transport)
    await transport.aclose()
    assert (type(error), error.sent) == (ConnectError, False)


async def test_a_connection_that_takes_too_long_sent_nothing(black_hole: int) -> None:
    transport = transport_to(black_hole)
    started = time.monotonic()
    error = await failure(transport, CREATE, seconds=30.0, connect=0.05)
    await transport.aclose()
    assert (type(error), error.sent) == (ConnectError, False)
    assert time.monotonic() - started < 20


# A tenth of the deadline is for a machine that is late, so that it is known that nothing was sent.
SOON = 2.5


async def test_a_deadline_that_passes_while_connecting_sent_nothing(black_hole: int) -> None:
    transport = transport_to(black_hole)
    error = await failure(transport, CREATE, seconds=SOON, connect=60.0)
    await transport.aclose()
    assert (type(error), error.sent) == (CallTimeoutError, False)


async def test_a_deadline_that_passes_while_waiting_for_a_free_connection_sent_nothing() -> None:
    async def slow(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await released.wait()
        writer.write(http())

    arrived, released = asyncio.Event(), asyncio.Event()
    async with served(slow, pool=Pool(size=1)) as transport:
        first = asyncio.create_task(send(transport, READ))
        await arrived.wait()
        error = await failure(transport, CREATE, seconds=SOON)
        assert (type(error), error.sent) == (CallTimeoutError, False)
        released.set()
        assert (await first).status == 200


async def test_waiting_for_a_free_connection_is_not_connecting() -> None:
    async def slow(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(http())

    async with served(slow, pool=Pool(size=1)) as transport:
        both = (send(transport, READ, connect=0.05), send(transport, READ, connect=0.05))
        assert [answer.status for answer in await asyncio.gather(*both)] == [200, 200]


# --- sending and reading ---------------------------------------------------------------------------------


async def test_a_request_is_written_as_it_is_and_its_answer_read_whole() -> None:
    heads: list[bytes] = []
    bodies: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        bodies.append(await reader.readexactly(11))
        writer.write(http(b'{"a":1}', "201 Created", "X-Request-Id: r-1"))

    request = Request(
        method="PATCH",
        path="/v3/session/a%2Fb%20c",
        query="fields=a,b",
        body=b'{"data":{}}',
        headers={"x-trace": "t", "user-agent": "mine", "ACCEPT": "*/*"},
    )
    async with served(serve) as transport:
        answer = await send(transport, request)
    assert (answer.status, answer.body, answer.headers["x-request-ID"]) == (201, b'{"a":1}', "r-1")
    first, *lines = heads[0].decode().split("\r\n")
    assert first == "PATCH /v3/session/a%2Fb%20c?fields=a,b HTTP/1.1"
    sent = sorted(line.lower() for line in lines if line)
    names = [line.partition(":")[0] for line in sent]
    assert len(names) == len(set(names)), "a header was sent twice"
    assert {"x-trace: t", "user-agent: mine", "accept: */*", "authorization: basic dtpz"} <= set(sent)
    assert {"content-type: application/json", "content-length: 11"} <= set(sent)
    assert bodies == [b'{"data":{}}']


async def test_connections_are_kept_and_used_again() -> None:
    peers = set()

    async def serve(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.add(writer.get_extra_info("peername"))
        writer.write(http())

    async with served(serve) as transport:
        for _ in range(5):
            await send(transport, READ)
    assert len(peers) == 1


async def test_cookies_are_not_kept() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        writer.write(http(b"{}", "200 OK", "Set-Cookie: a=b"))

    async with served(serve, host="localhost") as transport:  # aiohttp keeps no cookies of bare addresses anyway
        await send(transport, READ)
        await send(transport, READ)
    assert b"cookie" not in heads[1]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_breaks_off_or_is_no_http_was_an_answer_to_something_sent(raw: bytes) -> None:
    async def serve(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(11)
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with served(serve) as transport:
        error = await failure(transport)
    assert type(error) is TransportError
    assert error.sent is True


async def test_a_slow_answer_is_cut_off_by_the_deadline_and_its_connection_is_not_used_again() -> None:
    peers = []

    async def serve(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername"))
        if len(peers) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        else:
            writer.write(http())

    async with served(serve) as transport:
        error = await failure(transport, READ, seconds=0.05)
        assert (type(error), error.sent) == (CallTimeoutError, None)
        assert (await send(transport, READ)).status == 200
    assert len(set(peers)) == 2


async def test_a_cancelled_attempt_gives_its_connection_up() -> None:
    arrived = asyncio.Event()

    async def serve(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if arrived.is_set():
            writer.write(http())
        arrived.set()

    async with served(serve, pool=Pool(size=1)) as transport:
        task = asyncio.create_task(send(transport, READ))
        await arrived.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert (await send(transport, READ, seconds=30.0)).status == 200


@pytest.mark.parametrize(
    "raw",
    [
        http(b"x" * 1001),
        http(gzip.compress(b"x" * 1001), "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n" + b"x" * 1001,
    ],
    ids=["declared", "gzip", "chunked", "until close"],
)
async def test_a_body_beyond_the_limit_is_refused(raw: bytes) -> None:
    async with served(always(raw), pool=Pool(max_body=1000)) as transport:
        error = await failure(transport, READ)
    assert type(error) is ResponseDecodeError
    assert "larger than 1000 bytes" in error.message
    assert error.status in {200, 500}


@pytest.mark.parametrize(
    "raw",
    [
        http(b"x" * 1000),
        http(gzip.compress(b"x" * 1000), "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n",
    ],
    ids=["declared", "gzip", "chunked"],
)
async def test_a_body_of_just_the_limit_is_read(raw: bytes) -> None:
    async with served(always(raw), pool=Pool(max_body=1000)) as transport:
        assert (await send(transport, READ)).body == b"x" * 1000


async def test_a_gzip_bomb_is_cut_off_long_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with served(
        always(http(bomb, "200 OK", "Content-Encoding: gzip")), pool=Pool(max_body=100_000)
    ) as transport:
        tracemalloc.start()
        error = await failure(transport, READ)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(error) is ResponseDecodeError
    assert peak < 8_000_000


async def test_an_empty_answer_has_an_empty_body() -> None:
    async with served(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as transport:
        answer = await send(transport, READ)
    assert (answer.status, answer.body) == (204, b"")
