"""Tools that report errors show the local variables of each frame: credentials are in none of them."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

import briqpay_async as bq

SESSION = "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11"
# Tests and their callers have local variables, too: what they give is not one of those.
SECRET = ("canary-of-the-secret-4711",)
BASIC = base64.b64encode(f"user:{SECRET[0]}".encode()).decode()
PATCH = bq.SessionPatch.of(data=bq.EditableData(billing=bq.Address(city="Lund")))
ONCE = bq.RetryPolicy(attempts=1)


def everything_shown(error: BaseException) -> str:
    """What a tool that reports errors could show: all frames of all errors, with local variables."""
    shown: list[str] = []
    todo: list[traceback.TracebackException | None] = [
        traceback.TracebackException.from_exception(error, capture_locals=True)
    ]
    while todo:
        one = todo.pop()
        shown += one.format(chain=False)
        todo += [other for other in (one.__cause__, one.__context__) if other is not None]
    return "".join(shown)


def assert_hidden(error: BaseException) -> None:
    shown = everything_shown(error)
    assert "locals" in shown or " = " in shown, "no local variables were captured"
    for canary in (SECRET[0], BASIC, BASIC[6:20]):
        assert canary not in shown


def client(url: str, **options: Any) -> bq.BriqpayClient:
    return bq.BriqpayClient("user", SECRET[0], base_url=url, retry=ONCE, **options)


# --- constructors that fail ---------------------------------------------------------------------------------


def _with_auth() -> bq.BriqpayClient:
    class Authenticated:
        auth = object()

    return bq.BriqpayClient("user", SECRET[0], http_session=Authenticated())  # type: ignore[arg-type]


CONSTRUCTORS: dict[str, Callable[[], object]] = {
    "a bad URL": lambda: client("nonsense"),
    "a URL with credentials": lambda: bq.BriqpayClient(
        "user", SECRET[0], base_url=f"https://user:{SECRET[0]}@briqpay.test"
    ),
    "a URL with credentials and a bad port": lambda: bq.BriqpayClient(
        "user", SECRET[0], base_url=f"https://user:{SECRET[0]}@briqpay.test:port"
    ),
    "a bad environment": lambda: bq.BriqpayClient("user", SECRET[0], environment="live"),  # type: ignore[arg-type]
    "a bad option": lambda: bq.BriqpayClient("user", SECRET[0], check_totals="never"),  # type: ignore[arg-type]
    "hooks that are none": lambda: bq.BriqpayClient("user", SECRET[0], hooks=1),  # type: ignore[arg-type]
    "a secret of two lines": lambda: bq.BriqpayClient("user", f"{SECRET[0]}\n"),
    "a secret of bytes": lambda: bq.BriqpayClient("user", SECRET[0].encode()),  # type: ignore[arg-type]
    "a user name with both": lambda: bq.BriqpayClient(f"user:{SECRET[0]}", SECRET[0]),
    "a session with credentials": _with_auth,
    "an environment without a user": lambda: bq.BriqpayClient.from_env({"BRIQPAY_SECRET": SECRET[0]}),
    "an environment with a bad URL": lambda: bq.BriqpayClient.from_env(
        {"BRIQPAY_USERNAME": "user", "BRIQPAY_SECRET": SECRET[0], "BRIQPAY_BASE_URL": f"x://u:{SECRET[0]}@h"}
    ),
    "an environment with a bad secret": lambda: bq.BriqpayClient.from_env(
        {"BRIQPAY_USERNAME": "user", "BRIQPAY_SECRET": f"{SECRET[0]}\n"}
    ),
}


@pytest.mark.parametrize("make", CONSTRUCTORS.values(), ids=CONSTRUCTORS)
def test_a_constructor_that_fails_shows_no_secret(make: Callable[[], object]) -> None:
    with pytest.raises((bq.ConfigurationError, TypeError)) as caught:
        make()
    assert_hidden(caught.value)


def test_a_client_that_could_not_be_made_has_a_repr() -> None:
    assert "BriqpayClient" in repr(object.__new__(bq.BriqpayClient))


# --- calls that fail ----------------------------------------------------------------------------------------


@asynccontextmanager
async def server(answer: bytes | None, **options: Any) -> AsyncIterator[str]:
    """A server that answers each request with some bytes and hangs up, or never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            writer.write(answer or b"")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    serving = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield f"127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    finally:
        serving.close()


ANSWERS = {
    "hangs up": b"",
    "breaks off in the head": b"HTTP/1.1 200 OK\r\nContent-",
    "breaks off in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    "does not speak HTTP": b"SSH-2.0\r\n\r\n",
    "packs its body wrongly": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "sends too much": b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + bytes(3000),
    "refuses": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}",
    "is overloaded": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "sends no session": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "never answers": None,
}


@pytest.mark.parametrize("borrowed", [False, True], ids=["own pool", "borrowed session"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_call_that_fails_shows_no_credentials(answer: bytes | None, borrowed: bool) -> None:
    async with aiohttp.ClientSession() as session, server(answer) as host:
        options = {"http_session": session} if borrowed else {}
        async with client(f"http://{host}", pool=bq.Pool(max_body=2000), **options) as briqpay:
            with pytest.raises(bq.BriqpayError) as caught:
                await briqpay.sessions.update(SESSION, PATCH, timeout=0.2, headers={"X-Shop": "1"})
    assert_hidden(caught.value)


async def test_a_connection_that_is_refused_shows_no_credentials() -> None:
    async with server(b"") as host:
        pass
    async with client(f"http://{host}") as briqpay:
        with pytest.raises(bq.ConnectError) as caught:
            await briqpay.sessions.update(SESSION, PATCH, headers={"X-Shop": "1"})
    assert_hidden(caught.value)
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_a_server_without_tls_shows_no_credentials() -> None:
    async with server(b"HTTP/1.1 200 OK\r\n\r\n") as host, client(f"https://{host}") as briqpay:
        with pytest.raises(bq.TransportError) as caught:
            await briqpay.sessions.update(SESSION, PATCH, timeout=1, headers={"X-Shop": "1"})
    assert_hidden(caught.value)


@pytest.mark.parametrize("borrowed", [False, True], ids=["own pool", "borrowed session"])
async def test_a_call_that_is_cancelled_shows_no_credentials(borrowed: bool) -> None:
    async with aiohttp.ClientSession() as session, server(None) as host:
        options = {"http_session": session} if borrowed else {}
        async with client(f"http://{host}", **options) as briqpay:
            call = asyncio.create_task(briqpay.sessions.update(SESSION, PATCH, headers={"X-Shop": "1"}))
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
    assert_hidden(caught.value)


async def test_a_pool_that_closes_shows_no_credentials() -> None:
    async with server(None) as host:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
        async with client(f"http://{host}", http_session=session) as briqpay:
            calls = [asyncio.create_task(briqpay.sessions.read(SESSION)) for _ in range(2)]
            await asyncio.sleep(0.05)
            await session.close()
            for error in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(error, bq.BriqpayError)
                assert_hidden(error)


async def test_what_the_caller_was_handling_stays_in_the_chain() -> None:
    async def update_while_handling(briqpay: bq.BriqpayClient) -> None:
        try:
            int("the caller's own")
        except ValueError:
            await briqpay.sessions.update(SESSION, PATCH)

    async with server(b"") as host, client(f"http://{host}") as briqpay:
        with pytest.raises(bq.TransportError) as caught:
            await update_while_handling(briqpay)
    own = caught.value.__context__
    assert isinstance(own, ValueError)
    assert own.__traceback__ is not None
