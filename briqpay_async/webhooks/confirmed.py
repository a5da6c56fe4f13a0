"""An event that only its session proves, with everything else it said taken from the session.

That an event is true does not make its sender Briqpay: the buyer knows the session and can send a true event with
the references of another order, or with members made up so that it counts as a new event each time. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from briqpay_async.models.base import NO_EXTRA, ReadOnlyDict
from briqpay_async.models.session import Session
from briqpay_async.webhooks.events import (
    CaptureStatusEvent,
    OrderStatusEvent,
    OtherEvent,
    RefundStatusEvent,
    SessionStatusEvent,
    WebhookEvent,
)

__all__ = ["as_shown"]


def as_shown(event: WebhookEvent, session: Session) -> WebhookEvent:
    """Rewrite a confirmed event as its session shows it, so that nothing its sender made up is left.

    Args:
        event: One that ``sessions.confirm`` confirmed.
        session: What that returned.
    """
    members: dict[str, Any] = {
        "name": event.name,
        "status": event.status,
        "session_id": session.session_id or event.session_id.lower(),
        "references": ReadOnlyDict(session.references or NO_EXTRA),
    }
    data = session.data
    transactions = (data.transactions or ()) if data else ()
    if isinstance(event, SessionStatusEvent):
        return SessionStatusEvent(**members)
    if isinstance(event, OrderStatusEvent):
        return OrderStatusEvent(**members, transaction=transactions[0] if transactions else None)
    if isinstance(event, CaptureStatusEvent):
        captures = (data.captures or ()) if data else ()
        capture = next((each for each in captures if each.capture_id == event.capture_id), None)
        automatic = capture.auto_captured if capture else None
        return CaptureStatusEvent(**members, capture_id=event.capture_id, auto_captured=automatic, capture=capture)
    if isinstance(event, RefundStatusEvent):
        refunds = (data.refunds or ()) if data else ()
        refund = next((each for each in refunds if each.refund_id == event.refund_id), None)
        return RefundStatusEvent(**members, refund_id=event.refund_id, refund=refund)
    return _other(event, members)


def _other(event: WebhookEvent, members: Mapping[str, Any]) -> OtherEvent:
    module = event.module if isinstance(event, OtherEvent) else None
    payload = {
        **members["references"],
        "event": event.name,
        "status": event.status,
        "sessionId": members["session_id"],
    }
    if module is not None:
        payload["module"] = module
    return OtherEvent(**members, module=module, payload=ReadOnlyDict(payload))
