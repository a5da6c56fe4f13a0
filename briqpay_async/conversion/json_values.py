"""Plain JSON values: copying, a canonical order of members, and the parts of JSON pointers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import orjson

from briqpay_async.errors import ResponseDecodeError

__all__ = ["NumericText", "canonical", "copy_json", "escape"]

_DEEPEST = 200


class NumericText(str):
    """A text that came as a number, such as the reference ``12``: it reads as text, and goes back as it came."""

    __slots__ = ()


def escape(name: str) -> str:
    """A member's name as one part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def canonical(value: Any) -> Any:
    """A JSON value with the members of its objects sorted: unknown members have no order of their own."""
    if isinstance(value, Mapping):
        return {name: canonical(value[name]) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return [canonical(entry) for entry in value]
    return value


def copy_json(value: Any, pointer: str, depth: int = 0) -> Any:
    """A copy that shares nothing mutable with the original.

    Raises:
        ResponseDecodeError: A part of it is no JSON value, or it is nested too deeply.
    """
    kind = value.__class__
    if kind is str or kind is int or value is None or kind is bool or kind is float:
        return value
    if depth > _DEEPEST:
        raise ResponseDecodeError(f"{pointer} is nested too deeply", pointer=pointer)
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise ResponseDecodeError(f"{pointer or '/'} has a member whose name is not text", pointer=pointer)
        return {name: copy_json(entry, f"{pointer}/{escape(name)}", depth + 1) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [copy_json(entry, f"{pointer}/{index}", depth + 1) for index, entry in enumerate(value)]
    if isinstance(value, NumericText):
        return orjson.loads(str(value))
    if isinstance(value, str):
        return str(value.value) if isinstance(value, Enum) else str(value)
    raise ResponseDecodeError(f"{pointer or '/'} is a {kind.__name__}, which is no JSON value", pointer=pointer)
