"""One script at a time, on a real server: what it answers, and what it leaves there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from support.script_server import Server
from support.valkey import account, redis_url

from briqpay_async.shared.connection import Connection

__all__ = ["account", "redis_url", "server"]


@pytest.fixture
async def server(redis_url: str, account: str) -> AsyncIterator[Server]:
    connection = Connection(redis_url)
    keys = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
    yield Server(connection, keys, account)
    await connection.aclose()
    await keys.aclose()
