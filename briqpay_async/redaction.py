"""What may be shown of headers and bodies: allow-lists, so that unlisted members stay hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["HIDDEN", "HiddenText", "conceal", "safe_headers", "safe_path", "safe_value", "shown_members"]

HIDDEN = "<hidden>"


class HiddenText(str):
    """Text whose ``repr`` hides it: tools that report errors show the ``repr`` of local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN


class _HiddenValue:
    """What was given in place of text."""

    def __repr__(self) -> str:
        return HIDDEN


def conceal(value: object) -> object:
    """A setting that may hold a credential, as a value whose ``repr`` hides it: the same text, or no text."""
    return value if value is None else HiddenText(value) if isinstance(value, str) else _HiddenValue()


_HEADERS = frozenset(
    {
        "age",
        "cache-control",
        "cf-ray",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "server",
        "traceparent",
        "via",
        "x-amzn-requestid",
        "x-amzn-trace-id",
        "x-correlation-id",
        "x-request-id",
    }
)

_AMOUNTS = (
    "amountExVat|amountIncVat|currency|discountPercentage|productType|quantity|quantityUnit|taxRate"
    "|totalAmount|totalTaxAmount|totalVatAmount|unitPrice|unitPriceIncVat"
)
# Everything that describes goods, amounts and the look of a module; nothing that describes a person. It is long,
# and only explaining a patch needs it: ``re`` compiles it then.
_VALUES = (
    rf"/data/order/(?:(?:{_AMOUNTS})|cart/\d+/(?:{_AMOUNTS}|name|reference|imageUrl))"
    r"|/modules/config/upsell/(?:hideModule|header|subheader|footer|customInputs/\d+/"
    r"(?:type|key|label|minLength|maxLength|required|span|component|enum/\d+))"
)

_SETTLED = "amount_inc_vat amount_ex_vat currency created_at session_id status"
# The same for the attributes of models, by class. Of a class that is not listed, every value is hidden.
_MEMBERS: Mapping[str, frozenset[str]] = {
    name: frozenset(members.split())
    for name, members in {
        "Capture": f"{_SETTLED} capture_id parent_transaction_id auto_captured",
        "CaptureStatusHook": "event_type statuses method",
        "CartItem": "product_type reference name quantity quantity_unit unit_price tax_rate discount_percentage "
        "unit_price_inc_vat total_amount total_vat_amount",
        "ChargeSession": "session_id completed_at",
        "CustomInput": "type key label min_length max_length required span component",
        "Decision": "decision rejection_type",
        "HostedPage": "hosted_page_id session_id",
        "HostedPageConfig": "show_cart",
        "ModuleState": "ui_status",
        "Modules": "load_modules",
        "NewSession": "customer_type country locale",
        "Order": "currency amount_inc_vat amount_ex_vat",
        "OrderStatusHook": "event_type statuses method",
        "OtherHook": "event_type statuses method",
        "PaymentDecisionConfig": "enabled",
        "PaymentModuleState": "ui_status order_status refund_status capture_status",
        "Product": "type intent",
        "Refund": f"{_SETTLED} refund_id parent_capture_id parent_transaction_id",
        "RefundStatusHook": "event_type statuses method",
        "SalesTaxItem": "product_type reference name total_tax_amount",
        "Session": "session_id created_at status customer_type country locale",
        "SessionConfig": "disable_session_complete_redirect disable_insights_tracking real_time_processing",
        "SessionStatusHook": "event_type statuses method",
        "TermsCheckbox": "key label required default",
        "Token": "initial_session_id state country locale customer_type created_at",
        "Transaction": f"{_SETTLED} transaction_id capture_status refund_status expires_at auto_capture_enabled",
        "UpsellConfig": "hide_module header subheader footer",
        "VatValidation": "valid",
    }.items()
}
_NONE: frozenset[str] = frozenset()

# A token is all that it takes to charge it.
_TOKEN = re.compile(r"(?<=/token/)[^/]+")


def shown_members(model: str) -> frozenset[str]:
    """The attributes of a model, given by its class name, whose values describe no person."""
    return _MEMBERS.get(model, _NONE)


def safe_path(path: str) -> str:
    """A request's path without the identifier of a token; identifiers of sessions are harmless."""
    return _TOKEN.sub(HIDDEN, path)


def safe_headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that are known to be harmless, names in lower case."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {name.lower(): value for name, value in pairs if name.lower() in _HEADERS}


def safe_value(pointer: str, value: Any) -> str:
    """A member's value as text, or ``<hidden>`` where it could be personal data.

    Args:
        pointer: JSON pointer of the member in a request body.
        value: The member's JSON value.
    """
    if value is None or re.fullmatch(_VALUES, pointer):
        return repr(value)
    return HIDDEN
