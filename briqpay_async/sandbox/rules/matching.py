"""Which lines of an order a capture or refund means, and what differs when it means none.

Lines are matched on reference (or name, for a line without one), product type, tax rate and unit price;
part of a quantity is fine. The messages are those seen in Briqpay's plugins.
"""

from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Final

from briqpay_async.sandbox.answers import Refusal
from briqpay_async.sandbox.rules.line_totals import exact

Json = dict[str, Any]
LineCounts = dict[Hashable, Fraction]

_COMPARED: Final = ("productType", "unitPrice", "taxRate")
_NO_SUCH_LINE: Final = "name and/or reference, productType, reference"


def _identity(line: Json) -> Hashable:
    reference = line.get("reference")
    return ("name", line["name"]) if reference is None else ("reference", reference)


def _key(line: Json) -> Hashable:
    if line["productType"] == "sales_tax":
        return ("sales_tax", _identity(line))
    return (_identity(line), *(line[name] for name in _COMPARED))


def tally(lines: Iterable[Json]) -> LineCounts:
    """Count a cart by what lines are matched on. A sales_tax line has no quantity: its amount is used up."""
    counted: LineCounts = {}
    for line in lines:
        key = _key(line)
        amount = line["totalTaxAmount"] if line["productType"] == "sales_tax" else line["quantity"]
        counted[key] = counted.get(key, Fraction(0)) + exact(amount)
    return counted


def require_known(lines: Sequence[Json], wanted: Sequence[Json]) -> None:
    """Refuse lines that are not in a cart at all.

    Raises:
        Refusal: CART_ITEM_NOT_FOUND, naming what differs from the line that was probably meant.
    """
    known = {_key(line) for line in lines}
    for line in wanted:
        if _key(line) not in known:
            raise _mismatch(_differing(line, lines), line)


def take(lines: Sequence[Json], used: LineCounts, wanted: Sequence[Json]) -> LineCounts:
    """Return what is left of the lines once the wanted ones are taken.

    Args:
        lines: The cart that is captured or refunded from.
        used: What was taken from it before.
        wanted: The lines of the capture or refund.

    Raises:
        Refusal: CART_ITEM_NOT_FOUND, a line is not there or no longer there in that quantity.
    """
    require_known(lines, wanted)
    left = left_of(lines, used)
    counted = tally(wanted)
    for line in wanted:
        key = _key(line)
        if counted[key] > left[key]:
            raise _mismatch("quantity", line)
    return _minus(left, counted)


def left_of(lines: Sequence[Json], used: LineCounts) -> LineCounts:
    """Return what is left of a cart once something of it is used up."""
    return _minus(tally(lines), used)


def _minus(counted: LineCounts, taken: LineCounts) -> LineCounts:
    return {key: amount - taken.get(key, 0) for key, amount in counted.items()}


def _differing(line: Json, lines: Iterable[Json]) -> str:
    """Return the names of the members in which a line differs from the one most like it."""
    candidates = [each for each in lines if _identity(each) == _identity(line)]
    if not candidates:
        return _NO_SUCH_LINE
    differing = [[name for name in _COMPARED if each.get(name) != line.get(name)] for each in candidates]
    fewest = min(map(len, differing))
    return ", ".join(next(names for names in differing if len(names) == fewest))


def _mismatch(what: str, line: Json) -> Refusal:
    reason = f"line {line.get('reference', line['name'])}".encode("ascii", "backslashreplace").decode()
    shown = "".join(each for each in reason if each.isprintable())[:300]
    message = f"Cart item has mismatching {what}"
    return Refusal(400, "CART_ITEM_NOT_FOUND", message, {"X-Sandbox-Reason": shown})
