"""What must hold for any bytes at all that an answer can consist of."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from briqpay_async import (
    APIError,
    BriqpayError,
    PatchBuilder,
    ResponseDecodeError,
    Session,
    SessionPatch,
    structure,
    unstructure,
)
from briqpay_async.models.base import Model
from briqpay_async.patch.echo_check import not_applied
from briqpay_async.transport.requests import Repeat, Response
from briqpay_async.transport.responses import api_error, decode_model
from briqpay_async.transport.retry import Verdict, verdict

__all__ = ["SEEDS", "check_answer", "check_decoding", "check_error", "check_patching", "exactly"]

HEADERS = {"Content-Type": "application/json", "Retry-After": "1"}


def exactly(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, with ``true``, ``1``, ``1.0`` and ``-0.0`` kept apart."""
    if one.__class__ is not other.__class__:
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(exactly(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(exactly, one, other))
    return bool(repr(one) == repr(other) if isinstance(one, float) else one == other)


def check_answer(body: bytes, patch: SessionPatch) -> None:
    """Everything below, for one body."""
    check_error(body, 500)
    check_decoding(body, Session)
    session, _ = _outcome(lambda: decode_model(Response(200, HEADERS, body), Session))
    if session is not None:
        check_patching(session, patch)


def check_decoding(body: bytes, cls: type[Model], status: int = 200) -> Any:
    """Only a decode error escapes, and what is decoded is written back exactly as it was."""
    model, refusal = _outcome(lambda: decode_model(Response(status, HEADERS, body), cls))
    if refusal is not None:
        assert refusal.status == status
        assert refusal.__cause__ is None
        return None
    assert model.__class__ is cls
    written, refusal = _outcome(lambda: unstructure(model))
    # What ``data`` and other parts hold may be decoded only when it is read.
    for use in (_data, repr, hash, copy.copy):
        _outcome(partial(use, model))
    if refusal is not None:
        return None
    wire = orjson.loads(body)
    assert exactly(written, wire), (written, wire)
    assert structure(wire, cls) == model
    assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301 - our own bytes
    assert copy.deepcopy(model) == model
    return model


def _data(model: Any) -> Any:
    return getattr(model, "data", None) or model


def _outcome(use: Callable[[], Any]) -> tuple[Any, ResponseDecodeError | None]:
    """What something returns, or the decode error that it raises: nothing else may be raised."""
    try:
        return use(), None
    except ResponseDecodeError as error:
        return None, error


def check_error(body: bytes, status: int) -> APIError:
    """Whatever an error answer says, it is an API error, small enough to be kept and fit to be shown."""
    error = api_error(Response(status, HEADERS, body))
    assert isinstance(error, APIError)
    assert error.status == status
    assert len(str(error)) + len(error.body or "") < 20_000
    assert type(error.code) in {str, type(None)}
    assert verdict(error, Repeat.UNSAFE) in Verdict
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes
    return error


def check_patching(session: Session, patch: SessionPatch) -> None:
    """What was answered can be compared with a patch, edited and sent, or is refused by name."""
    with contextlib.suppress(BriqpayError):
        assert all(pointer.startswith("/") for pointer in not_applied(patch, session))
    with contextlib.suppress(BriqpayError):
        builder = PatchBuilder(session)
        builder.billing.update(city="Lund")
        built = builder.build()
        assert orjson.loads(built.to_json()) == built.body
        built.explain()
        if session.data is not None:
            SessionPatch.between(session.data.editable(), session.data.editable())
            if session.data.order is not None:
                session.data.order.check_totals()
            SessionPatch.of(data=session.data.editable()).to_json()


_LINE = {
    "productType": "physical",
    "reference": "sku",
    "name": "Te",
    "quantity": 1,
    "quantityUnit": "st",
    "unitPrice": 1000,
    "taxRate": 2500,
    "shelf": {"row": 3},
}
_ADDRESS = {"streetAddress": "Storgatan 1", "zip": "22222", "city": "Lund", "phone": None, "floor": 2}
# Small documents that reach every kind of member.
SEEDS: tuple[bytes, ...] = (
    orjson.dumps(
        {
            "sessionId": "c5674f4f-7e84-405c-a44b-c83736bb7209",
            "status": "started",
            "product": {"type": "payment", "intent": "payment_one_time"},
            "references": {"reference1": "7"},
            "hooks": [
                {"eventType": "order_status", "statuses": ["captured_full"], "url": "https://s.example", "n": 0}
            ],
            "moduleStatus": {"payment": {"uiStatus": "completed", "orderStatus": "order_pending"}},
            "modules": {"loadModules": ["payment"], "config": {"upsell": {"header": "Mer", "customInputs": [{}]}}},
            "data": {
                "order": {
                    "currency": "SEK",
                    "amountIncVat": 1250,
                    "amountExVat": 1000,
                    "cart": [
                        _LINE,
                        {"productType": "sales_tax", "totalTaxAmount": 5, "name": "t", "reference": "r"},
                    ],
                },
                "company": {"cin": None, "name": "Bolaget"},
                "billing": _ADDRESS,
                "shipping": {},
                "transactions": [{"transactionId": "t", "status": "approved", "amountIncVat": 1}],
                "captures": [{"captureId": "c", "cart": [_LINE], "autoCaptured": True}],
                "paymentTags": ["manual_review"],
            },
        }
    ),
    b'{"error":{"code":"INVALID_DATA","message":"no","details":[1.5,-0.0,1e300,null,true]}}',
    b'{"data":{"order":{"cart":null},"paymentTags":{"a":true}},"x":{"\\u0000/~":[[],{}]}}',
)
