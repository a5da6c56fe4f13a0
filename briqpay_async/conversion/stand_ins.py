"""What other programs write in place of a value, and what it is read as.

PHP writes ``[]`` for an empty object, and references and amounts come as ``12`` and ``1.0``: all seen in test
data of Briqpay's own plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin

from briqpay_async.conversion.encode import SCALARS, alternatives
from briqpay_async.conversion.json_values import NumericText
from briqpay_async.models.base import Model

__all__ = ["absent_as_array", "is_optional", "is_plain", "json_class", "stand_in_for"]

_EXACT: Final = 2.0**53


def json_class(kind: Any) -> type | None:
    """The Python class of the JSON values that a plain annotation accepts, if it is one."""
    if kind in SCALARS:
        return cast("type", kind)
    if isinstance(kind, type) and issubclass(kind, str):
        return str
    return dict if get_origin(kind) is Mapping and get_args(kind)[1] in {str, Any} else None


def is_plain(annotation: Any) -> bool:
    """Whether all values of an annotation are text, numbers, booleans or open objects."""
    return all(json_class(kind) is not None for kind in alternatives(annotation))


def is_optional(annotation: Any) -> bool:
    """Whether ``None`` is one of the values."""
    return get_origin(annotation) in {Union, UnionType} and NoneType in get_args(annotation)


def stand_in_for(classes: frozenset[type]) -> Callable[[Any], tuple[Any] | None] | None:
    """Reads values of another class that mean the same, each as a tuple of one; ``None`` for those that do not."""
    if classes == {str}:
        return lambda value: (NumericText(repr(value)),) if value.__class__ in {int, float} else None
    if classes == {int}:
        return lambda value: (int(value),) if _is_exact(value) else None
    if classes == {dict}:
        return lambda value: (None,) if value == [] else None
    return None


def _is_exact(value: Any) -> bool:
    """Whether a value is a float that stands for one whole number, and not for many: below 2**53."""
    return value.__class__ is float and value.is_integer() and abs(value) < _EXACT


def absent_as_array(annotation: Any) -> Callable[[Any], bool] | None:
    """Whether an array stands for an absent object (``[]``) or for an absent array of objects (``[[]]``).

    ``None`` for members where it never does.
    """
    kinds = alternatives(annotation)
    if all(json_class(kind) is dict or (isinstance(kind, type) and issubclass(kind, Model)) for kind in kinds):
        return lambda value: value.__class__ is list and not value
    if get_origin(kinds[0]) is tuple and json_class(get_args(kinds[0])[0]) is None:
        return lambda value: value.__class__ is list and bool(value) and all(entry == [] for entry in value)
    return None
