"""Claims in a SQLite file: shared by the processes of one machine, and kept when they end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from briqpay_async.errors import ConfigurationError
from briqpay_async.webhooks.inbox import Claim

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SQLiteInboxStore"]

T = TypeVar("T")

_WAIT_FOR_LOCK = 30  # seconds
_WEEK = 7 * 24 * 3600
_SCHEMA = (
    # owner: who handles the event, NULL once it is done; until: when the claim ends, or the mark may be forgotten
    "CREATE TABLE IF NOT EXISTS event (key TEXT PRIMARY KEY, owner TEXT, until REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS event_until ON event (until)",
)


class SQLiteInboxStore:
    """Claims in a file: two processes never handle one event at once, and a finished one stays finished.

    The file holds digests of events and random names of holders, nothing about people. It is made readable for its
    owner alone. A connection is opened for each operation, so the store may be used from any thread or process.

    Args:
        path: The file; made when it is not there.
        keep: Seconds that a handled event is remembered: longer than Briqpay sends it again.
        clock: Seconds since 1970; the same for all processes.

    Raises:
        ConfigurationError: ``path`` is ``":memory:"``, which no two operations would share. Each operation raises
            it when the file cannot be used: read-only, a full disk, no database. Nothing is marked then.
    """

    def __init__(self, path: str | Path, *, keep: float = _WEEK, clock: Callable[[], float] = time.time) -> None:
        if str(path) == ":memory:" or not str(path):
            raise ConfigurationError("Give the inbox a file; for one process without one use MemoryInboxStore.")
        self._path = Path(path)
        self._keep = keep
        self._clock = clock

    async def claim(self, key: str, owner: str, lease: float) -> Claim:
        """See ``InboxStore``."""

        def take(database: sqlite3.Connection) -> Claim:
            now = self._clock()
            database.execute("DELETE FROM event WHERE until <= ? AND owner IS NULL", (now,))
            known = database.execute("SELECT owner, until FROM event WHERE key = ?", (key,)).fetchone()
            if known is not None and known[0] is None:
                return Claim.DONE
            if known is not None and known[1] > now:
                return Claim.BUSY
            database.execute("INSERT OR REPLACE INTO event VALUES (?, ?, ?)", (key, owner, now + lease))
            return Claim.FRESH

        return await self._run(take)

    async def done(self, key: str, owner: str) -> None:
        """See ``InboxStore``."""
        del owner
        until = self._clock() + self._keep
        statement = "INSERT OR REPLACE INTO event VALUES (?, NULL, ?)"
        await self._run(lambda database: database.execute(statement, (key, until)).rowcount)

    async def give_back(self, key: str, owner: str) -> None:
        """See ``InboxStore``."""
        await self._run(
            lambda database: database.execute("DELETE FROM event WHERE key = ? AND owner = ?", (key, owner))
        )

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        import sqlite3  # noqa: PLC0415 - loaded when a file is used

        try:
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            with closing(sqlite3.connect(self._path, timeout=_WAIT_FOR_LOCK, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    database.execute(statement)
                result = work(database)
                database.execute("COMMIT")
                return result
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"The inbox cannot use {self._path}: {reason}. Give it a file in a folder that this process may "
                "write to, on a disk with room."
            ) from error
