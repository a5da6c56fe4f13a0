"""The answers that faults give: error pages, spoiled JSON, bodies far too large. Pure."""

import math
import time
import zlib
from collections.abc import Iterator
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import orjson

from briqpay_async.sandbox.answers import JSON_TYPE, Answer
from briqpay_async.sandbox.faults.faults import Fault

_HTML_TYPE: Final = "text/html; charset=utf-8"
_TEXT_TYPE: Final = "text/plain; charset=utf-8"
_BLOCK: Final = 2**20
_FRAME: Final = (b'{"padding":"', b'"}')


def retry_after_text(value: float | str) -> str:
    """Return a Retry-After header: a number or text as it is, `date:<seconds>` as an HTTP date."""
    if isinstance(value, str) and value.startswith("date:"):
        return formatdate(time.time() + float(value.removeprefix("date:")), usegmt=True)
    return str(value)


def _html(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    title = f"{status} {phrase}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body><center><h1>{title}</h1></center><hr><center>nginx</center></body>\r\n</html>\r\n"
    ).encode()


def _envelope(status: int, code: str | None, message: str | None) -> bytes:
    code = code or ("RATE_LIMITED" if status == 429 else "SANDBOX_FAULT")
    return orjson.dumps({"error": {"code": code, "message": message or f"Injected fault with status {status}"}})


def _body(status: int, params: dict[str, Any]) -> tuple[bytes | None, str]:
    match params["body"]:
        case "json":
            return _envelope(status, params["code"], params["message"]), JSON_TYPE
        case "html":
            return _html(status), _HTML_TYPE
        case "empty":
            return None, JSON_TYPE
        case str() as text:
            return text.encode(), _TEXT_TYPE
        case document:
            return orjson.dumps(document), JSON_TYPE


def dictated_answer(fault: Fault) -> Answer:
    """Return the answer that a fault puts in the place of the API's."""
    params = dict(fault.params)
    retry_after = params["retry_after"]
    body: bytes | None
    if fault.kind == "html_502":
        status, body, content_type = 502, _html(502), _HTML_TYPE
    elif fault.kind == "rate_limit":
        status, body, content_type = 429, _envelope(429, None, "Too many requests"), JSON_TYPE
        waits = {"seconds": math.ceil(params["wait"]), "exact": round(params["wait"], 3)}
        retry_after = waits.get(retry_after, retry_after)
    else:
        status = params["status"]
        body, content_type = _body(status, params)
    headers = None if retry_after is None else {"Retry-After": retry_after_text(retry_after)}
    return Answer(status, body, content_type=content_type, headers=headers)


def spoiled_answer(fault: Fault, answer: Answer) -> Answer:
    """Return what a fault makes of the answer to a request that has been applied."""
    answer = with_body(answer)
    body = answer.body or b""
    match fault.kind:
        case "malformed_json":
            return answer._replace(body=body[:-1] + b",]")
        case "truncated_json":
            return answer._replace(body=body[: len(body) // 2])
        case "invalid_utf8":
            return answer._replace(body=body[:-1] + b',"\xff\xfe":"\xc3("}')
        case "wrong_content_type":
            return answer._replace(content_type=_HTML_TYPE)
        case "gzip_bomb":
            return Answer(200, gzip_bomb(fault.params["size"]), headers={"Content-Encoding": "gzip"})
    return dictated_answer(fault)


def with_body(answer: Answer) -> Answer:
    """Return an answer that has a body to damage: a 204 becomes a 200 with an empty object."""
    return answer if answer.body is not None else answer._replace(status=200, body=b"{}")


def oversized_length(size: int) -> int:
    """Return the length of an oversized body: `size`, or a little more if that could not be JSON."""
    return max(size, sum(map(len, _FRAME)))


def oversized_chunks(size: int) -> Iterator[bytes]:
    """Yield a JSON object of `oversized_length(size)` bytes without holding it in memory."""
    yield _FRAME[0]
    left = oversized_length(size) - sum(map(len, _FRAME))
    block = b"x" * min(left, _BLOCK)
    while left:
        chunk = block[:left]
        yield chunk
        left -= len(chunk)
    yield _FRAME[1]


@lru_cache(maxsize=4)
def gzip_bomb(size: int) -> bytes:
    """Return a gzip stream of about a thousandth of `size` that unpacks to `size` spaces and `{}`.

    One block of spaces is compressed and repeated: after a full flush the compressor has forgotten
    everything before, so its output can stand any number of times in a row.
    """
    spaces, tail = b" " * _BLOCK, b"{}"
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed_block = packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks, rest = divmod(max(size - len(tail), 0), _BLOCK)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed_rest = packer.compress(spaces[:rest] + tail) + packer.flush()
    checksum = 0
    for _ in range(blocks):
        checksum = zlib.crc32(spaces, checksum)
    checksum = zlib.crc32(spaces[:rest] + tail, checksum)
    length = blocks * _BLOCK + rest + len(tail)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    trailer = checksum.to_bytes(4, "little") + (length % 2**32).to_bytes(4, "little")
    return head + packed_block * blocks + packed_rest + trailer
