"""``briqpay worker`` and the commands that put rows into its queue, with a real server and real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis.asyncio

from briqpay_async.cli.worker import queue
from briqpay_async.cli.worker.command import _of_one
from briqpay_async.sandbox import Sandbox

Save = Callable[..., Path]
MISSING = "00000000-0000-4000-8000-000000000000"
ROOT = Path(__file__).parents[3]


class Pool:
    """A running ``briqpay worker``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stderr is not None
        return (await asyncio.wait_for(self.process.stderr.readline(), 60)).decode()

    async def pid(self) -> int:
        """The process of the next worker that is ready."""
        while "ready" not in (line := await self.line()):
            pass
        return int(line.split()[2].rstrip(":"))


@pytest.fixture
async def pool(sandbox: Sandbox, redis_url: str, account: str) -> AsyncIterator[Pool]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "briqpay_async.cli", "worker", "--redis", redis_url, "-n", "2"),
        *("--account", account, "--lease", "1"),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    yield Pool(process)
    if process.returncode is None:
        process.terminate()
    await process.communicate()


def move(session_id: str, city: str, **members: Any) -> bytes:
    patch = {"data": {"billing": {"city": city}}}
    return orjson.dumps({"sessionId": session_id, "patch": patch, **members}) + b"\n"


def counts(document: Any) -> dict[str, int]:
    return {status: document[status] for status in ("applied", "unchanged", "failed", "skipped")}


def city(sandbox: Sandbox, session_id: str) -> str:
    return str(sandbox.sessions[session_id]["data"]["billing"]["city"])


async def test_a_pool_does_what_one_process_does(  # noqa: PLR0917 - fixtures
    pool: Pool,
    run: Any,
    sandbox: Sandbox,
    session_id: str,
    save: Save,
    tmp_path: Path,
    redis_url: str,
    account: str,
) -> None:
    lines = b"".join(
        (
            move(session_id, "Lund", key="a"),
            move(session_id, "Ystad", key="b"),
            move(MISSING, "X", key="c"),
            b"no JSON\n",
        )
    )
    file, report, journal = save(lines, "rows.jsonl"), tmp_path / "report.jsonl", tmp_path / "run.db"
    queue = ("--redis", redis_url, "--account", account)
    done = await run("bulk", "apply", file, *queue, "--report", report, "--journal", journal, "--json")
    assert done.status == 1
    assert counts(done.document) == {"applied": 2, "unchanged": 0, "failed": 2, "skipped": 0}
    assert city(sandbox, session_id) == "Ystad"
    reported = {row["line"]: row for row in map(orjson.loads, report.read_bytes().splitlines())}
    assert {line: row["status"] for line, row in reported.items()} == {
        1: "applied", 2: "applied", 3: "failed", 4: "failed",
    }  # fmt: skip
    assert reported[3]["error"]["class"] == "SessionNotFoundError"
    assert reported[4]["error"]["class"] == "InputError"

    again = await run("bulk", "apply", file, *queue, "--journal", journal, "--resume", "--json")
    assert counts(again.document) == {"applied": 0, "unchanged": 0, "failed": 2, "skipped": 2}

    shown = await run("bulk", "failed", *queue)
    found = [orjson.loads(line) for line in shown.out.splitlines()]
    assert [(row["sessionId"], row["key"], row["run"]) for row in found] == [(MISSING, "c", "bulk apply")] * 2
    assert found[0]["changes"] == ["/data/billing/city"]
    assert "Lund" not in shown.out  # values are personal data

    put_back = await run("bulk", "failed", *queue, "--put-back", "--session", MISSING)
    assert "put back: 2 of 2" in put_back.err
    for _ in range(200):
        left = (await run("bulk", "failed", *queue)).out.splitlines()
        if len(left) == 2:  # they failed once more
            break
        await asyncio.sleep(0.05)
    forgotten = await run("bulk", "failed", *queue, "--discard")
    assert "forgotten: 2" in forgotten.err


