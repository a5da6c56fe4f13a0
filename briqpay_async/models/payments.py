"""What happened to the money: transactions, captures and refunds. Read-only, after completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from briqpay_async.errors import ValidationError
from briqpay_async.models.base import Model
from briqpay_async.models.cart import AnyCartItem, CartItem, SalesTaxItem, as_lines
from briqpay_async.models.enums import CaptureState, ProductType, RefundState, SettlementStatus, TransactionStatus
from briqpay_async.models.limits import member
from briqpay_async.models.order import Order

if TYPE_CHECKING:
    from briqpay_async.models.session import Session

__all__ = [
    "Capture",
    "OpenOrder",
    "Refund",
    "Transaction",
    "excess_of_capture",
    "excess_of_refund",
    "to_capture",
    "to_refund",
]

# Briqpay's docs say captured and refunded, its plugins and webhooks approved, and it leaves the status out of an
# entry that it has accepted already (seen in Briqpay's PrestaShop plugin). Any other word is not understood.
_TAKEN = frozenset({None, "approved", "captured", "refunded"})


@attrs.frozen(kw_only=True, repr=False)
class Payment(Model):
    """What transactions, captures and refunds have in common. Amounts in minor units.

    Attributes:
        created_at: ISO 8601, as sent.
        reservation_id: The provider's reservation.
        psp_id: UUID of the payment method.
        psp_display_name: Localised name of the payment method.
        email: Buyer's address.
        reference: The shop's reference.
        amount_inc_vat: Total with VAT.
        amount_ex_vat: Total without VAT.
        currency: ISO 4217.
        cart: Lines paid for, captured or refunded.
        session_id: The session.
    """

    created_at: str | None = None
    reservation_id: str | None = None
    psp_id: str | None = None
    psp_display_name: str | None = None
    email: str | None = None
    reference: str | None = None
    amount_inc_vat: int | None = None
    amount_ex_vat: int | None = None
    currency: str | None = None
    cart: tuple[AnyCartItem, ...] | None = attrs.field(default=None, converter=as_lines)
    session_id: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class Transaction(Payment):
    """A payment made with a payment provider. Amounts in minor units.

    Attributes (besides those of ``Payment``):
        transaction_id: Identifier of the transaction.
        status: Pending, approved, rejected or cancelled.
        capture_status: How much is captured.
        refund_status: How much is refunded.
        expires_at: When the reservation lapses, ISO 8601 (this and the rest: seen in Briqpay's plugins).
        secondary_reservation_id: A second reservation.
        psp_integration_name: Which integration was used.
        phone_number: Buyer's telephone number.
        auto_capture_enabled: Whether the provider captures by itself.
        psp_supported_order_operations: Such as ``{"updateOrderSupported": true}``.
        psp_order_management_ids: The provider's identifiers per operation.
    """

    transaction_id: str | None = None
    status: TransactionStatus | str | None = None
    capture_status: CaptureState | str | None = None
    refund_status: RefundState | str | None = None
    expires_at: str | None = None
    secondary_reservation_id: str | None = None
    psp_integration_name: str | None = None
    phone_number: str | None = None
    auto_capture_enabled: bool | None = None
    psp_supported_order_operations: Mapping[str, Any] | None = member(hashed=False)
    psp_order_management_ids: Mapping[str, Any] | None = member(hashed=False)


@attrs.frozen(kw_only=True, repr=False)
class Capture(Payment):
    """Money taken for all or some of the lines. Amounts in minor units.

    Attributes (besides those of ``Payment``):
        capture_id: Identifier of the capture.
        parent_transaction_id: The transaction captured from.
        auto_captured: Whether Briqpay captured by itself.
        status: See ``SettlementStatus``; may be missing.
    """

    capture_id: str | None = None
    parent_transaction_id: str | None = None
    auto_captured: bool | None = None
    status: SettlementStatus | str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the money is taken: ``captured`` or ``approved``, or no status, which means accepted.

        ``False`` for ``pending``, ``rejected`` and any word that is not known.
        """
        return self.status in _TAKEN


@attrs.frozen(kw_only=True, repr=False)
class Refund(Payment):
    """Money given back for all or some of the captured lines. Amounts in minor units.

    Attributes (besides those of ``Payment``):
        refund_id: Identifier of the refund.
        parent_capture_id: The capture refunded.
        parent_transaction_id: The transaction refunded.
        status: See ``SettlementStatus``; may be missing.
    """

    refund_id: str | None = None
    parent_capture_id: str | None = None
    parent_transaction_id: str | None = None
    status: SettlementStatus | str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the money is given back: ``refunded`` or ``approved``, or no status, which means accepted.

        ``False`` for ``pending``, ``rejected`` and any word that is not known.
        """
        return self.status in _TAKEN


# --- what is still open ----------------------------------------------------------------------------------------

Problems = tuple[tuple[str, str], ...]

# A capture or refund in one of these words took nothing. All others count as taken, pending and unknown ones too.
_NOT_TAKEN: Final = frozenset({"rejected", "cancelled"})
# In these states of the order nothing can be captured, whatever was captured before.
_CLOSED: Final = frozenset({"order_pending", "order_rejected", "order_cancelled", "captured_full"})
# Parts of an order, rounded line by line, can add up to some minor units more than the whole (Briqpay's Shopware
# plugin allows for 5).
_ROUNDING: Final = 5


@attrs.define
class _OpenLine:
    """A line, and how many of its units are open; of sales tax, how much of its amount."""

    line: AnyCartItem
    left: int

    def part(self) -> AnyCartItem:
        """The line with what is open of it."""
        if isinstance(self.line, SalesTaxItem):
            return attrs.evolve(self.line, total_tax_amount=self.left)
        return self.line.with_quantity(self.left)


@attrs.frozen
class OpenOrder:
    """What can still be captured of a transaction, or refunded of a capture.

    Attributes:
        currency: ISO 4217, where it is known.
        amount: With VAT, in minor units: of the whole, where it is known.
        taken: With VAT, in minor units: of what is captured or refunded already.
        lines: Each line of the whole, and what is open of it.
        unclear: JSON pointers of captures or refunds that do not show which lines they took.
    """

    currency: str | None
    amount: int | None
    taken: int
    lines: tuple[_OpenLine, ...]
    unclear: tuple[str, ...] = ()

    def order(self) -> Order:
        """The open lines as an order, which has none when nothing is open.

        Raises:
            ValidationError: A capture or refund does not show which lines it took.
        """
        if self.unclear:
            text = "does not tell which lines it took, so what is open is not known: select from the order itself"
            raise ValidationError(problems=tuple((pointer, text) for pointer in self.unclear))
        return Order.of(self.currency or "", [one.part() for one in self.lines if one.left > 0])

    def excess(self, order: Order) -> Problems:
        """Where an order asks for more than is open. Lines that are not of the whole are not judged."""
        problems = []
        asked: dict[Any, int] = {}
        for index, line in enumerate(order.cart or ()):
            key = _key(line)
            same = [one for one in self.lines if _key(one.line) == key]
            asked[key] = asked.get(key, 0) + _units(line)
            left = sum(max(one.left, 0) for one in same)
            if same and asked[key] > left:
                name = "totalTaxAmount" if isinstance(line, SalesTaxItem) else "quantity"
                whole = sum(_units(one.line) for one in same)
                text = f"asks for {asked[key]} of {line.reference!r}, of which {left} of {whole} are open"
                problems.append((f"/data/order/cart/{index}/{name}", text))
        if self.amount is not None and (order.amount_inc_vat or 0) > self.amount - self.taken + _ROUNDING:
            left = max(self.amount - self.taken, 0)
            text = f"is {order.amount_inc_vat}, and {left} of {self.amount} are open"
            problems.append(("/data/order/amountIncVat", text))
        return tuple(problems)


def to_capture(session: Session) -> OpenOrder:
    """What can still be captured: the lines of approved transactions less those of captures.

    Raises:
        ValidationError: The session was read without its data.
    """
    data = session.data
    if data is None:
        raise ValidationError(problems=(("/data", "was not read: read the session with its data"),))
    payment = session.module_status.payment if session.module_status else None
    status = payment.order_status if payment else None
    approved = [one for one in data.transactions or () if one.status in {None, "approved"}]
    if status in _CLOSED or (data.transactions and not approved):
        return OpenOrder(None if data.order is None else data.order.currency, 0, 0, ())
    carts = [one.cart for one in approved if one.cart]
    order = data.order
    if not carts and order is not None and order.cart:
        carts = [order.cart]
    amounts = [one.amount_inc_vat for one in approved]
    if not amounts and order is not None:
        amounts = [order.amount_inc_vat]
    currency = next((one.currency for one in approved if one.currency), None)
    return _less(
        [line for cart in carts for line in cart],
        [(f"/data/captures/{index}", one) for index, one in enumerate(data.captures or ())],
        currency=currency or (None if order is None else order.currency),
        amount=None if None in amounts or not amounts else sum(filter(None, amounts)),
    )


def to_refund(session: Session, capture_id: str | None = None) -> OpenOrder:
    """What can still be refunded of a capture: its lines less those of its refunds.

    Raises:
        ValidationError: The session was read without its data, or does not show that capture, or shows several and
            none is named.
    """
    if session.data is None:
        raise ValidationError(problems=(("/data", "was not read: read the session with its data"),))
    captures = [one for one in session.data.captures or () if one.status not in _NOT_TAKEN]
    named = captures if capture_id is None else [one for one in captures if one.capture_id == capture_id]
    if len(named) != 1:
        known = ", ".join(str(one.capture_id) for one in captures) or "none"
        raise ValidationError(problems=(("/captureId", f"must be one of the captures of the session: {known}"),))
    (capture,) = named
    refunds = [
        (f"/data/refunds/{index}", one)
        for index, one in enumerate(session.data.refunds or ())
        if _is_of_capture(one, capture, is_only=len(captures) == 1)
    ]
    if not capture.is_settled:
        return OpenOrder(capture.currency, 0, 0, ())
    return _less(capture.cart or (), refunds, currency=capture.currency, amount=capture.amount_inc_vat)


def _is_of_capture(refund: Refund, capture: Capture, *, is_only: bool) -> bool:
    # Briqpay's WooCommerce and Shopware plugins read captureId beside parentCaptureId.
    parent = refund.parent_capture_id or refund.extra.get("captureId")
    return is_only if parent is None else parent == capture.capture_id


def excess_of_capture(session: Session, order: Order) -> Problems:
    """Where a capture asks for more than is open. Empty where that is not known: the API decides then."""
    if session.data is None:
        return ()
    opened = to_capture(session)
    return opened.excess(order) if opened.lines else ()


def excess_of_refund(session: Session, order: Order, capture_id: str | None) -> Problems:
    """Where a refund asks for more than its capture has left. Empty where that is not known: the API decides."""
    try:
        opened = to_refund(session, capture_id)
    except ValidationError:
        return ()
    return opened.excess(order) if opened.lines or opened.amount else ()


def _less(
    cart: Iterable[AnyCartItem],
    taken: Iterable[tuple[str, Capture | Refund]],
    *,
    currency: str | None,
    amount: int | None,
) -> OpenOrder:
    """Lines less those that captures or refunds took."""
    opened = [_OpenLine(line, _units(line)) for line in cart]
    unclear: list[str] = []
    total = 0
    for pointer, payment in taken:
        if payment.status in _NOT_TAKEN:
            continue
        total += payment.amount_inc_vat or 0
        if not payment.cart:
            unclear.append(f"{pointer}/cart")
        unclear += [
            f"{pointer}/cart/{index}" for index, line in enumerate(payment.cart or ()) if not _take(opened, line)
        ]
    return OpenOrder(currency, amount, total, tuple(opened), tuple(unclear))


def _take(opened: list[_OpenLine], line: AnyCartItem) -> bool:
    """Take a line's units from where they are open. ``False`` when the place is not known."""
    if line.product_type == ProductType.ADJUSTMENT:
        return True  # an amount of no line
    for key in _KEYS:
        same = [one for one in opened if (found := key(one.line)) is not None and found == key(line)]
        if same:
            left = _units(line)
            for one in same:
                used = min(left, max(one.left, 0))
                one.left -= used
                left -= used
            return True
    return False


def _units(line: AnyCartItem) -> int:
    return (line.total_tax_amount if isinstance(line, SalesTaxItem) else line.quantity) or 0


def _key(line: AnyCartItem) -> Any:
    """What the API matches lines by: reference, rate and price."""
    if isinstance(line, SalesTaxItem):
        return ("sales_tax", line.reference)
    return (line.reference, line.tax_rate, line.unit_price)


def _by_reference(line: AnyCartItem) -> Any:
    return (type(line) is CartItem, line.reference) if line.reference is not None else None


def _by_name(line: AnyCartItem) -> Any:
    return (type(line) is CartItem, line.name) if line.name is not None else None


# Views of a capture can leave out the reference, or show a price with VAT.
_KEYS: Final[tuple[Callable[[AnyCartItem], Any], ...]] = (_key, _by_reference, _by_name)
