"""The tests of this room run on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.queue_world import World
from support.valkey import account, redis_url

from briqpay_async import BriqpayClient
from briqpay_async.sandbox import Sandbox

__all__ = ["account", "redis_url", "world"]


@pytest.fixture
async def world(sandbox: Sandbox, client: BriqpayClient, redis_url: str, account: str) -> AsyncIterator[World]:
    found = World(sandbox, client, redis_url, account)
    yield found
    await found.close()
