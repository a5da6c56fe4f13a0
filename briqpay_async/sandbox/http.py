"""Between the socket and the API: reads a request, keeps the journal, writes the answer."""

import logging
from typing import Final

from aiohttp import web
from aiohttp.http import HttpProcessingError
from multidict import istr

from briqpay_async.sandbox.answers import Answer, Refusal, invalid, respond
from briqpay_async.sandbox.api.control import CONTROL_PREFIX, Control
from briqpay_async.sandbox.api.dispatch import Api
from briqpay_async.sandbox.api.guard import Guard
from briqpay_async.sandbox.api.projection import parse_fields
from briqpay_async.sandbox.faults.alterations import View
from briqpay_async.sandbox.faults.faults import Fault, Faults, parse_fault
from briqpay_async.sandbox.faults.inject import Injector, cut
from briqpay_async.sandbox.pages.pages import Pages
from briqpay_async.sandbox.routes import resolve
from briqpay_async.sandbox.state.request_log import Entry, RequestLog
from briqpay_async.sandbox.state.store import ApiRequest

# Headers that every request is looked at for: as `istr` they are not folded to lower case each time.
FAULT_HEADER: Final = istr("X-Sandbox-Fault")
_EXPECT: Final = istr("Expect")
_AUTHORIZATION: Final = istr("Authorization")
_CONTENT_TYPE: Final = istr("Content-Type")


_LOOPBACK: Final = Guard()


class Gateway:
    """The one handler of the server, free of aiohttp's router: the paths are few and known."""

    def __init__(
        self,
        api: Api,
        journal: RequestLog,
        faults: Faults,
        control: Control,
        *,
        pages: Pages,
        guard: Guard = _LOOPBACK,
    ) -> None:
        self._api = api
        self._journal = journal
        self._faults = faults
        self._control = control
        self._pages = pages
        self._guard = guard
        self._injector = Injector(faults, self._read, self._apply)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle one request from its head to its answer."""
        path, _, query = request.raw_path.partition("?")
        if path.startswith(CONTROL_PREFIX):
            return await self._serve(request, path)
        endpoint, target = resolve(request.method, path)
        entry = self._journal.open(request.method, path, query, endpoint, target)
        try:
            if self._faults.any or FAULT_HEADER in request.headers:
                return await self._handle_with_faults(request, entry)
            return respond(await self._answer(request, entry))
        except Refusal as refusal:
            answer = refusal.answer()
            entry.status = answer.status
            return respond(answer)
        except ConnectionError:  # the client left while it was sending, or while a slow answer was under way
            return cut(request, entry)
        finally:
            self._journal.close(entry, entry.status)

    async def _serve(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer a request that is not for the API; it is not in the journal."""
        try:
            self._guard.check(request.method, request.headers)
            body = await _receive(request)
            page = await self._pages.serve(request, path, body)
            return respond(await self._control.answer(request, path, body)) if page is None else page
        except Refusal as refusal:
            return respond(refusal.answer())
        except ConnectionError:  # the client has closed the connection
            return web.Response(status=400)

    async def _handle_with_faults(self, request: web.BaseRequest, entry: Entry) -> web.StreamResponse:
        if (cut := self._injector.cut_if_stale(request, entry)) is not None:
            return cut
        faults = self._faults_of(request, entry)
        if not faults:
            return respond(await self._answer(request, entry))
        return await self._injector.perform(request, entry, faults)

    def _faults_of(self, request: web.BaseRequest, entry: Entry) -> list[Fault]:
        asked_for = request.headers.get(FAULT_HEADER)
        if asked_for is None:
            return self._faults.pick(entry.method, entry.endpoint, entry.path, entry.session_id)
        try:
            return self._faults.once(parse_fault(asked_for))
        except ValueError as error:
            raise Refusal(400, "INVALID_FAULT", f"{FAULT_HEADER}: {error}") from None

    async def _read(self, request: web.BaseRequest, entry: Entry) -> bytes:
        """Return the body of a request and note it in the journal; it is received only once."""
        body = await _receive(request)
        self._journal.keep_body(entry, body)
        return body

    async def _answer(self, request: web.BaseRequest, entry: Entry) -> Answer:
        """Let the API answer, and note the status in the journal."""
        answer = await self._apply(request, entry, None)
        entry.status = answer.status
        return answer

    async def _apply(self, request: web.BaseRequest, entry: Entry, view: View | None) -> Answer:
        """Let the API answer; what the answer shows of a session goes through `view`."""
        body = await self._read(request, entry)
        headers = request.headers
        query = entry.query
        api_request = ApiRequest(
            entry.session_id or "",
            parse_fields(query) if query else None,
            body,
            headers.get(_CONTENT_TYPE, ""),
            entry.sequence,
            view,
        )
        answer = self._api.answer(entry.endpoint, headers.get(_AUTHORIZATION), api_request)
        if answer.session_id is not None:
            entry.session_id = answer.session_id
        if entry.body is not None:
            entry.after = self._pages.state_of(entry.session_id)
        return answer


async def _receive(request: web.BaseRequest) -> bytes:
    """Return the body of a request, unpacked.

    Raises:
        Refusal: it is too large, or is not what its headers say.
        ConnectionError: the client left in the middle of it.
    """
    if _EXPECT in request.headers:
        await _invite(request)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413, "PAYLOAD_TOO_LARGE", "Request body is too large") from None
    except web.RequestPayloadError:
        raise invalid("body cannot be read: it is not encoded as its headers say") from None


async def _invite(request: web.BaseRequest) -> None:
    """Send 100 Continue to a client that waits for it before it sends its body: curl does for large ones."""
    if request.headers[_EXPECT].lower() == "100-continue" and request.can_read_body:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The invitation is not part of the answer, whose head may still be written.
        request.writer.output_size = 0


def quiet_logger() -> logging.Logger:
    """Return the logger for the server: it says nothing about requests that are not HTTP, which get a 400."""
    logger = logging.getLogger("briqpay_async.sandbox.http")
    if _is_about_the_sandbox not in logger.filters:
        logger.addFilter(_is_about_the_sandbox)
    return logger


def _is_about_the_sandbox(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)
