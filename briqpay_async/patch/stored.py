"""Patches that were kept as bytes: back from JSON to parts, without another check of their values."""

from __future__ import annotations

from typing import Any, NoReturn

import orjson

from briqpay_async.conversion.decode import MalformedError, decode, refuse_depth
from briqpay_async.errors import ResponseDecodeError, ValidationError
from briqpay_async.patch.diff import Part
from briqpay_async.patch.sections import DATA_SECTIONS, UPSELL, Section

__all__ = ["document_of", "parts_of_document", "trusted_parts"]

_BY_NAME = {section.name: section for section in DATA_SECTIONS}


def document_of(body: object) -> Any:
    """The JSON value that bytes hold.

    Raises:
        ValidationError: They hold none.
    """
    if not isinstance(body, bytes):
        _refuse("", f"must be the bytes that to_json made, not {type(body).__name__}")
    try:
        document = orjson.loads(body)
        refuse_depth(document)
    except MalformedError as error:
        _refuse("", str(error))
    except orjson.JSONDecodeError as error:
        raise ValidationError(problems=(("", f"is not JSON: {error.msg} (byte {error.pos})"),)) from error
    return document


def parts_of_document(document: Any) -> tuple[Part, ...]:
    """The parts of a patch from its whole body.

    Raises:
        ValidationError: It is no body of a patch.
    """
    parts: list[Part] = []
    body = _members(document, "", ("data", "modules"))
    if "data" in body:
        data = _members(body["data"], "/data", _BY_NAME, filled=True)
        parts += [_part(section, data[name]) for name, section in _BY_NAME.items() if name in data]
    if "modules" in body:
        modules = _members(body["modules"], "/modules", ("config",), filled=True)
        config = _members(modules["config"], "/modules/config", (UPSELL.name,), filled=True)
        parts.append(_part(UPSELL, config[UPSELL.name]))
    return tuple(parts)


def trusted_parts(document: Any) -> tuple[Part, ...]:
    """The parts of a patch from its whole body, which this library wrote.

    Only an order is made a model again, since its sums are looked at before it is sent: what else is sent is sent
    as it was written.

    Raises:
        ValidationError: It is no body of a patch.
    """
    data = document.get("data") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(data, dict) or not data or not data.keys() <= _BY_NAME.keys():
        return parts_of_document(document)
    return tuple(
        Part(_BY_NAME[name], wire, None, None)
        if name != "order" and isinstance(wire, dict)
        else _part(_BY_NAME[name], wire)
        for name, wire in data.items()
    )


def _part(section: Section, wire: Any) -> Part:
    _members(wire, section.pointer)
    try:
        return Part(section, wire, None, decode(wire, section.model))
    except ResponseDecodeError as error:
        text = f"is nothing that to_json makes: {error.message}"
        raise ValidationError(problems=((section.pointer + error.pointer, text),)) from error


def _members(value: Any, pointer: str, names: Any = None, *, filled: bool = False) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(pointer, "must be an object")
    if filled and not value:
        _refuse(pointer, "must not be empty")
    if names is not None and (others := [name for name in value if name not in names]):
        _refuse(pointer, f"has members that no patch has: {', '.join(map(repr, others[:5]))}")
    return value


def _refuse(pointer: str, text: str) -> NoReturn:
    raise ValidationError(problems=((pointer, text),))
