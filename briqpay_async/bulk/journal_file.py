"""The file of a journal: who may use it, that it is one, and that it is still the same one.

SQLite's own lock on Linux is a POSIX lock, which the operating system drops when this process opens and closes the
file for any other purpose, such as a backup. So a run holds a lock (``flock``) on a file beside the journal,
``run.db-lock``, which ends with the process and with nothing else. Both files are readable by their owner only.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from briqpay_async.errors import BriqpayError, ConfigurationError

if sys.platform != "win32":  # there, SQLite's own lock is not dropped
    import fcntl

if TYPE_CHECKING:
    import sqlite3

__all__ = ["FileLock", "Unchanged", "explained", "open_journal", "reading"]

_APPLICATION_ID: Final = 0x42515042
_VERSION: Final = 2
_SCHEMA: Final = f"""
BEGIN;
CREATE TABLE digest (key BLOB NOT NULL, checksum INTEGER NOT NULL);
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
    error TEXT,
    checksum INTEGER NOT NULL
);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class FileLock:
    """A lock on a file beside the journal, held until ``release`` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            ConfigurationError: Another run holds it, or it cannot be made.
        """
        real = Path(os.path.realpath(path))
        self._path = real.with_name(f"{real.name}-lock")
        self._file: int | None = None
        if sys.platform == "win32":
            return
        while True:
            file = _made(self._path, os.O_RDWR | os.O_CREAT, path)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same(file, self._path):
                    self._file = file
                    return
            except OSError:
                os.close(file)
                raise _in_use(path) from None
            os.close(file)  # the holder before removed the file after it was opened here: try the new one

    def release(self) -> None:
        """Give the lock back, and remove its file."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(file)


def _same(file: int, path: Path) -> bool:
    try:
        there, here = path.stat(), os.fstat(file)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _in_use(path: Path) -> ConfigurationError:
    return ConfigurationError(f"Wait for the other run, or use another file: the journal {path} is in use.")


class Unchanged:
    """Notices that the journal's files were deleted or replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = {name: _identity(name) for name in (path, path.with_name(f"{path.name}-wal"))}

    def check(self) -> None:
        """Look.

        Raises:
            BriqpayError: One of the files is not the one that was opened.
        """
        for name, identity in self._files.items():
            if _identity(name) != identity:
                raise BriqpayError(
                    f"Do not touch a journal while a run writes it: {name} was deleted or replaced. "
                    "The run ended; rows since the last outcome may have been sent."
                )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into one that says what to do."""
    import sqlite3  # noqa: PLC0415 - only runs with a journal need it

    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text:
            raise _in_use(path) from error
        if "not a database" in text:
            message = f"Use another file: {path} exists and is no journal of bulk updates."
        elif "malformed" in text:
            message = f"Restore or remove the journal {path}: it is damaged ({text})."
        else:
            message = f"Make it possible to write the journal {path}: {text}."
        raise ConfigurationError(message) from error


def open_journal(path: Path, *, create: bool) -> tuple[sqlite3.Connection, bytes]:
    """Open a journal whose lock is held, and read the key of its digests.

    Raises:
        ConfigurationError: It does not exist and shall not be created, is in use, damaged, or no journal.
    """
    import sqlite3  # noqa: PLC0415 - only runs with a journal need it

    if not create and not path.is_file():
        raise ConfigurationError(f"There is no journal {path}.")
    with explained(path):
        if create and not path.exists():
            _create(path)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            _check_kind(connection, path, create=create)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            key = _digest_key(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection, key


def _digest_key(connection: sqlite3.Connection, path: Path) -> bytes:
    key, checksum = connection.execute("SELECT key, checksum FROM digest").fetchone() or (b"", -1)
    if zlib.crc32(key) != checksum:
        raise ConfigurationError(f"Restore or remove the journal {path}: it is damaged (key of the digests).")
    return bytes(key)


def _create(path: Path) -> None:
    os.close(_made(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, path))


def _made(file: Path, flags: int, path: Path) -> int:
    """Open a file that only its owner can read."""
    try:
        return os.open(file, flags, 0o600)
    except OSError as error:
        raise ConfigurationError(f"Make it possible to write the journal {path}: {error.strerror}.") from error


def _check_kind(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if create and not (kind or version or tables):
        key = secrets.token_bytes(32)
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO digest VALUES (?, ?)", (key, zlib.crc32(key)))
    elif kind != _APPLICATION_ID:
        raise ConfigurationError(f"Use another file: {path} exists and is no journal of bulk updates.")
    elif version != _VERSION:
        raise ConfigurationError(
            f"Use another file: the journal {path} has format {version}, and this version knows {_VERSION}."
        )


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal to look at it. One that cannot be written is read from a copy.

    Raises:
        ConfigurationError: There is no such file, a run is using it, it is damaged or no journal.
    """
    if not path.is_file():
        raise ConfigurationError(f"There is no journal {path}.")
    with contextlib.ExitStack() as stack:
        if os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK):
            lock = FileLock(path)
            stack.callback(lock.release)
            found = path
        else:
            # SQLite would have to write even to read: what a killed run left in the -wal file belongs to it.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found = folder / path.name
            try:
                for suffix in ("", "-wal"):
                    source = path.with_name(path.name + suffix)
                    if source.exists():
                        shutil.copyfile(source, folder / source.name)
            except OSError as error:
                raise ConfigurationError(
                    f"Make it possible to read the journal {path}: {error.strerror}."
                ) from error
        connection, _ = open_journal(found, create=False)
        stack.callback(connection.close)
        with explained(path):
            yield connection
