"""Did the server do what the patch asked for? Compares an answer with what was sent and known before.

Whether the API merges or replaces a section is not documented (reference §D). A server that replaces would
drop the members that a small patch did not send: this check turns that silent loss into an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from briqpay_async.jsonvalues import escape
from briqpay_async.models.session import Session
from briqpay_async.patch.diff import same_wire
from briqpay_async.patch.patch import SessionPatch
from briqpay_async.patch.sections import UPSELL
from briqpay_async.rendering import render

__all__ = ["not_applied"]


def not_applied(patch: SessionPatch, answer: Session) -> tuple[str, ...]:
    """JSON pointers of members that did not come back as sent, and of siblings that disappeared.

    Sections that the answer does not contain are not judged. Members that the server adds are fine.
    """
    pointers: list[str] = []
    for part in patch.parts:
        section = _answered(answer, part.section.name)
        if section is None:
            continue
        got = render(section)
        pointers += _differences(part.wire, got, part.section.pointer)
        if part.before is not None:
            pointers += (
                f"{part.section.pointer}/{escape(name)}"
                for name in render(part.before)
                if name not in got and name not in part.wire
            )
    return tuple(pointers)


def _answered(answer: Session, name: str) -> Any:
    if name == UPSELL.name:
        config = answer.modules.config if answer.modules else None
        return config.upsell if config else None
    return getattr(answer.data, name) if answer.data else None


def _differences(sent: Any, got: Any, pointer: str) -> Iterator[str]:
    if sent is got or same_wire(sent, got):
        return
    if isinstance(sent, Mapping) and isinstance(got, Mapping):
        for name, value in sent.items():
            below = f"{pointer}/{escape(name)}"
            if name in got:
                yield from _differences(value, got[name], below)
            elif value is not None:  # a null may be answered by leaving the member out
                yield below
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        for index, value in enumerate(sent):
            yield from _differences(value, got[index], f"{pointer}/{index}")
    else:
        yield pointer
