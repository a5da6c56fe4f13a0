"""One attempt over aiohttp: a ``Request`` becomes a ``Response`` or a ``TransportError``, nothing else."""

from __future__ import annotations

import asyncio
import base64
import io
import math
import os
import platform
import time
from typing import Final

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy, istr
from yarl import URL

from briqpay_async.config import Pool, Timeouts
from briqpay_async.errors import (
    BriqpayError,
    CallTimeoutError,
    ConfigurationError,
    ConnectError,
    ResponseDecodeError,
    TransportError,
    WrongLoopError,
)
from briqpay_async.redaction import HiddenText
from briqpay_async.transport.aiohttp_internals import (
    HttpConnector,
    HttpRequest,
    UnsolicitedDataError,
    disable_hidden_retry,
    is_of_other_loop,
)
from briqpay_async.transport.deadlines import Deadline, Timer
from briqpay_async.transport.requests import Repeat, Request, Response
from briqpay_async.version import __version__

__all__ = ["AiohttpTransport"]

_USER_AGENT: Final = (
    f"briqpay-async/{__version__} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"
)
_MOST_URLS: Final = 1000
_ENCODED: Final = istr("Content-Encoding")
# aiohttp rounds timeouts above this many seconds up to a whole second: a deadline must not move.
_NEVER_ROUND: Final = math.inf
# Of the time for an attempt, what may pass before the request is on its way.
_UNSENT_SHARE: Final = 0.9
# aiohttp warns of larger bodies given as bytes, for it writes them in one go; files it writes in pieces.
_LARGE: Final = 2**20


