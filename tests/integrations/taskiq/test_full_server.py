"""A server without memory: rows wait in front of it, and those in it are done, which makes room."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from support.queue_world import World, eventually, to
from support.valkey import valkey_server

from briqpay_async import BriqpayClient, SessionUpdate, SharedStateError
from briqpay_async.sandbox import Sandbox


@pytest.fixture
async def world(sandbox: Sandbox, client: BriqpayClient) -> AsyncIterator[World]:
    with valkey_server(config={"maxmemory-policy": "noeviction"}) as server:
        found = World(sandbox, client, server.connection_url, uuid.uuid4().hex)
        yield found
        await found.close()


async def test_a_run_waits_for_memory_and_an_update_is_refused(world: World) -> None:
    tasks = world.tasks(lease=0.2)
    sessions = await world.sessions(3)
    async with redis.asyncio.Redis.from_url(world.redis_url) as server:
        await tasks._state.check()
        await server.config_set("maxmemory", "1")
        with pytest.raises(SharedStateError, match="no memory left"):
            await tasks.update(sessions[0], to("Lund"))
        run = await tasks.update_many([SessionUpdate(one, to("Ystad")) for one in sessions], ahead=10)
        waiting = asyncio.create_task(run.wait())
        await eventually(lambda: _puts(run), True)
        await server.config_set("maxmemory", "0")
    assert (await waiting).applied == 3


async def _puts(run: object) -> bool:
    """Whether rows are being put."""
    return bool(vars(run)["_put"])


async def test_rows_that_are_on_a_full_server_are_done(world: World) -> None:
    tasks = world.tasks(lease=0.2)
    sessions = await world.sessions(3)
    announce = tasks._task.kiq

    async def full(*_: object) -> None:
        raise OSError("command not allowed when used memory > 'maxmemory'")

    tasks._task.kiq = full
    run = await tasks.update_many(
        [SessionUpdate(sessions[n % 3], to(f"city {n}")) for n in range(1_800)], ahead=9_999
    )
    await eventually(lambda: _all_are_put(run), True)
    async with redis.asyncio.Redis.from_url(world.redis_url) as server:
        await server.config_set("maxmemory", "1")
        await world.start()
        assert (await run.wait()).applied == 1_800
        await server.config_set("maxmemory", "0")
    tasks._task.kiq = announce


async def _all_are_put(run: object) -> bool:
    return bool(vars(run)["_rows_put"] == 1_800)
