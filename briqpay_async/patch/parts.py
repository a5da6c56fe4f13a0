"""From two states to the parts of a PATCH: one part for each section that changed.

Three things can come of a difference: it is sent, it cannot be expressed (and is named), or it breaks a rule of
the API (and is named). Nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from briqpay_async.errors import UnpatchableChangeError, ValidationError
from briqpay_async.jsonvalues import canonical, escape
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.modules import Modules, ModulesConfig
from briqpay_async.models.session import EditableData, Session, SessionData
from briqpay_async.patch.diff import members_not_shared, same
from briqpay_async.patch.sections import (
    DATA_SECTIONS,
    READ_ONLY_DATA,
    READ_ONLY_SESSION,
    SECTIONS,
    UPSELL,
    MergeDepth,
    Section,
)
from briqpay_async.rendering import render
from briqpay_async.validation import Problems, check_json, check_model

__all__ = ["Part", "State", "parts_between", "parts_of"]

State = Session | SessionData | EditableData

_NOTHING = EditableData()
_NO_MODULES = Modules()
_NO_CONFIG = ModulesConfig()


@attrs.define
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


@attrs.define
class _Findings:
    """What comes of comparing two states besides parts, as it is found.

    Attributes:
        stuck: Pointers of changes that no PATCH can express.
        problems: Values that the API would refuse.
    """

    stuck: list[str]
    problems: Problems


def parts_between(before: State, after: State, depth: MergeDepth) -> tuple[Part, ...]:
    """The parts of the smallest patch from one state to the other.

    Raises:
        UnpatchableChangeError: For changes that no PATCH can express.
        ValidationError: For values that the API would refuse.
    """
    plain = before.__class__ is EditableData and after.__class__ is EditableData
    old: Any = before if plain else _data_of(before, "before")
    new: Any = after if plain else _data_of(after, "after")
    if before is after:
        return ()
    found = _Findings([], [])
    parts = []
    for name, one, other in _differing_data(old, new):
        if name == "extra":
            _read_only_extra(old, new, "/data", found)
        elif part := _section_part(SECTIONS[name], one, other, depth, found):
            parts.append(part)
    if not plain:
        if isinstance(old, SessionData) and isinstance(new, SessionData):
            _read_only(old, new, READ_ONLY_DATA, "/data", found)
        parts += _upsell_part(before, after, depth, found)
        if isinstance(before, Session):
            _check_customer_type(before, parts, found)
    if found.stuck:
        raise UnpatchableChangeError(_advice(found.stuck), pointers=tuple(found.stuck))
    if found.problems:
        raise ValidationError(problems=tuple(found.problems))
    return tuple(parts)


_differing_data = members_not_shared(EditableData)


def _section_part(section: Section, old: Any, new: Any, depth: MergeDepth, found: _Findings) -> Part | None:
    """What is sent of a section that is not the same object in both states."""
    model = section.model
    if new.__class__ is not model or (old is not None and old.__class__ is not model):
        if new is None:
            found.stuck.append(section.pointer)
        else:
            found.problems.append((section.pointer, f"must be of class {model.__name__}"))
        return None
    if old is None or section.whole or depth is MergeDepth.SECTION:
        if old is not None and not _changed_members(section, old, new, found):
            return None
        check_model(new, section.pointer, found.problems)
        return None if found.problems else Part(section, render(new), old, new)
    problems: Problems = []
    wire: dict[str, Any] = {}
    for attribute, value in _changed_members(section, old, new, found):
        if attribute == "extra":
            wire |= _changed_extra(old, new, problems)
            continue
        name, check_value = section.checks[attribute]
        check_value(value, name, problems)
        wire[name] = value if value.__class__ is str or problems else render(value)
    if section is UPSELL:
        problems += new.broken_rules()
    if problems:
        found.problems.extend((f"{section.pointer}/{place}", text) for place, text in problems)
        return None
    return Part(section, wire, old, new) if wire else None


def _changed_members(section: Section, old: Model, new: Model, found: _Findings) -> list[tuple[str, Any]]:
    """The attributes that changed and can be sent, ``extra`` last; what can't be is noted."""
    changed = []
    for attribute, before, value in section.not_shared(old, new):
        if same(before, value):
            continue
        if value is None or attribute in section.read_only:
            found.stuck.append(f"{section.pointer}/{wire_names(section.model)[attribute]}")
            continue
        changed.append((attribute, value))
        if attribute == "extra":
            _note_lost_extra(section, old, new, found)
    return changed


