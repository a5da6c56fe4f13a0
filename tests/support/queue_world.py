"""A queue, and workers of it that run in the loop of a test."""

from __future__ import annotations

import asyncio
from typing import Any

from support.shop import new_session
from taskiq import InMemoryBroker

from briqpay_async import Address, BriqpayClient, EditableData, RetryPolicy, SessionPatch
from briqpay_async.integrations.taskiq import BriqpayTasks, FailedUpdate
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import RedisState

__all__ = ["MISSING", "World", "eventually", "letters", "nothing", "to"]

MISSING = "00000000-0000-4000-8000-000000000000"


class World:
    """A sandbox, a queue, and as many workers as a test starts."""

    def __init__(self, sandbox: Sandbox, client: BriqpayClient, redis_url: str, account: str) -> None:
        self.sandbox, self.client, self.redis_url, self.account = sandbox, client, redis_url, account
        self.brokers: list[InMemoryBroker] = []

    def tasks(self, *, secret: str | None = None, **options: Any) -> BriqpayTasks:
        """Tasks whose broker runs them in this loop."""
        broker = InMemoryBroker()
        self.brokers.append(broker)
        settings: dict[str, Any] = {"shards": 4, "lease": 1.0}
        return BriqpayTasks(
            broker,
            RedisState(self.redis_url, account=self.account),
            make_client=lambda: BriqpayClient(
                self.sandbox.username,
                secret or self.sandbox.secret,
                base_url=self.sandbox.url,
                retry=RetryPolicy(base=0.001, cap=0.002),
            ),
            **(settings | options),
        )

    async def sessions(self, count: int) -> list[str]:
        return [(await self.client.sessions.create(new_session())).id for _ in range(count)]

    async def city(self, session_id: str) -> str | None:
        session = await self.client.sessions.read(session_id)
        assert session.data is not None
        assert session.data.billing is not None
        return session.data.billing.city

    async def start(self) -> None:
        """Begin to sweep, as a worker does."""
        for broker in self.brokers:
            await broker.startup()

    async def close(self) -> None:
        for broker in self.brokers:
            await broker.shutdown()


def to(city: str) -> SessionPatch:
    return SessionPatch.of(data=EditableData(billing=Address(city=city)))


async def eventually(read: Any, wanted: Any) -> None:
    async with asyncio.timeout(10):
        while await read() != wanted:  # noqa: ASYNC110 - other processes and servers set no event
            await asyncio.sleep(0.01)


async def letters(tasks: BriqpayTasks) -> list[FailedUpdate]:
    return [letter async for letter in tasks.failed()]


async def nothing(*_: object) -> None:
    """An announcement that gets lost."""
