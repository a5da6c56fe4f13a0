"""What both phases of the demo work with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import attrs

from briqpay_async.cli.demo.cart_math import Json
from briqpay_async.cli.demo.verify import mismatches
from briqpay_async.client import BriqpayClient
from briqpay_async.conversion.decode import structure, unstructure
from briqpay_async.errors import BriqpayError
from briqpay_async.models.session import NewSession, Session
from briqpay_async.patch.session_patch import MergeDepth
from briqpay_async.sandbox import Sandbox

__all__ = ["DemoEnvironment", "Progress", "for_each", "patch_traffic"]

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with what is under way, how many are done, and of how many."""


@attrs.frozen(kw_only=True)
class DemoEnvironment:
    """A running sandbox and a client connected to it.

    Attributes:
        sandbox: The server.
        briqpay: The client.
        seed: Of everything random.
        depth: How patches are made where the demo makes them itself.
        clock: Seconds.
        progress: Called with how far it is.
    """

    sandbox: Sandbox
    briqpay: BriqpayClient
    seed: int
    depth: MergeDepth
    clock: Callable[[], float]
    progress: Progress

    async def create(self, body: Json) -> Session:
        """Create a session out of plain JSON."""
        return await self.briqpay.sessions.create(structure(body, NewSession))

    async def problems_of(self, session_id: str, created: Json, wanted: Json) -> tuple[str, ...]:
        """What is wrong with a session after its update, in the server's memory and as the client reads it.

        Args:
            session_id: Which session.
            created: How the server stored it before the update.
            wanted: The ``data`` intended.
        """
        try:
            session = await self.briqpay.sessions.read(session_id)
        except BriqpayError as error:
            return (str(error),)
        read = unstructure(session)["data"]
        return mismatches(created, wanted, self.sandbox.sessions[session_id], read)


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], workers: int) -> None:
    """Do something with each item, so many at once at most. Items are begun in their order.

    Raises:
        BriqpayError: The first failure of ``work``; the rest is cancelled.
    """
    feed = iter(items)

    async def worker() -> None:
        for item in feed:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


def patch_traffic(sandbox: Sandbox, session_ids: Iterable[str]) -> tuple[int, int]:
    """Requests and bytes of all PATCHes of some sessions, by the server's journal."""
    wanted = frozenset(session_ids)
    sizes = [record.body_length for record in sandbox.journal.of(endpoint="patch") if record.session_id in wanted]
    return len(sizes), sum(sizes)
