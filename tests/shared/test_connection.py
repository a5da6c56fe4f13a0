"""Scripts that travel together: one trip, also where the server does not know them yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from briqpay_async import SharedStateError
from briqpay_async.shared import RedisState
from briqpay_async.shared.connection import Connection, ScriptCall


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[Connection]:
    running = Connection(redis_url)
    yield running
    await running.aclose()


@pytest.fixture
async def keys(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    running = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
    yield running
    await running.aclose()


def calls(account: str) -> list[ScriptCall]:
    return [
        ("acquire", [f"{account}:one"], ("me", 60_000)),
        ("queue_exists", [f"{account}:one"], ()),
        ("acquire", [f"{account}:one"], ("you", 60_000)),
    ]


async def test_scripts_run_in_their_order_on_a_server_that_does_not_know_them(
    connection: Connection, keys: redis.asyncio.Redis, account: str
) -> None:
    await keys.script_flush()
    assert await connection.run_all(calls(account)) == [0, 1, 1]
    await keys.script_flush()  # as a restart does
    assert await connection.run_all(calls(account)) == [0, 1, 1]


async def test_a_refused_script_raises_and_stops_no_other(
    connection: Connection, keys: redis.asyncio.Redis, account: str
) -> None:
    bad: ScriptCall = ("acquire", [f"{account}:two"], ("me", "no number"))
    with pytest.raises(SharedStateError, match="refused"):
        await connection.run_all([bad, *calls(account)])
    assert await keys.get(f"{account}:one") == "me"


async def test_a_deadline_whose_cancellation_the_library_loses_is_kept(
    connection: Connection, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``asyncio.wait_for`` does so on Python 3.11, when what it waits for is done at the same time."""
    asked = asyncio.Event()

    async def answer(*_: object, **__: object) -> int:
        try:
            asked.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        return 1

    await connection.run("acquire", f"{account}:one", "me", 60_000)
    monkeypatch.setattr(connection, "_script", lambda _name: answer)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await connection.run("acquire", f"{account}:one", "you", 60_000)
    waiting = asyncio.create_task(connection.run("acquire", f"{account}:one", "you", 60_000))
    asked.clear()
    await asked.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_batch_names_the_cancelled_runs_in_the_same_round_trip(redis_url: str, account: str) -> None:
    state = RedisState(redis_url, account=account)
    queue = state.queue(shards=1, limit=10, keep=60)
    await queue.put("sender", 1, {0: [b"row"]})
    first = await queue.take(0, "me")
    assert first is not None
    assert await queue.cancelled(first, {"night/1"}) == set()
    await queue.leave(first)
    await queue.cancel("night/1")
    second = await queue.take(0, "me")
    assert second is not None
    assert second.looked == {"night/1": True}
    assert await queue.cancelled(second, {"night/1", "night/2"}) == {"night/1"}
    await state.aclose()
