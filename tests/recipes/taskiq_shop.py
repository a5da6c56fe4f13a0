"""A FastAPI shop whose handlers put updates into a queue, and the worker that sends them.

Serve the shop with ``uvicorn taskiq_shop:app``, and the queue, on as many machines as you like, with
``taskiq worker taskiq_shop:broker --max-async-tasks 8``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from taskiq_redis import RedisStreamBroker

from briqpay_async import Address, BriqpayError, EditableData, SessionPatch
from briqpay_async.integrations.taskiq import BriqpayTasks
from briqpay_async.shared import RedisState

REDIS_URL = os.environ["REDIS_URL"]
ACCOUNT = os.environ.get("BRIQPAY_ACCOUNT", "default")

# One wake-up at a time, so that workers share them; and a lock that a killed worker does not keep.
broker = RedisStreamBroker(
    REDIS_URL,
    queue_name=f"{ACCOUNT}:tasks",
    consumer_id="0",
    xread_count=1,
    unacknowledged_lock_timeout=5,
)
tasks = BriqpayTasks(broker, RedisState(REDIS_URL, account=ACCOUNT))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Connect the broker; a worker has done it already."""
    if not broker.is_worker_process:
        await broker.startup()
    yield
    if not broker.is_worker_process:
        await broker.shutdown()


app = FastAPI(lifespan=lifespan)


@app.put("/sessions/{session_id}/city/{city}", status_code=202)
async def move(session_id: str, city: str) -> dict[str, str]:
    """Answer as soon as the update is in the queue."""
    try:
        await tasks.update(session_id, SessionPatch.of(data=EditableData(billing=Address(city=city))))
    except BriqpayError as error:
        return {"error": type(error).__name__}
    return {"accepted": session_id}
