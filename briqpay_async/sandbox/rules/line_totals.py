"""Whether a capture or a refund adds up, in the words that the API has for it.

A capture's amount must be the sum of its lines, and a line's own totals must fit its price, quantity
and tax rate (seen in Briqpay's Magento plugin 1.2.0 and WooCommerce plugin 1.1.19). A line without
totals can be rounded as a line or unit by unit, and halves up or down; all of these are accepted.
"""

from fractions import Fraction
from typing import Any, Final

Json = dict[str, Any]

WRONG_SUM: Final = "Calculated cart amount inc vat does not equal provided inc vat amount"
WRONG_VAT: Final = "taxRate * unitPrice * quantity != totalVatAmount"
WRONG_TOTAL: Final = "unitPriceIncVat * quantity != totalAmount"


def exact(quantity: float) -> Fraction:
    """Return a quantity as an exact number: 4.3 is 43/10."""
    return Fraction(str(quantity)) if type(quantity) is float else Fraction(quantity)


def _half_down(value: Fraction) -> int:
    return -((1 - 2 * value) // 2)


def _half_up(value: Fraction) -> int:
    return (2 * value + 1) // 2


def _possible_totals(line: Json) -> tuple[int, int]:
    """Return the least and the greatest total including VAT that a line can have."""
    if line["productType"] == "sales_tax":
        return line["totalTaxAmount"], line["totalTaxAmount"]
    if type(total := line.get("totalAmount")) is int:
        return total, total
    quantity = exact(line["quantity"])
    discounted = Fraction(line["unitPrice"] * (10_000 - line.get("discountPercentage", 0)), 10_000)
    unit = discounted * Fraction(10_000 + line["taxRate"], 10_000)
    candidates = [unit * quantity, _half_down(unit) * quantity, _half_up(unit) * quantity]
    if type(stated := line.get("unitPriceIncVat")) is int:
        candidates.append(stated * quantity)
    return min(map(_half_down, candidates)), max(map(_half_up, candidates))


def _line_problems(line: Json, path: str) -> list[str]:
    problems: list[str] = []
    if line["productType"] == "sales_tax":
        return problems
    quantity = exact(line["quantity"])
    vat, total, unit = line.get("totalVatAmount"), line.get("totalAmount"), line.get("unitPriceIncVat")
    if type(vat) is int and not line.get("discountPercentage", 0):
        due = Fraction(line["taxRate"] * line["unitPrice"], 10_000) * quantity
        # Prices with and without VAT are both rounded for each unit, so a unit can be off by one.
        if abs(vat - due) > max(abs(quantity), Fraction(1)):
            problems.append(f"{path} {WRONG_VAT}")
    if type(unit) is int and type(total) is int and abs(unit * quantity - total) > Fraction(1, 2):
        problems.append(f"{path} {WRONG_TOTAL}")
    return problems


def operation_total_problems(order: Json, path: str) -> list[str]:
    """Return what does not add up in the order of a capture or refund whose shape is right."""
    problems = []
    for index, line in enumerate(order["cart"]):
        problems += _line_problems(line, f"{path}.cart.{index}")
    totals = [_possible_totals(line) for line in order["cart"]]
    least, greatest = sum(low for low, _ in totals), sum(high for _, high in totals)
    if not least <= order["amountIncVat"] <= greatest:
        problems.append(WRONG_SUM)
    return problems
