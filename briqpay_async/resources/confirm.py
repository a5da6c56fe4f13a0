"""Is it true what a webhook says? Found out by looking at the session. Pure: the reading is done by the caller.

A webhook that is not signed can be sent by anybody, so the session is the only witness: the hooks part of "Update
session" in Briqpay's docs says to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from briqpay_async.errors import WebhookNotConfirmedError
from briqpay_async.models.session import Session
from briqpay_async.webhooks.events import CaptureStatusEvent, OtherEvent, RefundStatusEvent, WebhookEvent

__all__ = ["check_event"]

# What an order can have become without making the claim untrue: the goods of an approved order may be sent when
# some of it is captured already, but not when it was cancelled since.
_STILL_TRUE: Final[Mapping[str, frozenset[str]]] = {
    "order_approved_not_captured": frozenset({"captured_partial", "captured_full"}),
    "captured_partial": frozenset({"captured_full"}),
}
# Sessions say "captured" and "refunded", or nothing at all, where hooks say "approved".
_APPROVED: Final = frozenset({"approved", "captured", "refunded"})


def check_event(event: WebhookEvent, session: Session) -> None:
    """Compare what an event claims with what the session shows.

    Args:
        event: The event.
        session: The session it is about, as read afterwards.

    Raises:
        WebhookNotConfirmedError: The session shows something else, or is another one.
    """
    if session.session_id is not None and session.session_id.lower() != event.session_id.lower():
        raise _not_confirmed(event, None, "the session is another one")
    shown = _SHOWN.get(event.name, _shown_of_module)(event, session)
    claimed = event.status
    if shown == claimed or (shown is not None and shown in _STILL_TRUE.get(claimed, ())):
        return
    raise _not_confirmed(event, shown, f"the session shows {shown or 'nothing of the kind'}")


def _not_confirmed(event: WebhookEvent, shown: str | None, reason: str) -> WebhookNotConfirmedError:
    known = event.name if event.name in _SHOWN else "webhook"
    return WebhookNotConfirmedError(f"Do not act on this {known}: {reason}.", claimed=event.status, shown=shown)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _shown_of_session(_event: WebhookEvent, session: Session) -> str | None:
    return _text(session.status)


def _shown_of_order(_event: WebhookEvent, session: Session) -> str | None:
    payment = session.module_status.payment if session.module_status else None
    return _text(payment.order_status) if payment else None


def _shown_of_capture(event: WebhookEvent, session: Session) -> str | None:
    wanted = event.capture_id if isinstance(event, CaptureStatusEvent) else None
    captures = (session.data.captures or ()) if session.data else ()
    found = [capture for capture in captures if wanted is not None and capture.capture_id == wanted]
    return _operation_status(found[0].status) if found else None


def _shown_of_refund(event: WebhookEvent, session: Session) -> str | None:
    wanted = event.refund_id if isinstance(event, RefundStatusEvent) else None
    refunds = (session.data.refunds or ()) if session.data else ()
    found = [refund for refund in refunds if wanted is not None and refund.refund_id == wanted]
    return _operation_status(found[0].status) if found else None


def _operation_status(status: object) -> str:
    """The word that hooks have for a status of a capture or refund; a missing one means accepted."""
    return "approved" if status is None or str(status) in _APPROVED else str(status)


def _shown_of_module(event: WebhookEvent, session: Session) -> str | None:
    """What a module shows; nothing for events that are not known, so that none of them is taken for true."""
    if not isinstance(event, OtherEvent) or event.name != "module_ui_status" or session.module_status is None:
        return None
    modules = session.module_status
    state = {
        "company_lookup": modules.company_lookup,
        "billing": modules.billing,
        "shipping": modules.shipping,
        "payment": modules.payment,
    }.get(event.module or "")
    return _text(state.ui_status) if state else None


_SHOWN: Final[Mapping[str, Callable[[WebhookEvent, Session], str | None]]] = {
    "session_status": _shown_of_session,
    "order_status": _shown_of_order,
    "capture_status": _shown_of_capture,
    "refund_status": _shown_of_refund,
}
