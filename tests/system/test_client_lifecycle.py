"""Opening, closing, borrowing: one process, one event loop, and nothing left open."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import warnings
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from support.shop import new_session

from briqpay_async import (
    APIError,
    BriqpayClient,
    BriqpayError,
    ConfigurationError,
    InvalidDataError,
    RetryPolicy,
    SessionNotFoundError,
    Timeouts,
    WrongLoopError,
)
from briqpay_async.sandbox import Sandbox

ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"


def client_of(sandbox: Sandbox, **options: Any) -> BriqpayClient:
    return BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, **options)


def http_session_of(client: BriqpayClient) -> aiohttp.ClientSession | None:
    return client._caller.transport._session  # type: ignore[attr-defined,no-any-return]


async def test_nothing_is_opened_before_the_first_call(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        assert http_session_of(client) is None
        await client.sessions.create(new_session())
        assert http_session_of(client) is not None


def test_a_client_can_be_made_without_a_loop_and_dropped_without_closing() -> None:
    client = BriqpayClient("u", "s")
    del client
    gc.collect()  # a ResourceWarning here would fail the test


async def test_leaving_the_block_closes_the_connections(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        await client.sessions.create(new_session())
        opened = http_session_of(client)
    assert opened is not None
    assert opened.closed


async def test_closing_again_does_nothing(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    await client.sessions.create(new_session())
    for _ in range(3):
        await client.aclose()
    never_used = client_of(sandbox)
    for _ in range(3):
        await never_used.aclose()


@pytest.mark.parametrize("used", [True, False])
async def test_a_closed_client_says_so_and_sends_nothing(sandbox: Sandbox, used: bool) -> None:
    client = client_of(sandbox)
    copy = client.with_options()
    if used:
        await client.sessions.create(new_session())
    before = len(sandbox.journal)
    await client.aclose()
    for closed in (client, copy):
        with pytest.raises(ConfigurationError, match="closed"):
            await closed.sessions.read(ID)
    assert len(sandbox.journal) == before


async def test_closing_a_copy_leaves_the_original_open(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        async with client.with_options(retry=RetryPolicy(attempts=1)) as copy:
            session = await copy.sessions.create(new_session())
        await copy.aclose()
        assert session.session_id is not None
        assert (await client.sessions.read(session.session_id)).session_id == session.session_id
        assert http_session_of(copy) is http_session_of(client)


async def test_a_copy_keeps_the_order_of_updates_with_its_original(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        session = await client.sessions.create(new_session())
        assert session.session_id is not None
        sandbox.faults.add("latency", seconds=0.01)
        copies = [client.with_options(timeouts=Timeouts(call=30)) for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            for number, one in enumerate([client, *copies]):
                group.create_task(one.sessions.update_metadata(session.session_id, references={"n": str(number)}))
    under_way = sorted((record.started, record.finished) for record in sandbox.journal.of(endpoint="metadata"))
    assert len(under_way) == 5
    for (_, ended), (began, _) in pairwise(under_way):
        assert ended is not None
        assert ended <= began


async def test_closing_during_a_call_ends_that_call_with_an_error_of_this_library(sandbox: Sandbox) -> None:
    client = client_of(sandbox, retry=RetryPolicy(base=0.001))
    await client.sessions.create(new_session())
    sandbox.faults.add("latency", seconds=60)
    task = asyncio.create_task(client.sessions.read(ID))
    await asyncio.sleep(0.02)
    await client.aclose()
    with pytest.raises(BriqpayError):
        await asyncio.wait_for(task, 30)


# --- borrowed sessions -----------------------------------------------------------------------------------


async def test_a_borrowed_http_session_is_used_and_never_closed(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as mine:
        async with client_of(sandbox, http_session=mine) as client:
            await client.sessions.create(new_session())
            assert http_session_of(client) is mine
        assert not mine.closed
        with pytest.raises(ConfigurationError, match="closed"):
            await client.sessions.read(ID)
        async with mine.get(f"{sandbox.url}/v3/session/{ID}") as response:
            assert response.status == 403


async def test_a_borrowed_session_that_raises_for_status_does_not_hide_the_answer(sandbox: Sandbox) -> None:
    async with (
        aiohttp.ClientSession(raise_for_status=True) as mine,
        client_of(sandbox, http_session=mine) as client,
    ):
        with pytest.raises(SessionNotFoundError):
            await client.sessions.read(ID)
        assert len(sandbox.journal) == 1


async def test_a_borrowed_session_that_does_not_decompress_does_so_for_the_client(sandbox: Sandbox) -> None:
    sandbox.faults.add("gzip_bomb", size=10)
    async with (
        aiohttp.ClientSession(auto_decompress=False) as mine,
        client_of(sandbox, http_session=mine) as client,
    ):
        assert (await client.sessions.read(ID)).session_id is None


async def test_a_borrowed_session_with_credentials_of_its_own_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of aiohttp 3.14, and still in use
        mine = aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "s3cret"))
    async with mine:
        with pytest.raises(ConfigurationError, match="without auth") as caught:
            BriqpayClient("u", "s", http_session=mine)
        assert "s3cret" not in str(caught.value)


async def test_a_borrowed_session_that_its_owner_closed_is_a_configuration_error(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as mine:
        client = client_of(sandbox, http_session=mine)
    with pytest.raises(ConfigurationError, match="closed"):
        await client.sessions.read(ID)
    assert len(sandbox.journal) == 0


async def test_an_error_that_is_no_network_failure_is_not_dressed_up(sandbox: Sandbox) -> None:
    async def confused(*_given: object) -> None:
        raise RuntimeError("confused")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(confused)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as mine,
        client_of(sandbox, http_session=mine) as client,
    ):
        with pytest.raises(RuntimeError, match="confused"):
            await client.sessions.read(ID)


# --- loops and processes ---------------------------------------------------------------------------------


async def _fails_quickly(client: BriqpayClient) -> BriqpayError | None:
    try:
        await client.sessions.read(ID, timeout=2)
    except BriqpayError as error:
        return error
    return None


@pytest.fixture
def unreachable() -> str:
    return "http://127.0.0.1:9"


def test_another_loop_is_refused_with_a_way_out(unreachable: str) -> None:
    client = BriqpayClient("u", "s", base_url=unreachable, retry=RetryPolicy(attempts=1))
    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert "could not be made" in str(first.run(_fails_quickly(client)))
        error = second.run(_fails_quickly(client))
        assert isinstance(error, WrongLoopError)
        assert "a client of its own in each loop" in error.message
        assert error.path == f"/v3/session/{ID}"
        assert "could not be made" in str(first.run(_fails_quickly(client)))
        first.run(client.aclose())


def test_a_borrowed_session_of_another_loop_is_refused(unreachable: str) -> None:
    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        mine = first.run(make())
        client = BriqpayClient("u", "s", base_url=unreachable, http_session=mine)
        error = second.run(_fails_quickly(client))
        assert isinstance(error, WrongLoopError)
        first.run(mine.close())


@pytest.fixture
def in_a_child() -> Any:
    """Run a function in a forked child and return what it returned."""

    def run(work: Any) -> Any:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, pickle.dumps(work()))
            finally:
                os._exit(0)  # no clean-up of what belongs to the parent
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            pickled = pipe.read()
        os.waitpid(child, 0)
        return pickle.loads(pickled)  # noqa: S301 - our own bytes

    return run


def test_a_client_used_before_a_fork_is_refused_in_the_child_and_works_on_in_the_parent(
    unreachable: str, in_a_child: Any
) -> None:
    client = BriqpayClient("u", "s", base_url=unreachable, retry=RetryPolicy(attempts=1))

    def work() -> Any:
        error = asyncio.run(_fails_quickly(client))
        asyncio.run(client.aclose())  # must not touch the parent's connections
        return error

    with asyncio.Runner() as runner:
        assert "could not be made" in str(runner.run(_fails_quickly(client)))
        outcome = in_a_child(work)
        assert isinstance(outcome, WrongLoopError)
        assert "after the fork" in outcome.message
        assert "could not be made" in str(runner.run(_fails_quickly(client)))
        runner.run(client.aclose())


def test_closing_in_a_child_leaves_the_connections_of_the_parent_alone(in_a_child: Any) -> None:
    async def begin() -> tuple[Sandbox, BriqpayClient]:
        sandbox = Sandbox()
        await sandbox.start()
        client = client_of(sandbox)
        await client.sessions.create(new_session())
        return sandbox, client

    with asyncio.Runner() as runner:
        sandbox, client = runner.run(begin())
        assert in_a_child(lambda: asyncio.run(client.aclose())) is None
        assert isinstance(runner.run(_fails_quickly(client)), SessionNotFoundError)
        assert [record.status for record in sandbox.journal] == [201, 400]
        runner.run(client.aclose())
        runner.run(sandbox.stop())


async def test_the_process_is_known_by_its_number(
    client: BriqpayClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, where a forked child cannot be looked into."""
    await client.sessions.create(new_session())
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: -5)
        with pytest.raises(WrongLoopError, match="this is process -5"):
            await client.sessions.read(ID)
    with pytest.raises(SessionNotFoundError):
        await client.sessions.read(ID)
    assert len(sandbox.journal) == 2


