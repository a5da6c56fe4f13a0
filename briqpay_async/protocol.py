"""The API without I/O: how a request is built, what an answer means. Functions of values only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import attrs
import orjson

from briqpay_async.errors import (
    APIError,
    AuthenticationError,
    CancelNotSupportedError,
    CartItemNotFoundError,
    ConflictError,
    InvalidDataError,
    RateLimitedError,
    ResponseDecodeError,
    ServerError,
    SessionCompletedError,
    SessionInitializingError,
    SessionNotFoundError,
    ValidationError,
)
from briqpay_async.later import decode_answer
from briqpay_async.models.base import Model
from briqpay_async.redact import safe_headers, safe_path
from briqpay_async.values import Value

__all__ = [
    "Fields",
    "Repeat",
    "Request",
    "Response",
    "api_error",
    "check_headers",
    "decode_model",
    "fields_query",
    "parse_retry_after",
    "session_path",
]

M = TypeVar("M", bound=Model)
Fields = Iterable[str] | None

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_RESERVED = frozenset(
    {"authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)
_MISSING_SESSION = "session does not exist"
_KEPT_TEXT = 4096


class Repeat(Enum):
    """May a request be sent again when it is not known whether the first one took effect?

    Attributes:
        SAFE: It sets absolute values or only reads: twice is as good as once.
        UNSAFE: It would move money, or make a second thing.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"


# Requests and answers are never changed, and not frozen: each call makes one of both, at half the cost.
@attrs.define(kw_only=True, eq=False, repr=False)
class Request(Value):
    """One request, ready to be sent any number of times. Its ``repr`` shows neither headers nor body.

    Attributes:
        method: HTTP method.
        path: Path, already percent-encoded.
        query: Query, already percent-encoded, without the question mark.
        body: JSON in UTF-8, or ``None``.
        headers: Headers beside those that every request has.
        repeat: Whether it may be repeated blindly.
        lane: Requests of one lane never overlap; the session's id for updates.
    """

    method: str
    path: str = attrs.field(repr=lambda path: repr(safe_path(path)))
    query: str = ""
    body: bytes | None = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    repeat: Repeat = Repeat.SAFE
    lane: str | None = None

    @property
    def shown_path(self) -> str:
        """The path as hooks, errors and log records tell it: the identifier of a token is hidden."""
        return safe_path(self.path)


@attrs.define(eq=False, repr=False)
class Response(Value):
    """One whole answer. Its ``repr`` shows the status only.

    Attributes:
        status: HTTP status.
        headers: Headers; looked up without regard to case.
        body: The body, decompressed.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def session_path(session_id: str, suffix: str = "") -> str:
    """Path of a session, or of something below it. The identifier is checked already."""
    return f"/v3/session/{session_id}{suffix}"


def fields_query(fields: Fields) -> str:
    """The query that limits what is returned.

    Args:
        fields: ``None`` for everything, ``"none"`` for an empty 204, or names of top-level members (SEED).

    Raises:
        ValidationError: Anything else.
    """
    if fields is None:
        return ""
    if isinstance(fields, str):
        if fields == "none":
            return "fields=none"
        raise ValidationError(
            problems=(("/fields", f"must be None, 'none' or a list of names such as [{fields!r}]"),)
        )
    names = tuple(fields) if isinstance(fields, Iterable) else (fields,)
    bad = [name for name in names if not (isinstance(name, str) and _FIELD.fullmatch(name))]
    if bad or not names or "none" in names:
        raise ValidationError(
            problems=(
                ("/fields", f"must be names of top-level members, not {', '.join(map(repr, bad or names))}"),
            )
        )
    return f"fields={','.join(names)}"


def path_part(value: object, name: str) -> str:
    """An identifier as one part of a path.

    Raises:
        ValidationError: It is empty, no text, or has characters that no identifier has.
    """
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= 256
        or not value.isprintable()
        or "/" in value
        or value in {".", ".."}  # they need no escaping, and would be resolved to another resource
    ):
        raise ValidationError(problems=((f"/{name}", "must be an identifier: printable text without a slash"),))
    return quote(value, safe="")


def check_headers(headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Extra headers of one call.

    Raises:
        ValidationError: A name or value is not what HTTP allows (line breaks above all), or is the client's own.
    """
    if not headers:
        return None
    if not isinstance(headers, Mapping):
        raise ValidationError(problems=(("/headers", "must be a mapping from names to values"),))
    problems = [
        (f"/headers/{name}", "is not a header that can be given: a token that the client does not set itself")
        for name in headers
        if not (isinstance(name, str) and _TOKEN.fullmatch(name)) or name.lower() in _RESERVED
    ]
    problems += [
        (f"/headers/{name}", "must be printable text without line breaks")
        for name, value in headers.items()
        if not (isinstance(value, str) and value.replace("\t", " ").isprintable())
    ]
    if problems:
        raise ValidationError(problems=tuple(problems))
    return dict(headers)


