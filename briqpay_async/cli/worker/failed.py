"""``briqpay bulk failed``: rows that failed for good, and the way back into the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson

from briqpay_async.cli.connect import Flag, Names
from briqpay_async.cli.exits import InputError, one_line
from briqpay_async.cli.output import say, write_line
from briqpay_async.cli.worker.queue import Queue, RedisUrl
from briqpay_async.integrations.taskiq import FailedUpdate

__all__ = ["failed"]


def failed(
    *,
    redis: RedisUrl,
    account: str = "default",
    shards: int = 64,
    session: Names = None,
    put_back: Flag = False,
    discard: Flag = False,
) -> None:
    """Show the rows in the queue of a Redis server that failed for good, a JSON line each, oldest first.

    Args:
        redis: redis://, rediss:// or unix:// URL; BRIQPAY_REDIS_URL when left out.
        account: Name of the Briqpay account, where several use one server.
        shards: Parts of the queue; the same number for all that use it.
        session: Only rows of this session; may be given several times.
        put_back: Put them into the queue once more. What was changed since, they change again.
        discard: Forget them.
    """
    if put_back and discard:
        raise InputError("--put-back and --discard exclude each other")
    wanted = {one.lower() for one in session or ()}

    async def work() -> None:
        async with Queue(url=redis, account=account, shards=shards).opened() as tasks:
            found = [
                each async for each in tasks.failed() if not wanted or (each.session_id or "").lower() in wanted
            ]
            _show(found)
            if put_back:
                say(f"put back: {await tasks.put_back(found):,} of {len(found):,}")
            elif discard:
                say(f"forgotten: {await tasks.discard(found):,}")

    asyncio.run(work())


def _show(found: Sequence[FailedUpdate]) -> None:
    for each in found:
        write_line(
            orjson.dumps(
                {
                    "sessionId": each.session_id,
                    "key": each.key,
                    "run": each.run,
                    "failedAt": round(each.failed_at, 3),
                    "changes": [] if each.patch is None else each.patch.changed,
                    "error": {
                        "class": type(each.error).__name__,
                        "status": each.error.status,
                        "message": one_line(each.error.message),
                    },
                }
            )
        )
