"""JSON files as models. A state may be a whole session, ``{"data": {...}}``, or only what stands in ``data``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from briqpay_async.cli.exits import InputError
from briqpay_async.conversion.decode import decode
from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.session import NewSession, Session, SessionData

__all__ = ["STDIN", "read_new_session", "read_state"]

STDIN: Final = "-"
_LARGEST: Final = 64 * 2**20

M = TypeVar("M", bound=Model)


def read_new_session(source: str) -> NewSession:
    """The session to create that a file describes.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be read, is not JSON, or has a member of the wrong kind.
    """
    return _model(_object(source), NewSession, source)


def read_state(source: str) -> Session:
    """The state of a session that a file describes, in any of its three forms.

    Args:
        source: A file's name, or ``-`` for stdin.

    Raises:
        InputError: It cannot be read, is not JSON, has none of the three forms or a member of the wrong kind.
    """
    document = _object(source)
    whole = sorted(document.keys() & set(wire_names(Session).values()))
    inner = sorted(document.keys() & set(wire_names(SessionData).values()))
    if whole and inner:
        raise InputError(f"{_name(source)}: {inner[0]} belongs into data, because the file also has {whole[0]}")
    if not whole and not inner:
        raise InputError(
            f'{_name(source)}: give a session such as {{"data": {{...}}}}, or only its data '
            'such as {"order": {...}, "billing": {...}}'
        )
    return _model(document if whole else {"data": document}, Session, source)


def _model(document: dict[str, Any], cls: type[M], source: str) -> M:
    try:
        return decode(document, cls)
    except ResponseDecodeError as error:
        raise InputError(f"{_name(source)}: {error.message}") from error


def _object(source: str) -> dict[str, Any]:
    name, content = _name(source), _read(source)
    try:
        document = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{name} is not JSON: {error.msg} ({where})") from error
    if not isinstance(document, dict):
        raise InputError(f"{name}: a JSON object is needed")
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
