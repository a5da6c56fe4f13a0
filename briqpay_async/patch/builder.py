"""``PatchBuilder``: the usual shop edits by name; the patch is the difference to where it started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from briqpay_async.conversion.lazy import raw_sections
from briqpay_async.errors import EditConflictError, ValidationError
from briqpay_async.models.address import Address
from briqpay_async.models.base import Model
from briqpay_async.models.cart import AnyCartItem, SalesTaxItem
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.modules import UpsellConfig
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, Session, SessionData, Tokenization
from briqpay_async.patch.comparison import same
from briqpay_async.patch.diff import State, parts_changed
from briqpay_async.patch.operations import (
    AddLine,
    Operation,
    RemoveLine,
    ReplaceLines,
    SetQuantity,
    UpdateSection,
)
from briqpay_async.patch.sections import DATA_SECTIONS, UPSELL, MergeDepth, Section, section_named
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["CartEditor", "PatchBuilder", "SectionEditor"]

M = TypeVar("M", bound=Model)
Record = Callable[[Operation], object]

_ALL_SECTIONS: Final = (*DATA_SECTIONS, UPSELL)
_NO_DATA: Final = SessionData()


def _forget(_operation: Operation) -> None:
    """Records nothing: for an editor that stands alone."""


class SectionEditor(Generic[M]):
    """Edits one section member by member."""

    def __init__(self, current: M | None, cls: type[M], name: str = "", record: Record = _forget) -> None:
        self._value = current
        self._cls = cls
        self._name = name
        self._record = record

    @property
    def value(self) -> M | None:
        """The section as edited so far."""
        return self._value

    def update(self, **members: Any) -> None:
        """Set members by attribute name, such as ``update(city="Lund")``; the others stay as they are.

        Raises:
            ValidationError: A name is not a member of the section.
        """
        known = {attribute.name for attribute in attrs.fields(self._cls) if attribute.init}
        unknown = sorted(members.keys() - known)
        if unknown:
            raise ValidationError(
                problems=tuple((name, f"is not a member of {self._cls.__name__}") for name in unknown)
            )
        seen = self._value
        self._value = attrs.evolve(seen or self._cls(), **members)
        self._record(UpdateSection(self._name, members, seen))


class CartEditor:
    """Edits the cart line by line; both totals are computed anew when the lines have changed.

    Totals follow the rules of ``Order.of``: per-line rounding, explicit line totals win.
    """

    def __init__(self, order: Order | None, record: Record = _forget) -> None:
        self._order = order
        self._record = record
        self._lines: tuple[AnyCartItem, ...] = (order.cart or ()) if order is not None else ()
        self._currency = None if order is None else order.currency

    @property
    def lines(self) -> tuple[AnyCartItem, ...]:
        """The lines as edited so far."""
        return self._lines

    def set_quantity(self, reference: str, quantity: int) -> None:
        """Change how many units of a line are bought; its explicit totals follow (``CartItem.with_quantity``).

        Args:
            reference: SKU of the line.
            quantity: Units, at least 1.

        Raises:
            ValidationError: The quantity is not an integer of at least 1, no line or several lines have the
                reference, or the line is a sales tax line.
        """
        index = self._index(reference)
        line = self._lines[index]
        if isinstance(line, SalesTaxItem):
            raise _cart_problem(index, "is a sales tax line, which has no quantity")
        if type(quantity) is not int or quantity < 1:
            asked = quantity if type(quantity) is int else f"of type {type(quantity).__name__}"
            raise _cart_problem(index, f"cannot have quantity {asked}: use 1 or more, or remove the line")
        self._lines = (*self._lines[:index], line.with_quantity(quantity), *self._lines[index + 1 :])
        self._record(SetQuantity(reference, quantity, line, index))

    def add(self, item: AnyCartItem) -> None:
        """Append a line."""
        self._lines = (*self._lines, item)
        self._record(AddLine(item))

    def remove(self, reference: str) -> None:
        """Remove a line.

        Raises:
            ValidationError: No line, or several lines, have the reference.
        """
        index = self._index(reference)
        self._lines = self._lines[:index] + self._lines[index + 1 :]
        self._record(RemoveLine(reference, index))

    def replace(self, items: Iterable[AnyCartItem], *, currency: str | None = None) -> None:
        """Replace all lines.

        Args:
            items: The new lines.
            currency: ISO 4217; needed only where the session has no order yet.
        """
        seen, self._lines = self._lines, tuple(items)
        self._currency = currency or self._currency
        self._record(ReplaceLines(self._lines, currency, seen))

    def order(self) -> Order | None:
        """The order as edited: the very same object when nothing changed.

        Raises:
            ValidationError: There are lines but no currency, or a line's numbers are not integers.
        """
        if self._order is None:
            if not self._lines:
                return None
            if self._currency is None:
                raise ValidationError(
                    problems=(("/data/order/currency", "is not known: give cart.replace(items, currency=...)"),)
                )
            return Order.of(self._currency, self._lines)
        if same(self._lines, self._order.cart or ()) and self._currency == self._order.currency:
            return self._order
        return attrs.evolve(self._order.with_cart(self._lines), currency=self._currency)

    def _index(self, reference: str) -> int:
        found = [index for index, line in enumerate(self._lines) if line.reference == reference]
        if len(found) == 1:
            return found[0]
        if found:
            places = ", ".join(f"/data/order/cart/{index}" for index in found)
            raise ValidationError(
                problems=(("/data/order/cart", f"has several lines with reference {reference!r}: {places}"),)
            )
        known = ", ".join(repr(line.reference) for line in self._lines) or "none"
        raise ValidationError(
            problems=(("/data/order/cart", f"has no line with reference {reference!r}; there are: {known}"),)
        )


class PatchBuilder:
    """Collects edits of a session and builds the patch that makes them.

    Example:
        >>> builder = PatchBuilder(session)
        >>> builder.cart.set_quantity("sku-1", 3)
        >>> builder.billing.update(city="Lund")
        >>> patch = builder.build()

    Attributes:
        session: After ``sessions.edit`` has sent the patch: the session as answered.
        changed_elsewhere: After ``sessions.edit`` has sent the patch: JSON pointers of what others changed since
            the session that the edit began with was read, where the answer shows it.
    """

    def __init__(self, base: State) -> None:
        if not isinstance(base, Session | EditableData):
            raise ValidationError(problems=(("", "base must be a Session, SessionData or EditableData"),))
        self._base = base
        self._raw = raw_sections(base) if isinstance(base, Session) else {}
        self._data: EditableData = (base.data or _NO_DATA) if isinstance(base, Session) else base
        self._operations: list[Operation] = []
        # Editors are made when they are asked for: sections that no edit needs are not decoded.
        self._cart: CartEditor | None = None
        self._editors: dict[str, SectionEditor[Any]] = {}
        self.session: Session | None = None
        self.changed_elsewhere: tuple[str, ...] = ()

    @property
    def cart(self) -> CartEditor:
        """Lines of the order."""
        if self._cart is None:
            self._cart = CartEditor(self._data.order, self._operations.append)
        return self._cart

    @property
    def billing(self) -> SectionEditor[Address]:
        """Billing address."""
        return self._editor("billing")

    @property
    def shipping(self) -> SectionEditor[Address]:
        """Shipping address."""
        return self._editor("shipping")

    @property
    def company(self) -> SectionEditor[Company]:
        """The buying company (business sessions)."""
        return self._editor("company")

    @property
    def consumer(self) -> SectionEditor[Consumer]:
        """The buying person (consumer sessions)."""
        return self._editor("consumer")

    @property
    def tokenization(self) -> SectionEditor[Tokenization]:
        """The token to charge."""
        return self._editor("tokenization")

    @property
    def upsell(self) -> SectionEditor[UpsellConfig]:
        """Configuration of the upsell module."""
        return self._editor("upsell")

    def _editor(self, name: str) -> SectionEditor[Any]:
        editor = self._editors.get(name)
        if editor is None:
            section = section_named(name)
            editor = SectionEditor(self._known(section), section.model, name, self._operations.append)
            self._editors[name] = editor
        return editor

    def _known(self, section: Section) -> Any:
        """A section as it was at the beginning."""
        if section is not UPSELL:
            return getattr(self._data, section.name)
        modules = self._base.modules if isinstance(self._base, Session) else None
        return modules.config.upsell if modules and modules.config else None

    @property
    def raw(self) -> Mapping[str, Any]:
        """The sections that it began with as JSON, those that were not decoded then."""
        return self._raw

    @property
    def data(self) -> EditableData:
        """The data that it began with."""
        return self._data

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What was asked for, in its order. Setting a quantity to what it was is an operation too."""
        return tuple(self._operations)

    def rebased(self, base: State) -> PatchBuilder:
        """A builder that has the same operations made on another state.

        Args:
            base: A ``Session``, ``SessionData`` or ``EditableData``, newer than the one this builder began with.

        Raises:
            EditConflictError: An operation does not fit there: the line is gone, its price, discount or tax rate
                is another, lines that were replaced are others, or so is an array that was set.
        """
        rebased = PatchBuilder(base)
        conflicts: list[tuple[str, str]] = []
        for operation in self._operations:
            if found := tuple(rebased._conflicts(operation)):
                conflicts += found
            else:
                rebased._repeat(operation)
        if conflicts:
            places = ", ".join(f"{pointer} {text}" for pointer, text in conflicts)
            raise EditConflictError(
                f"Read the session and edit that: it was changed since, {places}.",
                pointers=tuple(dict.fromkeys(pointer for pointer, _ in conflicts)),
            )
        return rebased

    def _conflicts(self, operation: Operation) -> Iterable[tuple[str, str]]:
        if isinstance(operation, UpdateSection):
            return operation.conflicts(getattr(self, operation.section).value)
        return operation.conflicts(self.cart.lines)

    def _repeat(self, operation: Operation) -> None:
        match operation:
            case UpdateSection(section, members):
                getattr(self, section).update(**members)
            case SetQuantity(reference, quantity):
                self.cart.set_quantity(reference, quantity)
            case AddLine(item):
                self.cart.add(item)
            case RemoveLine(reference):
                if any(line.reference == reference for line in self.cart.lines):
                    self.cart.remove(reference)
            case ReplaceLines(items, currency):
                self.cart.replace(items, currency=currency)

    def build(self, depth: MergeDepth = MergeDepth.FIELD) -> SessionPatch:
        """The patch from the base to the edited state; a no-op when nothing changed.

        Args:
            depth: See ``SessionPatch.between``.

        Raises:
            UnpatchableChangeError: A member was set to ``None``: no PATCH can remove it.
            ValidationError: An edited value is one that the API would refuse.
        """
        edited = {name: editor.value for name, editor in self._editors.items()}
        if self._cart is not None:
            edited["order"] = self._cart.order()
        changes = [
            (section, known, edited[section.name])
            for section in _ALL_SECTIONS
            if section.name in edited and edited[section.name] is not (known := self._known(section))
        ]
        return SessionPatch(parts_changed(self._base, changes, depth))


def _cart_problem(index: int, text: str) -> ValidationError:
    return ValidationError(problems=((f"/data/order/cart/{index}", text),))
