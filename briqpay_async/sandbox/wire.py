"""An answer as a response of aiohttp's."""

from typing import Final

from aiohttp import web

from briqpay_async.sandbox.answers import JSON_TYPE, Answer

_JSON_HEADERS: Final = {"Content-Type": JSON_TYPE}


def respond(answer: Answer) -> web.Response:
    """Turn an answer into a response."""
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    headers = _JSON_HEADERS if answer.content_type is JSON_TYPE else {"Content-Type": answer.content_type}
    if answer.headers:
        headers = {**headers, **answer.headers}
    return web.Response(body=answer.body, status=answer.status, headers=headers)