class AiohttpTransport:
    """A connection pool to one API host.

    The pool is opened by the first request, in the loop and process of that request, and can be used nowhere
    else. A borrowed ``aiohttp.ClientSession`` is used as it is and never closed.
    """

    def __init__(
        self,
        *,
        base_url: str,
        username: str,
        secret: str,
        pool: Pool,
        http_session: aiohttp.ClientSession | None = None,
    ) -> None:
        if http_session is not None and http_session.auth is not None:
            raise ConfigurationError("Give an http_session without auth: this client sends its own credentials.")
        self._base = URL(base_url, encoded=True)
        self._root = self._base.raw_path.rstrip("/")
        self._pool = pool
        self._headers = {
            "Accept": "application/json",
            "Authorization": HiddenText(f"Basic {base64.b64encode(f'{username}:{secret}'.encode()).decode()}"),
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
        }
        # A session is asked for again and again while its buyer clicks: a look-up costs less than making a URL.
        # Making it of another one that has the same query costs less than parsing it.
        self._urls: dict[str, URL] = {}
        self._bases: dict[str, URL] = {}
        self._timed = 0.0, 0.0
        self._timeout = aiohttp.ClientTimeout()
        # A session of our own has the headers already; a borrowed one gets them with each request.
        self._call_headers = self._headers if http_session is not None else None
        self._borrowed = http_session
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: Timer  # of that loop
        self._pid = 0
        self._closed = False

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        """Make one request and read its whole answer.

        Args:
            request: What to send.
            timeouts: For the time to connect.
            seconds: When to give up.

        Raises:
            TransportError: No usable answer came; ``sent`` is whether the request was sent, if known.
            ResponseDecodeError: The answer's body is larger than the pool's ``max_body``.
            WrongLoopError: The pool belongs to another loop or process.
            ConfigurationError: The pool is closed, or the borrowed session is.
        """
        session = self._session
        if (
            session is None
            or self._pid != os.getpid()
            or self._loop is not asyncio.get_running_loop()
            or self._closed
        ):
            session = self._session_for_this_loop()
        timeout = self._timeout
        if self._timed != (timeouts.connect, seconds):
            timeout = self._renew_timeout(timeouts.connect, seconds)
        started = time.monotonic()
        response = None
        try:
            with Deadline(self._timer, seconds):
                response = await self._exchange(session, request, timeout)
                stream = response.content
                if stream.is_eof():  # it came with its head, as most do, and the connection is free again
                    body = stream.read_nowait()
                    if not response.closed:  # the answer switches to another protocol
                        response.release()
                else:
                    body = await self._read(response)
                if len(body) > self._pool.max_body:
                    raise self._too_large(response)
            return Response(response.status, response.headers, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            cause: BaseException = error
            failure: BriqpayError = _transport_error(error, seconds, time.monotonic() - started)
            if response is not None and request.repeat is Repeat.UNSAFE:
                failure.status = response.status  # its head shows whether the request took effect
        except (RuntimeError, asyncio.CancelledError) as error:
            # A call that waits for a connection while the pool closes is cancelled by aiohttp.
            if not session.closed or _is_being_cancelled():
                raise
            cause = error
            failure = ConfigurationError(
                "The connections are closed: keep the http_session, or the client, open until the last call."
            )
        try:
            raise failure from _without_frames(cause)
        finally:  # no circle of an error, its traceback and this frame
            del failure, cause

    async def _exchange(
        self, session: aiohttp.ClientSession, request: Request, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Send a request and read the head of its answer.

        Kept connections that turn out to be out of step are given up one after another, until one is in step, or
        new; at worst that is all of them.
        """
        headers = {**self._headers, **request.headers} if request.headers else self._call_headers
        target = f"{request.path}?{request.query}" if request.query else request.path
        url = self._urls.get(target) or self._remember(target, request)
        body = request.body
        out_of_step = 0
        while True:
            try:
                return await session.request(
                    request.method,
                    url,
                    data=body if body is None or len(body) <= _LARGE else io.BytesIO(body),
                    headers=headers,
                    timeout=timeout,
                    allow_redirects=False,
                    raise_for_status=False,  # a borrowed session may say otherwise, and so hide the answer
                    auto_decompress=True,
                )
            except UnsolicitedDataError:
                out_of_step += 1
                if out_of_step > self._pool.size:
                    raise

    def _remember(self, target: str, request: Request) -> URL:
        if len(self._urls) >= _MOST_URLS:
            self._urls.clear()
            self._bases.clear()
        base = self._bases.get(request.query)
        if base is None:
            base = self._bases[request.query] = URL(f"{self._base}?{request.query}", encoded=True)
        url = self._urls[target] = base.with_path(self._root + request.path, encoded=True, keep_query=True)
        return url

    def _renew_timeout(self, connect: float, seconds: float) -> aiohttp.ClientTimeout:
        """What aiohttp has to watch: only the way to a connection, which is rarely gone.

        What it calls ``connect`` counts the wait for a free connection and DNS too: it ends before the deadline,
        so a deadline that passes there is known to have sent nothing.
        """
        self._timed = connect, seconds
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=seconds * _UNSENT_SHARE, sock_connect=connect, ceil_threshold=_NEVER_ROUND
        )
        return self._timeout

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Read a body that is still to come, and let go of the connection."""
        try:
            length = response.content_length
            if length is not None and length <= self._pool.max_body and _ENCODED not in response.headers:
                return await response.read()
            return await self._read_bounded(response)
        finally:
            response.release()

    async def _read_bounded(self, response: aiohttp.ClientResponse) -> bytes:
        """Read a body that does not say how large it is, or not how large it becomes."""
        limit = self._pool.max_body
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                response.close()
                raise self._too_large(response)
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self, response: aiohttp.ClientResponse) -> ResponseDecodeError:
        return ResponseDecodeError(
            f"the answer's body is larger than {self._pool.max_body} bytes: it was cut off", status=response.status
        )

    def check_loop(self) -> None:
        """Refuse to wait in another loop or process than that of the connections.

        Raises:
            WrongLoopError: The pool belongs to another loop or process.
        """
        if self._session is not None and self._loop is not asyncio.get_running_loop():
            self._session_for_this_loop()

    def _session_for_this_loop(self) -> aiohttp.ClientSession:
        """The session of this loop and process, opened now if it is the first use."""
        if self._closed:
            raise ConfigurationError("This client is closed: make a new one, or move the call before aclose().")
        loop, pid = asyncio.get_running_loop(), os.getpid()
        if self._session is None:
            if self._borrowed is not None and is_of_other_loop(self._borrowed, loop):
                raise WrongLoopError("The http_session was made in another event loop: make one in this loop.")
            self._loop, self._pid = loop, pid
            self._timer = Timer(loop)
            self._session = self._borrowed or self._open()
            return self._session
        if self._pid != pid:
            raise WrongLoopError(
                f"This client opened its connections in process {self._pid}, and this is process {pid}: "
                "make a client of its own in each process, after the fork. In code without an event loop, use "
                "BlockingBriqpayClient of briqpay_async.blocking, which may be forked."
            )
        raise WrongLoopError(
            "This client opened its connections in another event loop: make a client of its own in each loop "
            "(each asyncio.run starts a new one). In code without an event loop of its own (Celery tasks, "
            "Django or Flask views, scripts), use BlockingBriqpayClient of briqpay_async.blocking."
        )

    def _open(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=HttpConnector(limit=self._pool.size, keepalive_timeout=self._pool.keepalive),
            request_class=HttpRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
        )
        disable_hidden_retry(session)
        return session

    async def aclose(self) -> None:
        """Close the pool, if it is this transport's own. Closing again does nothing."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None and self._pid == os.getpid():
            if not self._timer.watched:  # on a borrowed session, calls go on
                self._timer.stop()
            if session is not self._borrowed:
                await session.close()

    def forget(self) -> None:
        """In a forked process: let go of the parent's connections without touching them."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None and session is not self._borrowed:
            if isinstance(session.connector, HttpConnector):
                session.connector.forget()
            session.detach()


_BAD_CERTIFICATE: Final = aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _without_frames(error: BaseException) -> BaseException:
    """An error of aiohttp and what caused it, without the frames in which credentials are local variables."""
    inner: BaseException | None = error
    while inner is not None:
        inner.__traceback__ = inner.__context__ = None
        inner = inner.__cause__
    return error


def _forget_headers(error: BaseException) -> None:
    """Take the request's headers out of an error of aiohttp: its ``repr`` and ``args`` show the credentials."""
    if isinstance(error, aiohttp.ClientResponseError):
        error.request_info = error.request_info._replace(headers=CIMultiDictProxy(CIMultiDict()))
        error.args = (error.request_info, error.history)


def _transport_error(error: BaseException, seconds: float, waited: float) -> TransportError:
    """What is known of a request that got no usable answer after so many of the seconds it had."""
    name = type(error).__name__
    _forget_headers(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        if waited > 0.8 * seconds:  # it was the deadline, give or take the precision of timers
            return CallTimeoutError(
                f"No connection was free, or could be made, within {seconds:.3g} seconds.", sent=False
            )
        return ConnectError("The connection could not be made in time.", sent=False)
    if isinstance(error, (*_BAD_CERTIFICATE, aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)):
        is_bad = isinstance(error, _BAD_CERTIFICATE)
        text = "Check the server's certificate: it was refused" if is_bad else "The connection could not be made"
        return ConnectError(f"{text} ({name}).", sent=False, certificate=is_bad)
    if isinstance(error, TimeoutError):
        return CallTimeoutError(f"No whole answer came within {seconds:.3g} seconds.")
    if isinstance(error, aiohttp.ClientConnectionResetError):
        # aiohttp's own: the connection was closing before the first byte was written.
        return TransportError("The connection closed before the request was written.", sent=False)
    text, sent = "The connection broke while the request was under way", None
    if isinstance(
        error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | aiohttp.ClientResponseError
    ):
        text, sent = "The request was sent, but no whole answer came back", True
    return TransportError(f"{text} ({name}).", sent=sent)
