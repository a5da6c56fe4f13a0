"""Orders and the lines of their carts: what they must look like, and whether they add up.

A line has one of two shapes, by its `productType`: a regular item, or the `sales_tax` item of
the US. A line that fits neither is reported the way a JSON-schema `oneOf` does,
without saying why; `line_fault` says why, for the developer's eyes.
"""

from fractions import Fraction
from functools import cache
from typing import Any, Final, NamedTuple

from briqpay_async.sandbox.rules import checks
from briqpay_async.sandbox.rules.checks import Shape, Table, check_members
from briqpay_async.sandbox.rules.line_totals import exact
from briqpay_async.sandbox.switches import Switches

Json = dict[str, Any]

_NAME = checks.text_up_to(256)
_SOLD = ("physical", "digital", "discount", "shipping_fee", "deposit", "surcharge", "gift_card")
# Members that only a regular item has: WOO deletes them from its tax line before sending.
_NOT_ON_TAX_LINES: Final = ("quantity", "quantityUnit", "unitPrice", "taxRate", "discountPercentage")


class LineRules(NamedTuple):
    """Which lines are accepted, where a switch decides.

    Attributes:
        refund: Whether `adjustment` lines are accepted: "can only be used on refunds" (Briqpay docs).
        decimal_quantities: Whether a quantity may be 4.3.
        positive_discounts: Whether a `discount` may have a positive unit price.
    """

    refund: bool = False
    decimal_quantities: bool = False
    positive_discounts: bool = False


PLAIN: Final = LineRules()
_RULES: Final = {
    (decimal, positive, refund): LineRules(refund, decimal, positive)
    for decimal in (False, True)
    for positive in (False, True)
    for refund in (False, True)
}


def line_rules(switches: Switches, *, refund: bool = False) -> LineRules:
    """Return the rules for lines that some switches choose."""
    return _RULES[switches.decimal_quantities, switches.positive_discounts, refund]


@cache
def _regular(refund: bool, decimals: bool) -> Shape:  # noqa: FBT001 (the key of a cache)
    product_types = (*_SOLD, "adjustment") if refund else _SOLD
    members: Table = {
        "productType": checks.one_of(*product_types),
        "reference": _NAME,
        "name": _NAME,
        "quantity": checks.number_above_zero if decimals else checks.whole_from_one,
        "quantityUnit": checks.text_up_to(10),
        "unitPrice": checks.whole,
        "taxRate": checks.whole,
        "discountPercentage": checks.whole,
    }
    return Shape(members, ("productType", "name", "quantity", "quantityUnit", "unitPrice", "taxRate"))


_TAX_LINE: Final = Shape(
    {"reference": _NAME, "name": _NAME, "totalTaxAmount": checks.whole},
    ("productType", "name", "totalTaxAmount"),
)
_ORDER: Final = Shape(
    {"currency": checks.currency, "amountIncVat": checks.whole, "amountExVat": checks.whole},
    ("currency", "amountIncVat", "amountExVat", "cart"),
)


def is_plain_item(line: Any) -> bool:
    """Return whether a line is a regular item as it should be: the common case, in one expression.

    A cart of a thousand lines is checked on every PATCH, and walking the table of rules for each
    costs three times as much. Lines that fail here may still be right; `line_fault` decides.
    """
    if type(line) is not dict:
        return False
    get = line.get
    return (
        type(kind := get("productType")) is str
        and kind in _SOLD
        and type(name := get("name")) is str
        and len(name) <= 256
        and type(quantity := get("quantity")) is int
        and quantity >= 1
        and type(unit := get("quantityUnit")) is str
        and len(unit) <= 10
        and type(price := get("unitPrice")) is int
        and (price < 0 or kind != "discount")
        and type(get("taxRate")) is int
        and type(reference := get("reference", "")) is str
        and len(reference) <= 256
        and type(get("discountPercentage", 0)) is int
    )


def line_fault(line: Any, rules: LineRules = PLAIN) -> str | None:
    """Return why a cart line fits neither shape, or None when it fits one."""
    if type(line) is not dict:
        return checks.WRONG_TYPE
    if line.get("productType") == "sales_tax":
        return _misplaced(line) or _first_fault(line, _TAX_LINE)
    if fault := _first_fault(line, _regular(rules.refund, rules.decimal_quantities)):
        return fault
    if line["productType"] == "discount" and line["unitPrice"] >= 0 and not rules.positive_discounts:
        return "unitPrice of a discount must be negative"  # Briqpay docs
    return None


def _misplaced(line: dict[str, Any]) -> str | None:
    for name in _NOT_ON_TAX_LINES:
        if name in line:
            return f"{name} does not belong on a sales_tax item"
    return None


def _first_fault(line: dict[str, Any], shape: Shape) -> str | None:
    for name in shape.required:
        if name not in line:
            return f"{name} {checks.REQUIRED}"
    members = shape.members
    for name, member in line.items():
        check = members.get(name)
        if check is not None and (fault := check(member)):
            return f"{name} {fault}"
    return None


def check_order(order: Any, path: str, problems: list[str], rules: LineRules = PLAIN) -> None:
    """Check an order: its four members are required together wherever it appears (Briqpay docs)."""
    if not check_members(order, path, _ORDER, problems) or "cart" not in order:
        return
    cart = order["cart"]
    if type(cart) is not list:
        problems.append(f"{path}.cart {checks.WRONG_TYPE}")
        return
    if not cart:
        problems.append(f"{path}.cart {checks.TOO_FEW_ITEMS}")
    for index, line in enumerate(cart):
        if not is_plain_item(line) and line_fault(line, rules):
            problems.append(f"{path}.cart.{index} {checks.NO_SCHEMA}")


def total_problems(order: dict[str, Any], path: str) -> list[str]:
    """Return what is wrong with the declared totals of an order whose shape is right.

    Briqpay "rejects a session whose line items do not add up to the declared totals" (PrestaShop plugin
    2.0.1), but how it rounds is not published. Rounding can cost half a minor unit a line, so that much is
    allowed and no more: one line that is off by one is refused.
    """
    # Exact integers: one part in 10^8 of a minor unit, as rates and discounts have four decimals each.
    scale = 10**8
    including: int | Fraction = 0
    excluding: int | Fraction = 0
    for line in order["cart"]:
        if line["productType"] == "sales_tax":
            including += line["totalTaxAmount"] * scale  # it adds to amountIncVat alone
        elif type(line.get("totalAmount")) is int and type(line.get("totalVatAmount")) is int:
            including += line["totalAmount"] * scale
            excluding += (line["totalAmount"] - line["totalVatAmount"]) * scale
        else:
            net = exact(line["quantity"]) * line["unitPrice"] * (10_000 - line.get("discountPercentage", 0))
            excluding += net * 10_000
            including += net * (10_000 + line["taxRate"])
    slack = len(order["cart"]) * scale // 2
    declared = (("amountIncVat", including), ("amountExVat", excluding))
    return [
        f"{path}.{name} does not match the sum of the cart"
        for name, exact in declared
        if abs(order[name] * scale - exact) > slack
    ]


# For the OpenAPI document, which is made of the same tables.
SHAPES: Final = {"order": _ORDER, "tax_line": _TAX_LINE}
NOT_ON_TAX_LINES: Final = _NOT_ON_TAX_LINES


def line_shape(rules: LineRules) -> Shape:
    """Return the table that regular items are checked with."""
    return _regular(rules.refund, rules.decimal_quantities)
