"""Celery tasks that edit sessions: one client, made at import, serves every process of the pool.

Serve them with ``celery -A celery_tasks worker``. All processes of all machines keep the order of a session's
updates together, so two tasks that edit one session do not lose each other's changes.
"""

from __future__ import annotations

import os

from celery import Celery

from briqpay_async import ConnectError, RateLimitedError, ServerError
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.shared import RedisState

REDIS_URL = os.environ["REDIS_URL"]

app = Celery("shop", broker=REDIS_URL, backend=REDIS_URL)
app.conf.task_acks_late = True  # a task whose worker was killed is given to another
briqpay = BlockingBriqpayClient.from_env(shared=RedisState(REDIS_URL))


@app.task(autoretry_for=(ConnectError, RateLimitedError, ServerError), retry_backoff=True, max_retries=5)
def set_quantity(session_id: str, reference: str, quantity: int) -> None:
    """Give a line another quantity."""
    with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity(reference, quantity)
