"""Leases of sessions on a Redis server: one holder at a time, and none for ever."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable

from briqpay_async.errors import SharedStateError
from briqpay_async.shared.connection import Connection, UnreachableError
from briqpay_async.transport.session_locks import Lease

__all__ = ["RedisLeases"]

_FIRST_LOOK = 0.002  # seconds until a taken lease is asked for again; then longer and longer
_LAST_LOOK = 0.03

logger = logging.getLogger("briqpay_async")


class RedisLeases:
    """Gives leases. Waiting processes look again and again: within a process only one waits for each session."""

    def __init__(
        self, connection: Connection, account: str, lease: float, go_on_alone: Callable[[Exception], bool]
    ) -> None:
        self._connection = connection
        self._account = account
        self._lease = lease
        self._go_on_alone = go_on_alone
        self._returning: set[asyncio.Task[None]] = set()

    async def acquire(self, session_id: str, seconds: float) -> Lease:
        """Wait for a session.

        Raises:
            TimeoutError: Another process had it all the time.
            SharedStateError: The server cannot be reached, or refuses.
        """
        # In a cluster, all keys of a session are in one place: where the text in braces puts them.
        key = f"briqpay:{{{self._account}:{session_id}}}:lease"
        lease = _RedisLease(self._connection, key, self._lease)
        try:
            async with asyncio.timeout(seconds):
                wait = _FIRST_LOOK
                while not await lease.take():
                    await asyncio.sleep(wait * (0.5 + random.random()))  # noqa: S311 - spreads load, no secret
                    wait = min(wait * 1.5, _LAST_LOOK)
        except UnreachableError as error:
            if self._go_on_alone(error):
                return _NoLease()
            raise SharedStateError(f"{error} Nothing was sent.") from error
        except BaseException:  # the server may have given it in this very moment
            returning = asyncio.ensure_future(lease.release())
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)
            raise
        return lease


class _NoLease:
    """What a process that goes on alone has."""

    def check(self) -> None:
        """Nothing can run out."""

    async def release(self) -> None:
        """Nothing is to be given back."""


class _RedisLease:
    """A session that belongs to this process until a moment, which is put off while it is needed."""

    def __init__(self, connection: Connection, key: str, seconds: float) -> None:
        self._connection = connection
        self._key = key
        self._seconds = seconds
        self._owner = uuid.uuid4().hex
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def take(self) -> bool:
        """Ask for it; ``False`` when another holder has it."""
        asked = time.monotonic()
        if await self._connection.run("acquire", self._key, self._owner, int(self._seconds * 1000)):
            return False
        self._until = asked + self._seconds  # counted from the question: never longer than the server's own count
        self._renew_later()
        return True

    def check(self) -> None:
        """Whether another attempt may begin.

        Raises:
            SharedStateError: The lease ran out, for this process was stopped or the server could not be reached.
        """
        if time.monotonic() >= self._until:
            raise SharedStateError(
                "The lease of this session ran out, so another process may be changing it: no further request is "
                "made. Read the session before you change it again."
            )

    def _renew_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds / 3, self._begin_to_renew)

    def _begin_to_renew(self) -> None:
        self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        asked = time.monotonic()
        try:
            if not await self._connection.run("renew", self._key, self._owner, int(self._seconds * 1000)):
                self._until = 0.0
                return
            self._until = asked + self._seconds
        except SharedStateError as error:
            logger.warning("a lease could not be renewed: %s", error)
        if time.monotonic() < self._until:
            self._renew_later()

    async def release(self) -> None:
        """Give it back. Where that fails, it runs out by itself."""
        if self._timer is not None:
            self._timer.cancel()
        if self._renewing is not None:
            self._renewing.cancel()
        self._until = 0.0
        try:
            await self._connection.run("release", self._key, self._owner)
        except SharedStateError as error:
            logger.warning("a lease could not be given back, and runs out by itself: %s", error)
