"""``briqpay webhook listen``: prints the webhooks that arrive, and hands them on unchanged."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from briqpay_async.cli.exits import one_line
from briqpay_async.cli.output import say
from briqpay_async.cli.stopping import stop_requested
from briqpay_async.errors import BriqpayError, WebhookSignatureError
from briqpay_async.webhooks import WebhookEvent, WebhookReceiver

__all__ = ["listen_until_stopped", "listening"]

_LARGEST: Final = 1024 * 1024
_WAIT: Final = aiohttp.ClientTimeout(total=60)
# What belongs to one connection, and what the next request says of itself.
_NOT_FORWARDED: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "host",
        "content-length",
        "expect",
    }
)


async def listen_until_stopped(receiver: WebhookReceiver, *, host: str, port: int, forward_to: str | None) -> None:
    """Listen until SIGINT or SIGTERM.

    Raises:
        OSError: The port is taken, or the host is not this machine's.
    """
    stopping = stop_requested()
    async with listening(receiver, host=host, port=port, forward_to=forward_to) as address:
        say(f"Listening on {address} for webhooks. Stop with Ctrl-C.")
        await stopping.wait()


@contextlib.asynccontextmanager
async def listening(
    receiver: WebhookReceiver, *, host: str, port: int, forward_to: str | None
) -> AsyncIterator[str]:
    """Take webhooks at any path while the block runs, and yield the address.

    Args:
        receiver: Verifies what arrives.
        host: Where to listen.
        port: Where to listen; 0 takes a free port.
        forward_to: Where each webhook goes, unchanged.

    Raises:
        OSError: The port is taken, or the host is not this machine's.
    """
    # Neither side unpacks or follows anything: what arrives is what goes on.
    async with aiohttp.ClientSession(auto_decompress=False, timeout=_WAIT) as http:
        listener = _Listener(receiver, http, None if forward_to is None else URL(forward_to, encoded=True))
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", listener.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, auto_decompress=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            name = f"[{host}]" if ":" in host else host
            yield f"http://{name}:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


class _Listener:
    def __init__(self, receiver: WebhookReceiver, http: aiohttp.ClientSession, target: URL | None) -> None:
        self._receiver = receiver
        self._http = http
        self._target = target

    async def take(self, request: web.Request) -> web.Response:
        body = bytearray()
        async for part in request.content.iter_any():
            body += part
            if len(body) > _LARGEST:
                say("briqpay: refused a webhook that is longer than 1 MiB")
                return web.Response(status=413, text="too large")
        raw = bytes(body)
        seen = self._examine(request, raw)
        answer = (
            web.Response(text="seen") if self._target is None else await self._forward(request, raw, self._target)
        )
        _write_line({**seen, "answered": answer.status})
        return answer

    def _examine(self, request: web.Request, body: bytes) -> dict[str, Any]:
        """What arrived, and whether it is to be believed."""
        try:
            if request.method == "GET":
                event = self._receiver.receive_query(request.query)
                return {**_described(event), "problem": "a GET is never signed"}
            if not self._receiver.is_configured:
                event = WebhookReceiver(require_signature=False).receive(body, {})
                return {**_described(event), "problem": "no secret to verify with"}
            return _described(self._receiver.receive(body, request.headers))
        except BriqpayError as error:
            reason = {"reason": error.reason} if isinstance(error, WebhookSignatureError) else {}
            return {"verified": False, **reason, "problem": error.message, "body": body.decode(errors="replace")}

    async def _forward(self, request: web.Request, body: bytes, target: URL) -> web.Response:
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _NOT_FORWARDED]
        query = "&".join(text for text in (target.raw_query_string, request.rel_url.raw_query_string) if text)
        address = URL(f"{target.with_query(None)}{'?' if query else ''}{query}", encoded=True)
        try:
            async with self._http.request(
                request.method,
                address,
                data=body or None,
                headers=headers,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                kind = answer.headers.get("Content-Type", "text/plain")
                return web.Response(status=answer.status, body=content, headers={"Content-Type": kind})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            say(
                f"briqpay: {one_line(str(target))} does not answer: {one_line(str(error) or type(error).__name__)}"
            )
            return web.Response(status=502, text="the endpoint does not answer")


def _described(event: WebhookEvent) -> dict[str, Any]:
    return {
        "verified": event.verified,
        "event": event.name,
        "status": event.status,
        "sessionId": event.session_id,
        "references": dict(event.references),
        "key": event.key,
    }


def _write_line(document: dict[str, Any]) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
