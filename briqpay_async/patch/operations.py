"""What a ``PatchBuilder`` was asked to do, as values: an edit can be made once more on a newer state.

Each operation knows what it saw when it was recorded. On another state it is repeated, unless what it
changes was changed there too; then it names the places that conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from briqpay_async.conversion.json_values import escape
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.cart import AnyCartItem, CartItem
from briqpay_async.patch.comparison import same
from briqpay_async.patch.sections import section_named

__all__ = ["AddLine", "Operation", "RemoveLine", "ReplaceLines", "SetQuantity", "UpdateSection"]

Lines = tuple[AnyCartItem, ...]
Conflict = tuple[str, str]
"""JSON pointer and what is in the way there."""

_PRICES: Final = ("unit_price", "unit_price_inc_vat", "tax_rate", "discount_percentage")
_CART: Final = "/data/order/cart"


@attrs.frozen(repr=False, eq=False)
class SetQuantity:
    """``cart.set_quantity``: conflicts where the line is gone or has another price or tax rate.

    Attributes:
        reference: SKU of the line.
        quantity: Units.
        seen: The line as it was.
        index: Where it was.
    """

    reference: str
    quantity: int
    seen: CartItem
    index: int

    def conflicts(self, lines: Lines) -> Iterator[Conflict]:
        """What keeps the operation from being repeated on these lines."""
        found = [index for index, line in enumerate(lines) if line.reference == self.reference]
        if len(found) != 1:
            yield f"{_CART}/{self.index}", "is gone" if not found else "is there several times"
            return
        line = lines[found[0]]
        if not isinstance(line, CartItem):
            yield f"{_CART}/{found[0]}", "is a sales tax line now"
            return
        names = wire_names(CartItem)
        for name in _PRICES:
            if not same(getattr(self.seen, name), getattr(line, name)):
                yield f"{_CART}/{found[0]}/{names[name]}", "was changed"


@attrs.frozen(repr=False, eq=False)
class AddLine:
    """``cart.add``: never conflicts.

    Attributes:
        item: The line.
    """

    item: AnyCartItem

    def conflicts(self, _lines: Lines) -> Iterator[Conflict]:
        """None."""
        yield from ()


@attrs.frozen(repr=False, eq=False)
class RemoveLine:
    """``cart.remove``: nothing is left to do where the line is gone already.

    Attributes:
        reference: SKU of the line.
        index: Where it was.
    """

    reference: str
    index: int

    def conflicts(self, lines: Lines) -> Iterator[Conflict]:
        """What keeps the operation from being repeated on these lines."""
        if sum(line.reference == self.reference for line in lines) > 1:
            yield f"{_CART}/{self.index}", "is there several times"


@attrs.frozen(repr=False, eq=False)
class ReplaceLines:
    """``cart.replace``: conflicts where the lines are no longer those that it replaces.

    Attributes:
        items: The new lines.
        currency: ISO 4217, where one was given.
        seen: The lines as they were.
    """

    items: Lines
    currency: str | None
    seen: Lines

    def conflicts(self, lines: Lines) -> Iterator[Conflict]:
        """What keeps the operation from being repeated on these lines."""
        if not (same(self.seen, lines) or same(self.items, lines)):
            yield _CART, "was changed"


@attrs.frozen(repr=False, eq=False)
class UpdateSection:
    """``billing.update`` and so on: the last value of a member wins, other members are kept.

    An array or object travels whole, so one that was changed elsewhere is in the way.

    Attributes:
        section: Name of the section.
        members: New values, by attribute.
        seen: The section as it was.
    """

    section: str
    members: Mapping[str, Any]
    seen: Model | None

    def conflicts(self, value: Model | None) -> Iterator[Conflict]:
        """What keeps the operation from being repeated on this section."""
        section = section_named(self.section)
        names = wire_names(section.model)
        for name, new in self.members.items():
            if isinstance(new, Model | Mapping | tuple | list):
                before, now = getattr(self.seen, name, None), getattr(value, name, None)
                if not (same(before, now) or same(new, now)):
                    yield f"{section.pointer}/{escape(names.get(name, name))}", "was changed"


Operation = SetQuantity | AddLine | RemoveLine | ReplaceLines | UpdateSection
