"""Reads the JSON of a request, if it is no deeper than what can be written again."""

from typing import Any, Final

import orjson

from briqpay_async.sandbox.answers import invalid

# orjson reads 1024 levels and writes 254. A body with fewer brackets than this cannot be too deep.
_SURELY_WRITABLE: Final = 200
# Parts of a body are stored and answered some levels deeper than they were sent.
_MARGIN: Final = 16


def decode_json(body: bytes) -> Any:
    """Return the value in a JSON body.

    Raises:
        Refusal: it is not JSON, or is nested too deeply to be answered.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid("body is not valid JSON") from None
    if body.count(b"{") + body.count(b"[") > _SURELY_WRITABLE:
        wrapped = document
        for _ in range(_MARGIN):
            wrapped = [wrapped]
        try:
            orjson.dumps(wrapped)
        except TypeError:
            raise invalid("body is nested too deeply") from None
    return document
