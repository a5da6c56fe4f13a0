"""A server that answers whatever a test wants, byte for byte, and the ways it can be hostile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from briqpay_async import BriqpayClient, Pool, RetryPolicy

SESSION_ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"
BODY = b'{"sessionId":"%s"}' % SESSION_ID.encode()
MAX_BODY = 200_000

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes = BODY, status: str = "200 OK", *headers: str, kind: str = "application/json") -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*chunks: bytes, headers: bytes = b"") -> bytes:
    """An answer in chunks; it ends if the last chunk is empty."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"HTTP/1.1 200 OK\r\n" + headers + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts)


def says(raw: bytes) -> Serve:
    """Answer with these bytes and keep the connection."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return serve


def says_and_closes(raw: bytes) -> Serve:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return serve


def says_then(raw: bytes, later: bytes, seconds: float = 0.02) -> Serve:
    """Answer, and send more bytes, which answer no request."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        await asyncio.sleep(seconds)
        writer.write(later)
        await writer.drain()

    return serve


def floods(first: bytes, unit: bytes, size: int = 30_000_000) -> Serve:
    """Begin an answer and repeat a unit of it until the client has enough."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        block = unit * max(1, 65536 // len(unit))
        for _ in range(size // len(block)):
            writer.write(block)
            await writer.drain()
        writer.close()

    return serve


def drips(first: bytes, rest: bytes = b"", step: int = 1) -> Serve:
    """Begin an answer, then a byte (or ``step``) every few milliseconds, always too slow to end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        for start in range(0, len(rest), step):
            writer.write(rest[start : start + step])
            await writer.drain()
            await asyncio.sleep(0.01)
        await reader.read()  # until the client has left

    return serve


class Wire:
    """A server whose next answer a test chooses; all others are good.

    Attributes:
        next: How the next request is answered.
        always: How all others are.
        unread: What all requests are answered with instead, before their body is read.
        requests: Heads of all requests.
        asked: Set by the first request.
        bodies: Bodies of those that had one.
        connections: How many were ever made.
    """

    def __init__(self) -> None:
        self.next: Serve | None = None
        self.always: Serve = says(http())
        self.unread: bytes | None = None
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.bodies: list[bytes] = []
        self.connections = 0
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        # A client that cuts a connection, in whatever moment, is what many tests are about.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                self.asked.set()
                if self.unread is not None:
                    writer.write(self.unread)
                    await writer.drain()
                if (length := _content_length(head)) > 0:
                    self.bodies.append(await reader.readexactly(length))
                if self.unread is not None:
                    continue
                serve, self.next = self.next or self.always, None
                await serve(reader, writer)
        writer.close()
        self._writers.discard(writer)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Wire]:
        await self.come_up()
        try:
            yield self
        finally:
            await self.go_down()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others, timeout=5)

    async def come_up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        """Cut every connection and refuse new ones."""
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def client(self, **options: Any) -> BriqpayClient:
        """A client with one connection, so that one that is not given back is missed, and without repetitions."""
        options.setdefault("retry", RetryPolicy(attempts=1))
        options.setdefault("pool", Pool(size=1, max_body=MAX_BODY))
        return BriqpayClient("merchant", "secret", base_url=self.url, **options)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def connections_in_use(client: BriqpayClient) -> int:
    """Connections that a call holds."""
    connector = _connector(client)
    return 0 if connector is None else len(connector._acquired)


def connections_open(client: BriqpayClient) -> int:
    connector = _connector(client)
    return 0 if connector is None else len(connector._acquired) + sum(map(len, connector._conns.values()))


def connections_idle(client: BriqpayClient) -> int:
    """Connections of the pool that the next request may use: neither in use, nor closed by the server."""
    connector = _connector(client)
    return sum(kept[0].is_connected() for pool in connector._conns.values() for kept in pool)


def _connector(client: BriqpayClient) -> Any:
    session = client._caller.transport._session  # type: ignore[attr-defined]
    return None if session is None else session.connector
