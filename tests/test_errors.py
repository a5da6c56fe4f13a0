"""Errors are plain data: one tree, the same context on each, and they cross processes."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import Any

import pytest
from support.session_payloads import FULL_SESSION

import briqpay_async as bq
from briqpay_async import errors
from briqpay_async.models.order import TotalsDiscrepancy

CONTEXT: dict[str, Any] = {
    "status": 429,
    "code": "TOO_FAST",
    "retry_after": 1.5,
    "headers": {"retry-after": "1.5"},
    "body": "<html>slow down</html>",
    "method": "PATCH",
    "path": "/v3/session/1",
    "attempts": 3,
    "call_id": "call-1",
}
OWN: dict[type[bq.BriqpayError], dict[str, Any]] = {
    bq.ValidationError: {"problems": (("/data/order/cart/1/unitPrice", "must be negative"),)},
    bq.UnpatchableChangeError: {"pointers": ("/country", "/locale")},
    bq.EditConflictError: {"pointers": ("/data/order/cart/1",)},
    bq.TotalsMismatchError: {"discrepancies": (TotalsDiscrepancy("/amountIncVat", 1, 2),)},
    bq.TransportError: {"sent": None},
    bq.ConnectError: {"sent": False, "certificate": True},
    bq.CallTimeoutError: {"sent": True},
    bq.OutcomeUnknownError: {"sent": True, "candidates": (bq.Capture(capture_id="c-1"),)},
    bq.CartItemNotFoundError: {"mismatch": ("name", "reference")},
    bq.ResponseDecodeError: {"pointer": "/data/order"},
    bq.PatchNotAppliedError: {
        "pointers": ("/data/billing/city",),
        "session": bq.structure(FULL_SESSION, bq.Session),
    },
}
ERRORS = [getattr(errors, name) for name in errors.__all__]


def _full(cls: type[bq.BriqpayError]) -> bq.BriqpayError:
    return cls("try again later", **OWN.get(cls, {}), **CONTEXT)


def test_the_tree_is_the_documented_one() -> None:
    api = (
        bq.InvalidDataError,
        bq.AuthenticationError,
        bq.SessionNotFoundError,
        bq.SessionCompletedError,
        bq.SessionInitializingError,
        bq.CancelNotSupportedError,
        bq.CaptureNotAllowedError,
        bq.CartItemNotFoundError,
        bq.ConflictError,
        bq.RateLimitedError,
        bq.ServerError,
    )
    transport = (bq.ConnectError, bq.CallTimeoutError, bq.OutcomeUnknownError)
    others = (
        bq.ConfigurationError,
        bq.WrongLoopError,
        bq.ValidationError,
        bq.UnpatchableChangeError,
        bq.EditConflictError,
        bq.TotalsMismatchError,
        bq.TransportError,
        bq.ResponseDecodeError,
        bq.PatchNotAppliedError,
        bq.APIError,
        bq.SharedStateError,
        bq.WebhookError,
        bq.WebhookSignatureError,
        bq.WebhookMalformedError,
        bq.WebhookNotConfirmedError,
    )
    assert all(issubclass(cls, bq.APIError) for cls in api)
    assert all(issubclass(cls, bq.TransportError) for cls in transport)
    assert {*api, *transport, *others, bq.BriqpayError} == set(ERRORS)
    assert not any(issubclass(cls, bq.APIError | bq.TransportError) for cls in others[:5])
    assert all(cls.__doc__ for cls in ERRORS)


def test_a_timeout_is_a_timeout_to_everybody() -> None:
    with pytest.raises(TimeoutError):
        raise bq.CallTimeoutError("the deadline passed", sent=True)


@pytest.mark.parametrize("cls", ERRORS)
def test_every_error_has_the_same_context(cls: type[bq.BriqpayError]) -> None:
    error = _full(cls)
    assert error.message == "try again later"
    assert {name: getattr(error, name) for name in CONTEXT} == CONTEXT
    assert {name: getattr(error, name) for name in OWN.get(cls, {})} == OWN.get(cls, {})


@pytest.mark.parametrize("cls", ERRORS)
def test_what_is_not_known_is_none(cls: type[bq.BriqpayError]) -> None:
    error = cls()
    for name in ("status", "code", "retry_after", "body", "method", "path", "call_id"):
        assert getattr(error, name) is None
    assert (error.message, error.headers, error.attempts, str(error)) == ("", {}, 0, "")


def test_the_own_members_have_empty_defaults() -> None:
    assert bq.ValidationError().problems == ()
    assert bq.UnpatchableChangeError().pointers == ()
    assert bq.TotalsMismatchError().discrepancies == ()
    assert bq.TransportError().sent is None
    assert bq.ResponseDecodeError().pointer == ""
    assert (bq.OutcomeUnknownError().candidates, bq.CartItemNotFoundError().mismatch) == ((), ())
    assert bq.ConnectError().certificate is False
    assert (bq.PatchNotAppliedError().pointers, bq.PatchNotAppliedError().session) == ((), None)


def _same_error(one: BaseException, other: BaseException) -> bool:
    return (type(one), one.args, vars(one), str(one)) == (type(other), other.args, vars(other), str(other))


@pytest.mark.parametrize("cls", ERRORS)
def test_every_error_survives_pickling(cls: type[bq.BriqpayError]) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        for error in (_full(cls), cls()):
            assert _same_error(pickle.loads(pickle.dumps(error, protocol)), error)  # noqa: S301 - our own bytes


@pytest.mark.parametrize("cls", ERRORS)
def test_every_error_can_be_copied(cls: type[bq.BriqpayError]) -> None:
    for error in (_full(cls), cls()):
        assert _same_error(copy.copy(error), error)
        assert _same_error(copy.deepcopy(error), error)


def test_the_notes_on_an_error_survive_pickling() -> None:
    error = bq.ServerError("down")
    error.add_note("while paying order 7")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while paying order 7"]  # noqa: S301 - our own bytes


def _raise(index: int) -> None:
    raise _full(ERRORS[index])


def test_every_error_comes_back_from_another_process() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pending = [pool.apply_async(_raise, (index,)) for index in range(len(ERRORS))]
        for cls, result in zip(ERRORS, pending, strict=True):
            with pytest.raises(cls) as caught:
                result.get(timeout=30)
            returned = caught.value
            # The pool chains its own traceback text; everything else is as it was raised.
            assert type(returned) is cls
            assert (returned.args, str(returned)) == (_full(cls).args, str(_full(cls)))
            assert {name: getattr(returned, name) for name in (*CONTEXT, *OWN.get(cls, {}))} == (
                CONTEXT | OWN.get(cls, {})
            )


def test_an_error_keeps_its_own_headers() -> None:
    headers = {"retry-after": "1"}
    error = bq.ServerError("down", headers=headers)
    headers["retry-after"] = "2"
    assert error.headers == {"retry-after": "1"}


# --- text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (bq.ConfigurationError("Give a secret."), "Give a secret."),
        (bq.ServerError("Bad Gateway", status=502), "502: Bad Gateway"),
        (bq.InvalidDataError("body.x", status=400, code="INVALID_DATA"), "400 INVALID_DATA: body.x"),
        (bq.APIError("odd", code="ODD"), "ODD: odd"),
        (bq.ConnectError("no route", method="GET", path="/v3/token/1"), "no route [GET /v3/token/1]"),
        (bq.ServerError("down", status=503, attempts=1), "503: down"),
        (bq.ServerError("down", status=503, attempts=4), "503: down after 4 attempts"),
        (bq.ServerError("down", call_id="c-9"), "down (call c-9)"),
        (
            _full(bq.RateLimitedError),
            "429 TOO_FAST: try again later [PATCH /v3/session/1] after 3 attempts (call call-1)",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_text_of_an_error_says_what_where_and_how_often(error: bq.BriqpayError, text: str) -> None:
    assert str(error) == text


def test_a_validation_error_lists_its_problems() -> None:
    error = bq.ValidationError(problems=(("/data/order/cart", "is required"), ("", "must be an object")))
    assert str(error) == "/data/order/cart is required; / must be an object"
    assert error.message == str(error)
    assert str(bq.ValidationError("Mind the cart.", problems=error.problems)) == "Mind the cart."


@pytest.mark.parametrize("cls", ERRORS)
def test_neither_text_nor_repr_shows_the_body_or_the_session(cls: type[bq.BriqpayError]) -> None:
    error = _full(cls)
    for shown in (str(error), repr(error)):
        assert "slow down" not in shown
        assert "ola@telt.example" not in shown


def test_context_is_given_by_name() -> None:
    with pytest.raises(TypeError):
        bq.APIError("down", 503)