def test_a_client_not_used_before_a_fork_works_in_the_child(unreachable: str, in_a_child: Any) -> None:
    client = BriqpayClient("u", "s", base_url=unreachable, retry=RetryPolicy(attempts=1))

    def work() -> Any:
        async def use() -> Any:
            error = await _fails_quickly(client)
            await client.aclose()
            return error

        return asyncio.run(use())

    assert "could not be made" in str(in_a_child(work))
    asyncio.run(client.aclose())


# --- credentials on the wire -----------------------------------------------------------------------------


@pytest.mark.parametrize(("username", "secret"), [("ü:"[:1], "p:ä:ss"), ("a b", " "), ("漢字", "\u00e9")])
async def test_credentials_of_any_script_arrive(username: str, secret: str) -> None:
    async with Sandbox(username=username, secret=secret) as sandbox, client_of(sandbox) as client:
        assert (await client.sessions.create(new_session())).session_id is not None


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_credentials_are_an_error_and_not_repeated(status: int) -> None:
    async with Sandbox(bad_credentials=status) as sandbox:
        async with BriqpayClient(sandbox.username, "wrong", base_url=sandbox.url) as client:
            with pytest.raises(APIError, match="Invalid credentials") as caught:
                await client.sessions.create(new_session())
        assert (type(caught.value).__name__, caught.value.status) == ("AuthenticationError", status)
        assert len(sandbox.journal) == 1
        assert len(sandbox.effects) == 0


async def test_the_api_s_own_refusal_is_an_error_with_its_words(sandbox: Sandbox, client: BriqpayClient) -> None:
    session = await client.sessions.create(new_session())
    assert session.session_id is not None
    request = client.sessions._send(
        "PATCH", f"/v3/session/{session.session_id}", b'{"nonsense":1}', interpret=lambda response: response
    )
    with pytest.raises(InvalidDataError, match="has additional properties"):
        await request
