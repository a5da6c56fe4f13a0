"""Open enumerations: the values known today. A value that is not listed stays the text that it is."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "CaptureState",
    "CustomInputComponent",
    "CustomInputType",
    "CustomerType",
    "DecisionKind",
    "HookMethod",
    "OrderStatus",
    "ProductIntent",
    "ProductKind",
    "ProductType",
    "RefundState",
    "RejectionType",
    "SessionStatus",
    "SettlementStatus",
    "TokenState",
    "TransactionStatus",
    "UiStatus",
]


class SessionStatus(StrEnum):
    """Status of a session. ``completed`` means that the buyer finished, not that the order is paid."""

    STARTED = "started"
    MODULES_IN_PROGRESS = "modules_in_progress"
    COMPLETED = "completed"


class OrderStatus(StrEnum):
    """Status of the order in the payment module (Briqpay docs)."""

    PENDING = "order_pending"
    REJECTED = "order_rejected"
    CANCELLED = "order_cancelled"
    APPROVED_NOT_CAPTURED = "order_approved_not_captured"
    CAPTURED_PARTIAL = "captured_partial"
    CAPTURED_FULL = "captured_full"


class CaptureState(StrEnum):
    """How much of a transaction is captured (Briqpay docs)."""

    NOT_CAPTURED = "not_captured"
    PARTIALLY_CAPTURED = "partially_captured"
    FULLY_CAPTURED = "fully_captured"


class RefundState(StrEnum):
    """How much of what was captured is refunded (Briqpay docs)."""

    NOT_REFUNDED = "not_refunded"
    PARTIALLY_REFUNDED = "partially_refunded"
    FULLY_REFUNDED = "captured_amount_fully_refunded"


class TransactionStatus(StrEnum):
    """Status of a transaction (Briqpay docs)."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class SettlementStatus(StrEnum):
    """Status of a capture or a refund.

    Briqpay docs say ``captured`` and ``refunded``; webhooks and Briqpay's plugins say ``approved`` for both
    . Compare through ``Capture.is_settled`` and ``Refund.is_settled``.
    """

    PENDING = "pending"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    APPROVED = "approved"
    REJECTED = "rejected"


class UiStatus(StrEnum):
    """State of a module in the checkout (Briqpay docs; the last one is not documented)."""

    LOCKED_BY_MERCHANT = "locked_by_merchant"
    NOT_YET_REACHED = "not_yet_reached"
    HIDDEN = "hidden"
    VISIBLE = "visible"
    VISIBLE_REQUIRED = "visible_required"
    VISIBLE_OPTIONAL = "visible_optional"
    COMPLETED = "completed"
    NOT_YET_REACHED_LOCKED = "not_yet_reached_locked"


class ProductType(StrEnum):
    """Kind of a cart line (Briqpay docs; plugins also have ``gift_card`` and, on refunds, ``adjustment``)."""

    PHYSICAL = "physical"
    DIGITAL = "digital"
    DISCOUNT = "discount"
    SHIPPING_FEE = "shipping_fee"
    DEPOSIT = "deposit"
    SURCHARGE = "surcharge"
    SALES_TAX = "sales_tax"
    ADJUSTMENT = "adjustment"
    GIFT_CARD = "gift_card"


class ProductKind(StrEnum):
    """Type of Briqpay product (Briqpay docs)."""

    PAYMENT = "payment"
    SIGNUP = "signup"


class ProductIntent(StrEnum):
    """What a session is for (Briqpay docs)."""

    PAYMENT_ONE_TIME = "payment_one_time"
    PAYMENT_TOKENIZE = "payment_tokenize"
    PAYMENT_TOKENIZE_AND_CHARGE = "payment_tokenize_and_charge"
    PAYMENT_CHARGE_TOKEN = "payment_charge_token"  # noqa: S105 - a documented value, no password
    SIGNUP = "signup"


class CustomerType(StrEnum):
    """Which kind of customer a session is for; it can't be changed later (Briqpay docs)."""

    BUSINESS = "business"
    CONSUMER = "consumer"


class HookMethod(StrEnum):
    """How Briqpay calls a hook (Briqpay docs)."""

    GET = "GET"
    POST = "POST"


class CustomInputType(StrEnum):
    """Type of an upsell input's value (Briqpay docs)."""

    STRING = "string"
    BOOLEAN = "boolean"
    OBJECT = "object"


class CustomInputComponent(StrEnum):
    """How an upsell input is drawn (Briqpay docs; the last three are not documented)."""

    TEXT_FIELD = "textField"
    TEXT_AREA = "textArea"
    CHECKBOX = "checkbox"
    ENUM_RADIO = "enumRadio"
    ENUM_DROPDOWN = "enumDropdown"
    PHONE = "phone"
    COUNTRY_DROPDOWN = "countryDropdown"
    CURRENCY = "currency"


class DecisionKind(StrEnum):
    """The shop's answer to a purchase decision."""

    ALLOW = "allow"
    REJECT = "reject"


class RejectionType(StrEnum):
    """What a rejection does: the buyer may fix and retry, or the session ends."""

    NOTIFY_USER = "notify_user"
    REJECT_SESSION_WITH_ERROR = "reject_session_with_error"


class TokenState(StrEnum):
    """State of a token."""

    ACTIVE = "active"
    INACTIVE = "inactive"
