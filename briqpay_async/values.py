"""Values: frozen classes whose ``==``, ``hash`` and ``repr`` are made when one of them is first asked for.

attrs writes these methods as source text for each class and compiles it while the class is made. This package has
many classes, of which a program compares or shows few, and making the methods of all of them took a fifth of the
time of importing it. So a class of values derives from ``Value`` and is declared with ``eq=False, repr=False``.
What its methods do is what attrs does, for attrs still writes them: for one class, when one of them is called.
"""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Value"]


class Value:
    """Base of frozen attrs classes that are declared with ``eq=False, repr=False``."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        equal: bool = _METHODS[self.__class__].__eq__(self, other)
        return equal

    def __ne__(self, other: object) -> bool:  # a model is rendered by asking this of each of its members
        if other.__class__ is not self.__class__:
            return NotImplemented
        equal: bool = _METHODS[self.__class__].__eq__(self, other)
        return not equal

    def __hash__(self) -> int:
        number: int = _METHODS[self.__class__].__hash__(self)
        return number

    def __repr__(self) -> str:
        text: str = _METHODS[self.__class__].__repr__(self)
        return text


class _Methods(dict[type, Any]):
    """For each class, another one with the same attributes, whose methods attrs wrote; made when first needed."""

    def __missing__(self, cls: Any) -> Any:
        attributes = {
            one.name: attrs.field(init=False, eq=one.eq, hash=one.hash, repr=one.repr) for one in attrs.fields(cls)
        }
        made = attrs.make_class(cls.__name__, attributes, init=False, frozen=True, order=False)
        self[cls] = made
        return made


_METHODS = _Methods()
