"""A program that uses the client with an aiohttp in which one name is another one, everywhere and consistently.

``python renamed_aiohttp.py NAME`` ends with status 0 when reads and updates are answered as ever.
"""

from __future__ import annotations

import asyncio
import importlib.machinery
import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

NAME = sys.argv[1]
SESSION = "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11"
os.environ["AIOHTTP_NO_EXTENSIONS"] = "1"  # compiled modules keep the names that they were compiled with


class Loader(importlib.machinery.SourceFileLoader):
    """Compiles a module after the name in it was replaced."""

    def path_stats(self, path: str) -> Any:
        raise OSError(path)  # no compiled file is read or written

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:
        """The code of the module."""
        return super().source_to_code(re.sub(rf"\b{NAME}\b", f"{NAME}_elsewhere", bytes(data).decode()), path)


class Finder(importlib.machinery.PathFinder):
    """Finds the modules of aiohttp before others do."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Where a module is, if it is one of aiohttp."""
        spec = super().find_spec(fullname, path, target) if f"{fullname}.".startswith("aiohttp.") else None
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            spec.loader = Loader(fullname, spec.origin)
        return spec


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with a session."""
    body = b'{"sessionId":"%s"}' % SESSION.encode()
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if (length := re.search(rb"content-length: (\d+)", head)) is not None:
                await reader.readexactly(int(length[1]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def use() -> None:
    """Read and update, on a pool of the client's own and on a borrowed session."""
    import aiohttp

    import briqpay_async as bq

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    patch = bq.SessionPatch.of(data=bq.EditableData(billing=bq.Address(city="Lund")))
    async with aiohttp.ClientSession() as borrowed:
        for options in ({}, {"http_session": borrowed}):
            async with bq.BriqpayClient("user", "secret", base_url=url, **options) as briqpay:  # type: ignore[arg-type]
                for _ in range(2):
                    assert (await briqpay.sessions.read(SESSION)).session_id == SESSION
                    await asyncio.gather(*(briqpay.sessions.update(SESSION, patch) for _ in range(3)))
    server.close()


if __name__ == "__main__":
    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    asyncio.run(use())
