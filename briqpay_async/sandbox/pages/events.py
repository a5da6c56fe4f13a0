"""Server-sent events: a page learns that what it shows has changed."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson
from aiohttp import web

# How often a followed value is looked at, in seconds: a look costs an identity check, and nothing is followed
# while no page is open, so that requests to the API pay nothing for pages.
INTERVAL: Final = 0.1
_SILENCE: Final = 15.0  # seconds after which a comment keeps the connection alive
_HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

_UNKNOWN: Final = object()


async def stream(
    request: web.BaseRequest, look: Callable[[], object], describe: Callable[[], Any | None]
) -> web.StreamResponse:
    """Send an event at once and after each change, until the page goes away.

    Args:
        request: What the page asked with.
        look: Returns a value that is another one (`!=`) after each change; it must be cheap.
        describe: Returns what to send as JSON, or None when there is nothing left to follow.
    """
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    known: object = _UNKNOWN
    silent = 0.0
    while True:
        seen = look()
        if seen is not known and seen != known:
            known, silent = seen, 0.0
            document = describe()
            if document is None:
                break
            await response.write(b"data: " + orjson.dumps(document) + b"\n\n")
        elif silent >= _SILENCE:
            silent = 0.0
            await response.write(b": still here\n\n")
        await asyncio.sleep(INTERVAL)
        silent += INTERVAL
        if request.transport is None or request.transport.is_closing():
            break
    return response
