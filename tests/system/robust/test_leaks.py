"""Long life: no lane, writer, socket or warning is left behind, and a forked child cannot disturb its parent."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.shop import address, data
from system.robust.robust_wire import SESSION_ID, Wire, connections_in_use

from briqpay_async import (
    Address,
    BriqpayClient,
    EditableData,
    Session,
    SessionData,
    SessionPatch,
    Timeouts,
    WrongLoopError,
)
from briqpay_async.transport.call import ClientState
from briqpay_async.transport.requests import Request, Response
from briqpay_async.transport.retry import Budget

ROOT = Path(__file__).resolve().parents[3]
SESSIONS = 30_000
PATCH = SessionPatch.between(data(), data(billing=address(city="Malmö")))


class Instant:
    """A transport whose answers are there at once, or in the next turn of the loop."""

    def __init__(self, body: bytes) -> None:
        self.answer = Response(200 if body else 204, {}, body)
        self.sent = 0

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        self.sent += 1
        if self.sent % 10 == 0:
            await asyncio.sleep(0)
        return self.answer

    async def aclose(self) -> None:
        """Nothing to close."""


def client_over(transport: Instant) -> BriqpayClient:
    client = BriqpayClient("m", "s", check_totals="off")
    old = client._caller
    client._wire(
        transport,
        ClientState(Budget(old.policy.budget)),
        timeouts=old.timeouts,
        retry=old.policy,
        hooks=(),
        check_totals="off",
    )
    return client


REMEMBERED = 12_000  # blocks: when the last thousand or two of sessions were changed and read


def ids(count: int) -> Iterator[str]:
    return (str(uuid.UUID(int=number, version=4)) for number in range(count))


async def blocks_kept(client: BriqpayClient, work: Any, count: int) -> int:
    """Blocks of memory that remain after work on many sessions, ten of them at a time."""

    async def worker(turns: Iterator[str]) -> None:
        for session_id in turns:
            await work(client, session_id)

    async def all_of(turns: Iterator[str]) -> None:
        await asyncio.gather(*[worker(turns) for _ in range(10)])

    await all_of(ids(500))
    gc.collect()
    before = sys.getallocatedblocks()
    await all_of(ids(count))
    gc.collect()
    return sys.getallocatedblocks() - before


async def test_thirty_thousand_sessions_leave_no_lane_and_no_memory_behind() -> None:
    async def update(client: BriqpayClient, session_id: str) -> None:
        await client.sessions.update(session_id, PATCH, "none")

    transport = Instant(b"")
    client = client_over(transport)
    assert await blocks_kept(client, update, SESSIONS) < REMEMBERED
    assert transport.sent == SESSIONS + 500
    assert len(client._caller.shared.locks) == 0
    assert client._caller.shared.budget.tokens == 500


async def test_writers_of_many_sessions_are_forgotten_with_their_last_user() -> None:
    state = EditableData(billing=Address(city="Ystad"))

    async def put(client: BriqpayClient, session_id: str) -> None:
        writer = client.sessions.writer(
            Session(session_id=session_id, data=SessionData(billing=Address(city="a")))
        )
        await asyncio.gather(writer.put(state), writer.put(state))

    client = client_over(Instant(b"{}"))
    assert await blocks_kept(client, put, 3_000) < REMEMBERED
    assert len(client._caller.shared.writers) == 0
    assert len(client._caller.shared.locks) == 0


async def test_edits_that_fail_leave_nothing_behind_either() -> None:
    async def edit(client: BriqpayClient, session_id: str) -> None:
        with pytest.raises(ZeroDivisionError):
            async with client.sessions.edit(Session(session_id=session_id)):
                raise ZeroDivisionError

    client = client_over(Instant(b"{}"))
    assert await blocks_kept(client, edit, 5_000) < 1_000
    assert len(client._caller.shared.locks) == 0


MINI_RUN = """
import asyncio, contextlib, logging
from briqpay_async import *
from briqpay_async.sandbox import Sandbox
from support.shop import address, data, new_session

logging.getLogger("asyncio").setLevel(logging.ERROR)  # debug mode reports what is merely slow
PATCH = SessionPatch.between(data(), data(billing=address(city="Ystad")))

async def main():
    async with Sandbox(seed=3) as sandbox:
        retry = RetryPolicy(base=0.001, cap=0.002)
        async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, retry=retry) as briqpay:
            made = [await briqpay.sessions.create(new_session()) for _ in range(5)]
            ids = [session.session_id for session in made]
            async with briqpay.sessions.edit(ids[0]) as builder:
                builder.billing.update(city="Lund")
            writer = briqpay.sessions.writer(await briqpay.sessions.read(ids[1]))
            await writer.put(data(billing=address(city="Kivik")))
            async for outcome in briqpay.sessions.update_many([SessionUpdate(i, PATCH) for i in ids] * 4):
                assert outcome.error is None, outcome.error
            rows = briqpay.sessions.update_many([SessionUpdate(i, PATCH) for i in ids] * 40)
            async for outcome in rows:
                break
            await rows.aclose()
            sandbox.faults.chaos(0.7)
            found = await asyncio.gather(
                *[briqpay.sessions.update(i, PATCH) for i in ids * 8], return_exceptions=True
            )
            assert all(not isinstance(one, BaseException) or isinstance(one, BriqpayError) for one in found)
            sandbox.faults.clear()
            for kind in ("oversized", "gzip_bomb", "malformed_json", "reset_mid_body", "apply_then_drop"):
                fault = sandbox.faults.add(kind)
                with contextlib.suppress(BriqpayError):
                    await briqpay.sessions.read(ids[0])
                sandbox.faults.remove(fault)
            sandbox.faults.add("latency", seconds=5)
            for _ in range(3):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await briqpay.sessions.update(ids[0], PATCH)
            with contextlib.suppress(CallTimeoutError):
                await briqpay.sessions.read(ids[0], timeout=0.02)
            pending = [asyncio.create_task(briqpay.sessions.read(i)) for i in ids]
            await asyncio.sleep(0.01)
        await asyncio.wait(pending)
        assert all(isinstance(task.exception(), BriqpayError) for task in pending)
    BriqpayClient("never", "used")

asyncio.run(main())
print("done")
"""


def test_a_whole_run_in_development_mode_shows_no_warning() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", MINI_RUN],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def _use_in_a_child(client: BriqpayClient, results: Any) -> None:
    try:
        asyncio.run(client.sessions.read(SESSION_ID))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent wants to see it
        results.put(error)
    results.put(None)


async def test_a_forked_child_is_refused_and_does_not_touch_its_parents_connections(wire: Wire) -> None:
    async with wire.client() as briqpay:
        await briqpay.sessions.read(SESSION_ID)
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        child = context.Process(target=_use_in_a_child, args=(briqpay, results))
        child.start()
        error = await asyncio.to_thread(results.get, timeout=20)
        await asyncio.to_thread(child.join, 20)
        assert type(error) is WrongLoopError
        assert "after the fork" in str(error)
        assert child.exitcode == 0
        assert len(wire.requests) == 1
        assert (await briqpay.sessions.read(SESSION_ID)).session_id == SESSION_ID
        assert (wire.connections, connections_in_use(briqpay)) == (1, 0)
