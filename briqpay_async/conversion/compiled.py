"""Constructors compiled for the JSON shapes that answers really have.

An API answers the same shapes again and again: the same members, in the same order, of the same kinds. cattrs
structures the first few objects of a shape. Then a constructor is compiled that unpacks the values and stores
them, with everything that depends on the shape alone (which members are known, absent, ``null`` or of the wrong
kind) already decided.

What it buys, in processor time of an update against bare aiohttp on Python 3.11 where nothing is lazy: 1.94, not
2.98, for an answer with 10 lines, and 4.35, not 9.24, for one with 100. The plain way is the ``generic`` function
that a constructor gets, which is cattrs; ``tests/conversion/test_compiled.py`` shows that both give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from briqpay_async.conversion.codegen import compile_function
from briqpay_async.conversion.json_values import canonical
from briqpay_async.models.base import CLEAR, NO_EXTRA, Model, ReadOnlyDict, wire_names

__all__ = ["MOST_SHAPES", "AbsentError", "MemberReader", "compile_constructor", "compile_filler"]

Shape = tuple[Any, ...]
Construct = Callable[..., Any]

_AFTER: Final = 3  # objects of a shape are structured by cattrs before its constructor is compiled
MOST_SHAPES: Final = 100  # shapes remembered for a class: a hostile server must not fill the memory with them
_WIDEST: Final = 60  # members of an object for which it is worth while


class AbsentError(Exception):
    """A value turns out to stand for an absent one, which a compiled constructor does not handle."""


@attrs.frozen(eq=False, repr=False)
class MemberReader:
    """How a constructor reads one member: as it is, through a table, or through a hook.

    Attributes:
        nullable: A ``null`` means ``CLEAR``; elsewhere it is kept among the unknown members.
        table: Replaces values by enum constants; unknown values stay.
        hook: Structures the value.
        accepts: The classes of JSON values for which that holds; any when left out.
        lazy: The member is left to the caller, which structures it when it is read.
    """

    nullable: bool = False
    table: Mapping[Any, Any] | None = None
    hook: Callable[[Any, Any], Any] | None = None
    accepts: frozenset[type] | None = None
    lazy: bool = False


def compile_constructor(cls: type[Model], readers: Mapping[str, MemberReader], generic: Construct) -> Construct:
    """A function that structures objects of one class, and learns their shapes.

    What it returns takes a JSON object and makes an instance.

    Args:
        cls: The class.
        readers: How to read each member, by attribute.
        generic: Structures any object; raises ``MalformedError`` when a member has the wrong type.
    """
    shapes = _Shapes(lambda wire: _compile(cls, readers, wire), _accepted(cls, readers))
    find = shapes.compiled.get

    def construct(wire: dict[str, Any], _: Any = None) -> Any:
        shape = (*wire, *map(type, wire.values()))
        known = find(shape)
        if known is not None:
            try:
                return known(wire)
            except AbsentError:
                return generic(wire)
        instance = generic(wire)  # raises here, before anything is learnt
        shapes.learn(shape, wire)
        return instance

    return construct


def compile_filler(
    cls: type[Model], readers: Mapping[str, MemberReader], generic: Construct, check: Callable[[Any], None]
) -> Construct:
    """Like ``compile_constructor``. The function takes a JSON object and an instance whose slots are empty.

    Args:
        cls: The class.
        readers: How to read each member, by attribute.
        generic: Fills the slots from any object; raises ``MalformedError`` when a member has the wrong type.
        check: Called with each object and array that is kept as it is.
    """
    shapes = _Shapes(lambda wire: _compile(cls, readers, wire, check), _accepted(cls, readers))
    find = shapes.compiled.get

    def fill(wire: dict[str, Any], instance: Any) -> None:
        shape = (*wire, *map(type, wire.values()))
        known = find(shape)
        if known is not None:
            known(wire, instance)
            return
        generic(wire, instance)
        shapes.learn(shape, wire)

    return fill


def _accepted(cls: type[Model], readers: Mapping[str, MemberReader]) -> Mapping[str, frozenset[type]]:
    """The classes of JSON values that a compiled constructor takes, by wire name."""
    names = wire_names(cls)
    return {names[name]: reader.accepts for name, reader in readers.items() if reader.accepts is not None}


class _Shapes:
    """The shapes of one class that were seen, and what was compiled for them."""

    def __init__(
        self, compile_for: Callable[[dict[str, Any]], Construct], accepted: Mapping[str, frozenset[type]]
    ) -> None:
        self._compile_for = compile_for
        self._accepted = accepted
        self._seen: dict[Shape, int] = {}
        self.compiled: dict[Shape, Construct] = {}

    def learn(self, shape: Shape, wire: dict[str, Any]) -> None:
        """An object of a shape was structured by cattrs."""
        seen = self._seen
        for member, classes in self._accepted.items():
            if member in wire and wire[member].__class__ not in classes:
                return  # it is read as something else, which only the generic way does
        if len(wire) <= _WIDEST and (shape in seen or len(seen) < MOST_SHAPES):
            seen[shape] = seen.get(shape, 0) + 1
            if seen[shape] >= _AFTER:  # more, if threads counted at the same time
                self.compiled[shape] = self._compile_for(wire)


def _compile(
    cls: type[Model],
    readers: Mapping[str, MemberReader],
    wire: dict[str, Any],
    check: Callable[[Any], None] | None = None,
) -> Construct:
    """Compile a constructor for the shape of an object, or, with a check, what fills an existing instance."""
    places = {name: f"v{index}" for index, name in enumerate(wire)}
    names = wire_names(cls)
    scope: dict[str, Any] = {
        "ReadOnlyDict": ReadOnlyDict,
        "NO_EXTRA": NO_EXTRA,
        "CLEAR": CLEAR,
        "canonical": canonical,
    }
    source = [f"{', '.join(places.values())}, = wire.values()"] if places else []
    extra = [name for name in wire if name not in names.values()]
    values: dict[str, str] = {}
    for attribute in attrs.fields(cls):
        name = attribute.name
        reader = readers.get(name)
        place = places.get(names.get(name, ""))
        if check and name == "_pending":
            continue
        if reader is not None and reader.lazy:
            extra += [names[name]] if place and wire[names[name]] is None else []
        elif reader is None or place is None:
            scope[f"default_{name}"] = attribute.default
            values[name] = f"default_{name}"
        elif wire[names[name]] is None:
            values[name] = "CLEAR" if reader.nullable else "None"
            extra += [] if reader.nullable else [names[name]]
        elif reader.table:
            scope[f"table_{name}"] = reader.table.get
            values[name] = f"table_{name}({place}, {place})"
        elif reader.hook:
            scope[f"hook_{name}"] = reader.hook
            values[name] = f"hook_{name}({place}, None)"
        else:
            values[name] = place
    kept = ", ".join(f"{name!r}: {places[name]}" for name in extra)
    values["extra"] = f"ReadOnlyDict({{{kept}}})" if extra else "NO_EXTRA"
    if "_wire" in values and (not extra or _renders_more(cls, places)):
        known = [name for name in names.values() if name in places and name not in extra]
        values["_wire"] = _canonical_wire(known, wire, places, values["extra"])
    if check:
        lazy = {names[name] for name, reader in readers.items() if reader.lazy}
        kept_whole = [name for name, value in wire.items() if value.__class__ in (dict, list) and name not in lazy]
        scope["check"] = check
        source += [f"check({places[name]})" for name in kept_whole]
        scope |= {f"set_{name}": getattr(cls, name).__set__ for name in values}
        source += [f"set_{name}(self, {value})" for name, value in values.items()]
        source.insert(0, "def compiled(wire, self):")
    else:
        layout = _mutable_layout_of(cls)
        scope |= {"cls": cls, "new": layout.__new__, "layout": layout}
        source += ["self = new(layout)", *(f"self.{name} = {value}" for name, value in values.items())]
        source += ["self.__class__ = cls", "return self"]
        source.insert(0, "def compiled(wire):")
    head, *body = source
    return compile_function("compiled", [head, *(f"    {line}" for line in body)], scope, cls.__name__)


def _mutable_layout_of(cls: type[Model]) -> type:
    """A class with the layout of a frozen one, whose instances can be filled by plain assignment.

    An instance becomes one of the frozen class at the end, by assigning its ``__class__``.
    """
    return type(
        f"Mutable{cls.__name__}",
        cls.__bases__,
        {
            "__slots__": cls.__dict__["__slots__"],
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )


def _canonical_wire(known: list[str], wire: dict[str, Any], places: Mapping[str, str], extra: str) -> str:
    """Source of the members in canonical order, which is what sending a line again would render."""
    if known == list(wire):
        return "wire"
    literal = "{" + ", ".join(f"{name!r}: {places[name]}" for name in known) + "}"
    return literal if extra == "NO_EXTRA" else f"{literal} | canonical({extra})"


def _renders_more(cls: type[Model], places: Mapping[str, str]) -> bool:
    """Whether rendering an instance would show a member that its JSON left out, because it has a default."""
    names = wire_names(cls)
    return any(
        attribute.default is not None and attribute.name in names and names[attribute.name] not in places
        for attribute in attrs.fields(cls)
    )
