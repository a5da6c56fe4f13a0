"""The recipe of a night on two workers: the real program, two real ``taskiq worker`` processes, a real server."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import redis.asyncio
from support.processes import stop
from support.shop import new_session
from support.valkey import valkey_server

from briqpay_async import BriqpayClient
from briqpay_async.sandbox import Sandbox

RECIPES = Path(__file__).parent
MISSING = "00000000-0000-4000-8000-000000000000"


def make_shop(folder: Path, sessions: list[str]) -> Path:
    """The shop's own database: one pick-up point for each checkout."""
    path = folder / "shop.db"
    shop = sqlite3.connect(path)
    with shop:
        shop.execute("CREATE TABLE pick_ups (session_id, street, zip, city)")
        shop.executemany(
            "INSERT INTO pick_ups VALUES (?, ?, '22222', 'Lund')",
            [(session_id, f"Point {number}") for number, session_id in enumerate(sessions)],
        )
    shop.close()
    return path


@asynccontextmanager
async def started(environment: dict[str, str]) -> AsyncIterator[None]:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "taskiq", "worker", "nightly_pool:broker", "--workers", "1", "--max-async-tasks", "8"),
        cwd=RECIPES,
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        await stop(worker)


async def both_listen(url: str, queue: str) -> None:
    """Wait until two workers ask for wake-ups."""
    async with redis.asyncio.Redis.from_url(url) as server, asyncio.timeout(90):
        while not await server.exists(queue):  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.05)
        while len(await server.xinfo_consumers(queue, "taskiq")) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def night(environment: dict[str, str], shop: Path) -> tuple[int | None, str, str]:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *("nightly_pool.py", str(shop), "monday"),
        cwd=RECIPES,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await program.communicate()
    return program.returncode, out.decode(), errors.decode()


async def test_two_workers_move_every_checkout_and_the_same_command_does_nothing_twice(
    sandbox: Sandbox, client: BriqpayClient, tmp_path: Path
) -> None:
    sessions = [(await client.sessions.create(new_session())).id for _ in range(20)]
    shop = make_shop(tmp_path, [*sessions, MISSING])
    with valkey_server() as server:
        account = uuid.uuid4().hex
        environment = {
            **os.environ,
            "REDIS_URL": server.connection_url,
            "BRIQPAY_ACCOUNT": account,
            "BRIQPAY_USERNAME": sandbox.username,
            "BRIQPAY_SECRET": sandbox.secret,
            "BRIQPAY_BASE_URL": sandbox.url,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        async with AsyncExitStack() as workers:
            for _ in range(2):
                await workers.enter_async_context(started(environment))
            await both_listen(server.connection_url, f"{account}:night")
            status, out, errors = await night(environment, shop)
            assert (status, out) == (1, "20 moved, 0 were before, 1 failed\n")
            assert errors.startswith(f"{MISSING}: ")
            streets = [sandbox.sessions[each]["data"]["shipping"]["streetAddress"] for each in sessions]
            assert streets == [f"Point {number}" for number in range(20)]

            status, out, _ = await night(environment, shop)
            assert (status, out) == (1, "0 moved, 20 were before, 1 failed\n")
