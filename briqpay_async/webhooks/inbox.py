"""Handling each event once: it is claimed, handled, and then marked as done, or given back when handling fails.

Briqpay sends a webhook again until it is answered with a 2xx, and sometimes twice. A mark that is set before the
handling loses an event whose handler fails; one set afterwards lets two deliveries at once both be handled.
A claim is both: it keeps others out while the event is handled, and ends by itself when its holder dies.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol

from briqpay_async.errors import ConfigurationError

__all__ = ["Claim", "InboxStore", "MemoryInboxStore", "WebhookInbox"]


class Claim(Enum):
    """Whether an event is to be handled now.

    Attributes:
        FRESH: Handle it: it is yours until the block ends.
        DONE: It was handled before: answer 200, so that it is not sent again.
        BUSY: Another process or task handles it right now: answer 503, and it is sent again if that fails.
    """

    FRESH = "fresh"
    DONE = "done"
    BUSY = "busy"


class HasKey(Protocol):
    """What an inbox needs of an event: ``WebhookEvent.key``."""

    @property
    def key(self) -> str: ...


class InboxStore(Protocol):
    """Where claims are kept. Each method is atomic, also between processes where the store is shared by them."""

    async def claim(self, key: str, owner: str, lease: float) -> Claim:
        """Take an event for ``lease`` seconds, unless it is done or another owner's claim has not run out."""

    async def done(self, key: str, owner: str) -> None:
        """Mark an event as handled, even when another process or task holds it now."""

    async def give_back(self, key: str, owner: str) -> None:
        """End a claim without handling, if it still is this owner's."""


class MemoryInboxStore:
    """Claims of one process, in memory: they are gone when it ends.

    Args:
        size: How many events are remembered; then the ones handled longest ago are forgotten.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: ``size`` is not a positive integer.
    """

    def __init__(self, size: int = 10_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        if type(size) is not int or size < 1:
            raise ConfigurationError("size must be a positive integer.")
        self._size = size
        self._clock = clock
        self._done: OrderedDict[str, None] = OrderedDict()
        self._claims: dict[str, tuple[str, float]] = {}

    async def claim(self, key: str, owner: str, lease: float) -> Claim:
        """See ``InboxStore``."""
        if key in self._done:
            return Claim.DONE
        now = self._clock()
        held = self._claims.get(key)
        if held is not None and held[1] > now:
            return Claim.BUSY
        self._claims[key] = (owner, now + lease)
        return Claim.FRESH

    async def done(self, key: str, owner: str) -> None:
        """See ``InboxStore``."""
        del owner
        self._claims.pop(key, None)
        self._done[key] = None
        while len(self._done) > self._size:
            self._done.popitem(last=False)

    async def give_back(self, key: str, owner: str) -> None:
        """See ``InboxStore``."""
        held = self._claims.get(key)
        if held is not None and held[0] == owner:
            del self._claims[key]


class WebhookInbox:
    """Claims events in a store.

    Args:
        store: Where claims are kept.
        lease: Seconds after which the claim of a holder that died ends. Longer than any handler takes: a handler
            that takes longer may be run a second time beside itself.

    Raises:
        ConfigurationError: ``lease`` is not a positive number.
    """

    def __init__(self, store: InboxStore, *, lease: float = 90) -> None:
        if isinstance(lease, bool) or not isinstance(lease, int | float) or not 0 < lease < float("inf"):
            raise ConfigurationError("lease must be a positive number of seconds.")
        self.lease = lease
        self._store = store

    @asynccontextmanager
    async def claim(self, event: HasKey) -> AsyncIterator[Claim]:
        """Claim an event for the length of a block.

        Leaving the block without an exception marks a fresh event as done. Leaving it with one gives the claim
        back, so that a redelivery is handled.

        Example:
            >>> async with inbox.claim(event) as claim:
            ...     if claim is Claim.FRESH:
            ...         await handle(event)
        """
        key, owner = event.key, uuid.uuid4().hex
        claim = await self._claim(key, owner)
        if claim is not Claim.FRESH:
            yield claim
            return
        try:
            yield claim
        except BaseException:  # cancelled, too: the event is not handled
            await asyncio.shield(self._store.give_back(key, owner))
            raise
        await asyncio.shield(self._store.done(key, owner))

    async def _claim(self, key: str, owner: str) -> Claim:
        """Claim an event; who is cancelled meanwhile holds nothing afterwards."""
        claiming = asyncio.ensure_future(self._store.claim(key, owner, self.lease))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            if await claiming is Claim.FRESH:
                await self._store.give_back(key, owner)
            raise
