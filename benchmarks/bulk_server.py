"""A server that answers 204 to everything, as fast as Python can: ``python -m benchmarks.bulk_server``."""

from __future__ import annotations

import asyncio
import re
import sys

_ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _AnswerEverything(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        assert self._transport is not None
        while (end := received.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(received, 0, end + 2)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(received) < size:
                break
            received = received[size:]
            self._transport.write(_ANSWER)
        self._received = received


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_AnswerEverything, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
