"""What all models share: absence, ``CLEAR``, unknown members, wire names, and the limits of a member.

``None`` means absent: not sent, not returned. ``CLEAR`` is an explicit JSON ``null``. ``extra`` keeps the
members a model does not know under their wire names, so that nothing the server sent is ever lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from itertools import islice
from typing import Any, Final, NoReturn, TypeVar, cast

import attrs

from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models.limits import limits_of
from briqpay_async.redaction import HIDDEN, shown_members

__all__ = ["CLEAR", "NO_EXTRA", "Clear", "Model", "Pending", "ReadOnlyDict", "as_texts", "as_tuple", "wire_names"]

T = TypeVar("T")


class Clear(Enum):
    """The type of ``CLEAR``."""

    CLEAR = "CLEAR"

    def __repr__(self) -> str:
        return "CLEAR"

    def __bool__(self) -> bool:
        return False


CLEAR: Final = Clear.CLEAR
"""Send an explicit JSON ``null``: accepted for ``company.cin`` and ``company.name`` only (Briqpay docs). It is
falsy, and a ``null`` that the server sends for one of those members is read as ``CLEAR`` too."""


class ReadOnlyDict(dict[str, Any]):
    """A dictionary that refuses to change. Picklable, unlike ``types.MappingProxyType``."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping is read-only; make a new one with attrs.evolve(model, extra={...})")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[type[ReadOnlyDict], tuple[dict[str, Any]]]:
        return (ReadOnlyDict, (dict(self),))

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))


NO_EXTRA: Final = ReadOnlyDict()


def _read_only(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return value if value.__class__ is ReadOnlyDict else ReadOnlyDict(value)


@attrs.frozen(kw_only=True, repr=False)
class Model:
    """Base of every model: frozen, slotted, keyword-only.

    Its ``repr`` is short and fit for logs: members that are present, with the values of those that are known to
    describe no person, and the names of unknown ones.

    Attributes:
        extra: Members that the model does not know, by their wire names; kept through read, edit and send.
    """

    extra: Mapping[str, Any] = attrs.field(default=NO_EXTRA, converter=_read_only, hash=False)

    def broken_rules(self) -> Iterable[tuple[str, str]]:
        """Rules that concern several members: pairs of wire name and message. None by default."""
        return ()

    def __repr__(self) -> str:
        holds_text = _shown(self.__class__)
        members = [
            f"{name}={_shown_value(name, value, holds_text.get(name))}"
            for name in wire_names(self.__class__)
            if (value := _look_at(self, name)) is not None
        ]
        if extra := getattr(self, "extra", None):
            more = ", ..." if len(extra) > _MOST_NAMES else ""
            members.append(f"extra=<{', '.join(map(_shown_scalar, islice(extra, _MOST_NAMES)))}{more}>")
        return f"{self.__class__.__name__}({', '.join(members)})"


Pending = tuple[Callable[..., None], dict[str, Any], str | int]
"""What fills the empty slots of a model, the JSON object that they come from, and where that stands."""


def _look_at(model: Model, name: str) -> Any:
    """A member, or why it cannot be decoded: printing a model raises no error."""
    try:
        return getattr(model, name, None)  # absent, or not set yet
    except ResponseDecodeError as error:
        return error


def _shown_value(name: str, value: Any, holds_text: bool | None) -> str:  # noqa: FBT001 - asked by position
    """A member as ``repr`` shows it; ``holds_text`` is ``None`` for one whose values are not shown."""
    if isinstance(value, Model | Clear):
        return repr(value)
    if isinstance(value, ResponseDecodeError):
        return "<malformed>"
    if isinstance(value, tuple) and value:
        if holds_text:
            return f"({', '.join(map(_shown_scalar, value))})"
        one, many = ("line", "lines") if name == "cart" else ("entry", "entries")
        return f"({len(value)} {one if len(value) == 1 else many})"
    if holds_text is None or (
        isinstance(value, str) and not holds_text
    ):  # text in place of a number: who knows what
        return HIDDEN
    return _shown_scalar(value)


def _shown_scalar(value: Any) -> str:
    if isinstance(value, str):
        text = str(value)  # of an enum, the text it stands for
        return repr(text) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!r}..."
    return repr(value) if isinstance(value, int | float) and -_LARGEST_SHOWN < value < _LARGEST_SHOWN else HIDDEN


_LONGEST_SHOWN: Final = 60
_LARGEST_SHOWN: Final = 2**64
_MOST_NAMES: Final = 10


def as_tuple(value: Iterable[Any] | None) -> tuple[Any, ...] | None:
    """A list (or any iterable of models) as a tuple; what is no collection stays, for validation to name."""
    if value is None or isinstance(value, tuple | str | bytes | Mapping) or not isinstance(value, Iterable):
        return cast("tuple[Any, ...] | None", value)
    return tuple(value)


def as_texts(value: Iterable[str] | None) -> tuple[str, ...] | None:
    """``as_tuple``, typed for texts: constructors have the types of their converters."""
    return as_tuple(value)


def camel_case(name: str) -> str:
    """The one naming rule: ``street_address2`` is ``streetAddress2`` on the wire."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def per_class(make: Callable[[Any], T]) -> Callable[[Any], T]:
    """Remember what a function makes of a class: it is asked once for each."""
    return cache(make)


@per_class
def _shown(cls: type[Model]) -> Mapping[str, bool]:
    """The attributes whose values may be shown, and whether each holds text."""
    allowed = shown_members(cls.__name__)
    return {one.name: "str" in str(one.type) for one in attrs.fields(cls) if one.name in allowed}


@per_class
def wire_names(cls: type[Model]) -> Mapping[str, str]:
    """Attribute name to wire name, in declaration order, ``extra`` and private attributes left out."""
    return {
        attribute.name: limits_of(attribute).wire or camel_case(attribute.name)
        for attribute in attrs.fields(cls)
        if attribute.name != "extra" and attribute.init
    }
