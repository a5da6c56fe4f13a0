"""Makes a request go wrong on its socket, in the way that a fault says."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from briqpay_async.sandbox.answers import Answer, Refusal, respond
from briqpay_async.sandbox.faults.alterations import View
from briqpay_async.sandbox.faults.bodies import (
    dictated_answer,
    oversized_chunks,
    oversized_length,
    spoiled_answer,
    with_body,
)
from briqpay_async.sandbox.faults.faults import Fault, Faults
from briqpay_async.sandbox.faults.kinds import ADDITIVE, LATENCIES
from briqpay_async.sandbox.faults.views import view_of
from briqpay_async.sandbox.state.request_log import Entry

# With a linger time of zero, closing a socket sends RST and not FIN.
_RESET: Final = struct.pack("ii", 1, 0)


class Injector:
    """Performs faults.

    Args:
        faults: The faults that are set.
        read: Reads the body of a request.
        apply: Lets the API answer a request; the third argument changes what is shown of a session.
    """

    def __init__(
        self,
        faults: Faults,
        read: Callable[[web.BaseRequest, Entry], Awaitable[bytes]],
        apply: Callable[[web.BaseRequest, Entry, View | None], Awaitable[Answer]],
    ) -> None:
        self._faults = faults
        self._read = read
        self._apply = apply

    async def perform(self, request: web.BaseRequest, entry: Entry, faults: list[Fault]) -> web.StreamResponse:
        """Handle a request that faults happen to."""
        entry.fault = "+".join(fault.kind for fault in faults)
        waits = {"before": 0.0, "after": 0.0}
        for fault in faults:
            if fault.kind in LATENCIES:
                waits[fault.params["when"]] += self._faults.latency(fault)
        last = faults[-1]
        if last.kind != "close_before_read":
            # Before any wait: what has been received is applied, even if the client has left meanwhile.
            await self._read(request, entry)
        await _sleep(waits["before"])
        if last.applied is False:
            return self._refuse(request, entry, last)
        if last.kind == "apply_later":
            self._apply_later(request, entry, last.params["seconds"])
            return cut(request, entry)
        answer = await self._apply(request, entry, view_of(faults, self._faults.history))
        entry.status = answer.status
        await _sleep(waits["after"])
        if last.kind in ADDITIVE:
            return respond(answer)
        return await self._distort(request, entry, last, answer)

    def _apply_later(self, request: web.BaseRequest, entry: Entry, seconds: float) -> None:
        """Apply a request, whose body has been read, when its connection has been closed for a while."""

        async def apply() -> None:
            await asyncio.sleep(seconds)
            with contextlib.suppress(Refusal):  # the answer is on its way already
                await self._apply(request, entry, None)

        task = asyncio.create_task(apply())
        self._faults.later.add(task)
        task.add_done_callback(self._faults.later.discard)

    def cut_if_stale(self, request: web.BaseRequest, entry: Entry) -> web.Response | None:
        """Cut a request that came on a connection that was to be found dead."""
        if request.transport not in self._faults.stale:
            return None
        self._faults.stale.discard(request.transport)
        entry.fault = "stale_keepalive"
        return cut(request, entry)

    def _refuse(self, request: web.BaseRequest, entry: Entry, fault: Fault) -> web.StreamResponse:
        """Answer, or don't, without applying the request."""
        if fault.kind in ("close_before_read", "close_before_answer"):
            return cut(request, entry)
        answer = dictated_answer(fault)
        entry.status = answer.status
        return respond(answer)

    async def _distort(
        self, request: web.BaseRequest, entry: Entry, fault: Fault, answer: Answer
    ) -> web.StreamResponse:
        """Spoil the answer to a request that has been applied."""
        params = fault.params
        match fault.kind:
            case "apply_then_drop":
                return cut(request, entry)
            case "stale_keepalive":
                self._let_go_stale(request, params["seconds"])
                return respond(answer)
            case "drip":
                return await _drip(request, answer, params["seconds"], params["chunks"])
            case "reset_mid_body":
                return await _break_off(request, entry, answer, fault)
            case "oversized":
                entry.status = 200
                return await _flood(request, params["size"])
        answer = spoiled_answer(fault, answer)
        entry.status = answer.status
        return respond(answer)

    def _let_go_stale(self, request: web.BaseRequest, seconds: float | None) -> None:
        connection = request.transport
        if connection is None:
            return
        if seconds is None:
            self._faults.let_go_stale(connection)
        else:
            asyncio.get_running_loop().call_later(seconds, connection.abort)


def cut(request: web.BaseRequest, entry: Entry, *, reset: bool = False) -> web.Response:
    """Close the connection of a request at once, with RST if `reset`; what is returned is never sent."""
    entry.status = None
    transport = request.transport
    if transport is not None:
        if reset:
            with contextlib.suppress(OSError):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response()


async def _sleep(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)


async def _begin(request: web.BaseRequest, answer: Answer, length: int) -> web.StreamResponse:
    headers = {"Content-Type": answer.content_type, "Content-Length": str(length), **(answer.headers or {})}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    return response


async def _drip(request: web.BaseRequest, answer: Answer, seconds: float, chunks: int) -> web.StreamResponse:
    if answer.body is None:
        await _sleep(seconds)
        return respond(answer)
    body = answer.body
    step = -(-len(body) // chunks)
    response = await _begin(request, answer, len(body))
    for start in range(0, len(body), step):
        await asyncio.sleep(seconds / chunks)
        await response.write(body[start : start + step])
    return response


async def _break_off(request: web.BaseRequest, entry: Entry, answer: Answer, fault: Fault) -> web.StreamResponse:
    answer = with_body(answer)
    body = answer.body or b""
    response = await _begin(request, answer, len(body))
    await response.write(body[: int(len(body) * fault.params["fraction"])])
    cut(request, entry, reset=fault.params["reset"])
    return response


async def _flood(request: web.BaseRequest, size: int) -> web.StreamResponse:
    response = await _begin(request, Answer(200), oversized_length(size))
    for chunk in oversized_chunks(size):
        await response.write(chunk)
    return response
