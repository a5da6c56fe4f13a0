"""Events: what a webhook says, typed; unknown events and unknown members are kept.

A payload is ``{"event", "status", "sessionId"}``, with ``captureId`` or ``refundId`` for captures and refunds, the
shop's references beside them at the top level, and in signed payloads ``transaction``, ``capture`` or ``refund``
(Briqpay docs, Update session; seen in Briqpay's commercetools connector 1.0.29).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
import orjson

from briqpay_async.conversion.decode import decode
from briqpay_async.errors import ResponseDecodeError, WebhookMalformedError
from briqpay_async.models.base import NO_EXTRA, Model, ReadOnlyDict
from briqpay_async.models.payments import Capture, Refund, Transaction

__all__ = [
    "CaptureStatusEvent",
    "OrderStatusEvent",
    "OtherEvent",
    "RefundStatusEvent",
    "SessionStatusEvent",
    "WebhookEvent",
    "parse_event",
]

M = TypeVar("M", bound=Model)

_LONGEST: Final = 512
# Names of one member that Briqpay's plugins look for; the first is the documented one.
_EVENT_NAMES: Final = ("event", "action")
_SESSION_NAMES: Final = ("sessionId", "session_id", "id")
_PAYLOADS: Final = {"transaction": Transaction, "capture": Capture, "refund": Refund}
_TEXTS: Final = ("captureId", "refundId", "module")
_FLAGS: Final = ("autoCaptured", "isPreExistingCapture")
_KNOWN: Final = frozenset({*_EVENT_NAMES, *_SESSION_NAMES, *_PAYLOADS, *_TEXTS, *_FLAGS, "status"})


@attrs.frozen(kw_only=True)
class WebhookEvent:
    """Something that happened to a session. Its ``repr`` shows no references and no amounts.

    Attributes:
        name: ``session_status``, ``order_status``, ``capture_status``, ``refund_status``, or another word.
        status: The status reached, such as ``order_approved_not_captured``.
        session_id: The session.
        references: The shop's own references of the session.
        verified: Whether a signature proved that Briqpay sent it. One that is not verified may be forged:
            ``sessions.confirm`` looks whether it is true.
        extra: Members that this library does not know, by their wire names.
    """

    name: str
    status: str
    session_id: str
    references: Mapping[str, str] = attrs.field(default=NO_EXTRA, repr=False)
    verified: bool = False
    extra: Mapping[str, Any] = attrs.field(default=NO_EXTRA, repr=False)

    @property
    def key(self) -> str:
        """The same for redeliveries of one event, and different for different events: 64 hexadecimal digits."""
        return hashlib.sha256(
            orjson.dumps([self.name, self.session_id.lower(), self.status, *self._about()])
        ).hexdigest()

    def _about(self) -> tuple[str | None, ...]:
        """What distinguishes events of the same name, session and status."""
        return ()


@attrs.frozen(kw_only=True)
class SessionStatusEvent(WebhookEvent):
    """The buyer finished the checkout. That is not a payment: wait for an ``OrderStatusEvent``."""


@attrs.frozen(kw_only=True)
class OrderStatusEvent(WebhookEvent):
    """The payment was approved, rejected, cancelled, or is pending.

    Attributes:
        transaction: The payment; signed webhooks have it.
    """

    transaction: Transaction | None = attrs.field(default=None, repr=False)

    def _about(self) -> tuple[str | None, ...]:
        return (self.transaction.transaction_id if self.transaction else None,)


@attrs.frozen(kw_only=True)
class CaptureStatusEvent(WebhookEvent):
    """A capture became pending, approved or rejected; also one that the shop did not make.

    Attributes:
        capture_id: Identifier of the capture.
        auto_captured: Whether the provider captured by itself.
        is_pre_existing_capture: Whether the capture was there before.
        capture: The capture; signed webhooks have it.
        transaction: The payment captured from, where the webhook has it.
    """

    capture_id: str | None = None
    auto_captured: bool | None = None
    is_pre_existing_capture: bool | None = None
    capture: Capture | None = attrs.field(default=None, repr=False)
    transaction: Transaction | None = attrs.field(default=None, repr=False)

    def _about(self) -> tuple[str | None, ...]:
        return (self.capture_id,)


@attrs.frozen(kw_only=True)
class RefundStatusEvent(WebhookEvent):
    """A refund became pending, approved or rejected.

    Attributes:
        refund_id: Identifier of the refund.
        refund: The refund; signed webhooks have it.
        transaction: The payment refunded, where the webhook has it.
    """

    refund_id: str | None = None
    refund: Refund | None = attrs.field(default=None, repr=False)
    transaction: Transaction | None = attrs.field(default=None, repr=False)

    def _about(self) -> tuple[str | None, ...]:
        return (self.refund_id,)


@attrs.frozen(kw_only=True)
class OtherEvent(WebhookEvent):
    """An event that this library does not know by name.

    Attributes:
        module: The module that a ``module_ui_status`` is about.
        payload: Everything the webhook said, by wire names.
    """

    module: str | None = None
    payload: Mapping[str, Any] = attrs.field(default=NO_EXTRA, repr=False)

    def _about(self) -> tuple[str | None, ...]:
        return (self.module, orjson.dumps(dict(self.payload), option=orjson.OPT_SORT_KEYS).decode())


def parse_event(payload: Any, *, verified: bool) -> WebhookEvent:
    """Make an event of what a webhook says.

    Args:
        payload: The decoded JSON, or the parameters of a query; the caller gives it away.
        verified: Whether its signature was checked.

    Raises:
        WebhookMalformedError: It is no object, has no event, status or session, or a member has the wrong type.
    """
    if not isinstance(payload, Mapping):
        raise WebhookMalformedError("A webhook is a JSON object with event, status and sessionId.")
    name, session_id = _one_of(payload, _EVENT_NAMES), _one_of(payload, _SESSION_NAMES)
    references: dict[str, str] = {}
    extra: dict[str, Any] = {}
    for member, value in payload.items():
        if member not in _KNOWN:
            (references if value.__class__ is str else extra)[member] = value
    members: dict[str, Any] = {
        "name": name,
        "status": _text(payload, "status", required=True),
        "session_id": session_id,
        "references": ReadOnlyDict(references),
        "extra": ReadOnlyDict(extra) if extra else NO_EXTRA,
        "verified": verified,
    }
    return _MAKERS.get(name, _other_event)(payload, members)


def _session_event(_payload: Mapping[str, Any], members: dict[str, Any]) -> WebhookEvent:
    return SessionStatusEvent(**members)


def _order_event(payload: Mapping[str, Any], members: dict[str, Any]) -> WebhookEvent:
    return OrderStatusEvent(**members, transaction=_model(payload, "transaction", Transaction))


def _capture_event(payload: Mapping[str, Any], members: dict[str, Any]) -> WebhookEvent:
    capture = _model(payload, "capture", Capture)
    return CaptureStatusEvent(
        **members,
        capture_id=_text(payload, "captureId") or (capture.capture_id if capture else None),
        auto_captured=_flag(payload, "autoCaptured"),
        is_pre_existing_capture=_flag(payload, "isPreExistingCapture"),
        capture=capture,
        transaction=_model(payload, "transaction", Transaction),
    )


def _refund_event(payload: Mapping[str, Any], members: dict[str, Any]) -> WebhookEvent:
    refund = _model(payload, "refund", Refund)
    return RefundStatusEvent(
        **members,
        refund_id=_text(payload, "refundId") or (refund.refund_id if refund else None),
        refund=refund,
        transaction=_model(payload, "transaction", Transaction),
    )


def _other_event(payload: Mapping[str, Any], members: dict[str, Any]) -> WebhookEvent:
    return OtherEvent(**members, module=_text(payload, "module"), payload=ReadOnlyDict(payload))


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], WebhookEvent]]] = {
    "session_status": _session_event,
    "order_status": _order_event,
    "capture_status": _capture_event,
    "refund_status": _refund_event,
}


def _one_of(payload: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The member under the first of its names that the payload has."""
    for name in names:
        if payload.get(name) is not None:
            return _text(payload, name, required=True) or ""
    return _text(payload, names[0], required=True) or ""


def _text(payload: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    value = payload.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise WebhookMalformedError(f"The webhook's {name} must be a short printable text.", pointer=f"/{name}")
    return value


def _flag(payload: Mapping[str, Any], name: str) -> bool | None:
    value = payload.get(name)
    if value is None or isinstance(value, bool):
        return value
    if value in ("true", "false"):  # from a query
        return bool(value == "true")
    raise WebhookMalformedError(f"The webhook's {name} must be true or false.", pointer=f"/{name}")


def _model(payload: Mapping[str, Any], name: str, cls: type[M]) -> M | None:
    value = payload.get(name)
    if value is None or value == []:  # PHP writes an empty object as an empty array
        return None
    try:
        return decode(value, cls)
    except ResponseDecodeError as error:
        where = f"/{name}{error.pointer or ''}"
    raise WebhookMalformedError(f"The webhook's {where} has the wrong type.", pointer=where)
