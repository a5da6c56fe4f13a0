"""A program that uses the client with an aiohttp in which one name is another one, everywhere and consistently.

``python renamed_aiohttp.py NAME...`` prints each name without which reads and updates are answered as ever.
Each has a process of its own, in which only aiohttp and this client have yet to be imported.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.machinery
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

SESSION = "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11"
os.environ["AIOHTTP_NO_EXTENSIONS"] = "1"  # compiled modules keep the names that they were compiled with
os.environ["SSL_CERT_FILE"] = os.devnull  # aiohttp reads all certificates when it is imported


class Loader(importlib.machinery.SourceFileLoader):
    """Compiles a module after the name in it was replaced."""

    name_in_it: re.Pattern[str]

    def path_stats(self, path: str) -> Any:
        raise OSError(path)  # no compiled file is read or written

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:
        """The code of the module."""
        return super().source_to_code(self.name_in_it.sub(r"\g<0>_elsewhere", bytes(data).decode()), path)


class Finder(importlib.machinery.PathFinder):
    """Finds the modules of aiohttp that have the name in them; all others load as ever, from their bytecode."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Where a module is, if it is one of aiohttp and has the name in it."""
        spec = super().find_spec(fullname, path, target) if f"{fullname}.".startswith("aiohttp.") else None
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        if Loader.name_in_it.search(Path(spec.origin).read_text("utf-8")) is None:
            return None
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


def works_without(name: str) -> bool:
    """Whether the client works in a new process whose aiohttp has another name."""
    if (child := os.fork()) != 0:
        return os.waitpid(child, 0)[1] == 0
    status = 1
    try:
        Loader.name_in_it = re.compile(rf"\b{name}\b")
        sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
        asyncio.run(use())
        status = 0
    except Exception:  # noqa: BLE001 - the process ends, and shows why
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    for needed in ("ssl", "urllib.request", "cattrs.preconf.orjson", "tenacity", "yarl"):
        importlib.import_module(needed)
    sys.stdout.writelines(f"{name}\n" for name in sys.argv[1:] if works_without(name))
