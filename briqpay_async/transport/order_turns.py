"""Calls that move money of one order take turns, also between the processes of one machine.

The API has no idempotency keys, and a capture does not show which call made it. So a client whose answer was lost
may take a new capture for its own only if it was alone with the order, and if no earlier call can still take
effect. Both are known here: a lock file an order (``flock``, which the system drops when its holder dies), and in
the file what earlier calls left open and what they are known to have made.

Other machines, and other users of this one, do not see these files: see README, Orders.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import attrs
import orjson

from briqpay_async.errors import CallTimeoutError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["OrderTurns", "Turn"]

logger = logging.getLogger("briqpay_async")

# Seconds for which a call whose outcome is unknown may still take effect, and for which a session that is read
# may not yet show what was made.
_OPEN: Final = 3600.0
_LAG: Final = 120.0
_SWEEP: Final = 60.0  # seconds from one look at the folder to the next
_SWEPT_AT_ONCE: Final = 50
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 0.1


@attrs.frozen
class _Record:
    """What is known of the money calls of an order.

    Attributes:
        session: When the session was created, for identifiers of test servers come again.
        open_until: Until when an earlier call may still take effect, in seconds since 1970.
        known: Identifiers of what calls made, and until when to remember each.
    """

    session: str | None = None
    open_until: float = 0.0
    known: dict[str, float] = attrs.field(factory=dict)

    @property
    def until(self) -> float:
        """When no call needs this any more."""
        return max((self.open_until, *self.known.values()))


@attrs.define(eq=False)
class Turn:
    """The turn of one call: no other call on this machine moves money of the order meanwhile."""

    _record: _Record
    _save: Callable[[_Record], None]
    _now: Callable[[], float]

    def concerns(self, created_at: str | None) -> None:
        """Forget what is known of another session that had the same identifier."""
        if created_at is not None:
            known = self._record if self._record.session in {None, created_at} else _Record()
            self._record = attrs.evolve(known, session=created_at)

    @property
    def unresolved(self) -> bool:
        """Whether an earlier call may still take effect: its outcome is unknown."""
        return self._record.open_until > self._now()

    @property
    def known(self) -> frozenset[str]:
        """Identifiers of what earlier calls are known to have made."""
        return frozenset(self._recent())

    def begin(self) -> None:
        """The call is about to be sent: until ``end``, its outcome is unknown, also when this process dies."""
        self._save(attrs.evolve(self._record, open_until=self._now() + _OPEN))

    def end(self, made: Iterable[str] = (), *, is_resolved: bool = True) -> None:
        """The call is over.

        Args:
            made: Identifiers of what it made.
            is_resolved: Whether no request of it can still take effect.
        """
        now = self._now()
        open_until = self._record.open_until if is_resolved else now + _OPEN
        known = self._recent() | dict.fromkeys(made, now + _LAG)
        self._save(attrs.evolve(self._record, open_until=open_until, known=known))

    def _recent(self) -> dict[str, float]:
        now = self._now()
        return {one: until for one, until in self._record.known.items() if until > now}


class OrderTurns:
    """The turns of all orders of an account.

    Args:
        account: Identifies the account. Without one, turns are known to this object only.
        folder: Where lock files are; one of this user's in the system's temporary folder when left out.
        now: Seconds since 1970.
    """

    def __init__(
        self, account: str = "", folder: Path | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._account = account
        self._folder = folder
        self._now = now
        self._swept = 0.0
        self._unswept: Iterator[Path] | None = None
        self._files = bool(account) and fcntl is not None
        self._records: dict[str, _Record] = {}

    @asynccontextmanager
    async def turn(
        self, session_id: str, seconds: float, sleep: Callable[[float], Awaitable[None]]
    ) -> AsyncIterator[Turn]:
        """Wait for a turn with an order, and hold it.

        Raises:
            CallTimeoutError: Another process held it for all of these seconds; nothing was sent.
        """
        descriptor = await self._lock(session_id, seconds, sleep)
        if descriptor is None:
            yield Turn(
                self._records.get(session_id, _Record()), lambda record: self._keep(session_id, record), self._now
            )
            return
        try:
            yield Turn(_read(descriptor), lambda record: _write(descriptor, record), self._now)
        finally:
            # Not left to closing: a process that was forked meanwhile holds the same file.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _keep(self, session_id: str, record: _Record) -> None:
        now = self._now()
        for old in [one for one, kept in self._records.items() if kept.until < now]:
            del self._records[old]
        self._records[session_id] = record

    async def _lock(
        self, session_id: str, seconds: float, sleep: Callable[[float], Awaitable[None]]
    ) -> int | None:
        """The locked file of an order, or ``None`` where files cannot be used."""
        waited, wait = 0.0, _FIRST_WAIT
        while self._files:
            try:
                folder = self._folder = self._folder or _own_folder()
                self._sweep(folder)
                name = hashlib.sha256(f"{self._account}\n{session_id}".encode()).hexdigest()[:40]
                descriptor = _try_lock(folder / name)
            except OSError as error:
                logger.warning("orders are not locked against other processes: %s", type(error).__name__)
                self._files = False
                break
            if descriptor is not None:
                return descriptor
            if waited >= seconds:
                raise CallTimeoutError(
                    f"Another process moved money of this order for all of {seconds:.3g} seconds.", sent=False
                )
            wait = min(wait, seconds - waited)
            await sleep(wait)
            waited += wait
            wait = min(2 * wait or _FIRST_WAIT, _LONGEST_WAIT)
        return None

    def _sweep(self, folder: Path) -> None:
        """Remove some of the files that are out of date, a few a call, so that no call waits for many.

        The modification time of a file says when it is out of date.
        """
        now = self._now()
        if self._unswept is None:
            if now - self._swept < _SWEEP:
                return
            self._swept = now
            self._unswept = folder.iterdir()
        some = list(islice(self._unswept, _SWEPT_AT_ONCE))
        for path in some:
            with contextlib.suppress(OSError):  # another process removed it first
                if path.lstat().st_mtime < now:
                    _remove(path)
        if len(some) < _SWEPT_AT_ONCE:
            self._unswept = None


def _own_folder() -> Path:
    """This user's folder for lock files, made if it is not there.

    Raises:
        OSError: It cannot be made, or a file or folder of another user is in its place.
    """
    folder = Path(tempfile.gettempdir()) / f"briqpay-async-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


def _try_lock(path: Path) -> int | None:
    """The open and locked file; ``None`` when another process holds it, or removed it while it was locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _remove(path: Path) -> None:
    descriptor = _try_lock(path)
    if descriptor is not None:
        path.unlink()
        os.close(descriptor)


def _read(descriptor: int) -> _Record:
    """What a file says; a file that was written in part says that a call may be open."""
    text = os.pread(descriptor, 1_000_000, 0)
    if not text:
        return _Record()
    try:
        found: dict[str, Any] = orjson.loads(text)
        known = {str(one): float(until) for one, until in found["known"].items()}
        return _Record(found["session"], float(found["open_until"]), known)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Record(open_until=os.fstat(descriptor).st_mtime + _OPEN)


def _write(descriptor: int, record: _Record) -> None:
    text = orjson.dumps(attrs.asdict(record))
    # In this order: a file that is left half written then cannot be read, and never says less than it said before.
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))
    os.utime(descriptor, (record.until, record.until))
