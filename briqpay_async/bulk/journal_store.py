"""The journal's file: SQLite in WAL mode, one row of it for each row of the run that has been settled.

There are no patch bodies, keys or messages in it, only digests, counts and times.

A row is identified by its key's digest (a negative number) or, without a key, by its position. Rows that are under
way when the process dies leave no trace here, which is what makes a resumed run send them again.

**Order across runs.** A row that failed is tried again by the next run. If a later row of the same session was
applied in the meantime, the older values would now win. So whoever is tried again takes the applied rows after it
along: they are sent again too, in order. ``again`` marks rows that were settled more than once, and the index
``disturbed`` holds just the rows that can cause this, so that it costs nothing as long as nothing fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from briqpay_async.errors import BriqpayError, ConfigurationError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["APPLIED", "FAILED", "UNCHANGED", "Entry", "Ledger", "Mark", "Standing", "connect", "explained"]

_APPLICATION_ID: Final = 0x42515042
_VERSION: Final = 1
_SCHEMA: Final = f"""
BEGIN;
CREATE TABLE runs (run INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    session BLOB NOT NULL,
    position INTEGER NOT NULL,
    run INTEGER NOT NULL,
    status INTEGER NOT NULL,
    again INTEGER NOT NULL DEFAULT 0,
    started REAL NOT NULL,
    elapsed REAL NOT NULL,
    attempts INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,
    http_status INTEGER,
    error TEXT
);
CREATE INDEX disturbed ON rows (session, position) WHERE status = 3 OR again = 1;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_FIND: Final = "SELECT fingerprint, status, run FROM rows WHERE id = ?"
_OVERTAKEN: Final = """
SELECT 1 FROM rows
WHERE session = ? AND position < ? AND (status = 3 OR again = 1) AND (status = 3 OR run > ?) LIMIT 1
"""
_SETTLE: Final = """
INSERT INTO rows (id, fingerprint, session, position, run, status, started, elapsed, attempts, bytes_sent,
                  in_flight, http_status, error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    fingerprint = excluded.fingerprint, session = excluded.session, position = excluded.position,
    run = excluded.run, status = excluded.status, again = 1, started = excluded.started,
    elapsed = excluded.elapsed, attempts = excluded.attempts, bytes_sent = excluded.bytes_sent,
    in_flight = excluded.in_flight, http_status = excluded.http_status, error = excluded.error
"""
# As written in the file.
APPLIED: Final = 1
UNCHANGED: Final = 2
FAILED: Final = 3

# Copying the WAL back into the database flushes the disk, so it is done off the event loop and not too often.
_ROWS_BETWEEN_CHECKPOINTS: Final = 50_000


class Mark(NamedTuple):
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


class Standing(Enum):
    """What the journal knows of a row.

    Attributes:
        OPEN: It must be sent: new, in doubt, failed before, or overtaken by an earlier row that is tried again.
        DONE: An earlier run has done it.
        CHANGED: An earlier run has done another row under this identity.
        TWICE: This run has another row under this key.
    """

    OPEN = "open"
    DONE = "done"
    CHANGED = "changed"
    TWICE = "twice"


