"""How requests are written: the same bytes whether this client writes them itself or leaves it to aiohttp."""

from __future__ import annotations

import asyncio
import string
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_transport import update
from transport.socket_kit import READ, UPDATE, always, failure, http, send, served, transport_to

from briqpay_async import CallTimeoutError, ConfigurationError, Pool
from briqpay_async.transport.aiohttp_internals import known
from briqpay_async.transport.requests import Request

SMALL = 2**16
BODIES = {
    "none": None,
    "a few bytes": b'{"data":{}}',
    "as much as is written on the spot": b" " * SMALL,
    "more than that": b" " * (SMALL + 1),
    "so much that aiohttp takes it for a file": b" " * (2**20 + 1),
}


class Recorder:
    """Answers each request, and keeps them as they came."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []

    async def __call__(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read a body of the length that the head says, and answer."""
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        assert len(lengths) <= 1
        body = await reader.readexactly(int(lengths[0].partition(b":")[2])) if lengths else b""
        self.requests.append((head, body))
        writer.write(http())


@pytest.fixture(params=[True, False], ids=["by this client", "by aiohttp"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this client writes small bodies itself."""
    monkeypatch.setattr(known, "checks", True)
    monkeypatch.setattr(known, "writes", request.param)
    return bool(request.param)


async def test_this_version_of_aiohttp_has_all_the_names_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "checks", None)
    monkeypatch.setattr(known, "writes", False)
    async with served(Recorder()) as transport:
        await send(transport, update())
    assert known.checks
    assert known.writes, "compare HttpRequest.send with that of aiohttp: until then each call costs more"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_the_bytes_of_a_request_do_not_depend_on_who_writes_it(
    monkeypatch: pytest.MonkeyPatch, body: bytes | None
) -> None:
    method = "GET" if body is None else "PATCH"
    request = Request(
        method=method, path="/v3/session/%C3%A4", query="fields=a%2Cb", body=body, headers={"X-A": "1"}
    )
    record = Recorder()
    async with served(record) as transport:
        for writes in (True, False):
            monkeypatch.setattr(known, "checks", True)
            monkeypatch.setattr(known, "writes", writes)
            for _ in range(2):  # on a new connection, and on one that was kept
                assert (await send(transport, request)).status == 200
    assert len(record.requests) == 4
    (head, sent), *others = record.requests
    assert sent == (body or b"")
    assert head.startswith(f"{method} /v3/session/%C3%A4?fields=a%2Cb HTTP/1.1\r\nHost: 127.0.0.1:".encode())
    assert all(other == (head, sent) for other in others)


TOKENS = st.text(alphabet=string.ascii_letters + string.digits + "-._~", min_size=1, max_size=20)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["PATCH", "POST"]),
    path=st.lists(TOKENS, max_size=4).map(lambda parts: "/v3/" + "/".join(parts)),
    query=st.sampled_from(["", "fields=none", "fields=a%2Cb"]),
    body=st.none() | st.binary(max_size=100) | st.integers(SMALL - 1, SMALL + 1).map(bytes),
    headers=st.none() | st.dictionaries(TOKENS.map("X-{}".format), TOKENS, max_size=3),
)


@given(REQUESTS)
def test_any_request_has_the_bytes_that_aiohttp_gives_it(request: Request) -> None:
    async def bytes_of_both() -> list[tuple[bytes, bytes]]:
        record = Recorder()
        async with served(record) as transport:
            for writes in (True, False):
                patch.setattr(known, "checks", True)
                patch.setattr(known, "writes", writes)
                assert (await send(transport, request)).status == 200
        return record.requests

    with pytest.MonkeyPatch.context() as patch:
        ours, plain = asyncio.run(bytes_of_both())
    assert ours == plain


@pytest.mark.usefixtures("written")
async def test_many_requests_at_once_each_get_their_own_answer() -> None:
    async def echo(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(2) == b"{}"
        writer.write(http(head.split(b" ", 2)[1]))

    async with served(echo, pool=Pool(size=7)) as transport:
        answers = await asyncio.gather(*(send(transport, update(str(number))) for number in range(100)))
    assert [answer.body for answer in answers] == [f"/v3/session/{number}".encode() for number in range(100)]


@pytest.mark.usefixtures("written")
async def test_a_kept_connection_that_was_closed_meanwhile_costs_no_attempt() -> None:
    record = Recorder()

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await record(head, reader, writer)
        writer.close()

    async with served(serve) as transport:
        for _ in range(3):
            assert (await send(transport, update())).status == 200
            await asyncio.sleep(0.01)  # the end of the connection arrives
    assert len(record.requests) == 3


async def test_a_request_that_is_given_up_in_the_turn_in_which_it_began_is_not_sent() -> None:
    record = Recorder()
    async with served(record, pool=Pool(size=1)) as transport:
        await send(transport, READ)
        task = asyncio.create_task(send(transport, update()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert (await send(transport, READ)).status == 200
    assert [head.split(b" ")[0] for head, _ in record.requests] == [b"GET", b"GET"]


@pytest.mark.usefixtures("written")
async def test_an_answer_that_never_comes_ends_with_the_deadline() -> None:
    async def silence(_head: bytes, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with served(silence) as transport:
        with pytest.raises(CallTimeoutError) as caught:
            await send(transport, update(), seconds=0.05)
    assert caught.value.sent is None


async def test_what_small_bodies_are_written_without_is_a_task() -> None:
    """On the side of the client; whatever serves in this loop has none for a request."""
    begun = 0
    loop = asyncio.get_running_loop()

    def count(loop: asyncio.AbstractEventLoop, coroutine: object, **options: object) -> asyncio.Task[object]:
        nonlocal begun
        begun += 1
        return asyncio.Task(coroutine, loop=loop, **options)  # type: ignore[arg-type]

    async with served(Recorder()) as transport:
        await send(transport, update())
        loop.set_task_factory(count)
        try:
            for _ in range(10):
                await send(transport, update())
        finally:
            loop.set_task_factory(None)
    assert begun == 0


async def test_a_borrowed_session_is_used_as_it_is() -> None:
    record = Recorder()
    async with aiohttp.ClientSession() as session, served(record, http_session=session) as transport:
        assert (await send(transport, update())).status == 200
    assert [body for _, body in record.requests] == [b"{}"]


# --- connections that end at the wrong moment -------------------------------------------------------------


async def test_a_kept_connection_that_closes_in_the_turn_of_the_write_costs_no_attempt() -> None:
    record = Recorder()
    async with served(record, pool=Pool(size=1)) as transport:
        await send(transport, READ)
        task = asyncio.create_task(send(transport))
        await asyncio.sleep(0)
        assert transport._session is not None
        assert isinstance(transport._session.connector, aiohttp.TCPConnector)
        (protocol,) = transport._session.connector._acquired
        assert protocol.transport is not None
        protocol.transport.close()  # as it does itself when it reads the server's end of the connection
        assert (await task).status == 200
    assert [head.split(b" ")[0] for head, _ in record.requests] == [b"GET", b"PATCH"]


@pytest.mark.parametrize("greeting", [b"", http(b"", "408 Request Timeout", "Connection: close")])
async def test_a_server_that_turns_each_new_connection_away_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, greeting: bytes
) -> None:
    """A connection that was never used cannot be out of step because of what was asked before."""
    connections = 0

    async def turn_away(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(greeting)
        writer.close()

    create = aiohttp.TCPConnector._create_connection

    async def create_slowly(*args: Any) -> Any:
        protocol = await create(*args)
        if (closed := protocol.closed) is not None:
            await closed  # as if the handshake took until then
        return protocol

    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    transport = transport_to(server.sockets[0].getsockname()[1])
    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", create_slowly)
    error = await failure(transport)
    await transport.aclose()
    server.close()
    assert (error.sent, connections) == (False, 1)


@pytest.mark.usefixtures("written")
async def test_a_request_that_waits_to_be_welcome_is_sent_when_it_is() -> None:
    async def welcome(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(http(await reader.readexactly(2)))

    request = Request(method="PATCH", path="/", body=b"{}", headers={"Expect": "100-continue"})
    async with served(welcome) as transport:
        assert (await send(transport, request, seconds=2.0)).body == b"{}"


async def test_an_answer_that_leaves_http_gives_its_connection_up() -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    asyncio.get_running_loop().set_debug(True)  # aiohttp then reports answers that were never released
    async with served(always(raw), pool=Pool(size=1)) as transport:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for _ in range(2):
                assert (await send(transport)).status == 101
    assert not warned


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_request_that_got_no_answer_is_not_repeated_unseen(method: str) -> None:
    """aiohttp would, and if that cannot connect any more, the first would look as if it was never sent."""
    requests = 0

    async def disappear(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        writer.close()

    async with served(disappear) as transport:
        error = await failure(transport, Request(method=method, path="/"))
    assert (error.sent, requests) == (True, 1)


# --- closing ----------------------------------------------------------------------------------------------


async def silence(_head: bytes, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""


async def test_a_call_that_waits_for_a_connection_of_a_closed_pool_was_not_cancelled() -> None:
    async with served(silence, pool=Pool(size=1)) as transport:
        calls = [asyncio.create_task(send(transport)) for _ in range(3)]
        await asyncio.sleep(0.01)
        await transport.aclose()
        _, *waited = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in waited] == [ConfigurationError] * 2


async def test_a_cancelled_call_stays_cancelled_though_the_pool_closes() -> None:
    async with served(silence, pool=Pool(size=1)) as transport:
        calls = [asyncio.create_task(send(transport)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        await transport.aclose()
        await asyncio.wait(calls)
    assert all(call.cancelled() for call in calls)


async def test_closing_takes_no_deadline_from_a_call_on_a_borrowed_session() -> None:
    async with aiohttp.ClientSession() as session, served(silence, http_session=session) as transport:
        call = asyncio.create_task(failure(transport, UPDATE, seconds=0.05))
        await asyncio.sleep(0.01)
        await transport.aclose()
        assert type(await asyncio.wait_for(call, 30)) is CallTimeoutError


async def test_closing_does_not_wait_for_a_server_that_stopped_reading() -> None:
    async def stop_reading(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        stopped.set()
        await closed.wait()

    stopped, closed = asyncio.Event(), asyncio.Event()
    request = Request(method="PATCH", path="/", body=bytes(2**23))  # more than the sockets take
    async with served(stop_reading) as transport:
        call = asyncio.create_task(failure(transport, request))
        await stopped.wait()
        await asyncio.sleep(0.05)  # the sockets fill up
        await asyncio.wait_for(transport.aclose(), 30)
        closed.set()
        assert (await call).sent is not False


# --- another aiohttp --------------------------------------------------------------------------------------

UNDOCUMENTED = (
    *("_continue", "_timer", "original_url", "response_class", "request_info", "write_bytes", "_session", "body"),
    *("StreamWriter", "write_headers", "stream_writer", "continue100"),
    *("protocol", "should_close", "is_connected", "writing_paused"),
    *("_create_connection", "_conns", "_acquired", "_retry_connection", "_loop"),
    *("Connection", "ResponseHandler", "Trace"),
)


def test_the_client_works_where_aiohttp_has_other_names() -> None:
    program = Path(__file__).with_name("renamed_aiohttp.py")
    ended = subprocess.run(
        [sys.executable, str(program), *UNDOCUMENTED], capture_output=True, text=True, timeout=600, check=False
    )
    assert (ended.stdout.split(), ended.stderr) == ([*UNDOCUMENTED], "")
