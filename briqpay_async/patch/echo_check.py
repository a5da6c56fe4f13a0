"""Did the server do what the patch asked for? Compares an answer with what was sent and known before.

Whether the API merges or replaces a section is not documented (reference §D). A server that replaces would
drop the members that a small patch did not send: this check turns that silent loss into an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from briqpay_async.conversion.codegen import compile_function
from briqpay_async.conversion.encode import render
from briqpay_async.conversion.json_values import escape
from briqpay_async.conversion.lazy import raw_member
from briqpay_async.models.base import Model, per_class, wire_names
from briqpay_async.models.session import Session
from briqpay_async.patch.comparison import same_wire
from briqpay_async.patch.sections import UPSELL
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["not_applied"]


def not_applied(patch: SessionPatch, answer: Session) -> tuple[str, ...]:
    """JSON pointers of members that did not come back as sent, and of siblings that disappeared.

    Sections that the answer does not contain are not judged. Members that the server adds are fine.
    """
    pointers: list[str] = []
    data = raw_member(answer, "data", "data")
    for part in patch.parts:
        name, pointer = part.section.name, part.section.pointer
        got = _upsell(answer) if name == UPSELL.name else data.get(name) if isinstance(data, dict) else None
        if isinstance(got, dict):
            for member, value in part.wire.items():
                if value.__class__ is not str or got.get(member) != value:
                    pointers += _differences({member: value}, got, pointer)
            if part.before is not None and (lost := _lost(part.before, got, part.wire)):
                pointers += [f"{pointer}/{escape(member)}" for member in lost]
    return tuple(pointers)


def _lost(before: Model, got: dict[str, Any], sent: dict[str, Any]) -> list[str]:
    """Members that were known before, were not sent, and are not in the answer."""
    lost = _absent(before.__class__)(before, got)
    if before.extra:
        lost += [member for member in before.extra if member not in got]
    return [member for member in lost if member not in sent] if lost else lost


@per_class
def _absent(cls: type[Model]) -> Callable[[Model, dict[str, Any]], list[str]]:
    """A function that finds the members that a model has and an object has not, compiled for the class."""
    source = ["def absent(model, wire):", "    found = []"]
    source += [
        f"    if {member!r} not in wire and model.{name} is not None: found.append({member!r})"
        for name, member in wire_names(cls).items()
    ]
    return compile_function("absent", [*source, "    return found"], {}, cls.__name__)


def _upsell(answer: Session) -> Any:
    config = answer.modules.config if answer.modules else None
    return render(config.upsell) if config and config.upsell else None


def _differences(sent: Any, got: Any, pointer: str) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(got, dict):
        for name, value in sent.items():
            if name in got:
                answered = got[name]
                if value.__class__ is not str or value != answered:
                    yield from _differences(value, answered, f"{pointer}/{escape(name)}")
            elif value is not None:  # a null may be answered by leaving the member out
                yield f"{pointer}/{escape(name)}"
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        if not same_wire(sent, got):
            for index, value in enumerate(sent):
                yield from _differences(value, got[index], f"{pointer}/{index}")
    elif not same_wire(sent, got):
        yield pointer
