"""How a request is written: as aiohttp does it, without what small bodies do not need.

aiohttp writes the body of each request in a task of its own, for a body may be large, slow, or waiting for leave
to be sent. Those of this client are a few hundred bytes that are there already, so they are written on the spot.
All else is left to aiohttp, and so is every request under a version of aiohttp that is not known here.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from aiohttp.tracing import Trace

__all__ = ["IS_KNOWN", "HttpConnector", "HttpRequest", "UnaskedBytesError"]

# What a socket takes at once. More may have to wait for the other side, and then aiohttp's task is what it takes.
_SMALL: Final = 2**16
_WHAT_AN_ANSWER_IS_MADE_OF: Final = {
    "method",
    "url",
    "writer",
    "continue100",
    "timer",
    "request_info",
    "traces",
    "loop",
    "session",
    "stream_writer",
}
# Whether this is a version of aiohttp, 3.14 or later, that sends in the way that is followed here.
IS_KNOWN: Final = {*inspect.signature(aiohttp.ClientResponse).parameters} == _WHAT_AN_ANSWER_IS_MADE_OF


class UnaskedBytesError(aiohttp.ClientConnectionResetError):
    """A kept connection was closed, or something came on it that nobody asked for, and nothing was sent."""


class HttpRequest(aiohttp.ClientRequest):
    """A request over HTTP/1.1 without a proxy, compression, traces or ``Expect``.

    It is sent on no connection on which something waits already: aiohttp would take that for the answer to this
    request, though it is another session's, or one to an update never made.
    """

    # Whether the connection was made for this request. Set by the connector.
    is_first = False

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request.

        Raises:
            UnaskedBytesError: The connection was kept, and is out of step or closed; nothing was sent.
            aiohttp.ClientConnectionResetError: The same of a new connection: another may fare no better.
        """
        body = self.body
        on_the_spot = (
            IS_KNOWN
            and isinstance(body, aiohttp.BytesPayload)
            and (body.size or 0) <= _SMALL
            and self._continue is None
        )
        if on_the_spot:
            # Requests that begin in one turn of the loop are written in a row: what receives them wakes up once.
            await asyncio.sleep(0)
        protocol = conn.protocol
        # A connection that closes says so at once, and only in the next turn of the loop that it has to be closed.
        if protocol is None or protocol.should_close or not protocol.is_connected():
            if self.is_first:
                raise aiohttp.ClientConnectionResetError("The new connection was closed at once.")
            raise UnaskedBytesError("The connection was out of step.")
        if not on_the_spot or protocol.writing_paused:
            return await super().send(conn)
        writer = StreamWriter(protocol, self.loop)
        await writer.write_headers(f"{self.method} {self.url.raw_path_qs} HTTP/1.1", self.headers)
        await self.write_bytes(writer, conn)
        return self.response_class(
            self.method,
            self.original_url,
            writer=None,  # the task that aiohttp would have begun
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=[],
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )


class HttpConnector(aiohttp.TCPConnector):
    """A pool of connections that tells each request whether its connection is a new one.

    Closing it does not wait for a server that does not read what was written.
    """

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        if isinstance(req, HttpRequest):
            req.is_first = True
        return await super()._create_connection(req, traces, timeout)

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close all connections."""
        kept = (protocol for protocols in self._conns.values() for protocol, _ in protocols)
        for protocol in (*self._acquired, *kept):
            transport = protocol.transport
            if transport is not None and transport.get_write_buffer_size():
                transport.abort()
        await super().close(abort_ssl=abort_ssl)
