"""What an answer means: a model, or an error. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import orjson

from briqpay_async.conversion.lazy import decode_answer
from briqpay_async.errors import (
    APIError,
    AuthenticationError,
    CancelNotSupportedError,
    CaptureNotAllowedError,
    CartItemNotFoundError,
    ConflictError,
    InvalidDataError,
    RateLimitedError,
    ResponseDecodeError,
    ServerError,
    SessionCompletedError,
    SessionInitializingError,
    SessionNotFoundError,
)
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.cart import CartItem, SalesTaxItem
from briqpay_async.redaction import safe_headers
from briqpay_async.transport.requests import Response

__all__ = ["api_error", "decode_model", "parse_retry_after"]

M = TypeVar("M", bound=Model)
_MISSING_SESSION = "session does not exist"
_KEPT_TEXT = 4096


# --- answers ---------------------------------------------------------------------------------------------


def decode_model(response: Response, cls: type[M]) -> M:
    """The model in a successful answer.

    Raises:
        ResponseDecodeError: The body is empty or invalid JSON, or a member has the wrong type.
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
    """The error that an unsuccessful answer stands for.

    Its code decides, as in Briqpay's own plugins; without one the status does.

    Args:
        response: An answer whose status is not 2xx.
        now: For ``Retry-After`` dates; the current time when left out.
    """
    code, message, text = _envelope(response.body)
    status = response.status
    error = _error_class(status, code, message)(
        message or _reason(status),
        status=status,
        code=code,
        retry_after=parse_retry_after(response.headers.get("Retry-After"), now),
        headers=safe_headers(response.headers),
        body=text,
    )
    if isinstance(error, CartItemNotFoundError):
        error.mismatch = _mismatch(error.message)
    return error


def _mismatch(message: str) -> tuple[str, ...]:
    """Members of a line that a refusal names, as in ``has mismatching name and/or reference, productType``."""
    _, found, named = message.partition("mismatching")
    words = re.findall(r"[A-Za-z]+", named) if found else []
    return tuple(dict.fromkeys(word for word in words if word in _LINE_MEMBERS))


_LINE_MEMBERS = frozenset({*wire_names(CartItem).values(), *wire_names(SalesTaxItem).values()})


_BY_CODE: Mapping[str | None, type[APIError]] = {
    "SESSION_NOT_FOUND": SessionNotFoundError,
    "SESSION_ALREADY_COMPLETED": SessionCompletedError,
    "SESSION_INITIALIZATION_PENDING": SessionInitializingError,
    "CANCEL_NOT_SUPPORTED": CancelNotSupportedError,
    "CAPTURE_NOT_ALLOWED": CaptureNotAllowedError,
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
        # Only the message distinguishes a missing session from other invalid data: they share a code.
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
    """Seconds to wait, from a number of seconds or an HTTP date; ``None`` for any other text.

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
