"""The smallest rules: is this one JSON value what the schema says?

A leaf check takes a value and returns what is wrong with it, or None. The words are those of the
npm library is-my-json-valid, which Briqpay's own messages match. Types are strict:
`true`, `1.0` and `"4"` are not integers, because a client that sends them has a bug.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import attrs

Check = Callable[[Any], str | None]
Table = Mapping[str, Check]
Schema = dict[str, Any]

# What each check accepts, in the words of JSON Schema, for the OpenAPI document.
SCHEMAS: Final[dict[Check, Schema]] = {}
LARGEST: Final = 2**63 - 1  # what JSON libraries agree on for integers

WRONG_TYPE: Final = "is the wrong type"
REQUIRED: Final = "is required"
ADDITIONAL: Final = "has additional properties"
NOT_IN_ENUM: Final = "must be an enum value"
PATTERN: Final = "pattern mismatch"
TOO_LONG: Final = "has longer length than allowed"
TOO_SHORT: Final = "has less length than allowed"
TOO_FEW_ITEMS: Final = "has less items than allowed"
TOO_MANY_ITEMS: Final = "has more items than allowed"
TOO_SMALL: Final = "is less than minimum"
NOT_UNIQUE: Final = "must be unique"
NO_SCHEMA: Final = "no (or more than one) schemas match"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LOCALE = re.compile(r"[a-z]{2}-[A-Za-z]{2}")
_URL = re.compile(r"https?://\S+")


def text(value: Any) -> str | None:
    """Accept a string of any length."""
    return None if type(value) is str else WRONG_TYPE


def text_or_null(value: Any) -> str | None:
    """Accept a string, or an explicit null: only `company.cin` and `company.name` (Briqpay docs)."""
    return None if value is None or type(value) is str else WRONG_TYPE


def text_up_to(limit: int, *, minimum: int = 0) -> Check:
    """Make a check for a string of `minimum` to `limit` characters."""

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return WRONG_TYPE
        if len(value) > limit:
            return TOO_LONG
        return TOO_SHORT if len(value) < minimum else None

    SCHEMAS[check] = {"type": "string", "maxLength": limit, **({"minLength": minimum} if minimum else {})}
    return check


def one_of(*allowed: str) -> Check:
    """Make a check for a string out of a closed list."""
    names = frozenset(allowed)

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return WRONG_TYPE
        return None if value in names else NOT_IN_ENUM

    SCHEMAS[check] = {"type": "string", "enum": list(allowed)}
    return check


def whole(value: Any) -> str | None:
    """Accept an integer: amounts are minor units, rates are hundredths of a percent."""
    return None if type(value) is int else WRONG_TYPE


def whole_from_one(value: Any) -> str | None:
    """Accept an integer of at least 1: a quantity."""
    if type(value) is not int:
        return WRONG_TYPE
    return None if value >= 1 else TOO_SMALL


def number_above_zero(value: Any) -> str | None:
    """Accept a number above zero: a quantity in parts of a unit."""
    if type(value) is not int and type(value) is not float:
        return WRONG_TYPE
    return None if value > 0 else TOO_SMALL


def number(value: Any) -> str | None:
    """Accept any JSON number; booleans are not numbers."""
    return None if type(value) is int or type(value) is float else WRONG_TYPE


def boolean(value: Any) -> str | None:
    """Accept true or false."""
    return None if type(value) is bool else WRONG_TYPE


def one_or_two(value: Any) -> str | None:
    """Accept 1 or 2: the columns an input may span (Briqpay docs)."""
    if type(value) is not int:
        return WRONG_TYPE
    return None if value in (1, 2) else NOT_IN_ENUM


def any_object(value: Any) -> str | None:
    """Accept an object without looking into it."""
    return None if type(value) is dict else WRONG_TYPE


def object_list(value: Any) -> str | None:
    """Accept an array of objects without looking into them."""
    return None if type(value) is list and all(type(item) is dict for item in value) else WRONG_TYPE


def choices(value: Any) -> str | None:
    """Accept what a custom input lets choose from: texts, or objects with a value, a label and an amount."""
    return None if type(value) is list and all(type(item) in (str, dict) for item in value) else WRONG_TYPE


def text_list(value: Any) -> str | None:
    """Accept an array of strings."""
    return None if type(value) is list and all(type(item) is str for item in value) else WRONG_TYPE


def list_of(*allowed: str) -> Check:
    """Make a check for an array whose items come out of a closed list."""
    names = frozenset(allowed)

    def check(value: Any) -> str | None:
        if text_list(value):
            return WRONG_TYPE
        return None if names.issuperset(value) else NOT_IN_ENUM

    SCHEMAS[check] = {"type": "array", "items": {"type": "string", "enum": list(allowed)}}
    return check


def _shaped(pattern: re.Pattern[str]) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is not str:
            return WRONG_TYPE
        return None if pattern.fullmatch(value) else PATTERN

    SCHEMAS[check] = {"type": "string", "pattern": f"^{pattern.pattern}$"}
    return check


currency: Final = _shaped(_CURRENCY)
country: Final = _shaped(_COUNTRY)
url: Final = _shaped(_URL)


def locale_faults(value: Any) -> tuple[str, ...]:
    """Return what is wrong with a locale; "fi" earns two messages, as live."""
    if type(value) is not str:
        return (WRONG_TYPE,)
    if _LOCALE.fullmatch(value):
        return ()
    return (PATTERN, TOO_SHORT) if len(value) < len("sv-se") else (PATTERN,)


def calendar_date(value: Any) -> str | None:
    """Accept a date that exists, written YYYY-MM-DD."""
    if type(value) is not str:
        return WRONG_TYPE
    if not _DATE.fullmatch(value):
        return PATTERN
    try:
        date.fromisoformat(value)
    except ValueError:
        return "must be date format"
    return None


_WHOLE: Final[Schema] = {"type": "integer", "minimum": -LARGEST - 1, "maximum": LARGEST}
LOCALE_SCHEMA: Final[Schema] = {"type": "string", "pattern": f"^{_LOCALE.pattern}$"}
SCHEMAS.update(
    {
        text: {"type": "string"},
        text_or_null: {"type": ["string", "null"]},
        whole: _WHOLE,
        whole_from_one: {**_WHOLE, "minimum": 1},
        number: {"type": "number"},
        number_above_zero: {"type": "number", "exclusiveMinimum": 0},
        boolean: {"type": "boolean"},
        one_or_two: {"type": "integer", "enum": [1, 2]},
        any_object: {"type": "object"},
        object_list: {"type": "array", "items": {"type": "object"}},
        text_list: {"type": "array", "items": {"type": "string"}},
        choices: {"type": "array", "items": {"type": ["string", "object"]}},
        calendar_date: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    }
)


@attrs.frozen
class Shape:
    """What an object must look like.

    Attributes:
        members: The check of each known member; other members are not checked.
        required: Members that must be there.
        closed: Whether a member outside `members` is refused.
    """

    members: Table
    required: tuple[str, ...] = ()
    closed: bool = False


def check_members(value: Any, path: str, shape: Shape, problems: list[str]) -> bool:
    """Check an object member by member and append a message for each thing wrong with it.

    Args:
        value: The object as decoded from JSON.
        path: Where it stands on the wire, for the messages.
        shape: What it must look like.
        problems: The list that messages are appended to.

    Returns:
        Whether the value is an object at all, so that the caller may look deeper.
    """
    if type(value) is not dict:
        problems.append(f"{path} {WRONG_TYPE}")
        return False
    if shape.required:
        problems += [f"{path}.{name} {REQUIRED}" for name in shape.required if name not in value]
    unknown = False
    members = shape.members
    for name, member in value.items():
        check = members.get(name)
        if check is None:
            unknown = True
        elif fault := check(member):
            problems.append(f"{path}.{name} {fault}")
    if shape.closed and unknown:
        problems.append(f"{path} {ADDITIONAL}")
    return True
