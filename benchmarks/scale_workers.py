"""Worker processes on one queue: processor time a row, time by the clock, and what the Redis server does for it.

``measure`` starts as many as asked for, over a server that answers everything. ``benchmarks.scale`` shows it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from contextlib import ExitStack
from typing import Any, Final

import attrs
from redis import Redis

from benchmarks.goodput_client import PATCH
from benchmarks.process import Child
from briqpay_async import BriqpayClient
from briqpay_async.integrations.taskiq.rows import QueuedRow
from briqpay_async.integrations.taskiq.worker import ShardWorker
from briqpay_async.shared import RedisState

__all__ = ["AT_ONCE", "Share", "measure", "receive"]

AT_ONCE: Final = 8  # shards that ``briqpay worker`` serves at the same time
_CONCURRENCY: Final = 50
_RUN: Final = "run/1"


@attrs.frozen(kw_only=True)
class Share:
    """What some workers did, for each row.

    Attributes:
        processor: Seconds of processor time of the workers, all together.
        clock: Seconds by the clock.
        redis: Seconds of processor time of the Redis server, for putting, sending, recording and reading outcomes.
        questions: Scripts that were asked for.
        operations: Commands that it ran, those of scripts included.
        memory: Bytes that it keeps while the row waits.
    """

    processor: float
    clock: float
    redis: float
    questions: float
    operations: float
    memory: float


async def receive(worker: ShardWorker, ready: list[int]) -> None:
    """Serve one shard after the other, as the receiver of ``briqpay worker`` does."""
    while ready:
        await worker.serve(ready.pop())


async def work(url: str, redis: str, account: str, shards: str) -> None:
    """One worker: serves all shards that another does not have, until nothing is left."""
    state = RedisState(redis, account=account)
    queue = state.queue(shards=int(shards), limit=1_000_000, keep=3600)

    async def announce(shard: int) -> None:
        ready.append(shard)

    worker = ShardWorker(queue, lambda: BriqpayClient("user", "secret", base_url=url), announce, _CONCURRENCY)
    await worker.client().sessions.update(str(uuid.uuid4()), PATCH, fields="none")
    print(json.dumps("ready"), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ready = list(range(queue.shards))
    random.shuffle(ready)
    began, clock = time.process_time(), time.monotonic()
    await asyncio.gather(*(receive(worker, ready) for _ in range(AT_ONCE)))
    print(json.dumps((time.process_time() - began, time.monotonic() - clock)), flush=True)
    await worker.stop()
    await state.aclose()


async def _put(redis: str, account: str, rows: int, shards: int) -> None:
    state = RedisState(redis, account=account)
    queue = state.queue(shards=shards, limit=1_000_000, keep=3600)
    for start in range(0, rows, 500):
        some: dict[int, list[bytes]] = {}
        for number in range(start, min(start + 500, rows)):
            session_id = str(uuid.UUID(int=number | 4 << 76))
            row = QueuedRow(session_id, PATCH, _RUN, number).encode()
            some.setdefault(queue.shard_of(session_id), []).append(row)
        await queue.put("benchmark", start, some)
    await state.aclose()


async def _read(redis: str, account: str, shards: int) -> int:
    state = RedisState(redis, account=account)
    queue = state.queue(shards=shards, limit=1_000_000, keep=3600)
    read = 0
    while found := await queue.outcomes(_RUN, read):
        read += len(found)
    await state.aclose()
    return read


def measure(redis: str, workers: int, rows: int, shards: int = 64) -> Share:
    """Let so many workers send so many rows, each of another session."""
    account = uuid.uuid4().hex
    server = Redis.from_url(redis, decode_responses=True)
    server.config_resetstat()
    before, empty = _seconds(server), _memory(server)
    asyncio.run(_put(redis, account, rows, shards))
    memory = _memory(server) - empty
    with ExitStack() as stack:
        api = stack.enter_context(Child("benchmarks.goodput_server", "{}"))
        arguments = (api.hear(), redis, account, str(shards))
        children = [stack.enter_context(Child("benchmarks.scale_workers", *arguments)) for _ in range(workers)]
        for each in children:
            each.hear()
        for each in children:
            each.write_line("go")
        took: list[tuple[float, float]] = [each.hear() for each in children]
    assert asyncio.run(_read(redis, account, shards)) == rows
    stats: dict[str, Any] = server.info("commandstats")
    found = Share(
        processor=sum(processor for processor, _ in took) / rows,
        clock=max(clock for _, clock in took) / rows,
        redis=(_seconds(server) - before) / rows,
        questions=stats["cmdstat_evalsha"]["calls"] / rows,
        operations=sum(each["calls"] for each in stats.values()) / rows,
        memory=memory / rows,
    )
    server.close()
    return found


def _seconds(server: Redis) -> float:
    used: dict[str, Any] = server.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _memory(server: Redis) -> int:
    used: dict[str, Any] = server.info("memory")
    return int(used["used_memory"])


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:5]))
