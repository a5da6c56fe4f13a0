"""From two states to the parts of a PATCH: one part for each section that changed.

Three things can come of a difference: it is sent, it cannot be expressed (and is named), or it breaks a rule of
the API (and is named). Nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NoReturn

import attrs

from briqpay_async.conversion.encode import render
from briqpay_async.conversion.json_values import canonical, escape
from briqpay_async.conversion.validate import Problems, check_json, check_model
from briqpay_async.errors import UnpatchableChangeError, ValidationError
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.modules import Modules, ModulesConfig
from briqpay_async.models.session import EditableData, Session, SessionData
from briqpay_async.patch.comparison import members_not_shared, same
from briqpay_async.patch.sections import (
    DATA_SECTIONS,
    SECTIONS,
    UPSELL,
    MergeDepth,
    Section,
)

__all__ = ["Part", "State", "parts_between", "parts_changed", "parts_of"]

State = Session | SessionData | EditableData

_NOTHING = EditableData()
_NO_MODULES = Modules()
_NO_CONFIG = ModulesConfig()


@attrs.define(eq=False, repr=False)
class Part:
    """One section of a patch. Never changed once it is made.

    Attributes:
        section: Which section.
        wire: What is sent of it.
        before: The section as it was, ``None`` when it was absent or is not known.
        after: The section as it shall be.
    """

    section: Section
    wire: dict[str, Any] = attrs.field(repr=False)
    before: Any
    after: Any


# What comes of comparing two states besides parts is gathered in one list, as ``(pointer, message)``. This message
# distinguishes a change that no PATCH can express from a value that the API would refuse.
_UNPATCHABLE: Final = "cannot be expressed by a PATCH"
_WHOLE_SECTIONS: Final = MergeDepth.SECTION  # looking up an enum's constant takes a call on Python 3.11


def parts_between(before: State, after: State, depth: MergeDepth) -> tuple[Part, ...]:
    """The parts of the smallest patch from one state to the other.

    Raises:
        UnpatchableChangeError: For changes that no PATCH can express.
        ValidationError: For values that the API would refuse.
    """
    old, new = before, after
    sessions = not (isinstance(before, EditableData) and isinstance(after, EditableData))
    if sessions:
        old, new = _data_of(before, "before"), _data_of(after, "after")
    if before is after:
        return ()
    found: Problems = []
    parts: list[Part] = []
    answered = old.__class__ is not EditableData and isinstance(old, SessionData) and isinstance(new, SessionData)
    for name, one, other in (_answered_not_shared if answered else _editable_not_shared)(old, new):
        section = SECTIONS.get(name)
        if section is not None:
            if part := _section_part(section, one, other, depth, found):
                parts.append(part)
        elif name == "extra":
            _read_only_extra(old, new, "/data", found)
        elif not same(one, other):
            found.append((f"/data/{wire_names(SessionData)[name]}", _UNPATCHABLE))
    if sessions:
        _compare_sessions(before, after, depth, parts, found)
    if found:
        _refuse(found)
    return tuple(parts)


def parts_changed(base: State, changes: Iterable[tuple[Section, Any, Any]], depth: MergeDepth) -> tuple[Part, ...]:
    """The parts of the smallest patch that makes some changes, as ``parts_between`` finds them.

    Args:
        base: The state.
        changes: Sections with their old and their new value, in the order of the body.
        depth: See ``SessionPatch.between``.

    Raises:
        UnpatchableChangeError: For changes that no PATCH can express.
        ValidationError: For values that the API would refuse.
    """
    found: Problems = []
    parts = [
        part
        for section, old, new in changes
        if (part := _section_part(section, old, new, depth, found)) is not None
    ]
    if isinstance(base, Session):
        _check_customer_type(base, parts, found)
    if found:
        _refuse(found)
    return tuple(parts)


_editable_not_shared = members_not_shared(EditableData)
_answered_not_shared = members_not_shared(SessionData)


def _section_part(section: Section, old: Any, new: Any, depth: MergeDepth, found: Problems) -> Part | None:
    """What is sent of a section that is not the same object in both states."""
    model = section.model
    if new.__class__ is not model or (old is not None and old.__class__ is not model):
        found.append((section.pointer, _UNPATCHABLE if new is None else f"must be of class {model.__name__}"))
        return None
    if old is None or section.whole or depth is _WHOLE_SECTIONS:
        return _whole_part(section, old, new, found)
    wire: dict[str, Any] = {}
    for attribute, _, value in section.changed(old, new):
        check = section.checks.get(attribute)
        if check is None or value is None:
            _report_unpatchable(section, attribute, old, new, found)
            if attribute == "extra":
                wire |= _changed_extra(section, old, new, found)
            continue
        name, pointer, check_value = check
        check_value(value, pointer, found)
        wire[name] = value if type(value) is str or found else render(value)
    if section is UPSELL:
        found.extend((f"{section.pointer}/{place}", text) for place, text in new.broken_rules())
    return Part(section, wire, old, new) if wire else None


def _whole_part(section: Section, old: Any, new: Any, found: Problems) -> Part | None:
    if old is not None:
        sent = False
        for attribute, _, value in section.changed(old, new):
            unpatchable = value is None or attribute not in section.checks
            if unpatchable:
                _report_unpatchable(section, attribute, old, new, found)
            sent |= not unpatchable or attribute == "extra"
        if not sent:
            return None
    check_model(new, section.pointer, found)
    return Part(section, {} if found else render(new), old, new)


def _report_unpatchable(section: Section, attribute: str, old: Model, new: Model, found: Problems) -> None:
    """Name what can't be sent of a member that changed."""
    if attribute == "extra":
        _report_lost_extra(section, old, new, found)
    else:
        found.append((f"{section.pointer}/{wire_names(section.model)[attribute]}", _UNPATCHABLE))


