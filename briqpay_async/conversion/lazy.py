"""Sessions in answers, decoded lazily: a part of one is decoded when it is first read.

Most answers are never read: after an update of a cart a shop wants to know that it worked. A ``Session`` begins
with empty slots and the JSON object that belongs there; so do its data, its order and the order's lines. Reading
an object or array decodes that one; reading any other member decodes all of those.

What it buys, in processor time of an update against bare aiohttp on Python 3.11: 1.45, not 1.94, for an answer
with 10 lines of which one name is read, and 1.86, not 4.35, for 100 lines and nothing read. The plain way is
``decode.decode``; ``tests/conversion/test_lazy.py`` shows that both give the same.

Any number of threads may read one answer: slots are filled one thread at a time, and a slot once filled is final.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import attrs

from briqpay_async.conversion.compiled import MOST_SHAPES, compile_filler
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
from briqpay_async.conversion.stand_ins import absent_as_array
from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models.base import Model, per_class, wire_names
from briqpay_async.models.cart import AnyCartItem, CartItem
from briqpay_async.models.order import Order
from briqpay_async.models.session import Session, SessionData

__all__ = ["decode_answer", "raw_lines", "raw_member", "raw_sections"]

M = TypeVar("M", bound=Model)

# The classes that are decoded lazily, and where they stand in an answer.
_POINTERS: Final[Mapping[type[Model], str]] = {
    Session: "",
    SessionData: "/data",
    Order: "/data/order",
    CartItem: "/data/order/cart/",
}


def decode_answer(wire: Any, cls: type[M]) -> M:
    """The model of an answer. The caller gives the JSON value away: it is kept and changed.

    Raises:
        ResponseDecodeError: A member has the wrong type. Of a session, only the members at its top that are
            neither objects nor arrays are checked here; the others are when they are read.
    """
    if cls is Session and wire.__class__ is dict:
        return cast("M", _lazy(Session).from_checked(wire))
    try:
        refuse_depth(wire)
    except MalformedError as error:
        raise ResponseDecodeError(f"the answer {error}") from None
    return decode(wire, cls)


def raw_member(session: Session, attribute: str, member: str) -> Any:
    """A member of a session as JSON, not decoded if it was not read before. Do not change it.

    Args:
        session: A session, from an answer or not.
        attribute: The member's attribute.
        member: Its name on the wire.
    """
    pending = session._pending  # noqa: SLF001 - this file fills it
    if pending is not None and (value := pending[1].get(member)) is not None:
        return value
    return render(getattr(session, attribute))


def raw_sections(session: Session) -> dict[str, Any]:
    """The sections of ``data`` as JSON, of an answer in which none was read yet; else nothing.

    They stay as they are when the session is read afterwards. Do not change them.
    """
    pending = session._pending  # noqa: SLF001 - this file fills it
    data = pending[1].get("data") if pending is not None else None
    if not isinstance(data, dict):
        return {}
    order = data.get("order")
    return {**data, "order": {**order}} if isinstance(order, dict) else {**data}


def raw_lines(lines: tuple[Any, ...]) -> list[Any]:
    """Cart lines as JSON, those that were not read before not decoded. Do not change them."""
    return [render(line) if (pending := getattr(line, "_pending", None)) is None else pending[1] for line in lines]


# Held while slots are filled. One lock for all: filling takes microseconds.
_filling = threading.RLock()


def _renew_lock() -> None:
    """A process forked while another thread holds the lock would wait for it forever."""
    global _filling  # noqa: PLW0603 - the one place
    _filling = threading.RLock()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_lock)

_attribute = object.__getattribute__


class LazyInstance:
    """The class of an instance while some of its slots are empty. It changes to its real class when all are full.

    On Python 3.11 a class with ``__getattr__`` makes every read of its instances slower (an update with 10 lines:
    1.55, not 1.45, of bare aiohttp). From 3.12 on it does not. So when 3.11 is no longer supported, give the four
    classes of ``_POINTERS`` these methods, and delete this class, ``_complete`` and the ``__class__`` property.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name != "_pending":
                with _filling:
                    if (pending := _attribute(self, "_pending")) is not None:
                        fill, wire, place = pending
                        fill(self, name, wire, place)
            return _attribute(self, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        cls = cast("type[Model]", self.__class__)
        with _filling:
            for attribute in attrs.fields(cls):
                getattr(self, attribute.name)
            _complete(self, cls)
            return object.__reduce_ex__(self, protocol)


_set_class = object.__dict__["__class__"].__set__  # in spite of the property


def _complete(instance: Any, cls: type[Model]) -> None:
    """All slots are full: the instance becomes one of its real class."""
    object.__setattr__(instance, "_pending", None)
    _set_class(instance, cls)


class LazyFactory:
    """Makes lazy instances of one class, and fills their slots when they are read."""

    def __init__(self, cls: type[Model]) -> None:
        readers = readers_of(cls)
        self._cls = cls
        # It says that it is of the real class already. Not by an attribute: another thread may change the class.
        body = {"__slots__": (), "__doc__": cls.__doc__, "__class__": property(lambda _: cls)}
        self._lazy_class = type(cls.__name__, (LazyInstance, cls), body)
        self._pointer = _POINTERS[cls]
        self._parts = {
            name: (
                member,
                self._decoder(name, f"{self._pointer}/{member}"),
                absent_as_array(types_of(cls)[name]) or _is_never_absent,
            )
            for name, member in wire_names(cls).items()
            if readers[name].hook is not None
        }
        self._structure = structurer(cls)
        self._plain = {one.name for one in attrs.fields(cls)} - {*self._parts, "_pending"}
        lazily = {name: attrs.evolve(reader, lazy=name in self._parts) for name, reader in readers.items()}
        self._fill_plain = compile_filler(cls, lazily, self._fill_any, refuse_depth)
        self._checked_shapes: set[tuple[Any, ...]] = set()
        self._set_pending = cls._pending.__set__  # type: ignore[attr-defined]

    def from_checked(self, wire: dict[str, Any]) -> Model:
        """An instance, after a check of the members that are neither objects nor arrays.

        Raises:
            ResponseDecodeError: One of them has the wrong type.
        """
        shape = (*wire, *map(type, wire.values()))
        if shape not in self._checked_shapes:
            plain = self._without_parts(wire)
            try:
                self._structure(plain)
            except MalformedError as error:
                raise _located(error, plain, self._cls, self._pointer) from None
            if len(self._checked_shapes) < MOST_SHAPES:
                self._checked_shapes.add(shape)
        instance: Model = object.__new__(self._lazy_class)
        self._set_pending(instance, (self._fill_one, wire, ""))
        return instance

    def from_unchecked(self, wire: dict[str, Any]) -> Model:
        """An instance that keeps the object and is filled from it, member by member, when it is read."""
        instance: Model = object.__new__(self._lazy_class)
        self._set_pending(instance, (self._fill_one, wire, ""))
        return instance

    def lines(self, wires: list[Any]) -> tuple[Any, ...]:
        """The lines of a cart. Those that carry sales tax are few, of another class, and decoded at once."""
        new, cls, set_pending, fill = object.__new__, self._lazy_class, self._set_pending, self._fill_all
        lines = []
        for index, wire in enumerate(wires):
            if wire.__class__ is dict and wire.get("productType") != "sales_tax":
                line: Any = new(cls)
                set_pending(line, (fill, wire, index))
            else:
                line = structure_hook(AnyCartItem)(wire, AnyCartItem)
            lines.append(line)
        return tuple(lines)

    def _fill_all(self, instance: Model, name: str, wire: dict[str, Any], place: str | int) -> None:
        """Fill all slots of an instance that has neither objects nor arrays."""
        if name in self._plain:
            try:
                self._fill_plain(wire, instance)
            except MalformedError as error:
                raise self._malformed(error, wire, place) from None
            _complete(instance, self._cls)

    def _fill_one(self, instance: Model, name: str, wire: dict[str, Any], place: str | int) -> None:
        """Fill the slot of an object or array, or else those of all other members."""
        part = self._parts.get(name)
        if part is not None and (raw := wire.get(part[0])) is not None and not part[2](raw):
            object.__setattr__(instance, name, part[1](raw))
            wire.pop(part[0], None)
        elif (part is not None or name in self._plain) and _is_empty(instance, name):
            self._fill_others(instance, wire, place)

    def _fill_others(self, instance: Model, wire: dict[str, Any], place: str | int) -> None:
        """Fill all slots but those of objects and arrays."""
        absent = [member for member, _, is_absent in self._parts.values() if is_absent(wire.get(member))]
        try:
            (self._fill_any if absent else self._fill_plain)(wire, instance)
        except MalformedError as error:
            raise self._malformed(error, wire, place) from None
        left = {}
        for part, (member, _, _) in self._parts.items():
            if _is_empty(instance, part):
                if (raw := wire.get(member)) is None or member in absent:
                    object.__setattr__(instance, part, None)
                else:
                    left[member] = raw
        if left:
            self._set_pending(instance, (self._fill_rest, left, place))
        else:
            _complete(instance, self._cls)

    def _fill_rest(self, instance: Model, name: str, wire: dict[str, Any], _place: str | int) -> None:
        """Fill the slot of an object or array, the others being full."""
        member, make, _ = self._parts.get(name, ("", None, _is_never_absent))
        raw = wire.get(member)
        if make is not None and raw is not None:
            object.__setattr__(instance, name, make(raw))
            wire.pop(member, None)
            if not wire:
                _complete(instance, self._cls)

    def _decoder(self, name: str, pointer: str) -> Callable[[Any], Any]:
        """Decodes the object or array of a member, or makes it lazy."""
        annotation = types_of(self._cls)[name]
        kind = alternatives(annotation)[0]
        hook = structure_hook(annotation)
        accepted: type | None = None
        make_lazy: Callable[[Any], Any] | None = None
        if kind in _POINTERS:
            accepted, make_lazy = dict, _lazy(kind).from_unchecked
        elif self._cls is Order:
            accepted, make_lazy = list, _lazy(CartItem).lines

        def decode_part(raw: Any) -> Any:
            try:
                if make_lazy is not None and raw.__class__ is accepted:
                    return make_lazy(raw)
                refuse_depth(raw)
                return hook(raw, annotation)
            except MalformedError as error:
                raise _located(error, raw, annotation, pointer) from None

        return decode_part

    def _malformed(self, error: MalformedError, wire: dict[str, Any], place: str | int) -> ResponseDecodeError:
        return _located(error, self._without_parts(wire), self._cls, f"{self._pointer}{place}")

    def _fill_any(self, wire: dict[str, Any], instance: Model) -> None:
        plain = self._without_parts(wire)
        refuse_depth(plain)
        whole = self._structure(plain)
        for name in self._plain:
            object.__setattr__(instance, name, getattr(whole, name))

    def _without_parts(self, wire: dict[str, Any]) -> dict[str, Any]:
        parts = {
            member
            for member, _, is_absent in self._parts.values()
            if (value := wire.get(member)) is not None and not is_absent(value)
        }
        return {member: value for member, value in wire.items() if member not in parts}


_lazy = per_class(LazyFactory)


def _is_never_absent(_value: Any) -> bool:
    return False


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
