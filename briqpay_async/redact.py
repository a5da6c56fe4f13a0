"""What may be shown of headers and bodies: allow-lists, so that a member nobody thought of stays hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["HIDDEN", "safe_headers", "safe_value"]

HIDDEN = "<hidden>"

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
# Everything that describes goods, amounts and the look of a module; nothing that describes a person.
_VALUES = re.compile(
    rf"/data/order/(?:(?:{_AMOUNTS})|cart/\d+/(?:{_AMOUNTS}|name|reference|imageUrl))"
    r"|/modules/config/upsell/(?:hideModule|header|subheader|footer|customInputs/\d+/"
    r"(?:type|key|label|minLength|maxLength|required|span|component|enum/\d+))"
)


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
    if value is None or _VALUES.fullmatch(pointer):
        return repr(value)
    return HIDDEN
