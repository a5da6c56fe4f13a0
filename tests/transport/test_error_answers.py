"""The error answers that Briqpay's plugins know become the errors that say what happened."""

from __future__ import annotations

import orjson
import pytest

import briqpay_async as bq
from briqpay_async.transport.requests import Response
from briqpay_async.transport.responses import api_error


@pytest.mark.parametrize(
    ("status", "code", "message", "cls"),
    [
        (400, "INVALID_DATA", "Invalid sessionId - session does not exist.", bq.SessionNotFoundError),
        (400, "INVALID_DATA", "body.data.shipping is the wrong type", bq.InvalidDataError),
        (400, "INVALID_DATA", "body.data.order.cart.2 no (or more than one) schemas match", bq.InvalidDataError),
        (400, "INVALID_DATA", "data.rejectionType is required", bq.InvalidDataError),
        (400, "INVALID_DATA", "sessionId is required", bq.InvalidDataError),
        (404, "SESSION_NOT_FOUND", "No such session", bq.SessionNotFoundError),
        (409, "SESSION_ALREADY_COMPLETED", "This session is already completed", bq.SessionCompletedError),
        (400, "SESSION_ALREADY_COMPLETED", "This session is already completed", bq.SessionCompletedError),
        (425, "SESSION_INITIALIZATION_PENDING", "Try again in a few seconds", bq.SessionInitializingError),
        (400, "CANCEL_NOT_SUPPORTED", "Cancel is not supported", bq.CancelNotSupportedError),
        (400, "CART_ITEM_NOT_FOUND", "Cart item has mismatching reference", bq.CartItemNotFoundError),
        (400, "CAPTURE_NOT_ALLOWED", "Not allowed to capture", bq.CaptureNotAllowedError),
        (403, "FORBIDDEN", "Access denied", bq.AuthenticationError),
    ],
)
def test_an_error_envelope_becomes_its_error(status: int, code: str, message: str, cls: type[bq.APIError]) -> None:
    body = orjson.dumps({"error": {"code": code, "message": message}})
    error = api_error(Response(status, {}, body))
    assert type(error) is cls
    assert (error.status, error.code, error.message, error.body) == (status, code, message, None)


@pytest.mark.parametrize(
    ("body", "message", "text"),
    [
        (b'{"message":"Amounts differ"}', "Amounts differ", None),
        (b'{"error":"sessionId is required"}', "sessionId is required", None),
        (b"<html>502 from the proxy</html>", "Bad Request", "<html>502 from the proxy</html>"),
        (b"", "Bad Request", None),
        (b"[1]", "Bad Request", "[1]"),
        (b'{"error":{"code":7}}', "Bad Request", '{"error":{"code":7}}'),
    ],
)
def test_lookalikes_of_the_envelope_are_understood_and_the_rest_is_kept_as_text(
    body: bytes, message: str, text: str | None
) -> None:
    error = api_error(Response(400, {}, body))
    assert type(error) is bq.InvalidDataError
    assert (error.message, error.body, error.code) == (message, text, None)


@pytest.mark.parametrize(
    ("message", "mismatch"),
    [
        ("Cart item has mismatching reference", ("reference",)),
        ("Item 1 has mismatching unitPrice", ("unitPrice",)),
        ("mismatching taxRate", ("taxRate",)),
        (
            "Cart item x has mismatching name and/or reference, productType, reference",
            ("name", "reference", "productType"),
        ),
        ("The reference is not there", ()),
        ("", ()),
    ],
)
def test_a_line_that_is_not_found_names_the_members_that_differ(message: str, mismatch: tuple[str, ...]) -> None:
    body = orjson.dumps({"error": {"code": "CART_ITEM_NOT_FOUND", "message": message}})
    error = api_error(Response(400, {}, body))
    assert isinstance(error, bq.CartItemNotFoundError)
    assert error.mismatch == mismatch