async def test_a_worker_that_dies_is_started_again_and_sigterm_ends_all(pool: Pool) -> None:
    first, second = await pool.pid(), await pool.pid()
    os.kill(first, signal.SIGKILL)
    assert f"worker {first} ended with -9" in await pool.line()
    third = await pool.pid()
    assert third not in {first, second}
    pool.process.terminate()
    assert await asyncio.wait_for(pool.process.wait(), 60) == 0
    for pid in (second, third):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_workers_end_when_what_started_them_is_killed(pool: Pool) -> None:
    pids = [await pool.pid(), await pool.pid()]
    pool.process.kill()
    await pool.process.wait()
    async with asyncio.timeout(60):
        for pid in pids:
            while _runs(pid):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("worker", "--redis", "redis://127.0.0.1:1", "-n", "0"), "--processes"),
        (("worker", "--redis", "redis://127.0.0.1:1", "--lease", "0"), "--lease"),
        (("worker", "--redis", "http://127.0.0.1:1"), "must begin with redis://"),
        (("worker", "--redis", "redis://127.0.0.1:1", "--shards", "0"), "shards"),
        (("worker", "--redis", "redis://127.0.0.1:1", "--rate", "fast"), "--rate"),
        (("bulk", "failed", "--redis", "redis://127.0.0.1:1", "--put-back", "--discard"), "exclude each other"),
        (("bulk", "apply", "-", "--redis", "redis://127.0.0.1:1", "--sandbox"), "go without --redis"),
    ],
)
async def test_wrong_options_are_refused_before_anything_begins(
    run: Any, sandbox: Sandbox, arguments: tuple[str, ...], text: str
) -> None:
    done = await run(*arguments)
    assert done.status == 2
    assert text in done.err


@pytest.mark.parametrize("command", ["bulk failed", "bulk apply FILE --journal JOURNAL", "worker", "worker -n 2"])
async def test_a_server_that_is_not_there_is_reported_at_once(
    run: Any, sandbox: Sandbox, save: Save, tmp_path: Path, command: str
) -> None:
    named = {"FILE": save(move(MISSING, "X"), "rows.jsonl"), "JOURNAL": tmp_path / "run.db"}
    done = await run(*(named.get(word, word) for word in command.split()), "--redis", "redis://127.0.0.1:1")
    assert done.status == 1
    assert "cannot be reached (ConnectionError)" in done.line
    assert not named["JOURNAL"].exists()  # nothing was begun


async def test_a_run_without_workers_says_so(  # noqa: PLR0917 - fixtures
    run: Any,
    sandbox: Sandbox,
    save: Save,
    redis_url: str,
    account: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "_SILENCE", 0.2)
    said = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        queue, "say", lambda text: "does a worker run" in text and loop.call_soon_threadsafe(said.set)
    )
    file = save(move(MISSING, "X"), "rows.jsonl")
    arguments = ("--redis", redis_url, "--account", account)
    applying = asyncio.create_task(run("bulk", "apply", file, *arguments))
    await asyncio.wait_for(said.wait(), 20)
    state = queue.Queue(url=redis_url, account=account)
    async with state.opened() as tasks:
        await tasks._worker.serve(tasks._queue.shard_of(MISSING))
        await tasks._worker.stop()
    assert (await applying).status == 1


async def test_a_worker_waits_for_a_wake_up_for_as_long_as_it_takes(
    redis_url: str, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = queue.Queue(url=redis_url, account=account).broker()
    # A question that outlasts the timeout of its socket would be an error.
    assert broker.connection_pool.make_connection().socket_timeout > queue._LOOK
    monkeypatch.setattr(queue, "_LOOK", 0.01)
    listening = broker.listen()
    waiting = asyncio.create_task(anext(listening))
    done, _ = await asyncio.wait((waiting,), timeout=0.1)
    assert not done
    async with redis.asyncio.Redis.from_url(redis_url) as server:
        await server.lpush(broker.queue_name, b"wake up")
    assert await asyncio.wait_for(waiting, 20) == b"wake up"
    await listening.aclose()
    await broker.shutdown()


def test_a_pool_passes_neither_url_nor_number_to_its_processes() -> None:
    given = "worker --redis redis://:secret@host -n 4 --lease=5 --processes=3 -n4 --account a --redis=x"
    assert _of_one(given.split()) == ["worker", "--lease=5", "--account", "a"]