class Entry(NamedTuple):
    """A row that is settled, as it is written: ``Entry(*mark, status, started, ...)``.

    Attributes:
        id: As in its mark, and so are the next four.
        fingerprint: Digest of session and patch.
        session: The session's UUID.
        position: Position in the input.
        run: The run that settled it.
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


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into one that says what to do."""
    import sqlite3  # noqa: PLC0415 - only runs with a journal need it

    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text:
            message = f"Wait for the other run, or use another file: the journal {path} is in use."
        elif "not a database" in text:
            message = f"Use another file: {path} exists and is no journal of bulk updates."
        elif "malformed" in text:
            message = f"Restore or remove the journal {path}: it is damaged ({text})."
        else:
            message = f"Make it possible to write the journal {path}: {text}."
        raise ConfigurationError(message) from error


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open a journal for nobody else to use.

    Raises:
        ConfigurationError: It does not exist and shall not be created, is in use, damaged, or no journal.
    """
    import sqlite3  # noqa: PLC0415 - only runs with a journal need it

    if not create and not path.is_file():
        raise ConfigurationError(f"There is no journal {path}.")
    with explained(path):
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            # Exclusive: the lock is the operating system's, so it ends with the process, however that ends.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            _check_kind(connection, path, create=create)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
    return connection


def _check_kind(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if create and not (kind or version or tables):
        connection.executescript(_SCHEMA)
    elif kind != _APPLICATION_ID:
        raise ConfigurationError(f"Use another file: {path} exists and is no journal of bulk updates.")
    elif version != _VERSION:
        raise ConfigurationError(
            f"Use another file: the journal {path} has format {version}, and this version knows {_VERSION}."
        )


class Ledger:
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
        self._connection = connection = connect(path, create=True)
        try:
            with explained(path):
                connection.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
                connection.execute("PRAGMA wal_autocheckpoint = 0")
                (last,) = connection.execute("SELECT max(id) FROM rows WHERE id >= 0").fetchone()
                (disturbed,) = connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM rows WHERE status = 3 OR again = 1)"
                ).fetchone()
                begun = connection.execute("INSERT INTO runs (started) VALUES (?)", (time.time(),))
        except BaseException:
            connection.close()
            raise
        self.run: int = begun.lastrowid or 0
        self._last_position = -1 if last is None else last
        self._disturbed = bool(disturbed)
        self._claims: set[int] = set()
        self._since_checkpoint = 0

    def mark(self, position: int, key: str | None, session_id: str, patch: bytes) -> Mark:
        """What identifies a row."""
        session = bytes.fromhex(session_id.replace("-", ""))
        fingerprint = hashlib.sha256(session + patch).digest()[:16]
        if key is None:
            return Mark(position, fingerprint, session, position, self.run)
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        return Mark(-1 - (int.from_bytes(digest[:8], "big") >> 1), fingerprint, session, position, self.run)

    def find(self, mark: Mark) -> Standing:
        """What is known of a row. A row that must be sent is thereby claimed for this run.

        Raises:
            ConfigurationError: The journal cannot be read.
        """
        identity, fingerprint, session, position, this_run = mark
        if identity > self._last_position:  # a position that no earlier run has reached
            return Standing.OPEN
        if identity in self._claims:
            return Standing.TWICE
        with explained(self._path):
            found = self._connection.execute(_FIND, (identity,)).fetchone()
        if found is not None:
            before, status, run = found
            if run == this_run:
                return Standing.TWICE
            if status != FAILED:
                if before != fingerprint:
                    return Standing.CHANGED
                if status == UNCHANGED or not self._overtaken(session, position, run):
                    return Standing.DONE
        if identity < 0:
            self._claims.add(identity)
        return Standing.OPEN

    def _overtaken(self, session: bytes, position: int, run: int) -> bool:
        """Whether an earlier row of the session was, or will be, sent after this one."""
        if not self._disturbed:
            return False
        with explained(self._path):
            return self._connection.execute(_OVERTAKEN, (session, position, run)).fetchone() is not None

    async def write(self, entries: Sequence[Entry]) -> None:
        """Make rows durable, all or none.

        A commit is a few short writes, which are cheaper here than handed to a thread. Whatever flushes the disk
        is handed to one.

        Raises:
            BriqpayError: The journal could not be written.
        """
        if self._flush:
            await asyncio.to_thread(self._commit, entries)
        else:
            self._commit(entries)
        if self._claims:
            self._claims.difference_update(entry.id for entry in entries)
        self._since_checkpoint += len(entries)
        if self._since_checkpoint >= _ROWS_BETWEEN_CHECKPOINTS:
            self._since_checkpoint = 0
            await asyncio.to_thread(self._checkpoint)

    def _commit(self, entries: Sequence[Entry]) -> None:
        import sqlite3  # noqa: PLC0415 - loaded by now

        connection = self._connection
        try:
            connection.execute("BEGIN")
            connection.executemany(_SETTLE, entries)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise BriqpayError(
                f"The journal {self._path} could not be written ({error}): resume when it can be. Rows without an "
                "outcome will be sent again."
            ) from error

    def _checkpoint(self) -> None:
        with explained(self._path):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self, *, finished: bool) -> None:
        """Close the file.

        Args:
            finished: Note that every row of the input has been settled.
        """
        try:
            if finished:
                with explained(self._path):
                    self._connection.execute("UPDATE runs SET ended = ? WHERE run = ?", (time.time(), self.run))
        finally:
            self._connection.close()
