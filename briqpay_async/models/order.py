"""The order: currency, both totals and the cart, which travel together (Briqpay docs require all four)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter

import attrs

from briqpay_async.errors import ValidationError
from briqpay_async.models import formats
from briqpay_async.models.base import Model, Pending, camel_case
from briqpay_async.models.cart import AnyCartItem, CartItem, SalesTaxItem, as_lines
from briqpay_async.models.limits import Limits, member

__all__ = ["Order", "TotalsDiscrepancy"]


@attrs.frozen
class TotalsDiscrepancy:
    """A total that the lines do not add up to.

    Attributes:
        pointer: JSON pointer of the total within the order.
        declared: What the order says, in minor units.
        computed: What the lines add up to, in minor units.
    """

    pointer: str
    declared: int | None
    computed: int


@attrs.frozen(kw_only=True, repr=False)
class Order(Model):
    """What is being paid. Amounts in minor units (1 SEK = 100).

    Attributes:
        currency: ISO 4217. Required.
        amount_inc_vat: Total with VAT and sales tax. Required.
        amount_ex_vat: Total without VAT and sales tax. Required.
        cart: The lines, at least one. Required.
    """

    currency: str | None = member(required=True, form=formats.currency)
    amount_inc_vat: int | None = member(required=True)
    amount_ex_vat: int | None = member(required=True)
    cart: tuple[AnyCartItem, ...] | None = attrs.field(
        default=None, converter=as_lines, metadata={"limits": Limits(required=True, min_length=1)}
    )
    _pending: Pending | None = attrs.field(default=None, init=False, eq=False, repr=False)

    @classmethod
    def of(cls, currency: str, cart: Iterable[AnyCartItem]) -> Order:
        """An order with both totals computed from its lines.

        Each line is rounded by itself (half-up on the absolute value) and the totals are the sums; explicit line
        totals win over computed ones; sales tax adds to the amount with VAT only.

        Args:
            currency: ISO 4217.
            cart: The lines.

        Raises:
            ValidationError: A line's numbers are not integers, so no total can be computed.
        """
        lines = tuple(cart)
        _refuse_unsummable(lines)
        inc, ex = _sums(lines)
        return cls(currency=currency, amount_inc_vat=inc, amount_ex_vat=ex, cart=lines)

    def with_cart(self, cart: Iterable[AnyCartItem]) -> Order:
        """This order with other lines and both totals computed anew (see ``of``).

        Raises:
            ValidationError: A line's numbers are not integers, so no total can be computed.
        """
        lines = tuple(cart)
        _refuse_unsummable(lines)
        inc, ex = _sums(lines)
        return attrs.evolve(self, amount_inc_vat=inc, amount_ex_vat=ex, cart=lines)

    def check_totals(self) -> tuple[TotalsDiscrepancy, ...]:
        """The totals that the lines do not add up to; empty when both agree to the minor unit.

        Briqpay refuses a session whose lines do not add up (its tolerance is not documented).

        Raises:
            ValidationError: A line's numbers are not integers, so no total can be computed.
        """
        _refuse_unsummable(self.cart or ())
        inc, ex = _sums(self.cart or ())
        return tuple(
            TotalsDiscrepancy(pointer, declared, computed)
            for pointer, declared, computed in (
                ("/amountIncVat", self.amount_inc_vat, inc),
                ("/amountExVat", self.amount_ex_vat, ex),
            )
            if declared != computed
        )

    def select(self, quantities: Mapping[str, int]) -> Order:
        """An order of some of this order's own lines, as capture and refund want them.

        A line chosen in full keeps its totals; one chosen in part has them scaled (see
        ``CartItem.with_quantity``). Sales tax lines are chosen with quantity 1.

        Args:
            quantities: Units by ``reference``.

        Raises:
            ValidationError: A reference is missing or ambiguous, or more units are asked for than the line has.
        """
        problems: list[tuple[str, str]] = []
        chosen: list[AnyCartItem] = []
        counted = Counter(line.reference for line in self.cart or ())
        for reference, quantity in quantities.items():
            if counted[reference] != 1:
                known = ", ".join(sorted(str(name) for name in counted)) or "none"
                found = "several lines have" if counted[reference] else "no line has"
                problems.append(("/cart", f"{found} the reference {reference!r}; references here: {known}"))
                continue
            line = next(line for line in self.cart or () if line.reference == reference)
            available = 1 if isinstance(line, SalesTaxItem) else line.quantity or 0
            if type(quantity) is not int or not 1 <= quantity <= available:
                asked = quantity if type(quantity) is int else _kind(quantity)
                problems.append(("/cart", f"{reference!r} has {available} units; {asked} cannot be chosen"))
            else:
                chosen.append(line if isinstance(line, SalesTaxItem) else line.with_quantity(quantity))
        if not quantities:
            problems.append(("/cart", "choose at least one line"))
        if problems:
            raise ValidationError(problems=tuple(problems))
        return Order.of(self.currency or "", chosen)


def _kind(value: object) -> str:
    """What a value that should be a number is: not the value, for it may be anything."""
    return f"a {type(value).__name__}"


def _sums(lines: Iterable[AnyCartItem]) -> tuple[int, int]:
    totals = [line.amounts() for line in lines]
    return sum(inc for inc, _ in totals), sum(ex for _, ex in totals)


_SUMMED = ("quantity", "unit_price", "tax_rate", "discount_percentage", "total_amount", "total_vat_amount")


_sums_of = attrgetter("_sums")


def _refuse_unsummable(lines: tuple[AnyCartItem, ...]) -> None:
    if all(isinstance(line, CartItem | SalesTaxItem) for line in lines) and None not in map(_sums_of, lines):
        return  # every line has been summed before, and lines are frozen
    problems: list[tuple[str, str]] = []
    for index, line in enumerate(lines):
        if not isinstance(line, CartItem | SalesTaxItem):
            problems.append((f"/cart/{index}", "must be a CartItem or a SalesTaxItem"))
            continue
        for name in _SUMMED if isinstance(line, CartItem) else ("total_tax_amount",):
            value = getattr(line, name)
            if value is not None and type(value) is not int:
                problems.append((f"/cart/{index}/{camel_case(name)}", f"must be an integer, not {_kind(value)}"))
    if problems:
        raise ValidationError(problems=tuple(problems))