def _report_lost_extra(section: Section, old: Model, new: Model, found: Problems) -> None:
    known = {wire: name for name, wire in wire_names(section.model).items()}
    found.extend(
        (f"{section.pointer}/{escape(name)}", _UNPATCHABLE)
        for name in old.extra
        # a null that the server sent for a known member is gone once the member has a value
        if name not in new.extra and (name not in known or getattr(new, known[name]) is None)
    )
    found.extend(
        (f"{section.pointer}/{escape(name)}", _UNPATCHABLE)
        for name in new.extra
        if name in known and name not in old.extra
    )


def _changed_extra(section: Section, old: Model, new: Model, found: Problems) -> dict[str, Any]:
    changed = {
        name: value
        for name, value in sorted(new.extra.items())
        if name not in old.extra or not same(old.extra[name], value)
    }
    earlier = len(found)
    check_json(changed, section.pointer, found)
    return {} if len(found) > earlier else {name: canonical(value) for name, value in changed.items()}


def _compare_sessions(before: State, after: State, depth: MergeDepth, parts: list[Part], found: Problems) -> None:
    """Compare what stands above the data: only the upsell module can be patched there."""
    old, new = None, None
    if isinstance(after, Session):
        new = after.modules
        if isinstance(before, Session):
            _read_only(Session, before, after, "", found, sent=("modules", "data"))
            old = before.modules
    if old is not new:
        if new is None:
            found.append(("/modules", _UNPATCHABLE))
        else:
            _compare_modules(old or _NO_MODULES, new, depth, parts, found)
    if isinstance(before, Session):
        _check_customer_type(before, parts, found)


def _compare_modules(old: Modules, new: Modules, depth: MergeDepth, parts: list[Part], found: Problems) -> None:
    _read_only(Modules, old, new, "/modules", found, sent=("config",))
    if new.config is None and old.config is not None:
        found.append(("/modules/config", _UNPATCHABLE))
        return
    old_config, new_config = old.config or _NO_CONFIG, new.config or _NO_CONFIG
    _read_only(ModulesConfig, old_config, new_config, "/modules/config", found, sent=(UPSELL.name,))
    if old_config.upsell is not new_config.upsell:
        part = _section_part(UPSELL, old_config.upsell, new_config.upsell, depth, found)
        if part:
            parts.append(part)


