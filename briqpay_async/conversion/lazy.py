"""Answers that are structured when somebody looks at them, and no further than they are looked at.

Most answers are never looked into: whoever updates a cart wants to know that it worked. A ``Session`` out of an
answer begins with empty slots and the JSON object that belongs there; so do its data, its order and the order's
lines. An object or array is structured when it is read; the first look at any other member fills all of those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import attrs

from briqpay_async.conversion.compiled import MOST_SHAPES, filler
from briqpay_async.conversion.decode import (
    MalformedError,
    decode,
    locate,
    readers_of,
    refuse_depth,
    structure_hook,
    structurer,
    types_of,
)
from briqpay_async.conversion.encode import alternatives, render
from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models.base import Model, per_class, wire_names
from briqpay_async.models.cart import AnyCartItem, CartItem
from briqpay_async.models.order import Order
from briqpay_async.models.session import Session, SessionData

__all__ = ["decode_answer", "peek"]

M = TypeVar("M", bound=Model)

# Where models that are made later stand in an answer.
_POINTERS: Final[Mapping[type[Model], str]] = {
    Session: "",
    SessionData: "/data",
    Order: "/data/order",
    CartItem: "/data/order/cart/",
}


def decode_answer(wire: Any, cls: type[M]) -> M:
    """The model of an answer that nobody else holds. A ``Session`` is structured when it is looked at.

    Raises:
        ResponseDecodeError: No sense can be made of it. Of a session that is an object, only plain members at its
            top are looked at now.
    """
    if cls is Session and wire.__class__ is dict:
        return cast("M", _later(Session).begin_sound(wire))
    try:
        refuse_depth(wire)
    except MalformedError as error:
        raise ResponseDecodeError(f"the answer {error}") from None
    return decode(wire, cls)


def peek(session: Session, attribute: str, member: str) -> Any:
    """A member of a session as JSON, without structuring what nobody has looked at. Only read it.

    Args:
        session: A session, whether it is an answer or not.
        attribute: The member's attribute.
        member: Its name on the wire.
    """
    pending = session._pending  # noqa: SLF001 - this file fills it
    if pending is not None and (value := pending[1].get(member)) is not None:
        return value
    return render(getattr(session, attribute))


_attribute = object.__getattribute__


class _Unread:
    """What an instance is as long as some of its slots are empty.

    A class that fills empty slots itself would make every look at its instances slower. So this is a class of its
    own, which an instance leaves when nothing is left to fill; until then it says that it is of the other already.
    """

    __slots__ = ()
    read: type[Model]

    if not TYPE_CHECKING:

        @property
        def __class__(self) -> type[Model]:
            return self.read

        def __getattr__(self, name: str) -> Any:
            if name != "_pending" and (pending := _attribute(self, "_pending")) is not None:
                fill, wire, place = pending
                fill(self, name, wire, place)
            return _attribute(self, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        for attribute in attrs.fields(self.read):
            getattr(self, attribute.name)
        return object.__reduce_ex__(self, protocol)  # as the other class, which it is now


_set_class = object.__dict__["__class__"].__set__  # in spite of the property


class _Later:
    """Begins instances of one class, and fills their slots when they are looked at."""

    def __init__(self, cls: type[Model]) -> None:
        readers = readers_of(cls)
        self._cls = cls
        self._unread = type(cls.__name__, (_Unread, cls), {"__slots__": (), "__doc__": cls.__doc__, "read": cls})
        self._pointer = _POINTERS[cls]
        self._parts = {
            name: (member, self._maker(name, f"{self._pointer}/{member}"))
            for name, member in wire_names(cls).items()
            if readers[name].hook is not None
        }
        self._structure = structurer(cls)
        self._plain = {one.name for one in attrs.fields(cls)} - {*self._parts, "_pending"}
        later = {name: attrs.evolve(reader, later=name in self._parts) for name, reader in readers.items()}
        self._fill_plain = filler(cls, later, self._fill_any, refuse_depth)
        self._sound: set[tuple[Any, ...]] = set()
        self._set_pending = cls._pending.__set__  # type: ignore[attr-defined]

    def begin_sound(self, wire: dict[str, Any]) -> Model:
        """Like ``begin``, after a look whether sense can be made of the plain members.

        Raises:
            ResponseDecodeError: It cannot.
        """
        shape = (*wire, *map(type, wire.values()))
        if shape not in self._sound:
            plain = self._without_parts(wire)
            try:
                self._structure(plain)
            except MalformedError as error:
                raise _located(error, plain, self._cls, self._pointer) from None
            if len(self._sound) < MOST_SHAPES:
                self._sound.add(shape)
        instance: Model = object.__new__(self._unread)
        self._set_pending(instance, (self._look, wire, ""))
        return instance

    def begin(self, wire: dict[str, Any]) -> Model:
        """An instance that is filled later from an object, which is kept and changed."""
        instance: Model = object.__new__(self._unread)
        self._set_pending(instance, (self._look, wire, ""))
        return instance

    def begin_lines(self, wires: list[Any]) -> tuple[Any, ...]:
        """The lines of a cart. Those that carry sales tax are of another class, and there are few of them."""
        new, cls, set_pending, look = object.__new__, self._unread, self._set_pending, self._look_all
        lines = []
        for index, wire in enumerate(wires):
            if wire.__class__ is dict and wire.get("productType") != "sales_tax":
                line: Any = new(cls)
                set_pending(line, (look, wire, index))
            else:
                line = structure_hook(AnyCartItem)(wire, AnyCartItem)
            lines.append(line)
        return tuple(lines)

    def _look_all(self, instance: Model, name: str, wire: dict[str, Any], place: str | int) -> None:
        """Fill all slots of an instance that has neither objects nor arrays."""
        if name in self._plain:
            try:
                self._fill_plain(wire, instance)
            except MalformedError as error:
                raise self._malformed(error, wire, place) from None
            self._set_pending(instance, None)
            _set_class(instance, self._cls)

    def _look(self, instance: Model, name: str, wire: dict[str, Any], place: str | int) -> None:
        """Fill an empty slot while nothing but objects and arrays may have been made."""
        if (part := self._parts.get(name)) is not None and (raw := wire.get(part[0])) is not None:
            object.__setattr__(instance, name, part[1](raw))
            wire.pop(part[0], None)
        elif part is not None or name in self._plain:
            self._fill(instance, wire, place)

    def _fill(self, instance: Model, wire: dict[str, Any], place: str | int) -> None:
        """Fill everything but objects and arrays."""
        wire = dict(wire)  # another thread may be making one of its parts
        try:
            self._fill_plain(wire, instance)
        except MalformedError as error:
            raise self._malformed(error, wire, place) from None
        left = {}
        for part, (member, _) in self._parts.items():
            if _is_empty(instance, part):
                if (raw := wire.get(member)) is None:
                    object.__setattr__(instance, part, None)
                else:
                    left[member] = raw
        if left:
            self._set_pending(instance, (self._look_again, left, place))
        else:
            self._finish(instance)

    def _look_again(self, instance: Model, name: str, wire: dict[str, Any], _place: str | int) -> None:
        """Fill an empty slot while only objects and arrays are left."""
        member, make = self._parts.get(name, ("", None))
        raw = wire.get(member)
        if make is not None and raw is not None:
            object.__setattr__(instance, name, make(raw))
            wire.pop(member, None)
            if not wire:
                self._finish(instance)

    def _finish(self, instance: Model) -> None:
        self._set_pending(instance, None)
        _set_class(instance, self._cls)

    def _maker(self, name: str, pointer: str) -> Callable[[Any], Any]:
        """Structures the object or array of a member, or begins it."""
        annotation = types_of(self._cls)[name]
        kind = alternatives(annotation)[0]
        hook = structure_hook(annotation)
        accepted: type | None = None
        begin: Callable[[Any], Any] | None = None
        if kind in _POINTERS:
            accepted, begin = dict, _later(kind).begin
        elif self._cls is Order:
            accepted, begin = list, _later(CartItem).begin_lines

        def make(raw: Any) -> Any:
            try:
                if begin is not None and raw.__class__ is accepted:
                    return begin(raw)
                refuse_depth(raw)
                return hook(raw, annotation)
            except MalformedError as error:
                raise _located(error, raw, annotation, pointer) from None

        return make

    def _malformed(self, error: MalformedError, wire: dict[str, Any], place: str | int) -> ResponseDecodeError:
        return _located(error, self._without_parts(wire), self._cls, f"{self._pointer}{place}")

    def _fill_any(self, wire: dict[str, Any], instance: Model) -> None:
        plain = self._without_parts(wire)
        refuse_depth(plain)
        whole = self._structure(plain)
        for name in self._plain:
            object.__setattr__(instance, name, getattr(whole, name))

    def _without_parts(self, wire: dict[str, Any]) -> dict[str, Any]:
        parts = {member for member, _ in self._parts.values() if wire.get(member) is not None}
        return {member: value for member, value in wire.items() if member not in parts}


_later = per_class(_Later)


def _is_empty(instance: Model, name: str) -> bool:
    try:
        object.__getattribute__(instance, name)
    except AttributeError:
        return True
    return False


def _located(error: MalformedError, wire: Any, annotation: Any, pointer: str) -> ResponseDecodeError:
    """The error with the place where it was found, somewhere below a pointer."""
    below, text = locate(wire, annotation, str(error))
    return ResponseDecodeError(f"{pointer}{below} {text}", pointer=pointer + below)
