"""What happened to the money: transactions, captures and refunds. Read-only, after completion (SEED)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from briqpay_async.models.base import Model, as_tuple
from briqpay_async.models.cart import AnyCartItem
from briqpay_async.models.enums import CaptureState, RefundState, SettlementStatus, TransactionStatus
from briqpay_async.models.limits import member

__all__ = ["Capture", "Refund", "Transaction"]

_REFUSED = frozenset({"pending", "rejected", "cancelled"})


@attrs.frozen(kw_only=True, repr=False)
class _Payment(Model):
    """The members that transactions, captures and refunds have in common."""

    created_at: str | None = None
    reservation_id: str | None = None
    psp_id: str | None = None
    psp_display_name: str | None = None
    email: str | None = None
    reference: str | None = None
    amount_inc_vat: int | None = None
    amount_ex_vat: int | None = None
    currency: str | None = None
    cart: tuple[AnyCartItem, ...] | None = attrs.field(default=None, converter=as_tuple)
    session_id: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class Transaction(_Payment):
    """A payment made with a payment provider. Amounts in minor units.

    Attributes:
        created_at: ISO 8601, as sent.
        transaction_id: Identifier of the transaction.
        reservation_id: The provider's reservation.
        psp_id: UUID of the payment method.
        psp_display_name: Localised name of the payment method.
        email: Buyer's address.
        reference: The shop's reference.
        amount_inc_vat: Total with VAT.
        amount_ex_vat: Total without VAT.
        currency: ISO 4217.
        cart: Lines paid for.
        session_id: The session.
        status: Pending, approved, rejected or cancelled.
        capture_status: How much is captured.
        refund_status: How much is refunded.
        expires_at: When the reservation lapses, ISO 8601 (this and the rest: reference §C.4).
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
class Capture(_Payment):
    """Money taken for all or some of the lines. Amounts in minor units.

    Attributes:
        created_at: ISO 8601, as sent.
        capture_id: Identifier of the capture.
        parent_transaction_id: The transaction captured from.
        reservation_id: The provider's reservation.
        auto_captured: Whether Briqpay captured by itself.
        psp_id: UUID of the payment method.
        psp_display_name: Localised name of the payment method.
        email: Buyer's address.
        reference: The shop's reference.
        amount_inc_vat: Total with VAT.
        amount_ex_vat: Total without VAT.
        currency: ISO 4217.
        cart: Lines captured.
        session_id: The session.
        status: See ``SettlementStatus``; may be missing.
    """

    capture_id: str | None = None
    parent_transaction_id: str | None = None
    auto_captured: bool | None = None
    status: SettlementStatus | str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the money is taken, in either vocabulary; a missing status means accepted (reference §C.4)."""
        return self.status not in _REFUSED


@attrs.frozen(kw_only=True, repr=False)
class Refund(_Payment):
    """Money given back for all or some of the captured lines. Amounts in minor units.

    Attributes:
        created_at: ISO 8601, as sent.
        refund_id: Identifier of the refund.
        parent_capture_id: The capture refunded.
        parent_transaction_id: The transaction refunded.
        reservation_id: The provider's reservation.
        psp_id: UUID of the payment method.
        psp_display_name: Localised name of the payment method.
        email: Buyer's address.
        reference: The shop's reference.
        amount_inc_vat: Total with VAT.
        amount_ex_vat: Total without VAT.
        currency: ISO 4217.
        cart: Lines refunded.
        session_id: The session.
        status: See ``SettlementStatus``; may be missing.
    """

    refund_id: str | None = None
    parent_capture_id: str | None = None
    parent_transaction_id: str | None = None
    status: SettlementStatus | str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the money is given back, in either vocabulary; a missing status means accepted (§C.4)."""
        return self.status not in _REFUSED
