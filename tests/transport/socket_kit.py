"""A transport to a server of raw bytes, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from briqpay_async import BriqpayError, Pool, Timeouts
from briqpay_async.transport.aiohttp_transport import AiohttpTransport
from briqpay_async.transport.requests import Request, Response

READ = Request(method="GET", path="/v3/session/s")
UPDATE = Request(method="PATCH", path="/v3/session/s", body=b'{"data":{}}')
CREATE = Request(method="POST", path="/v3/session", body=b"{}")

Serve = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def transport_to(port: int, host: str = "127.0.0.1", **options: Any) -> AiohttpTransport:
    options.setdefault("pool", Pool())
    return AiohttpTransport(base_url=f"http://{host}:{port}", username="u", secret="s", **options)


@asynccontextmanager
async def served(serve: Serve, **options: Any) -> AsyncIterator[AiohttpTransport]:
    """A transport to a server that is given each request's head."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while True:
                await serve(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    transport = transport_to(server.sockets[0].getsockname()[1], **options)
    try:
        yield transport
    finally:
        await transport.aclose()
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


def always(raw: bytes) -> Serve:
    async def serve(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return serve


def http(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def send(
    transport: AiohttpTransport, request: Request = UPDATE, seconds: float = 30.0, **times: float
) -> Response:
    return await transport.send(request, Timeouts(**times), seconds)


async def failure(
    transport: AiohttpTransport, request: Request = UPDATE, seconds: float = 30.0, **times: float
) -> Any:
    with pytest.raises(BriqpayError) as caught:
        await send(transport, request, seconds, **times)
    return caught.value