# --- answers ---------------------------------------------------------------------------------------------


def decode_model(response: Response, cls: type[M]) -> M:
    """The model in a successful answer.

    Raises:
        ResponseDecodeError: The body is empty, no JSON, or no sense can be made of it.
    """
    body = response.body
    try:
        if body:
            return decode_answer(orjson.loads(body), cls)
        reason = "the answer has no body though one was asked for"
    except ResponseDecodeError as error:
        error.status = response.status
        raise
    except orjson.JSONDecodeError as error:
        kind = response.headers.get("Content-Type", "no content type")
        reason = f"the answer ({kind}) is no JSON: {error.msg}"
    # Not raised above: the error of the parser holds the whole body, and would stay attached as the context.
    raise ResponseDecodeError(reason, status=response.status)


def api_error(response: Response, now: datetime | None = None) -> APIError:
    """The error that an unsuccessful answer stands for (reference §E).

    Args:
        response: An answer whose status is not 2xx.
        now: For ``Retry-After`` dates; the current time when left out.
    """
    code, message, text = _envelope(response.body)
    status = response.status
    return _error_class(status, code, message)(
        message or _reason(status),
        status=status,
        code=code,
        retry_after=parse_retry_after(response.headers.get("Retry-After"), now),
        headers=safe_headers(response.headers),
        body=text,
    )


_BY_CODE: Mapping[str | None, type[APIError]] = {
    "SESSION_NOT_FOUND": SessionNotFoundError,
    "SESSION_ALREADY_COMPLETED": SessionCompletedError,
    "SESSION_INITIALIZATION_PENDING": SessionInitializingError,
    "CANCEL_NOT_SUPPORTED": CancelNotSupportedError,
    "CART_ITEM_NOT_FOUND": CartItemNotFoundError,
}
_BY_STATUS: Mapping[int, type[APIError]] = {
    400: InvalidDataError,
    401: AuthenticationError,
    403: AuthenticationError,
    409: ConflictError,
    429: RateLimitedError,
}


def _error_class(status: int, code: str | None, message: str | None) -> type[APIError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status >= 500:
        return ServerError
    if status in {401, 429}:
        return _BY_STATUS[status]
    if code == "INVALID_DATA":
        # Only the message tells a missing session from any other invalid data (reference §E).
        missing = message is not None and _MISSING_SESSION in message.lower()
        return SessionNotFoundError if missing else InvalidDataError
    return _BY_STATUS.get(status, APIError)


def _envelope(body: bytes) -> tuple[str | None, str | None, str | None]:
    """Code and message of ``{"error": {...}}`` and its lookalikes, and the text of anything else."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None, None, body[:_KEPT_TEXT].decode("utf-8", "replace") or None
    error = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(error, str):
        return None, error[:_KEPT_TEXT], None
    if not isinstance(error, dict):
        return None, None, body[:_KEPT_TEXT].decode("utf-8", "replace")
    code, message = error.get("code"), error.get("message")
    return (
        code[:_KEPT_TEXT] if isinstance(code, str) else None,
        message[:_KEPT_TEXT] if isinstance(message, str) else None,
        None if isinstance(message, str) else body[:_KEPT_TEXT].decode("utf-8", "replace"),
    )


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date; ``None`` for anything that makes no sense.

    A date in the past means no wait. NaN, infinity and negative numbers are ignored.
    """
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        pass
    else:
        return number if math.isfinite(number) and number >= 0 else None
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
