"""JSON files as models. A state may be a whole session, ``{"data": {...}}``, or only what stands in ``data``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from briqpay_async.cli.exits import InputError, NothingToSendError
from briqpay_async.conversion.decode import decode
from briqpay_async.conversion.json_values import escape
from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.modules import Modules
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, NewSession, Session, SessionData

__all__ = [
    "STDIN",
    "decode_state",
    "members_of_state",
    "parse_object",
    "read_new_session",
    "read_object",
    "read_order",
    "read_state",
]

STDIN: Final = "-"
_LARGEST: Final = 64 * 2**20
_TOP: Final = frozenset(wire_names(Session).values())
_SECTIONS: Final = frozenset(wire_names(SessionData).values())
_MODULES: Final = frozenset(wire_names(Modules).values())
# What a patch can carry. Only these are looked for, so that a new member of the API may resemble an old one.
_MEANT: Final = frozenset(wire_names(EditableData).values()) | {"data", "modules", "config"}

M = TypeVar("M", bound=Model)


def read_new_session(source: str) -> NewSession:
    """The session to create that a file describes.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be read, is not JSON, or has a member of the wrong kind.
    """
    return _model(read_object(source), NewSession, source)


def read_state(source: str) -> Session:
    """The state of a session that a file describes, in any of its three forms.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be read, is not JSON, has none of the three forms or a member of the wrong kind.
        NothingToSendError: It has a section that is all but one that the API knows.
    """
    document = read_object(source)
    _check_spelling(document, source)
    whole, inner = members_of_state(document)
    if whole and inner:
        raise InputError(f"{_name(source)}: {inner[0]} belongs into data, because the file also has {whole[0]}")
    if not whole and not inner:
        raise InputError(
            f'{_name(source)}: give a session such as {{"data": {{...}}}}, or only its data '
            'such as {"order": {...}, "billing": {...}}'
        )
    try:
        return decode_state(document)
    except ResponseDecodeError as error:
        raise InputError(f"{_name(source)}: {error.message}") from error


def members_of_state(document: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The members of a state that belong to a session, and those that stand in the ``data`` of one."""
    return sorted(document.keys() & _TOP), sorted(document.keys() & _SECTIONS)


def decode_state(document: dict[str, Any]) -> Session:
    """The session that a state describes: a session, ``{"data": ...}``, or only what stands in ``data``.

    Raises:
        ResponseDecodeError: A member has the wrong type.
    """
    whole, _ = members_of_state(document)
    return decode(document if whole else {"data": document}, Session)


def read_order(source: str) -> Order:
    """The order that a file describes: alone, under ``order``, or as a request has it, under ``data``.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be read, is not JSON, or has a member of the wrong kind.
    """
    document: Any = read_object(source)
    for name in ("data", "order"):
        if name in document:
            document = document[name]
        if not isinstance(document, dict):
            raise InputError(f"{_name(source)}: {name} must be a JSON object")
    return _model(document, Order, source)


def _check_spelling(document: dict[str, Any], source: str) -> None:
    """Refuse a section that is all but one that the API knows.

    Unknown members travel, because the API may know more than this program; but ``biling`` would be left out of
    a patch without a warning.
    """
    _check_names(document, _TOP | _SECTIONS, "", source)
    data, modules = document.get("data"), document.get("modules")
    if isinstance(data, dict):
        _check_names(data, _SECTIONS, "/data", source)
    if isinstance(modules, dict):
        _check_names(modules, _MODULES, "/modules", source)


def _check_names(document: dict[str, Any], known: frozenset[str], pointer: str, source: str) -> None:
    for name in sorted(document.keys() - known):
        if close := get_close_matches(name, known & _MEANT, n=1, cutoff=0.75):
            where = f"{pointer}/{escape(name)}"
            raise NothingToSendError(f'{_name(source)}: {where} is unknown. Did you mean "{close[0]}"?')


def _model(document: dict[str, Any], cls: type[M], source: str) -> M:
    try:
        return decode(document, cls)
    except ResponseDecodeError as error:
        raise InputError(f"{_name(source)}: {error.message}") from error


def read_object(source: str) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be read, or is not a JSON object.
    """
    return parse_object(_read(source), _name(source))


def parse_object(content: bytes, file: str | None = None) -> dict[str, Any]:
    """The JSON object in a whole file, or in one line of one.

    Args:
        content: The bytes, with or without a byte order mark.
        file: Name of the file; ``None`` for a line, whose place is known to the reader.

    Raises:
        InputError: It is not a JSON object.
    """
    try:
        document = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        where = f"column {error.colno}" if file is None else f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{file or 'it'} is not JSON: {error.msg} ({where})") from error
    if not isinstance(document, dict):
        raise InputError("a JSON object is needed" if file is None else f"{file}: a JSON object is needed")
    return document


def _read(source: str) -> bytes:
    try:
        if source == STDIN:
            content = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise InputError(f"{_name(source)} is larger than {_LARGEST // 2**20} MiB")
    return content


def _name(source: str) -> str:
    return "stdin" if source == STDIN else source
