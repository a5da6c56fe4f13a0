"""The shop's own arithmetic of a cart, on plain JSON and with decimals: the library's totals are held against it.

Amounts in minor units (1 SEK = 100), rates in hundredths of a per cent (25 % = 2500).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

__all__ = ["SALES_TAX_RATE", "Json", "order_of", "sales_tax_of", "with_line_totals", "with_quantity"]

Json = dict[str, Any]

SALES_TAX_RATE: Final = 825
_WHOLE: Final = Decimal(10_000)


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _with_tax(amount: Decimal, rate: int) -> Decimal:
    return amount * (_WHOLE + rate) / _WHOLE


def _line_amounts(line: Json) -> tuple[int, int]:
    """Total of a line with and without VAT."""
    if line["productType"] == "sales_tax":
        return line["totalTaxAmount"], 0
    if "totalAmount" in line:
        return line["totalAmount"], line["totalAmount"] - line["totalVatAmount"]
    net = Decimal(line["unitPrice"] * line["quantity"]) * (_WHOLE - line.get("discountPercentage", 0)) / _WHOLE
    return _rounded(_with_tax(net, line["taxRate"])), _rounded(net)


def order_of(currency: str, cart: list[Json]) -> Json:
    """An order with both totals of its lines."""
    amounts = [_line_amounts(line) for line in cart]
    return {
        "currency": currency,
        "amountIncVat": sum(with_vat for with_vat, _ in amounts),
        "amountExVat": sum(without_vat for _, without_vat in amounts),
        "cart": cart,
    }


def with_line_totals(line: Json) -> Json:
    """The line with the explicit totals that some shops send: prices are kept with VAT."""
    price = _rounded(_with_tax(Decimal(line["unitPrice"]), line["taxRate"]))
    total = price * line["quantity"]
    return {
        **line,
        "unitPriceIncVat": price,
        "totalAmount": total,
        "totalVatAmount": total - line["unitPrice"] * line["quantity"],
    }


def with_quantity(line: Json, quantity: int) -> Json:
    """The line with another quantity, and its explicit totals where it has them."""
    changed = {**line, "quantity": quantity}
    return with_line_totals(changed) if "totalAmount" in line else changed


def sales_tax_of(cart: list[Json]) -> int:
    """The sales tax of a US order: one amount over all lines, which are without VAT."""
    net = sum(_line_amounts(line)[1] for line in cart)
    return _rounded(Decimal(net) * SALES_TAX_RATE / _WHOLE)