def _read_only(
    cls: type[Model], old: Model, new: Model, pointer: str, found: Problems, *, sent: tuple[str, ...]
) -> None:
    """Name what changed beside the members that can be sent."""
    for name, one, other in members_not_shared(cls)(old, new):
        if name in sent:
            continue
        if name == "extra":
            _read_only_extra(old, new, pointer, found)
        elif not same(one, other):
            found.append((f"{pointer}/{wire_names(cls)[name]}", _UNPATCHABLE))


def _read_only_extra(old: Model, new: Model, pointer: str, found: Problems) -> None:
    found.extend(
        (f"{pointer}/{escape(name)}", _UNPATCHABLE)
        for name in sorted(old.extra.keys() | new.extra.keys())
        if not same(old.extra.get(name, old), new.extra.get(name, old))
    )


def parts_of(data: EditableData | None, modules: Modules | None) -> tuple[Part, ...]:
    """The parts of a patch that is authored by hand: everything that is given.

    Raises:
        ValidationError: For values that the API would refuse, or that a PATCH may not carry.
    """
    problems: Problems = []
    given: list[tuple[Section, Any]] = []
    if data is not None:
        if isinstance(data, EditableData):
            check_model(data, "/data", problems)
            _refuse_others(data, {section.name for section in DATA_SECTIONS}, "/data", problems)
            given += [(section, getattr(data, section.name)) for section in DATA_SECTIONS]
        else:
            problems.append(("/data", "must be of class EditableData"))
    if modules is not None:
        if isinstance(modules, Modules):
            check_model(modules, "/modules", problems)
            config = modules.config if isinstance(modules.config, ModulesConfig) else _NO_CONFIG
            _refuse_others(modules, {"config"}, "/modules", problems)
            _refuse_others(config, {"upsell"}, "/modules/config", problems)
            given.append((UPSELL, config.upsell))
        else:
            problems.append(("/modules", "must be of class Modules"))
    if problems:
        raise ValidationError(problems=tuple(problems))
    return tuple(Part(section, render(value), None, value) for section, value in given if value is not None)


def _refuse_others(model: Model, allowed: set[str], pointer: str, problems: Problems) -> None:
    names = wire_names(model.__class__)
    given = [wire for name, wire in names.items() if name not in allowed and getattr(model, name) is not None]
    problems += ((f"{pointer}/{escape(wire)}", "cannot be changed by a PATCH") for wire in (*given, *model.extra))


def _data_of(state: State, name: str) -> EditableData:
    data = (state.data or _NOTHING) if isinstance(state, Session) else state
    if not isinstance(data, EditableData):
        raise ValidationError(problems=(("", f"{name} must be a Session, SessionData or EditableData"),))
    return data


_CUSTOMER_TYPES: Final = {"company": "consumer", "consumer": "business"}
"""The customer type of sessions that cannot have a section."""


def _check_customer_type(session: Session, parts: list[Part], found: Problems) -> None:
    for part in parts:
        other = _CUSTOMER_TYPES.get(part.section.name)
        if other is not None and session.customer_type == other:
            found.append((part.section.pointer, f"cannot be given for customerType {session.customer_type}"))


def _refuse(found: Problems) -> NoReturn:
    unpatchable = tuple(pointer for pointer, text in found if text is _UNPATCHABLE)
    if unpatchable:
        raise UnpatchableChangeError(_advice(unpatchable), pointers=unpatchable)
    raise ValidationError(problems=tuple(found))


_METADATA = frozenset({"/urls", "/references"})


def _advice(unpatchable: tuple[str, ...]) -> str:
    text = f"No PATCH can express this change of {', '.join(unpatchable)}."
    if any(pointer in _METADATA for pointer in unpatchable):
        text += " Change urls and references with sessions.update_metadata()."
    if any(pointer in {"/customerType", "/country", "/locale"} for pointer in unpatchable):
        text += " Customer type, country and locale are fixed: create a new session."
    if any(pointer.startswith("/data/company/") for pointer in unpatchable):
        text += " Set company.cin or company.name to CLEAR to send a null."
    return text
