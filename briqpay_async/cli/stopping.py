"""Programs that run until a signal stops them."""

from __future__ import annotations

import asyncio
import contextlib
import signal

__all__ = ["stop_requested"]


def stop_requested() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set, from now on, where the running loop takes signal handlers."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows: Ctrl-C raises KeyboardInterrupt there
            loop.add_signal_handler(number, stopping.set)
    return stopping
