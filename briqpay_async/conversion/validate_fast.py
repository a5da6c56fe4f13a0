"""A quick yes to "would the API take this?".

Nearly all models are right. For those of plain members, such as a cart line or an address, one compiled expression
finds that out; only what is left goes through the rules one by one, which take longer and name what is wrong.

What it buys: a fresh order of 100 lines is checked in 122 microseconds, not 341 (Python 3.11). The plain way is
the rules in ``validate``; ``tests/conversion/test_validate_fast.py`` shows that they refuse no quick yes.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import attrs

from briqpay_async.conversion.codegen import compile_function
from briqpay_async.conversion.encode import alternatives
from briqpay_async.models.base import Model, per_class, wire_names
from briqpay_async.models.limits import Limits, limits_of

__all__ = ["LARGEST", "is_surely_valid"]

LARGEST: Final = 2**53 - 1
"""Beyond this integer JavaScript, and so most of JSON's readers, loses digits."""


@per_class
def is_surely_valid(cls: type[Model]) -> Callable[[Any], bool]:
    """A function that returns whether an instance surely has nothing that the API would refuse.

    ``False`` means that it was not that easy to see. It never is where a required member is an object or an array.
    """
    attrs.resolve_types(cls)
    names = wire_names(cls)
    scope: dict[str, Any] = {}
    conditions = ["not model.extra"]
    for attribute in attrs.fields(cls):
        if attribute.name in names:
            scope[f"{attribute.name}_enums"] = _enums(attribute.type)
            scope[f"{attribute.name}_form"] = limits_of(attribute).form
            conditions.append(_condition(attribute.name, attribute.type, limits_of(attribute)))
    if "False" in conditions:
        return _always_undecided
    if cls.broken_rules is not Model.broken_rules:
        conditions.append("not tuple(model.broken_rules())")
    first, *others = conditions
    lines = [
        "def is_surely_valid(model):",
        "    return (",
        f"        {first}",
        *(f"        and {c}" for c in others),
        "    )",
    ]
    return compile_function("is_surely_valid", lines, scope, cls.__name__)


def _always_undecided(_model: Model) -> bool:
    return False


def _enums(annotation: Any) -> tuple[Any, ...]:
    return tuple(kind for kind in alternatives(annotation) if isinstance(kind, type) and issubclass(kind, StrEnum))


def _condition(name: str, annotation: Any, limits: Limits) -> str:
    """What a member has to be. Only texts and integers are checked here: others have to be absent."""
    kinds, enums = alternatives(annotation), _enums(annotation)
    value = f"(value := model.{name})"
    if kinds == (int,):
        least = -LARGEST if limits.minimum is None else limits.minimum
        fine = f"{value}.__class__ is int and {least} <= value <= {LARGEST}"
        if limits.choices is not None:
            fine += f" and value in {limits.choices!r}"
    elif set(kinds) == {str, *enums}:
        fine = f"{value}.__class__ is str and (value.isascii() or value.isprintable())"
        if limits.max_length is not None:
            fine += f" and len(value) <= {limits.max_length}"
        if limits.min_length is not None:
            fine += f" and len(value) >= {limits.min_length}"
        if limits.form is not None:
            fine += f" and {name}_form(value) is None"
        if enums:
            fine = f"({fine} or value.__class__ in {name}_enums)"
    else:
        return "False" if limits.required else f"model.{name} is None"
    return fine if limits.required else f"({fine} or value is None)"
