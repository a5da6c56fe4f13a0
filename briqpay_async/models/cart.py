"""The lines of a cart. Their ``productType`` decides: ``sales_tax`` is one kind, everything else the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import attrs

from briqpay_async.models.base import Model, Pending, as_tuple
from briqpay_async.models.enums import ProductType
from briqpay_async.models.limits import member
from briqpay_async.models.rounding import line_amounts, share

__all__ = ["AnyCartItem", "CartItem", "SalesTaxItem"]

# Looking up an enum's constant takes a call on Python 3.11, and every line that is checked asks for these.
_DISCOUNT: Final = ProductType.DISCOUNT
_SALES_TAX: Final = ProductType.SALES_TAX


@attrs.frozen(kw_only=True, repr=False)
class CartItem(Model):
    """A regular line of a cart. Amounts in minor units, rates in hundredths of a per cent (25 % = 2500).

    Attributes:
        product_type: What is sold; any type but ``sales_tax``. A discount has a negative ``unit_price``.
        reference: SKU, at most 256 characters.
        name: At most 256 characters. Required.
        quantity: At least 1. Required.
        quantity_unit: Such as ``"pc"``, at most 10 characters. Required.
        unit_price: Price of one unit, without VAT and before discount. Required.
        tax_rate: 25 % is 2500. Required.
        discount_percentage: 10 % is 1000; reduces ``unit_price``.
        unit_price_inc_vat: Price of one unit with VAT. This and the rest are not documented, but Briqpay's own
            plugins send them and get them back.
        total_amount: Total of the line with VAT.
        total_vat_amount: VAT within ``total_amount``.
        image_url: Picture of the product.
    """

    product_type: ProductType | str | None = member(required=True)
    reference: str | None = member(max_length=256)
    name: str | None = member(required=True, max_length=256)
    quantity: int | None = member(required=True, minimum=1)
    quantity_unit: str | None = member(required=True, max_length=10)
    unit_price: int | None = member(required=True)
    tax_rate: int | None = member(required=True)
    discount_percentage: int | None = None
    unit_price_inc_vat: int | None = None
    total_amount: int | None = None
    total_vat_amount: int | None = None
    image_url: str | None = None
    # A cart travels whole, but its lines rarely change: a line remembers its wire form, that it was found valid,
    # and what it amounts to.
    _wire: dict[str, Any] | None = attrs.field(default=None, init=False, eq=False, repr=False)
    _valid: bool = attrs.field(default=False, init=False, eq=False, repr=False)
    _sums: tuple[int, int] | None = attrs.field(default=None, init=False, eq=False, repr=False)
    _pending: Pending | None = attrs.field(default=None, init=False, eq=False, repr=False)

    def broken_rules(self) -> Iterable[tuple[str, str]]:
        """Briqpay docs: the unit price of a discount is negative. ``sales_tax`` lines are another class."""
        kind = self.product_type
        if kind == _DISCOUNT and type(self.unit_price) is int and self.unit_price >= 0:
            return (("unitPrice", "must be negative for a discount line"),)
        if kind == _SALES_TAX:
            return (("productType", "is sales_tax: use SalesTaxItem for this line"),)
        return ()

    def amounts(self) -> tuple[int, int]:
        """Total of the line as ``(inc VAT, ex VAT)`` in minor units.

        Explicit line totals win: ``total_amount`` and ``total_vat_amount`` as given. What is missing is computed
        from ``unit_price``, ``quantity``, ``discount_percentage`` and ``tax_rate`` (absent counts as 0 or 1 unit).
        """
        sums = self._sums
        if sums is None:
            inc, ex = self._computed(self.quantity or 1)
            if self.total_amount is not None:
                vat = inc - ex if self.total_vat_amount is None else self.total_vat_amount
                sums = self.total_amount, self.total_amount - vat
            elif self.total_vat_amount is not None:
                sums = ex + self.total_vat_amount, ex
            else:
                sums = inc, ex
            object.__setattr__(self, "_sums", sums)
        return sums

    def with_quantity(self, quantity: int) -> CartItem:
        """This line with another quantity, its explicit totals kept consistent.

        ``total_amount`` follows ``unit_price_inc_vat`` where it did so before (prices kept with VAT), and is
        otherwise scaled with the quantity; ``total_vat_amount`` is what remains above the line's total without
        VAT, where that held before, and is otherwise scaled. Scaling rounds half-up.
        """
        before = self.quantity or 1
        if quantity == self.quantity:
            return self
        total, vat = self.total_amount, self.total_vat_amount
        if total is not None:
            of_units = None if self.unit_price_inc_vat is None else self.unit_price_inc_vat * before
            if of_units == total and self.unit_price_inc_vat is not None:
                total = self.unit_price_inc_vat * quantity
            elif total == self._computed(before)[0]:
                total = self._computed(quantity)[0]
            else:
                total = share(total, quantity, before)
        if vat is not None:
            if (
                total is not None
                and self.total_amount is not None
                and self.total_amount - vat == self._computed(before)[1]
            ):
                vat = total - self._computed(quantity)[1]
            else:
                vat = share(vat, quantity, before)
        return attrs.evolve(self, quantity=quantity, total_amount=total, total_vat_amount=vat)

    def _computed(self, quantity: int) -> tuple[int, int]:
        return line_amounts(self.unit_price or 0, quantity, self.tax_rate or 0, self.discount_percentage or 0)


@attrs.frozen(kw_only=True, repr=False)
class SalesTaxItem(Model):
    """The line that carries all sales tax of a US order; its regular lines have ``tax_rate`` 0 (Briqpay docs).

    Attributes:
        name: At most 256 characters. Required.
        reference: At most 256 characters.
        total_tax_amount: Tax of the whole order in minor units. Required. It adds to the amount with tax only.
        product_type: Always ``sales_tax``.
    """

    product_type: ProductType | str = member(required=True, default=ProductType.SALES_TAX)
    reference: str | None = member(max_length=256)
    name: str | None = member(required=True, max_length=256)
    total_tax_amount: int | None = member(required=True)
    _wire: dict[str, Any] | None = attrs.field(default=None, init=False, eq=False, repr=False)
    _valid: bool = attrs.field(default=False, init=False, eq=False, repr=False)
    _sums: tuple[int, int] | None = attrs.field(default=None, init=False, eq=False, repr=False)

    def broken_rules(self) -> Iterable[tuple[str, str]]:
        """The type decides which kind of line it is, so it is fixed here."""
        if self.product_type != _SALES_TAX:
            return (("productType", "must be sales_tax: use CartItem for any other line"),)
        return ()

    def amounts(self) -> tuple[int, int]:
        """Total of the line as ``(inc VAT, ex VAT)`` in minor units: the tax, and nothing."""
        sums = self.total_tax_amount or 0, 0
        if type(sums[0]) is int:
            object.__setattr__(self, "_sums", sums)
        return sums


AnyCartItem: TypeAlias = CartItem | SalesTaxItem


def as_lines(value: Iterable[AnyCartItem] | None) -> tuple[AnyCartItem, ...] | None:
    """``as_tuple``, typed for cart lines."""
    return as_tuple(value)
