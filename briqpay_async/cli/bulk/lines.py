"""Lines of a file of any length, a few kilobytes of it at a time.

The event loop never waits for the file: it may be a pipe whose other end takes its time. The threads that wait
instead are daemons, so that one of them that waits for ever does not keep a program from ending.
"""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final

from briqpay_async.cli.exits import InputError
from briqpay_async.cli.state_files import STDIN

__all__ = ["Lines", "StoppedError", "count_lines", "opened"]

_CHUNK: Final = 256 * 1024
_LONGEST: Final = 64 * 2**20


class StoppedError(Exception):
    """Reading was stopped on purpose, before the end."""


@contextmanager
def opened(source: str) -> Iterator[BinaryIO]:
    """A file for reading without a buffer of Python's, or stdin.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be opened.
    """
    if source == STDIN:
        # A thread that waits in a buffer's read holds its lock, which the interpreter wants when it ends.
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return
    try:
        file = Path(source).open("rb", buffering=0)  # noqa: SIM115 - closed below, errors of the block are not ours
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from error
    with file:
        yield file


def count_lines(source: str) -> int | None:
    """How many lines a regular file has; ``None`` for anything that can be read only once."""
    if source == STDIN or not stat.S_ISREG(Path(source).stat().st_mode):
        return None
    with Path(source).open("rb", buffering=0) as file:
        lines, last = 0, b"\n"
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


class Lines:
    """An async iterable of the lines of a file, numbered from 1. Empty ones are left out.

    Attributes:
        stopped: Whether ``stop`` was called.
    """

    def __init__(self, read: Callable[[int], bytes | None]) -> None:
        """Read with a function.

        Args:
            read: Returns at most so many bytes, or none at the end.
        """
        self.stopped = False
        self._read = read
        self._waiting: asyncio.Future[bytes] | None = None

    def stop(self) -> None:
        """Have the iteration raise ``StoppedError`` instead of another line, even while it waits for one."""
        self.stopped = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(StoppedError())

    async def __aiter__(self) -> AsyncGenerator[tuple[int, bytes], None]:
        number, rest = 0, b""
        while True:
            chunk = await self._chunk()
            *lines, rest = (rest + chunk).split(b"\n") if chunk else (rest, b"")
            for line in lines:
                number += 1
                if self.stopped:
                    raise StoppedError
                if line.strip():
                    yield number, line
            if not chunk:
                return
            if len(rest) > _LONGEST:
                raise InputError(f"line {number + 1} is longer than {_LONGEST // 2**20} MiB")

    async def _chunk(self) -> bytes:
        if self.stopped:
            raise StoppedError
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bytes] = loop.create_future()
        self._waiting = waiting

        def settle(found: bytes, error: Exception | None) -> None:
            if waiting.done():
                return
            if error is None:
                waiting.set_result(found)
            else:
                waiting.set_exception(error)

        def read() -> None:
            found, error = b"", None
            try:
                found = self._read(_CHUNK) or b""
            except (OSError, ValueError) as reason:
                error = InputError(f"cannot read on: {reason}")
            with suppress(RuntimeError):  # the loop is closed, and no task waits for this
                loop.call_soon_threadsafe(settle, found, error)

        Thread(target=read, daemon=True).start()
        return await waiting
