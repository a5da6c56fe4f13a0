"""Outbound validation: every limit the API documents, all problems at once, before a byte is sent.

The rules stand on the models (types and ``Limits``); this file only applies them. Problems are named by
JSON pointers with the names of the wire, such as ``/data/order/cart/1/unitPrice``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin
from uuid import UUID

import attrs

from briqpay_async.conversion.json_values import escape
from briqpay_async.conversion.validate_fast import LARGEST, is_surely_valid
from briqpay_async.errors import ValidationError
from briqpay_async.models.base import CLEAR, Clear, Model, per_class, wire_names
from briqpay_async.models.cart import CartItem, SalesTaxItem
from briqpay_async.models.limits import Limits, limits_of

__all__ = [
    "Check",
    "Problems",
    "check",
    "check_json",
    "check_model",
    "check_references",
    "check_session_id",
    "member_checks",
    "problems",
]

Problems = list[tuple[str, str]]
Check = Callable[[Any, str, Problems], None]

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SURROGATE = re.compile("[\ud800-\udfff]")

_DEEPEST = 100


def problems(model: Model, pointer: str = "") -> tuple[tuple[str, str], ...]:
    """Everything the API would refuse about a model, as ``(JSON pointer, message)``.

    Args:
        model: Any model that is sent.
        pointer: Where the model stands in the document.
    """
    found: Problems = []
    check_model(model, pointer, found)
    return tuple(found)


def check(model: Model, pointer: str = "") -> None:
    """Refuse a model that the API would refuse.

    Raises:
        ValidationError: With every problem found.
    """
    found = problems(model, pointer)
    if found:
        raise ValidationError(problems=found)


def check_session_id(session_id: object) -> str:
    """The identifier as it goes into a path.

    Raises:
        ValidationError: It is not a UUID in its usual form (Briqpay docs).
    """
    if isinstance(session_id, str) and _UUID.fullmatch(session_id):
        return session_id.lower()  # one session, however its UUID is written
    if isinstance(session_id, UUID):
        return str(session_id)
    raise ValidationError(
        problems=(("/sessionId", "must be a UUID such as c5674f4f-7e84-405c-a44b-c83736bb7209"),)
    )


def check_references(references: object, pointer: str = "/references") -> Problems:
    """Problems of a map of references: texts of at most 512 characters (Briqpay docs)."""
    found: Problems = []
    _mapping(_text(Limits(max_length=512)))(references, pointer, found)
    return found


def check_model(model: Model, pointer: str, found: Problems) -> None:
    """Collect everything the API would refuse about a model that stands at ``pointer``."""
    cls = model.__class__
    if is_surely_valid(cls)(model):
        if cls in _LINES:
            object.__setattr__(model, "_valid", True)
        return
    before = len(found)
    for attribute, wire, required, rule in _rules(cls):
        value = getattr(model, attribute)
        if value is None:
            if required:
                found.append((f"{pointer}/{wire}", "is required"))
        else:
            rule(value, f"{pointer}/{wire}", found)
    found.extend((f"{pointer}/{wire}", text) for wire, text in model.broken_rules())
    if model.extra:
        check_json(model.extra, pointer, found)
        known = {wire: attribute for attribute, wire in wire_names(cls).items()}
        # A null for a known member is what the server sent: it goes back as it came.
        found.extend(
            (f"{pointer}/{escape(name)}", f"is known here: set {known[name]} instead of extra")
            for name, value in model.extra.items()
            if name in known and value is not None
        )
    if cls in _LINES and len(found) == before:
        object.__setattr__(model, "_valid", True)


# They are frozen, so one that was found valid stays valid.
_LINES: Final = frozenset({CartItem, SalesTaxItem})


@per_class
def _rules(cls: type[Model]) -> tuple[tuple[str, str, bool, Check], ...]:
    attrs.resolve_types(cls)
    names = wire_names(cls)
    return tuple(
        (
            attribute.name,
            names[attribute.name],
            limits_of(attribute).required,
            _check_for(attribute.type, limits_of(attribute)),
        )
        for attribute in attrs.fields(cls)
        if attribute.name in names
    )


@per_class
def member_checks(cls: type[Model]) -> Mapping[str, tuple[str, Check]]:
    """Wire name and check of each member by attribute: what a patch does not carry is not checked."""
    return {attribute: (wire, check_value) for attribute, wire, _, check_value in _rules(cls)}


def _check_for(annotation: Any, limits: Limits) -> Check:
    kinds = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    nullable = Clear in kinds
    by_class: dict[type, Check] = dict(
        _check_kind(kind, limits) for kind in kinds if kind not in {NoneType, Clear, Any}
    )
    wanted = " or ".join(dict.fromkeys(_NAMES.get(cls, f"a {cls.__name__}") for cls in by_class))

    def check_value(value: Any, pointer: str, found: Problems) -> None:
        known = by_class.get(value.__class__) or next(
            (rule for cls, rule in by_class.items() if isinstance(value, cls) and not isinstance(value, bool)),
            None,
        )
        if value is CLEAR:
            if not nullable:
                found.append((pointer, _NOT_NULLABLE))
        elif known is None:
            found.append((pointer, f"must be {wanted}, not {_kind_of(value)}"))
        else:
            known(value, pointer, found)

    if any(kind is Any for kind in kinds):
        return check_json
    if by_class.keys() == {str} and not nullable:
        return by_class[str]
    return check_value


_NOT_NULLABLE = "cannot be cleared: null is accepted for company cin and name only"
_NAMES = {
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    Mapping: "an object",
    tuple: "an array",
}


def _kind_of(value: object) -> str:
    return {bool: "a boolean", str: "text", float: "a float", list: "a list", dict: "a dict"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _check_kind(kind: Any, limits: Limits) -> tuple[type, Check]:
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        remembered = CartItem in get_args(element)
        return tuple, _array(_check_for(element, Limits()), limits, _unchecked if remembered else _indexes)
    if get_origin(kind) is Mapping:
        return Mapping, _mapping(_check_for(get_args(kind)[1], limits))
    if issubclass(kind, Model):
        return kind, check_model
    if issubclass(kind, str | Enum):
        return str, _text(limits)
    if kind is bool:
        return bool, lambda _value, _pointer, _found: None
    return kind, _number(limits)


def _text(limits: Limits) -> Check:
    most, fewest, form = limits.max_length, limits.min_length, limits.form

    def check_text(value: Any, pointer: str, found: Problems) -> None:
        if not isinstance(value, str):
            wrong = _NOT_NULLABLE if value is CLEAR else f"must be text, not {_kind_of(value)}"
            found.append((pointer, wrong))
            return
        if most is not None and len(value) > most:
            found.append((pointer, f"must be at most {most} characters, not {len(value)}"))
        if fewest is not None and len(value) < fewest:
            found.append((pointer, f"must be at least {fewest} characters"))
        # No surrogate is printable, and asking for that is quicker than a search.
        if not value.isascii() and not value.isprintable() and _SURROGATE.search(value):
            found.append((pointer, "has a lone surrogate, which is no Unicode text"))
        elif form is not None and (wanted := form(value)) is not None:
            found.append((pointer, wanted))

    return check_text


def _number(limits: Limits) -> Check:
    minimum, choices = limits.minimum, limits.choices

    def check_number(value: Any, pointer: str, found: Problems) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            found.append((pointer, "must be a finite number"))
        elif not -LARGEST <= value <= LARGEST:
            found.append((pointer, "is larger than any JSON reader can be trusted with"))
        elif minimum is not None and value < minimum:
            found.append((pointer, f"must be at least {minimum}, not {value}"))
        elif choices is not None and value not in choices:
            found.append((pointer, f"must be {' or '.join(map(str, choices))}, not {value}"))

    return check_number


def _array(element: Check, limits: Limits, indexes: Callable[[tuple[Any, ...]], Iterable[int]]) -> Check:
    most, fewest = limits.max_length, limits.min_length

    def check_array(value: Any, pointer: str, found: Problems) -> None:
        if most is not None and len(value) > most:
            found.append((pointer, f"must have at most {most} entries, not {len(value)}"))
        if fewest is not None and len(value) < fewest:
            found.append((pointer, f"must have at least {fewest} entries"))
        for index in indexes(value):
            element(value[index], f"{pointer}/{index}", found)

    return check_array


def _indexes(entries: tuple[Any, ...]) -> Iterable[int]:
    return range(len(entries))


_valid = attrgetter("_valid")


def _unchecked(entries: tuple[Any, ...]) -> Iterable[int]:
    """Where checking is still to do: a cart line that was found valid once is frozen, so it stays valid."""
    try:
        flags = list(map(_valid, entries))
    except AttributeError:
        return range(len(entries))
    return () if all(flags) else [index for index, flag in enumerate(flags) if not flag]


def _mapping(element: Check) -> Check:
    def check_mapping(value: Any, pointer: str, found: Problems) -> None:
        if not isinstance(value, Mapping):
            found.append((pointer, f"must be an object, not {_kind_of(value)}"))
            return
        for name, entry in value.items():
            if _is_name(name, pointer, found):
                element(entry, f"{pointer}/{escape(name)}", found)

    return check_mapping


def _is_name(name: object, pointer: str, found: Problems) -> bool:
    if not isinstance(name, str):
        found.append((pointer, "has a member whose name is not text"))
        return False
    if _SURROGATE.search(name):
        found.append((pointer, "has a member whose name has a lone surrogate"))
        return False
    return True


def check_json(value: Any, pointer: str, found: Problems, depth: int = 0) -> None:
    """Values of open members: whatever JSON can carry."""
    if depth > _DEEPEST:
        found.append((pointer, "is nested too deeply"))
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            if _is_name(name, pointer, found):
                check_json(entry, f"{pointer}/{escape(name)}", found, depth + 1)
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            check_json(entry, f"{pointer}/{index}", found, depth + 1)
    elif isinstance(value, Model):
        check_model(value, pointer, found)
    elif isinstance(value, str):
        _text(Limits())(value, pointer, found)
    elif (text := _json_scalar(value)) is not None:
        found.append((pointer, text))


def _json_scalar(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**64 else "is an integer of more than 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else "must be a finite number"
    return f"is no JSON value: {_kind_of(value)}"
