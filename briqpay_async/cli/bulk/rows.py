"""One line of the file as one row: what it says is checked, and made a patch where that needs no server."""

from __future__ import annotations

from typing import Any, Final

import attrs
import orjson

from briqpay_async.cli.exits import InputError
from briqpay_async.cli.state_files import decode_state, members_of_state, parse_object
from briqpay_async.cli.state_patches import Depth, check_same_session, patch_between, patch_of
from briqpay_async.conversion.decode import decode
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.errors import BriqpayError
from briqpay_async.models.base import wire_names
from briqpay_async.models.session import EditableData, Session
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["Row", "parse_row"]

_FORMS: Final = frozenset({frozenset({"patch"}), frozenset({"before", "after"}), frozenset({"after"})})
_EDITABLE: Final = frozenset(wire_names(EditableData).values())


@attrs.frozen(kw_only=True)
class Row:
    """One line.

    Attributes:
        line: Its number, from 1.
        session_id: The session that it names, if it names one that can exist.
        key: Its key.
        before: The state that the server has, where the line says so.
        wanted: The state wanted, where the line says so.
        patch: What to send; ``None`` while that is not known, or when nothing can be.
        full_bytes: Bytes of a body with the whole of the state wanted; ``None`` when the line does not say it.
        problem: Why nothing can be sent.
    """

    line: int
    session_id: str | None = None
    key: str | None = None
    before: Session | None = None
    wanted: Session | None = None
    patch: SessionPatch | None = None
    full_bytes: int | None = None
    problem: Exception | None = None


def parse_row(number: int, line: bytes, *, read_first: bool, depth: Depth) -> Row:
    """What a line says. It never raises: an invalid line is a row with a problem.

    Args:
        number: Of the line, from 1.
        line: A JSON object with ``sessionId``, perhaps ``key``, and ``patch``, or ``before`` and ``after``, or
            only ``after`` when sessions are read first.
        read_first: Whether they are.
        depth: What is sent of a changed section.
    """
    row = Row(line=number)
    try:
        document = parse_object(line)
        row = attrs.evolve(row, session_id=_session_id(document), key=_key(document))
        return _filled(row, document, read_first=read_first, depth=depth)
    except (InputError, BriqpayError) as error:
        return attrs.evolve(row, problem=error)


def _filled(row: Row, document: dict[str, Any], *, read_first: bool, depth: Depth) -> Row:
    form = frozenset(document) - {"sessionId", "key"}
    if form not in _FORMS:
        named = ", ".join(sorted(form)) or "neither"
        raise InputError(f"give a patch, or before and after, beside sessionId and key; it has {named}")
    if form == {"patch"}:
        return attrs.evolve(row, patch=_authored(document["patch"]))
    wanted = _state(document["after"], "after")
    check_same_session(row.session_id or "", wanted)
    if form == {"after"}:
        if not read_first:
            raise InputError("give before as well, or --read-first to read it")
        return attrs.evolve(row, wanted=wanted)
    before = _state(document["before"], "before")
    check_same_session(row.session_id or "", before)
    return attrs.evolve(
        row,
        before=before,
        wanted=wanted,
        patch=patch_between(before, wanted, depth, "error"),
        full_bytes=_full_bytes(document["after"]),
    )


def _session_id(document: dict[str, Any]) -> str:
    return check_session_id(document.get("sessionId"))


def _key(document: dict[str, Any]) -> str | None:
    key = document.get("key")
    if key is not None and not isinstance(key, str):
        raise InputError("key must be text")
    return key


def _authored(body: object) -> SessionPatch:
    if not isinstance(body, dict):
        raise InputError("patch must be the body of a PATCH, an object with data or modules")
    patch, left_out = patch_of(decode(body, Session))
    if left_out:
        raise InputError(f"no PATCH can carry {', '.join(left_out)}")
    return patch


def _state(document: object, name: str) -> Session:
    """A state in any of its three forms: a session, ``{"data": ...}``, or only what stands in ``data``."""
    if not isinstance(document, dict):
        raise InputError(f"{name} must be an object")
    whole, inner = members_of_state(document)
    if bool(whole) == bool(inner):
        raise InputError(f"{name} must be a session such as {{data: ...}}, or only what stands in its data")
    return decode_state(document)


def _full_bytes(after: dict[str, Any]) -> int:
    """Bytes of a PATCH that carries everything that can be sent of a state."""
    whole, _ = members_of_state(after)
    data = after.get("data") or {} if whole else after
    return len(orjson.dumps({"data": {name: value for name, value in data.items() if name in _EDITABLE}}))
