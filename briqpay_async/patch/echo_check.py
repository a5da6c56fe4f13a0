"""Did the server do what the patch asked for? Compares an answer with what was sent and known before.

Whether the API merges or replaces a section is not documented. A server that replaces would
drop the members that a small patch did not send: this check turns that silent loss into an error.

What compiling it for each class buys stands in ``comparison``. The plain way is a walk over both JSON states;
``tests/patch/test_echo_check.py`` shows that it finds the same losses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from briqpay_async.conversion.codegen import compile_function
from briqpay_async.conversion.encode import render
from briqpay_async.conversion.json_values import escape
from briqpay_async.conversion.lazy import raw_lines, raw_member
from briqpay_async.models.base import Model, per_class, wire_names
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, Session
from briqpay_async.patch.comparison import same_wire
from briqpay_async.patch.diff import Part
from briqpay_async.patch.explain import wire_changes
from briqpay_async.patch.sections import DATA_SECTIONS, UPSELL
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["changed_elsewhere", "not_applied"]


def not_applied(patch: SessionPatch, answer: Session) -> tuple[str, ...]:
    """JSON pointers of members that did not come back as sent, and of siblings that disappeared.

    Sections that the answer does not contain are not judged, but for the company: Briqpay drops one whose ``cin``
    it cannot validate (seen in Briqpay's PrestaShop plugin). Members that the server adds are fine.
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
        elif name == "company" and isinstance(data, dict):
            pointers += [f"{pointer}/{escape(member)}" for member, value in part.wire.items() if value is not None]
    return tuple(pointers)


def changed_elsewhere(
    before: EditableData,
    patch: SessionPatch,
    answer: Session,
    *,
    complete: bool = False,
    raw: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[str, ...]:
    """JSON pointers of what an answer shows to be another than before, though the patch did not carry it.

    Args:
        before: The state that the patch was made for.
        patch: What was sent.
        answer: The answer to it; without data it shows nothing.
        complete: ``before`` is all that there was: a section that it lacks was added since.
        raw: All sections of ``before`` as JSON, where they are at hand: comparing them costs less than rendering.
    """
    data = raw_member(answer, "data", "data")
    if not isinstance(data, dict):
        return ()
    carried = {part.section.name: part for part in patch.parts}
    pointers: list[str] = []
    for section in DATA_SECTIONS:
        got, part = data.get(section.name), carried.get(section.name)
        if part is not None and section.whole:
            continue
        old = raw.get(section.name)
        if old is not None and (old if part is None else {**old, **part.wire}) == got:
            continue
        known = getattr(before, section.name) if old is not None or not raw else None
        if known is not None:
            pointers += _changed_section(known, got, part, section.pointer)
        elif complete and part is None and got:
            pointers.append(section.pointer)
    return tuple(pointers)


def _changed_section(known: Model, got: Any, part: Part | None, pointer: str) -> list[str]:
    """Pointers of members of a section that an answer shows differently, though the patch did not carry them."""
    if _is_as_known(known, got):
        return []
    if not isinstance(got, dict):
        return [] if part is not None else [pointer]
    old = render(known)
    if part is None:
        return _changed(old, got, pointer)
    left = {name: value for name, value in got.items() if name not in part.wire and name in old}
    return _changed({name: old[name] for name in left}, left, pointer)


def _changed(old: Any, new: Any, pointer: str) -> list[str]:
    return [place for place, _, _, changed in wire_changes(old, new, pointer) if changed]


def _is_as_known(known: Model, got: Any) -> bool:
    """Whether a section is as it was: without structuring lines of a cart that were not read."""
    if not isinstance(known, Order) or not isinstance(got, dict):
        return bool(render(known) == got)
    cart = got.get("cart")
    plain = {name: value for name, value in got.items() if name != "cart"}
    return raw_lines(known.cart or ()) == (cart or []) and render(attrs.evolve(known, cart=None)) == plain


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
