"""Constructors compiled for the shapes that answers really have.

An API answers the same shapes again and again: the same members, in the same order, of the same kinds. The first
few objects of a shape are structured by cattrs. Then a constructor is compiled that unpacks the values and stores
them, with everything that depends on the shape alone (which members are known, absent, ``null`` or of the wrong
kind) already decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from briqpay_async.models.base import CLEAR, NO_EXTRA, Model, ReadOnlyDict, wire_names

__all__ = ["Reader", "constructor"]

Shape = tuple[Any, ...]
Construct = Callable[[dict[str, Any]], Any]

_AFTER: Final = 3  # objects of a shape are structured by cattrs before its constructor is compiled
_MOST: Final = 100  # shapes remembered for a class: a hostile server must not fill the memory with them
_WIDEST: Final = 60  # members of an object for which it is worth while


@attrs.frozen
class Reader:
    """How a constructor reads one member: as it is, through a table, or through a hook.

    Attributes:
        nullable: A ``null`` means ``CLEAR``; elsewhere it is kept among the unknown members.
        table: Replaces values by enum constants; unknown values stay.
        hook: Structures the value.
    """

    nullable: bool = False
    table: Mapping[Any, Any] | None = None
    hook: Callable[[Any, Any], Any] | None = None


def constructor(cls: type[Model], readers: Mapping[str, Reader], generic: Construct) -> Callable[..., Any]:
    """A function that structures objects of one class, and learns their shapes.

    Args:
        cls: The class.
        readers: How to read each member, by attribute.
        generic: Structures any object; raises for what no sense can be made of.
    """
    seen: dict[Shape, int] = {}
    compiled: dict[Shape, Construct] = {}

    def learn(wire: dict[str, Any], shape: Shape) -> Any:
        instance = generic(wire)  # raises here, before anything is learnt
        if len(wire) <= _WIDEST and (shape in seen or len(seen) < _MOST):
            seen[shape] = seen.get(shape, 0) + 1
            if seen[shape] == _AFTER:
                compiled[shape] = _compile(cls, readers, wire)
        return instance

    find = compiled.get

    def construct(wire: dict[str, Any], _: Any = None) -> Any:
        shape = (*wire, *map(type, wire.values()))
        known = find(shape)
        return learn(wire, shape) if known is None else known(wire)

    return construct


def _compile(cls: type[Model], readers: Mapping[str, Reader], wire: dict[str, Any]) -> Construct:
    places = {name: f"v{index}" for index, name in enumerate(wire)}
    names = wire_names(cls)
    twin = _mutable_twin(cls)
    scope: dict[str, Any] = {
        "cls": cls,
        "new": twin.__new__,
        "twin": twin,
        "ReadOnlyDict": ReadOnlyDict,
        "NO_EXTRA": NO_EXTRA,
        "CLEAR": CLEAR,
    }
    source = ["def construct(wire):"]
    if places:
        source.append(f"{', '.join(places.values())}, = wire.values()")
    source.append("self = new(twin)")
    extra = [name for name in wire if name not in names.values()]
    for attribute in attrs.fields(cls):
        name = attribute.name
        reader = readers.get(name)
        place = places.get(names.get(name, ""))
        if name == "extra":
            continue
        if reader is None or place is None:
            scope[f"default_{name}"] = attribute.default
            source.append(f"self.{name} = default_{name}")
        elif wire[names[name]] is None:
            source.append(f"self.{name} = {'CLEAR' if reader.nullable else None}")
            extra += [] if reader.nullable else [names[name]]
        elif reader.table:
            scope[f"table_{name}"] = reader.table.get
            source.append(f"self.{name} = table_{name}({place}, {place})")
        elif reader.hook:
            scope[f"hook_{name}"] = reader.hook
            source.append(f"self.{name} = hook_{name}({place}, None)")
        else:
            source.append(f"self.{name} = {place}")
    kept = ", ".join(f"{name!r}: {places[name]}" for name in extra)
    source.append(f"self.extra = ReadOnlyDict({{{kept}}})" if extra else "self.extra = NO_EXTRA")
    if "_wire" in {attribute.name for attribute in attrs.fields(cls)} and not extra:
        # The members in canonical order are what sending the line again would render.
        ordered = [name for name in names.values() if name in places]
        literal = "{" + ", ".join(f"{name!r}: {places[name]}" for name in ordered) + "}"
        source.append(f"self._wire = {'wire' if ordered == list(wire) else literal}")
    source += ["self.__class__ = cls", "return self"]
    exec("\n    ".join(source), scope)  # noqa: S102 - attribute names of ours, and names of members as literals
    compiled: Construct = scope["construct"]
    return compiled


def _mutable_twin(cls: type[Model]) -> type:
    """A class with the layout of a frozen one, whose instances can be filled by plain assignment.

    An instance becomes one of the frozen class at the end, by assigning its ``__class__``.
    """
    return type(
        f"{cls.__name__}InTheMaking",
        cls.__bases__,
        {
            "__slots__": cls.__dict__["__slots__"],
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )
