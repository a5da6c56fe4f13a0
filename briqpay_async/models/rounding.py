"""Integer arithmetic of amounts, in minor units (1 SEK = 100) and hundredths of a per cent (25 % = 2500).

Rounding is half-up on the absolute value (-0.5 becomes -1) and happens once per line. Floating point is
never used: a total that is off by one minor unit is a total that the API refuses.
"""

from __future__ import annotations

__all__ = ["half_up", "line_amounts", "share"]

_WHOLE = 10_000  # 100 % in hundredths of a per cent


def half_up(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded half-up on the absolute value. ``denominator`` is positive."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -quotient if numerator < 0 else quotient


def line_amounts(unit_price: int, quantity: int, tax_rate: int, discount_percentage: int = 0) -> tuple[int, int]:
    """Total of one line as ``(inc VAT, ex VAT)``.

    The discount reduces the unit price before VAT. Both totals are rounded from the exact
    product, so neither inherits the other's rounding.

    Args:
        unit_price: Minor units, before VAT and discount.
        quantity: Number of units.
        tax_rate: Hundredths of a per cent.
        discount_percentage: Hundredths of a per cent.
    """
    net = unit_price * quantity * (_WHOLE - discount_percentage)
    return half_up(net * (_WHOLE + tax_rate), _WHOLE * _WHOLE), half_up(net, _WHOLE)


def share(total: int, part: int, whole: int) -> int:
    """``total * part / whole``, rounded half-up: the part of a line total that belongs to some of its units."""
    return half_up(total * part, whole)
