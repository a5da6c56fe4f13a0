"""A nightly run that workers on two machines send: the carrier's new pick-up points, for every open checkout.

Each machine runs ``taskiq worker nightly_pool:broker --max-async-tasks 8`` (a process that takes more wake-ups at
once keeps them from the others), and cron starts ``python nightly_pool.py shop.db monday`` on one of them. If a
worker is killed, the other sends its rows. After a crash of this program, the same command goes on with the rest.
``briqpay bulk failed --redis URL`` shows what failed for good.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing

from taskiq_redis import RedisStreamBroker

from briqpay_async import (
    Address,
    BriqpayClient,
    BulkJournal,
    BulkProgress,
    EditableData,
    RateLimit,
    SessionPatch,
    SessionUpdate,
)
from briqpay_async.integrations.taskiq import BriqpayTasks
from briqpay_async.shared import RedisState

REDIS_URL = os.environ["REDIS_URL"]  # rediss://, with AOF persistence and the policy noeviction
ACCOUNT = os.environ.get("BRIQPAY_ACCOUNT", "default")

# All workers keep to the quota together.
state = RedisState(REDIS_URL, account=ACCOUNT, rate=RateLimit(per_second=50, burst=10))
broker = RedisStreamBroker(
    REDIS_URL,
    queue_name=f"{ACCOUNT}:night",
    consumer_id="0",
    xread_count=1,
    unacknowledged_lock_timeout=5,
)
tasks = BriqpayTasks(broker, state, make_client=lambda: BriqpayClient.from_env(shared=state))


def updates(shop: sqlite3.Connection) -> Iterator[SessionUpdate]:
    """One row a checkout, read as it is needed."""
    for session_id, street, code, city in shop.execute("SELECT session_id, street, zip, city FROM pick_ups"):
        point = Address(street_address=street, zip=code, city=city)
        yield SessionUpdate(session_id, SessionPatch.of(data=EditableData(shipping=point)), key=session_id)


async def main(database: str, night: str) -> BulkProgress:
    """Put all rows into the queue, and follow them until each is done or failed."""
    await broker.startup()
    try:
        with closing(sqlite3.connect(database)) as shop:
            journal = BulkJournal(f"{database}.{night}.journal")
            run = await tasks.update_many(updates(shop), night, ahead=20_000, journal=journal)
            async for outcome in run.outcomes():
                if outcome.error is not None:
                    sys.stderr.write(f"{outcome.session_id}: {outcome.error}\n")
            return await run.wait()
    finally:
        await broker.shutdown()
        await state.aclose()


if __name__ == "__main__":
    done = asyncio.run(main(*sys.argv[1:3]))
    sys.stdout.write(f"{done.applied} moved, {done.skipped} were before, {done.failed} failed\n")
    sys.exit(1 if done.failed else 0)
