"""The merchant's side of the shop: what was paid, captured and refunded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from briqpay_async import BriqpayClient, Capture, Order, Session
from briqpay_async.cli.shop.buying import lines_of
from briqpay_async.webhooks import WebhookEvent

__all__ = ["ShopOrders"]

# What the shop makes of Briqpay's words: only an approved payment is an order to send goods for.
_STATES = {
    "order_pending": "pending",
    "order_approved_not_captured": "paid",
    "captured_partial": "paid",
    "captured_full": "paid",
    "order_rejected": "refused",
    "order_cancelled": "cancelled",
}


class ShopOrders:
    """Orders by session. The shop learns of them by webhook, and reads the session for what is in them.

    Attributes:
        known: The session of each order as last read.
    """

    def __init__(self, briqpay: BriqpayClient) -> None:
        self._briqpay = briqpay
        self.known: dict[str, Session] = {}

    async def take_event(self, event: WebhookEvent) -> None:
        """Bring an order up to date: events come late, twice and out of order, the session has the truth."""
        await self._read(event.session_id)

    async def _read(self, session_id: str) -> Session:
        session = self.known[session_id] = await self._briqpay.sessions.read(session_id)
        return session

    def state_of(self, session_id: str) -> dict[str, Any]:
        """What the thank-you page shows of one order: ``waiting`` until a webhook has come."""
        session = self.known.get(session_id)
        if session is None:
            return {"session_id": session_id, "state": "waiting", "total": 0, "currency": "SEK"}
        return self._described(session_id, session)

    def all(self) -> list[dict[str, Any]]:
        """All orders, the newest first."""
        return [self._described(session_id, session) for session_id, session in reversed(self.known.items())]

    async def manage(self, session_id: str, verb: str, asked: Mapping[str, Any]) -> None:
        """Capture, refund or cancel.

        Raises:
            ValueError: There is no such order, or nothing was chosen.
            BriqpayError: It is not possible, or what became of it is not known.
        """
        if session_id not in self.known:
            raise ValueError("There is no such order.")
        session = await self._read(session_id)
        orders = self._briqpay.orders
        if verb == "cancel":
            await orders.cancel(session_id)
        elif verb == "capture":
            await orders.capture(session_id, _chosen(session.capturable_order(), asked))
        else:
            capture_id = str(asked.get("capture_id"))
            await orders.refund(session_id, _chosen(session.refundable_order(capture_id), asked), capture_id)
        await self._read(session_id)

    def _described(self, session_id: str, session: Session) -> dict[str, Any]:
        data, payment = session.data, session.module_status.payment if session.module_status else None
        order = data.order if data else None
        status = str(payment.order_status) if payment and payment.order_status else None
        captures = (data.captures or ()) if data else ()
        return {
            "session_id": session_id,
            "state": _STATES.get(status or "", "pending"),
            "status": status,
            "total": order.amount_inc_vat if order else 0,
            "currency": order.currency if order else "SEK",
            "capturable": _open_lines(session.capturable_order()) if _STATES.get(status or "") == "paid" else [],
            "captures": [_capture(session, each) for each in captures],
            "can_cancel": status == "order_approved_not_captured",
        }


def _capture(session: Session, capture: Capture) -> dict[str, Any]:
    refunds = (session.data.refunds or ()) if session.data else ()
    refunded = sum(each.amount_inc_vat or 0 for each in refunds if each.parent_capture_id == capture.capture_id)
    return {
        "capture_id": capture.capture_id,
        "amount": capture.amount_inc_vat,
        "refunded": refunded,
        "status": capture.status or "approved",
        "refundable": _open_lines(session.refundable_order(capture.capture_id)) if capture.capture_id else [],
    }


def _open_lines(order: Order | None) -> list[dict[str, Any]]:
    return lines_of(order.cart or ()) if order else []


def _chosen(order: Order | None, asked: Mapping[str, Any]) -> Order:
    lines = asked.get("lines")
    wanted = {name: count for name, count in lines.items() if type(count) is int and count > 0} if lines else {}
    if order is None or not wanted:
        raise ValueError("Choose at least one line.")
    return order.select(wanted)
