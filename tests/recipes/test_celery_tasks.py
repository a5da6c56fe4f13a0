"""The Celery recipe: a real worker with two processes, a real server as broker and for the shared order."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from pathlib import Path

import pytest
from support.processes import stop
from support.shop import data, line, new_session
from support.valkey import valkey_server

from briqpay_async import BriqpayClient
from briqpay_async.sandbox import Sandbox

RECIPES = Path(__file__).parent


async def test_tasks_of_two_processes_that_edit_one_session_lose_nothing(
    sandbox: Sandbox, client: BriqpayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line(f"sku-{number}") for number in range(8)]
    session_id = (await client.sessions.create(new_session(data(*lines)))).id
    with valkey_server() as server:
        for name, value in (
            ("REDIS_URL", server.connection_url),
            ("BRIQPAY_USERNAME", sandbox.username),
            ("BRIQPAY_SECRET", sandbox.secret),
            ("BRIQPAY_BASE_URL", sandbox.url),
        ):
            monkeypatch.setenv(name, value)
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "celery", "-A", "celery_tasks", "worker", "--concurrency", "2", "--loglevel", "error"),
            cwd=RECIPES,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await asyncio.to_thread(_send_all, monkeypatch, session_id, len(lines))
        finally:
            await stop(worker)
    cart = sandbox.sessions[session_id]["data"]["order"]["cart"]
    assert [entry["quantity"] for entry in cart] == [number + 2 for number in range(8)]


def _send_all(monkeypatch: pytest.MonkeyPatch, session_id: str, count: int) -> None:
    monkeypatch.syspath_prepend(str(RECIPES))
    recipe = importlib.import_module("celery_tasks")
    with recipe.app:
        sent = [recipe.set_quantity.delay(session_id, f"sku-{number}", number + 2) for number in range(count)]
        for result in sent:
            result.get(timeout=90)
        recipe.app.pool.force_close_all()
