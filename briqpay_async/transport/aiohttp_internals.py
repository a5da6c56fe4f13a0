"""The one file that uses what aiohttp does not document, and works without it.

What it buys: aiohttp writes the body of each request in a task of its own, for a body may be large or slow. Those
of this client are a few hundred bytes that are there already, and are written at once: an update costs 1.02, not
1.18, of bare aiohttp. And a request is not sent on a kept connection on which bytes wait already, which aiohttp
would take for its answer.

Each undocumented name is looked for once, at the first request. Where one is missing, aiohttp does that part in
its own way. That is the plain way; ``tests/transport/test_aiohttp_internals.py`` shows that both send the same
bytes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import aiohttp

try:
    from aiohttp.http import StreamWriter
except ImportError:  # pragma: no cover - shown by a process whose aiohttp has another name for it
    StreamWriter = None  # type: ignore[assignment, misc]

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

__all__ = [
    "HttpConnector",
    "HttpRequest",
    "UnsolicitedDataError",
    "disable_hidden_retry",
    "is_of_other_loop",
    "known",
]

# What a socket takes at once. A larger body may have to wait for the other side, and is left to aiohttp's task.
_SMALL: Final = 2**16
_OF_AN_ANSWER: Final = {
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
_OF_A_REQUEST: Final = (
    "_continue",
    "_timer",
    "body",
    "loop",
    "original_url",
    "request_info",
    "response_class",
    "session",
    "write_bytes",
)


class UnsolicitedDataError(aiohttp.ClientConnectionResetError):
    """A kept connection was closed, or bytes came on it that answer no request; nothing was sent."""


class _Known:
    """Which of the undocumented names this version of aiohttp has.

    Attributes:
        checks: Whether a connection shows if it is in step; ``None`` before the first request.
        writes: Whether the client can write a request itself.
    """

    checks: bool | None = None
    writes: bool = False

    def probe(self, request: aiohttp.ClientRequest, conn: Connection) -> None:
        """Look for the names, on a request that is about to be sent."""
        protocol = getattr(conn, "protocol", None)
        if protocol is None:  # closed already: the next request probes again
            return
        self.checks = hasattr(protocol, "should_close") and callable(getattr(protocol, "is_connected", None))
        self.writes = (
            self.checks
            and hasattr(protocol, "writing_paused")
            and all(hasattr(request, name) for name in _OF_A_REQUEST)
            and {*inspect.signature(aiohttp.ClientResponse).parameters} == _OF_AN_ANSWER
            and StreamWriter is not None
            and _takes(StreamWriter, protocol, request.loop)
            and _takes(getattr(StreamWriter, "write_headers", None), None, "", {})
            and _takes(request.write_bytes, None, None)
        )


def _takes(function: Callable[..., Any] | None, *arguments: Any) -> bool:
    """Whether a function can be called with some arguments by position."""
    if function is None:
        return False
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True


known: Final = _Known()


class HttpRequest(aiohttp.ClientRequest):
    """A request over HTTP/1.1 without a proxy, compression, traces or ``Expect``.

    It is sent on no connection on which something waits already: aiohttp would take that for the answer to this
    request, though it belongs to another one.
    """

    # Whether the connection was made for this request. Set by the connector.
    is_first = False

    async def send(self, conn: Connection, *more: Any, **named: Any) -> aiohttp.ClientResponse:
        """Write the request.

        Raises:
            UnsolicitedDataError: The connection was kept, and is out of step or closed; nothing was sent.
            aiohttp.ClientConnectionResetError: The same of a new connection: another may fare no better.
        """
        if known.checks is None:
            known.probe(self, conn)
        on_the_spot = (
            known.writes
            and isinstance(body := self.body, aiohttp.BytesPayload)
            and (body.size or 0) <= _SMALL
            and self._continue is None
            and not more
            and not named
        )
        if on_the_spot:
            # Requests that begin in one turn of the loop are written in a row: what receives them wakes up once.
            await asyncio.sleep(0)
        if not known.checks:
            return await super().send(conn, *more, **named)
        protocol = conn.protocol
        # A connection that closes says so at once, and only in the next turn of the loop that it has to be closed.
        if protocol is None or protocol.should_close or not protocol.is_connected():
            if self.is_first:
                raise aiohttp.ClientConnectionResetError("The new connection was closed at once.")
            raise UnsolicitedDataError("The connection was out of step.")
        if not on_the_spot or protocol.writing_paused:
            return await super().send(conn, *more, **named)
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
    """A pool of connections that marks each request whose connection is a new one.

    Closing it does not wait for a server that does not read what was written.
    """

    async def _create_connection(self, req: aiohttp.ClientRequest, *more: Any, **named: Any) -> ResponseHandler:
        if isinstance(req, HttpRequest):
            req.is_first = True
        return await super()._create_connection(req, *more, **named)

    async def close(self, **named: Any) -> None:
        """Close all connections."""
        for transport in _transports(self):
            if transport is not None and transport.get_write_buffer_size():
                transport.abort()
        await super().close(**named)

    def forget(self) -> None:
        """In a forked process: count as closed, and leave the sockets to the process that opened them."""
        self._closed = True


def _transports(connector: aiohttp.TCPConnector) -> list[Any]:
    """The transports of a pool, used and kept; none where aiohttp keeps them in another way."""
    try:
        kept = [protocol for protocols in connector._conns.values() for protocol, _ in protocols]  # noqa: SLF001
        return [protocol.transport for protocol in (*connector._acquired, *kept)]  # noqa: SLF001
    except (AttributeError, TypeError, ValueError):
        return []


def disable_hidden_retry(session: aiohttp.ClientSession) -> None:
    """Keep aiohttp from repeating a GET or DELETE by itself, so that the number of attempts is exact."""
    if hasattr(session, "_retry_connection"):  # there is no public way, and aiohttp's test client does the same
        session._retry_connection = False  # noqa: SLF001


def is_of_other_loop(session: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a session was made in another event loop. Where aiohttp does not say, it is taken to be this one."""
    return getattr(session, "_loop", loop) is not loop
