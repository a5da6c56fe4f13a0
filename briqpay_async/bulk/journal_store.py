"""The rows of a journal: SQLite in WAL mode, one row of it for each row of a run that has an outcome.

There are no patch bodies, keys or messages in it, only digests, session ids, counts and times. The digests are
keyed with a random key of each journal.

A row is identified by its key's digest (a negative number) or, without a key, by its position. Rows that are under
way when the process dies leave no trace here, which is what makes a resumed run send them again.

**Order across runs.** What counts for a session is the last row of it in the input. So a row that was done is sent
again when a row before it in this run's input was sent after it: one that is new, failed before, or moved. ``run``
and ``position`` of a row say when it was sent. Which rows of a session came by in this run is kept in a temporary
table of SQLite, for as long as there are rows done that have not come by; so memory does not grow with the run.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from briqpay_async.bulk.journal_file import FileLock, Unchanged, explained, open_journal
from briqpay_async.errors import BriqpayError, ConfigurationError

__all__ = [
    "APPLIED",
    "COLUMNS",
    "FAILED",
    "UNCHANGED",
    "JournalEntry",
    "JournalStore",
    "RowId",
    "RowStatus",
    "checksum",
]

# As written in the file.
APPLIED: Final = 1
UNCHANGED: Final = 2
FAILED: Final = 3

COLUMNS: Final = (
    "id, fingerprint, session, position, run, status, started, elapsed, attempts, bytes_sent, in_flight, "
    "http_status, error"
)
_FIND: Final = f"SELECT {COLUMNS}, checksum FROM rows WHERE id = ?"  # noqa: S608 - the columns are ours
_SETTLE: Final = """
INSERT INTO rows (id, fingerprint, session, position, run, status, started, elapsed, attempts, bytes_sent,
                  in_flight, http_status, error, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    fingerprint = excluded.fingerprint, session = excluded.session, position = excluded.position,
    run = excluded.run, status = excluded.status, again = 1, started = excluded.started,
    elapsed = excluded.elapsed, attempts = excluded.attempts, bytes_sent = excluded.bytes_sent,
    in_flight = excluded.in_flight, http_status = excluded.http_status, error = excluded.error,
    checksum = excluded.checksum
"""
_SEEN: Final = "CREATE TEMP TABLE seen (session BLOB PRIMARY KEY, latest INTEGER NOT NULL) WITHOUT ROWID"

# Copying the WAL back into the database flushes the disk, so it is done off the event loop and not too often.
_ROWS_BETWEEN_CHECKPOINTS: Final = 50_000


class RowId(NamedTuple):
    """What identifies a row in the journal.

    Attributes:
        id: The digest of its key, negative; or its position.
        fingerprint: Digest of session and patch.
        session: The session's UUID.
        position: Position in the input.
        run: The run that reads it.
    """

    id: int
    fingerprint: bytes
    session: bytes
    position: int
    run: int


class RowStatus(Enum):
    """What the journal knows of a row.

    Attributes:
        OPEN: It must be sent: new, in doubt, failed before, or an earlier row of its session was sent after it.
        DONE: An earlier run has done it.
        CHANGED: An earlier run has done another row under this identity.
        TWICE: This run has another row under this key.
    """

    OPEN = "open"
    DONE = "done"
    CHANGED = "changed"
    TWICE = "twice"


class JournalEntry(NamedTuple):
    """A row that has an outcome, as it is written: ``JournalEntry(*row_id, status, started, ...)``.

    Attributes:
        id: As in its ``RowId``, and so are the next four.
        fingerprint: Digest of session and patch.
        session: The session's UUID.
        position: Position in the input.
        run: The run that sent it.
        status: ``APPLIED``, ``UNCHANGED`` or ``FAILED``.
        started: When it was sent first, in seconds since 1970.
        elapsed: Seconds from there to its outcome.
        attempts: Requests made.
        bytes_sent: Bytes of their bodies.
        in_flight: Updates under way when it was sent, itself included.
        http_status: Of its failure.
        error: Class name of its failure.
    """

    id: int
    fingerprint: bytes
    session: bytes
    position: int
    run: int
    status: int
    started: float
    elapsed: float = 0.0
    attempts: int = 0
    bytes_sent: int = 0
    in_flight: int = 0
    http_status: int | None = None
    error: str | None = None


def checksum(columns: tuple[object, ...]) -> int:
    """The checksum of a row's columns, in the order of ``JournalEntry``."""
    return zlib.crc32(repr(columns).encode())


class JournalStore:
    """A journal opened for one run."""

    def __init__(self, path: Path, *, flush: bool) -> None:
        """Open the journal and begin a run in it.

        Args:
            path: The file; it is created when it does not exist.
            flush: Flush the disk at each commit, so that a power cut loses nothing either.

        Raises:
            ConfigurationError: The file is in use, damaged, no journal, or cannot be written.
        """
        self._path = path
        self._flush = flush
        self._lock = FileLock(path)
        try:
            self._connection, self._key = open_journal(path, create=True)
        except BaseException:
            self._lock.release()
            raise
        try:
            with explained(path):
                connection = self._connection
                connection.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
                connection.execute("PRAGMA wal_autocheckpoint = 0")
                (last,) = connection.execute("SELECT max(id) FROM rows WHERE id >= 0").fetchone()
                (applied,) = connection.execute(
                    "SELECT count(*) FROM rows WHERE status = ?", (APPLIED,)
                ).fetchone()
                (keyed,) = connection.execute("SELECT EXISTS (SELECT 1 FROM rows WHERE id < 0)").fetchone()
                connection.execute(_SEEN)
                begun = connection.execute("INSERT INTO runs (started) VALUES (?)", (time.time(),))
        except BaseException:
            self._connection.close()
            self._lock.release()
            raise
        self._unchanged = Unchanged(path)
        self.run: int = begun.lastrowid or 0
        self._last_position = -1 if last is None else last
        self._knows_keys = bool(keyed)
        self._to_come: int = applied  # rows done by earlier runs that have not come by in this one
        self._claims: set[int] = set()
        self._since_checkpoint = 0

    def identify(self, position: int, key: str | None, session_id: str, patch: bytes) -> RowId:
        """What identifies a row."""
        session = bytes.fromhex(session_id.replace("-", ""))
        fingerprint = blake2b(session + patch, digest_size=16, key=self._key).digest()
        if key is None:
            return RowId(position, fingerprint, session, position, self.run)
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return RowId(-1 - (int.from_bytes(digest, "big") >> 1), fingerprint, session, position, self.run)

    def find(self, row: RowId, *, changes: bool) -> RowStatus:
        """What is known of a row. A row that must be sent is thereby claimed for this run.

        Args:
            row: The row.
            changes: Whether its patch changes anything, so that it is sent when it is open.

        Raises:
            ConfigurationError: The journal cannot be read, or this row of it is damaged.
        """
        identity, _, session, position, this_run = row
        if identity in self._claims:
            return RowStatus.TWICE
        if identity <= self._last_position and (identity >= 0 or self._knows_keys):
            status = self._look_up(row)
            if status is not RowStatus.OPEN:
                return status
        if identity < 0:
            self._claims.add(identity)
        if self._to_come and changes:
            self._came_by(session, _order(this_run, position))
        return RowStatus.OPEN

    def _look_up(self, row: RowId) -> RowStatus:
        with explained(self._path):
            found = self._connection.execute(_FIND, (row.id,)).fetchone()
        if found is None:
            return RowStatus.OPEN
        *columns, expected = found
        if checksum(tuple(columns)) != expected:
            raise ConfigurationError(
                f"Restore or remove the journal {self._path}: it is damaged (row {row.position} of the input)."
            )
        _, fingerprint, _, position, run, status, *_ = columns
        if run == row.run:
            return RowStatus.TWICE
        if status == FAILED:
            return RowStatus.OPEN
        if fingerprint != row.fingerprint:
            return RowStatus.CHANGED
        if status == APPLIED and self._overtaken(row.session, _order(run, position)):
            return RowStatus.OPEN
        return RowStatus.DONE

    def _overtaken(self, session: bytes, sent: int) -> bool:
        """Whether a row of the session that comes earlier in this run's input was sent after this one."""
        with explained(self._path):
            found = self._connection.execute("SELECT latest FROM seen WHERE session = ?", (session,)).fetchone()
        if found is None or found[0] < sent:
            self._came_by(session, sent)
            self._to_come -= 1
            if not self._to_come:
                with explained(self._path):
                    self._connection.execute("DELETE FROM seen")
            return False
        return bool(found[0] > sent)

    def _came_by(self, session: bytes, sent: int) -> None:
        with explained(self._path):
            self._connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (session, sent))

    async def write(self, entries: Sequence[JournalEntry]) -> None:
        """Make rows durable, all or none.

        A commit is a few short writes, which are cheaper here than handed to a thread. Whatever flushes the disk
        is handed to one.

        Raises:
            BriqpayError: The journal could not be written, or was deleted or replaced.
        """
        if self._flush:
            await asyncio.to_thread(self._commit, entries)
        else:
            self._commit(entries)
        if self._claims:
            self._claims.difference_update(entry.id for entry in entries)
            self._knows_keys = True
        self._since_checkpoint += len(entries)
        if self._since_checkpoint >= _ROWS_BETWEEN_CHECKPOINTS:
            self._since_checkpoint = 0
            await asyncio.to_thread(self._checkpoint)

    def _commit(self, entries: Sequence[JournalEntry]) -> None:
        import sqlite3  # noqa: PLC0415 - loaded by now

        connection = self._connection
        try:
            connection.execute("BEGIN")
            connection.executemany(_SETTLE, [(*entry, checksum(entry[:])) for entry in entries])
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise BriqpayError(
                f"The journal {self._path} could not be written ({error}): resume when it can be. Rows without an "
                "outcome will be sent again."
            ) from error
        self._unchanged.check()  # afterwards, so that what is yielded now is in a file that is there

    def _checkpoint(self) -> None:
        with explained(self._path):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self, *, finished: bool) -> None:
        """Close the file.

        Args:
            finished: Note that every row of the input has an outcome.
        """
        try:
            if finished:
                with explained(self._path):
                    self._connection.execute("UPDATE runs SET ended = ? WHERE run = ?", (time.time(), self.run))
        finally:
            try:
                self._connection.close()
            finally:
                self._lock.release()


def _order(run: int, position: int) -> int:
    """When a row was sent, among the rows of its session."""
    return run << 40 | position
