"""Did it happen? Finding the effect of a request whose answer was lost, in a session that was read afterwards.

The API has no idempotency keys (reference §A), so what a capture or refund left behind is the only witness.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from briqpay_async.models.cart import AnyCartItem, CartItem
from briqpay_async.models.order import Order
from briqpay_async.models.session import Session
from briqpay_async.models.settlement import Capture, Refund

__all__ = ["capture_ids", "new_captures", "new_refunds", "order_status", "refund_ids"]


def capture_ids(session: Session) -> frozenset[str | None]:
    """Identifiers of the captures that a session shows."""
    return frozenset(capture.capture_id for capture in _captures(session))


def refund_ids(session: Session) -> frozenset[str | None]:
    """Identifiers of the refunds that a session shows."""
    return frozenset(refund.refund_id for refund in _refunds(session))


def new_captures(session: Session, order: Order, known: frozenset[str | None]) -> tuple[Capture, ...]:
    """Captures of just this order that were not there before."""
    return tuple(
        capture for capture in _captures(session) if capture.capture_id not in known and _is_of(capture, order)
    )


def new_refunds(
    session: Session, order: Order, known: frozenset[str | None], capture_id: str | None
) -> tuple[Refund, ...]:
    """Refunds of just this order, and of this capture where one is given, that were not there before."""
    return tuple(
        refund
        for refund in _refunds(session)
        if refund.refund_id not in known
        and _is_of(refund, order)
        and (capture_id is None or refund.parent_capture_id in {None, capture_id})
    )


def order_status(session: Session) -> str | None:
    """Status of the order, where the session shows one."""
    payment = session.module_status.payment if session.module_status else None
    return payment.order_status if payment else None


def _captures(session: Session) -> tuple[Capture, ...]:
    return (session.data.captures or ()) if session.data else ()


def _refunds(session: Session) -> tuple[Refund, ...]:
    return (session.data.refunds or ()) if session.data else ()


def _is_of(payment: Capture | Refund, order: Order) -> bool:
    """Same amounts and, where the session shows them, same lines."""
    if (payment.currency or order.currency, payment.amount_inc_vat) != (order.currency, order.amount_inc_vat):
        return False
    return payment.cart is None or _lines(payment.cart) == _lines(order.cart or ())


def _lines(cart: Iterable[AnyCartItem]) -> Counter[tuple[str | None, int | None, int | None]]:
    """What the API matches lines by (reference §G 9), and how many of each."""
    return Counter(
        (line.reference, line.unit_price, line.quantity)
        if isinstance(line, CartItem)
        else (line.reference, line.total_tax_amount, None)
        for line in cart
    )
