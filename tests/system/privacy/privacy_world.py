"""A shop with a session full of canaries, everybody who may look on, and the ways a program can take in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
from system.privacy.canaries import NEW, SECRET, USERNAME, Net, Watcher, after

from briqpay_async import BriqpayClient, MergeDepth, RetryPolicy, Session, SessionPatch
from briqpay_async.sandbox import Sandbox

__all__ = ["UNKNOWN", "World", "make_world"]

UNKNOWN = "00000000-0000-4000-8000-000000000000"
Way = Callable[["World"], Awaitable[object]]


@attrs.frozen(repr=False)
class World:
    """What a way has to work with."""

    net: Net
    sandbox: Sandbox
    client: BriqpayClient
    session: Session
    folder: Path

    @property
    def id(self) -> str:
        return str(self.session.session_id)

    def fault(self, kind: str, **options: Any) -> None:
        self.sandbox.faults.add(kind, **options)

    def patch(self, depth: MergeDepth = MergeDepth.FIELD) -> SessionPatch:
        return SessionPatch.between(self.session, after(self.session), depth)

    def other(self, **options: Any) -> BriqpayClient:
        """A client with other settings."""
        defaults: dict[str, Any] = {
            "username": USERNAME,
            "secret": SECRET,
            "base_url": self.sandbox.url,
            "hooks": [Watcher(self.net)],
            "retry": RetryPolicy(base=0.001, cap=0.002),
        }
        return BriqpayClient(**(defaults | options))


@contextlib.asynccontextmanager
async def make_world(net: Net, folder: Path, **switches: Any) -> AsyncIterator[World]:
    """Open the shop, in a loop that logs each step of each task."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    async with Sandbox(username=USERNAME, secret=SECRET, **switches) as sandbox:
        world = World(net, sandbox, None, None, folder)  # type: ignore[arg-type]
        async with world.other() as client:
            session = await client.sessions.create(NEW)
            yield attrs.evolve(world, client=client, session=session)
