"""Processes: where they run, how they start, and that they end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["ENVIRONMENT", "ROOT", "Child", "Server", "loop_factory", "pin", "same_regime"]

ROOT = Path(__file__).resolve().parents[1]
# asyncio reads into a new buffer of 256 KiB each time. Without this, glibc may map and unmap those pages for every
# answer, or not, by chance: two regimes that differ by a fifth of what is measured (cpython#85451).
ENVIRONMENT = {"MALLOC_TOP_PAD_": str(64 * 2**20)}
_PATIENCE = 120.0


def pin(core: int) -> None:
    """Stay on one core: 0 for the first that this process may use, -1 for the last."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def loop_factory(*, uvloop: bool | None) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes uvloop's loop, or asyncio's own; ``None`` takes uvloop where it is installed."""
    if uvloop is False:
        return asyncio.SelectorEventLoop
    try:
        import uvloop as installed  # noqa: PLC0415 - optional
    except ImportError:
        if uvloop:
            raise
        return asyncio.SelectorEventLoop
    return installed.new_event_loop


def same_regime() -> None:
    """Start this program over as ``Child`` would start it, unless it was."""
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, sys.orig_argv, os.environ | ENVIRONMENT)  # noqa: S606 - itself


class Child:
    """A Python module in a fresh process, spoken to in lines. It is ended when the block ends."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._process = subprocess.Popen(  # noqa: S603 - a module of this project
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write_line(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """Its next line of JSON.

        Raises:
            RuntimeError: It ended without one; what went wrong is on standard error.
        """
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended early ({self._process.wait(_PATIENCE)})")
        return json.loads(line)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5.0 if kind is None else 0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Server(Child):
    """The server with the fixed answers."""

    def __init__(self, *arguments: str) -> None:
        super().__init__("benchmarks.server", *arguments)
        self._ports: dict[str, int] = self.hear()

    def url(self, fields: str, lines: int) -> str:
        """Where requests with these fields are answered, without a path."""
        return f"http://127.0.0.1:{self._ports['none' if fields == 'none' else str(lines)]}"

    def passed(self) -> int:
        """Bytes received and sent until now, on all ports."""
        with socket.create_connection(("127.0.0.1", self._ports["counters"]), timeout=5.0) as connection:
            received, sent = json.loads(connection.makefile().read())
        return int(received + sent)
