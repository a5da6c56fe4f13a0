"""A call that is given up ends at once, wherever the server stalls, and takes nothing with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from support.shop import address, data, line, new_session
from system.robust.robust_wire import (
    SESSION_ID,
    Serve,
    Wire,
    connections_in_use,
    connections_open,
    drips,
    http,
    says,
)

from briqpay_async import (
    BriqpayClient,
    Decision,
    EditableData,
    Pool,
    RetryPolicy,
    Session,
    SessionData,
    SessionPatch,
    SessionUpdate,
)

Call = Callable[[BriqpayClient], Awaitable[Any]]

PATCH = SessionPatch.between(data(), data(billing=address(city="Malmö")))
SESSION = Session(session_id=SESSION_ID, data=SessionData(billing=address()))
SECONDS = 0.03
LATE = 20.0  # far above what the slowest machine takes, and far below the minute that a stalled answer takes


async def _edit(briqpay: BriqpayClient, session: Session | str) -> None:
    async with briqpay.sessions.edit(session) as builder:
        builder.billing.update(city="Malmö")


async def _bulk(briqpay: BriqpayClient) -> None:
    async for outcome in briqpay.sessions.update_many([SessionUpdate(SESSION_ID, PATCH)] * 20, concurrency=4):
        assert outcome.error is None


async def _put(briqpay: BriqpayClient) -> None:
    await briqpay.sessions.writer(SESSION).put(EditableData(billing=address(city="Malmö")))


CALLS: dict[str, Call] = {
    "create": lambda briqpay: briqpay.sessions.create(new_session()),
    "read": lambda briqpay: briqpay.sessions.read(SESSION_ID),
    "update": lambda briqpay: briqpay.sessions.update(SESSION_ID, PATCH),
    "metadata": lambda briqpay: briqpay.sessions.update_metadata(SESSION_ID, references={"a": "b"}),
    "decide": lambda briqpay: briqpay.sessions.decide(SESSION_ID, Decision.allow()),
    "edit, as it reads": lambda briqpay: _edit(briqpay, SESSION_ID),
    "edit, as it sends": lambda briqpay: _edit(briqpay, SESSION),
    "put": _put,
    "bulk": _bulk,
}
LANED = {name: call for name, call in CALLS.items() if name not in {"create", "read", "edit, as it reads"}}
SAFE = {name: call for name, call in CALLS.items() if name not in {"create", "decide"}}

STALLS: dict[str, Serve] = {
    "no answer": drips(b""),
    "half a status line": drips(b"HTTP/1.1 2"),
    "half a head": drips(b"HTTP/1.1 200 OK\r\nContent-"),
    "a head without a body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
    "half a body": drips(http()[:-20]),
    "half a chunk": drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "half an error": drips(b"HTTP/1.1 503 Later\r\nContent-Length: 100\r\n\r\n{"),
}


def ours() -> set[asyncio.Task[Any]]:
    """All tasks but those of the server, which may still be accepting a connection."""
    servers = ("Wire._connected", "_accept_connection")
    return {task for task in asyncio.all_tasks() if not any(name in repr(task.get_coro()) for name in servers)}


async def ends_when_given_up(call: Awaitable[Any]) -> None:
    """A call is given up after some time, and is not waited for any longer."""
    started = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(SECONDS):
            await call
    assert type(caught.value) is TimeoutError, "given up from outside, and not by the client's own deadline"
    assert time.monotonic() - started < LATE


async def gives_up(briqpay: BriqpayClient, call: Call) -> None:
    """A call is given up after some time, ends at once, and leaves nothing."""
    before = ours()
    await ends_when_given_up(call(briqpay))
    await asyncio.sleep(0)
    assert ours() == before
    assert len(briqpay._caller.shared.locks) == 0
    assert connections_in_use(briqpay) == 0
    assert connections_open(briqpay) <= 1


async def works_on(wire: Wire, briqpay: BriqpayClient) -> None:
    wire.always = says(http())
    async with asyncio.timeout(30):
        assert (await briqpay.sessions.read(SESSION_ID)).session_id == SESSION_ID
        await briqpay.sessions.update_metadata(SESSION_ID, references={"a": "b"})


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
async def test_a_call_is_given_up_wherever_the_answer_stalls(
    wire: Wire, briqpay: BriqpayClient, call: Call, stall: Serve
) -> None:
    wire.always = stall
    await gives_up(briqpay, call)
    await works_on(wire, briqpay)


@pytest.mark.parametrize("call", SAFE.values(), ids=SAFE)
async def test_a_call_is_given_up_while_it_waits_to_repeat(wire: Wire, call: Call) -> None:
    wire.always = says(http(b"", "503 Later"))
    async with wire.client(retry=RetryPolicy(base=50, cap=50), pool=Pool(size=1)) as briqpay:
        briqpay._caller.shared.random = lambda: 0.5
        await gives_up(briqpay, call)
        await works_on(wire, briqpay)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_call_is_given_up_while_the_client_cools_down(
    wire: Wire, briqpay: BriqpayClient, call: Call
) -> None:
    wire.always = says(http(b"", "429 Slow Down", "Retry-After: 10"))
    with contextlib.suppress(Exception):
        await briqpay.sessions.read(SESSION_ID)
    asked = len(wire.requests)
    await gives_up(briqpay, call)
    assert len(wire.requests) == asked
    briqpay._caller.shared.gate._paused_until = 0.0  # as if it were over
    await works_on(wire, briqpay)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_call_is_given_up_while_it_waits_for_a_connection(wire: Wire, call: Call) -> None:
    wire.always = drips(b"")
    async with wire.client(pool=Pool(size=1)) as briqpay:
        first = asyncio.create_task(briqpay.sessions.read(SESSION_ID.replace("c", "d")))
        await wire.asked.wait()
        await ends_when_given_up(call(briqpay))
        assert (len(wire.requests), connections_open(briqpay)) == (1, 1)
        first.cancel()
        await asyncio.wait([first])
        await works_on(wire, briqpay)


@pytest.mark.parametrize("call", LANED.values(), ids=LANED)
async def test_a_call_is_given_up_while_it_waits_for_its_turn(wire: Wire, call: Call) -> None:
    wire.always = drips(b"")
    async with wire.client(pool=Pool(size=4)) as briqpay:
        first = asyncio.create_task(briqpay.sessions.update(SESSION_ID, PATCH))
        await wire.asked.wait()
        await ends_when_given_up(call(briqpay))
        assert len(wire.requests) == 1
        assert len(briqpay._caller.shared.locks) == 1
        first.cancel()
        await asyncio.wait([first])
        assert len(briqpay._caller.shared.locks) == 0
        await works_on(wire, briqpay)


async def test_a_large_update_is_given_up_while_the_server_does_not_read_it(wire: Wire) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        try:
            await asyncio.sleep(60)
        finally:
            writer.transport.abort()

    large = SessionPatch.of(data=data(*[line(f"sku-{number}", name="x" * 200) for number in range(20_000)]))
    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with BriqpayClient("m", "s", base_url=f"http://127.0.0.1:{port}", check_totals="off") as briqpay:
        large.to_json()
        before = asyncio.all_tasks()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await briqpay.sessions.update(SESSION_ID, large)
        await asyncio.sleep(0)
        deafs = {task for task in asyncio.all_tasks() if "deaf" in repr(task)}
        assert asyncio.all_tasks() - deafs == before
        assert connections_open(briqpay) == 0
        assert len(briqpay._caller.shared.locks) == 0
    server.close()
    for task in deafs:
        task.cancel()
    await asyncio.wait(deafs)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A port whose queue is full: connecting to it neither works nor fails."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
async def lost(black_hole: str) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient("m", "s", base_url=black_hole, pool=Pool(size=1)) as client:
        yield client


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_call_is_given_up_while_it_connects(lost: BriqpayClient, call: Call) -> None:
    await gives_up(lost, call)
    assert connections_open(lost) == 0


async def test_others_in_the_queue_of_a_session_are_not_held_up_by_one_that_gives_up(
    wire: Wire, briqpay: BriqpayClient
) -> None:
    wire.always = drips(b"")
    first = asyncio.create_task(briqpay.sessions.update(SESSION_ID, PATCH))
    await wire.asked.wait()
    waiting = [asyncio.create_task(briqpay.sessions.update(SESSION_ID, PATCH, "none")) for _ in range(20)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    wire.always = says(b"HTTP/1.1 204 No Content\r\n\r\n")
    first.cancel()
    async with asyncio.timeout(30):
        found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [asyncio.CancelledError, type(None)] * 10
    assert len(wire.requests) == 11
    assert len(briqpay._caller.shared.locks) == 0


async def test_closing_the_client_ends_all_calls_under_way(wire: Wire) -> None:
    wire.always = drips(b"")
    briqpay = wire.client(pool=Pool(size=100))
    before = ours()
    tasks = [asyncio.ensure_future(call(briqpay)) for call in CALLS.values()]
    await wire.asked.wait()
    await briqpay.aclose()
    async with asyncio.timeout(30):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, Exception) for one in found)
    assert ours() == before
    assert len(briqpay._caller.shared.locks) == 0
