"""The recipe of a shop with a queue: the real web app, the real ``taskiq worker``, a real server."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import uuid
from pathlib import Path

import httpx
import pytest
from support.processes import stop
from support.shop import new_session
from support.valkey import valkey_server

from briqpay_async import BriqpayClient
from briqpay_async.sandbox import Sandbox

RECIPES = Path(__file__).parent


async def test_what_a_handler_puts_is_sent_by_the_worker_in_order(
    sandbox: Sandbox, client: BriqpayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = (await client.sessions.create(new_session())).id
    with valkey_server() as server:
        for name, value in (
            ("REDIS_URL", server.connection_url),
            ("BRIQPAY_ACCOUNT", uuid.uuid4().hex),
            ("BRIQPAY_USERNAME", sandbox.username),
            ("BRIQPAY_SECRET", sandbox.secret),
            ("BRIQPAY_BASE_URL", sandbox.url),
        ):
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(str(RECIPES))
        shop = importlib.import_module("taskiq_shop")
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "taskiq", "worker", "taskiq_shop:broker", "--workers", "1", "--max-async-tasks", "8"),
            cwd=RECIPES,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with (
                shop.lifespan(shop.app),
                httpx.AsyncClient(transport=httpx.ASGITransport(shop.app), base_url="http://shop") as browser,
            ):
                for city in ("Lund", "Malmö", "Ystad"):
                    answer = await browser.put(f"/sessions/{session_id}/city/{city}")
                    assert (answer.status_code, answer.json()) == (202, {"accepted": session_id})
                refused = await browser.put("/sessions/unknown/city/Lund")
                assert refused.json() == {"error": "ValidationError"}
                async with asyncio.timeout(60):
                    while sandbox.sessions[session_id]["data"]["billing"]["city"] != "Ystad":  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
        finally:
            await stop(worker)
            await shop.tasks._worker.stop()