def _note_lost_extra(section: Section, old: Model, new: Model, found: _Findings) -> None:
    known = {wire: name for name, wire in wire_names(section.model).items()}
    found.stuck.extend(
        f"{section.pointer}/{escape(name)}"
        for name in old.extra
        # a null that the server sent for a known member is gone once the member has a value
        if name not in new.extra and (name not in known or getattr(new, known[name]) is None)
    )
    found.stuck.extend(
        f"{section.pointer}/{escape(name)}" for name in new.extra if name in known and name not in old.extra
    )


def _changed_extra(old: Model, new: Model, problems: Problems) -> dict[str, Any]:
    changed = {
        name: value
        for name, value in sorted(new.extra.items())
        if name not in old.extra or not same(old.extra[name], value)
    }
    found: Problems = []
    check_json(changed, "", found)
    problems += ((pointer[1:], text) for pointer, text in found)
    return {} if found else {name: canonical(value) for name, value in changed.items()}


def _upsell_part(before: State, after: State, depth: MergeDepth, found: _Findings) -> list[Part]:
    """Compare what stands above the data: only the upsell module can be patched there."""
    if not isinstance(after, Session):
        return []
    if isinstance(before, Session):
        _read_only(before, after, READ_ONLY_SESSION, "", found)
        _read_only_extra(before, after, "", found)
    old, new = before.modules if isinstance(before, Session) else None, after.modules
    if old is new:
        return []
    if new is None:
        found.stuck.append("/modules")
        return []
    return _changed_modules(old or _NO_MODULES, new, depth, found)


def _changed_modules(old: Modules, new: Modules, depth: MergeDepth, found: _Findings) -> list[Part]:
    _read_only(old, new, ("load_modules",), "/modules", found)
    _read_only_extra(old, new, "/modules", found)
    if new.config is None and old.config is not None:
        found.stuck.append("/modules/config")
        return []
    old_config, new_config = old.config or _NO_CONFIG, new.config or _NO_CONFIG
    others = tuple(name for name in wire_names(ModulesConfig) if name != UPSELL.name)
    _read_only(old_config, new_config, others, "/modules/config", found)
    _read_only_extra(old_config, new_config, "/modules/config", found)
    if old_config.upsell is new_config.upsell:
        return []
    part = _section_part(UPSELL, old_config.upsell, new_config.upsell, depth, found)
    return [part] if part else []


def _read_only(old: Model, new: Model, attributes: Iterable[str], pointer: str, found: _Findings) -> None:
    for attribute in attributes:
        one, other = getattr(old, attribute), getattr(new, attribute)
        if one is not other and not same(one, other):
            found.stuck.append(f"{pointer}/{wire_names(type(old))[attribute]}")


def _read_only_extra(old: Model, new: Model, pointer: str, found: _Findings) -> None:
    if old.extra is not new.extra:
        found.stuck.extend(
            f"{pointer}/{escape(name)}"
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
    names = wire_names(type(model))
    given = [wire for name, wire in names.items() if name not in allowed and getattr(model, name) is not None]
    problems += ((f"{pointer}/{escape(wire)}", "cannot be changed by a PATCH") for wire in (*given, *model.extra))


def _data_of(state: State, name: str) -> EditableData:
    if isinstance(state, EditableData):
        return state
    data = (state.data or _NOTHING) if isinstance(state, Session) else None
    if not isinstance(data, EditableData):
        raise ValidationError(problems=(("", f"{name} must be a Session, SessionData or EditableData"),))
    return data


def _check_customer_type(session: Session, parts: list[Part], found: _Findings) -> None:
    other = {"consumer": "company", "business": "consumer"}.get(session.customer_type or "")
    found.problems.extend(
        (part.section.pointer, f"cannot be given for customerType {session.customer_type}")
        for part in parts
        if part.section.name == other
    )


_METADATA = frozenset({"/urls", "/references"})


def _advice(stuck: list[str]) -> str:
    text = f"No PATCH can express this change of {', '.join(stuck)}."
    if any(pointer in _METADATA for pointer in stuck):
        text += " Change urls and references with sessions.update_metadata()."
    if any(pointer in {"/customerType", "/country", "/locale"} for pointer in stuck):
        text += " Customer type, country and locale are fixed: create a new session."
    if any(pointer.startswith("/data/company/") for pointer in stuck):
        text += " Set company.cin or company.name to CLEAR to send a null."
    return text
