"""A SQLite file that holds what the sandbox remembers, so that sessions survive a restart.

Each change is in the file before the request that made it is answered, so that also a sandbox that is
killed has lost nothing that it answered.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import orjson

Json = dict[str, Any]

_SCHEMA_VERSION: Final = 1
_APPLICATION_ID: Final = 0x42726951  # marks the file as one of the sandbox


class StateFile:
    """The file. It belongs to one sandbox at a time.

    Args:
        path: Where it is; made when there is none.

    Raises:
        ValueError: another sandbox has it open, or it is something else.
        OSError: it cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._path.touch(mode=0o600)  # who may read it is decided before anything is in it
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            self._open()
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise ValueError(f"{self._path}: {error}; another sandbox may be using it") from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ValueError(f"{self._path} is not a state file of the sandbox: {error}") from error
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA busy_timeout = 0")
        execute("PRAGMA locking_mode = EXCLUSIVE")
        (application,) = execute("PRAGMA application_id").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION_ID and tables:
            raise ValueError(f"{self._path} is not a state file of the sandbox")
        # The file need not survive a power cut, only the end of this process.
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = OFF")
        execute("BEGIN IMMEDIATE")
        execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        execute("CREATE TABLE IF NOT EXISTS documents (room TEXT, id TEXT, document BLOB, PRIMARY KEY (room, id))")
        execute("CREATE TABLE IF NOT EXISTS starts (number INTEGER)")
        execute("INSERT INTO starts SELECT count(*) + 1 FROM starts")
        execute("COMMIT")

    @property
    def start_number(self) -> int:
        """How often the file has been opened: ids of one start must not come again in the next."""
        (number,) = self._connection.execute("SELECT max(number) FROM starts").fetchone()
        return int(number)

    def load(self, room: str) -> dict[str, Json]:
        """Return the documents of one room by id, in the order in which they were made."""
        rows = self._connection.execute(
            "SELECT id, document FROM documents WHERE room = ? ORDER BY rowid", (room,)
        )
        return {name: orjson.loads(document) for name, document in rows}

    def put(self, room: str, name: str, document: Json) -> None:
        """Write one document, in the place of the one before it."""
        self._connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?)"
            " ON CONFLICT (room, id) DO UPDATE SET document = excluded.document",
            (room, name, orjson.dumps(document)),
        )

    def remove(self, room: str, names: Iterable[str]) -> None:
        """Remove documents."""
        self._connection.executemany(
            "DELETE FROM documents WHERE room = ? AND id = ?", [(room, name) for name in names]
        )

    def close(self) -> None:
        """Close the file."""
        with contextlib.closing(self._connection):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class FiledDict(dict[str, Json]):
    """A dict whose changes go to a file as well, once it is given one.

    It has the changes that a store makes; the others of `dict` are closed off.
    """

    def __init__(self) -> None:
        super().__init__()
        self._put: Callable[[str, Json], None] | None = None
        self._remove: Callable[[Iterable[str]], None] | None = None

    def file_in(self, file: StateFile, room: str) -> None:
        """Take over what the file has, and write every change to it from now on, and what is here already."""
        here = dict(self)
        super().clear()
        super().update(file.load(room))
        self._put = lambda name, document: file.put(room, name, document)
        self._remove = lambda names: file.remove(room, names)
        for name, document in here.items():
            self[name] = document

    def leave_file(self) -> None:
        """Write nothing more."""
        self._put = self._remove = None

    def __setitem__(self, name: str, document: Json) -> None:
        super().__setitem__(name, document)
        if self._put is not None:
            self._put(name, document)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        if self._remove is not None:
            self._remove((name,))

    def pop(self, name: str, default: Any = None) -> Any:
        """Remove one document and return it, or the default when there is none."""
        document = super().pop(name, default)
        if self._remove is not None:
            self._remove((name,))
        return document

    def clear(self) -> None:
        """Remove everything."""
        names = list(self)
        super().clear()
        if self._remove is not None:
            self._remove(names)

    def _closed(self, *_args: Any, **_options: Any) -> Any:
        raise TypeError("this change would not reach the file: assign, delete, pop or clear")

    update = popitem = setdefault = __ior__ = _closed
