"""Processes that tests start."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import Process


async def stop(process: Process) -> None:
    """Have a process stop by itself, and kill it if it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()
