"""What an answer means: the error it stands for, how long to wait, the model in it."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from briqpay_async import (
    APIError,
    AuthenticationError,
    CancelNotSupportedError,
    CartItemNotFoundError,
    ConflictError,
    InvalidDataError,
    RateLimitedError,
    ResponseDecodeError,
    ServerError,
    Session,
    SessionCompletedError,
    SessionInitializingError,
    SessionNotFoundError,
    unstructure,
)
from briqpay_async.transport.requests import Response
from briqpay_async.transport.responses import api_error, decode_model, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
MISSING = "Invalid sessionId - session does not exist."


def envelope(code: Any = None, message: Any = None) -> bytes:
    members = {"code": code, "message": message}
    return orjson.dumps({"error": {name: value for name, value in members.items() if value is not None}})


# --- Retry-After -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("1e2", 100.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e999", None),
        ("", None),
        ("soon", None),
        ("7 seconds", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 12:00:30", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar  1 12:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 11:59:59 GMT", 0.0),
        ("Mon, 01 Jan 1990 00:00:00 GMT", 0.0),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
        ("Mon, 99999999999999999999 Jan 2026 00:00:00 GMT", None),
        ("1 Jan 99999999999 00:00", None),
        ("Sun, 01 Mar 2026 12:00:30 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_ignored(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


def test_a_retry_after_date_is_taken_against_the_present() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert parse_retry_after(soon) == pytest.approx(3600, abs=5)


@given(st.one_of(st.text(), st.floats().map(str), st.integers().map(str)))
def test_whatever_retry_after_says_it_is_a_finite_wait_or_ignored(text: str) -> None:
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(
    st.from_regex(
        r"(Mon, )?[0-9]{1,25} (Jan|Feb|Foo) [0-9]{1,12} [0-9:]{1,12}( GMT| [+-][0-9]{1,25})?", fullmatch=True
    )
)
def test_no_malformed_date_in_retry_after_breaks_the_answer(text: str) -> None:
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(st.integers(min_value=-50_000 * 86_400, max_value=1_000_000 * 86_400))
def test_a_date_that_is_written_is_the_wait_that_is_read(seconds: int) -> None:
    when = NOW + timedelta(seconds=seconds)
    assert parse_retry_after(format_datetime(when, usegmt=True), NOW) == max(0.0, seconds)


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "cls"),
    [
        (400, "INVALID_DATA", "body.locale pattern mismatch", InvalidDataError),
        (400, "INVALID_DATA", None, InvalidDataError),
        (400, None, "something", InvalidDataError),
        (422, "INVALID_DATA", "Amount mismatch", InvalidDataError),
        (400, "INVALID_DATA", MISSING, SessionNotFoundError),
        (404, "INVALID_DATA", MISSING.upper(), SessionNotFoundError),
        (403, "INVALID_DATA", MISSING, SessionNotFoundError),
        (400, "SESSION_NOT_FOUND", "Session not found", SessionNotFoundError),
        (404, "SESSION_NOT_FOUND", None, SessionNotFoundError),
        (400, "SESSION_ALREADY_COMPLETED", "This session is already completed", SessionCompletedError),
        (409, "SESSION_ALREADY_COMPLETED", None, SessionCompletedError),
        (400, "SESSION_INITIALIZATION_PENDING", "Try again in a few seconds", SessionInitializingError),
        (409, "SESSION_INITIALIZATION_PENDING", None, SessionInitializingError),
        (400, "CANCEL_NOT_SUPPORTED", "Cancel is not supported", CancelNotSupportedError),
        (400, "CART_ITEM_NOT_FOUND", None, CartItemNotFoundError),
        (401, "UNAUTHORIZED", "Invalid credentials", AuthenticationError),
        (403, None, None, AuthenticationError),
        (403, "FORBIDDEN", "no", AuthenticationError),
        (409, "SOMETHING", None, ConflictError),
        (429, "RATE_LIMITED", None, RateLimitedError),
        (429, None, None, RateLimitedError),
        (500, None, None, ServerError),
        (500, "INVALID_DATA", MISSING, ServerError),
        (503, "UNAVAILABLE", "later", ServerError),
        (599, None, None, ServerError),
        (404, None, None, APIError),
        (418, "TEAPOT", "short", APIError),
        (422, None, "Amount mismatch", APIError),
        (302, None, None, APIError),
        (400, "session_not_found", None, InvalidDataError),
    ],
)
def test_status_code_and_message_choose_the_class(
    status: int, code: str | None, message: str | None, cls: type[APIError]
) -> None:
    error = api_error(Response(status, {}, envelope(code, message)))
    assert type(error) is cls
    assert (error.status, error.code) == (status, code)
    if message is not None:
        assert error.message == message


@pytest.mark.parametrize(
    ("body", "code", "message", "text"),
    [
        (b'{"error":{"code":"A","message":"b"}}', "A", "b", None),
        (b'{"error":{"code":"A"}}', "A", "Bad Request", '{"error":{"code":"A"}}'),
        (b'{"code":"A","message":"b"}', "A", "b", None),
        (b'{"message":"b"}', None, "b", None),
        (b'{"error":"b"}', None, "b", None),
        (b'"b"', None, "b", None),
        (b'{"error":{"code":5,"message":["b"]}}', None, "Bad Request", '{"error":{"code":5,"message":["b"]}}'),
        (b'{"error":{"code":["A"],"message":"b"}}', None, "b", None),
        (b'{"error":null}', None, "Bad Request", '{"error":null}'),
        (b'{"error":[]}', None, "Bad Request", '{"error":[]}'),
        (b"{}", None, "Bad Request", "{}"),
        (b"[]", None, "Bad Request", "[]"),
        (b'[{"message":"b"}]', None, "Bad Request", '[{"message":"b"}]'),
        (b"null", None, "Bad Request", "null"),
        (b"5", None, "Bad Request", "5"),
        (b"", None, "Bad Request", None),
        (b"<html>502 Bad Gateway</html>", None, "Bad Request", "<html>502 Bad Gateway</html>"),
        (b"\xff\xfe", None, "Bad Request", "\ufffd\ufffd"),
        (b'{"error":{"message":""}}', None, "Bad Request", None),
        (b'{"error"', None, "Bad Request", '{"error"'),
    ],
)
def test_envelope_lookalikes_and_plain_text_are_all_quoted(
    body: bytes, code: str | None, message: str, text: str | None
) -> None:
    error = api_error(Response(400, {}, body))
    assert (error.code, error.message, error.body) == (code, message, text)


def test_only_the_beginning_of_a_huge_error_page_is_kept() -> None:
    error = api_error(Response(502, {}, b"x" * 1_000_000))
    assert error.body == "x" * 4096


@pytest.mark.parametrize(("status", "reason"), [(429, "Too Many Requests"), (599, "HTTP status 599")])
def test_without_a_message_the_status_speaks(status: int, reason: str) -> None:
    assert api_error(Response(status, {}, b"")).message == reason


def test_an_error_carries_the_wait_and_only_harmless_headers() -> None:
    headers = {
        "Retry-After": "12",
        "Set-Cookie": "session=secret",
        "X-Request-Id": "r-1",
        "Authorization": "Basic xyz",
        "X-Customer-Email": "a@b.example",
    }
    error = api_error(Response(429, headers, b""))
    assert error.retry_after == 12.0
    assert error.headers == {"retry-after": "12", "x-request-id": "r-1"}


def test_a_retry_after_date_of_an_error_is_taken_against_now() -> None:
    answer = Response(503, {"Retry-After": format_datetime(NOW + timedelta(seconds=5), usegmt=True)}, b"")
    assert api_error(answer, NOW).retry_after == 5.0


@given(st.integers(min_value=100, max_value=999), st.binary(max_size=60))
def test_every_answer_that_is_no_success_becomes_an_error(status: int, body: bytes) -> None:
    error = api_error(Response(status, {}, body))
    assert error.status == status
    assert error.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "code", "message", "x"]), inner)
    ),
    max_leaves=6,
)


@given(JSON)
def test_no_json_in_an_error_answer_breaks_the_judgement(document: Any) -> None:
    error = api_error(Response(400, {}, orjson.dumps(document)))
    assert isinstance(error.code, str | None)
    assert isinstance(error.message, str)


# --- models ----------------------------------------------------------------------------------------------


def test_a_successful_answer_becomes_the_model() -> None:
    session = decode_model(Response(200, {}, b'{"sessionId":"s","future":1}'), Session)
    assert (session.session_id, session.extra) == ("s", {"future": 1})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no body"),
        (b"<html>", r"text/html.*no JSON"),
        (b'{"sessionId":"s"', "no JSON"),
        (b'{"sessionId":"\xff"}', "no JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"text"', "object"),
    ],
)
def test_an_undecodable_answer_is_a_decode_error_with_its_status(body: bytes, message: str) -> None:
    with pytest.raises(ResponseDecodeError, match=message) as caught:
        decode_model(Response(200, {"Content-Type": "text/html"}, body), Session)
    assert caught.value.status == 200


def test_a_decode_error_points_at_the_member() -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        decode_model(Response(201, {}, b'{"status":{}}'), Session)
    assert caught.value.pointer == "/status"
    assert caught.value.status == 201


def test_malformed_data_is_an_error_when_it_is_read() -> None:
    body = b'{"status":"started","data":{"order":{"currency":"SEK","cart":["no line"]}}}'
    session = decode_model(Response(200, {}, body), Session)
    assert session.status == "started"
    for _ in range(2):
        with pytest.raises(ResponseDecodeError, match="/data/order/cart/0 must be an object") as caught:
            unstructure(session)
        assert caught.value.pointer == "/data/order/cart/0"


LOOKS: list[Callable[[Session], Any]] = [
    repr,
    hash,
    pickle.dumps,
    copy.deepcopy,
    unstructure,
    lambda session: session == Session(),
    lambda session: session.data,
]


@pytest.mark.parametrize("look", LOOKS)
def test_an_unread_answer_behaves_like_any_other(look: Callable[[Session], Any]) -> None:
    body = b'{"status":"started","data":{"billing":{"city":"Lund"}}}'
    session, other = (decode_model(Response(200, {}, body), Session) for _ in range(2))
    look(session)
    assert session == other
    assert pickle.loads(pickle.dumps(decode_model(Response(200, {}, body), Session))) == other  # noqa: S301 - ours
    assert attrs.evolve(session, status="completed").data == other.data
    assert unstructure(session) == orjson.loads(body)
    with pytest.raises(AttributeError, match="no attribute 'dta'"):
        _ = session.dta  # type: ignore[attr-defined]
