"""From two states to the parts of a PATCH: one part for each section that changed.

Three things can come of a difference: it is sent, it cannot be expressed (and is named), or it breaks a rule of
the API (and is named). Nothing is dropped in silence.
"""

from __future__ import annotations

from typing import Any

import attrs

from briqpay_async.converter import escape, render
from briqpay_async.errors import UnpatchableChangeError, ValidationError
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.modules import Modules, ModulesConfig
from briqpay_async.models.session import EditableData, Session, SessionData
from briqpay_async.patch.diff import members_of, same
from briqpay_async.patch.sections import (
    DATA_SECTIONS,
    READ_ONLY_DATA,
    READ_ONLY_MEMBERS,
    READ_ONLY_SESSION,
    UPSELL,
    MergeDepth,
    Section,
)
from briqpay_async.validation import Problems, check_json, check_members, check_model

__all__ = ["Part", "State", "parts_between", "parts_of"]

State = Session | SessionData | EditableData

_NOTHING = EditableData()
_NO_MODULES = Modules()
_NO_CONFIG = ModulesConfig()


@attrs.frozen
class Part:
    """One section of a patch.

    Attributes:
        section: Which section.
        wire: What is sent of it.
        before: The section as it was, ``None`` when it was absent or is not known.
        after: The section as it shall be.
    """

    section: Section
    wire: dict[str, Any]
    before: Any
    after: Any


@attrs.define
class _Comparison:
    """What comes of comparing two states."""

    depth: MergeDepth
    parts: list[Part] = attrs.Factory(list)
    stuck: list[str] = attrs.Factory(list)
    problems: Problems = attrs.Factory(list)

    def section(self, section: Section, old: Any, new: Any) -> None:
        if new is None:
            self.stuck.append(section.pointer)
        elif type(new) is not section.model or (old is not None and type(old) is not section.model):
            self.problems.append((section.pointer, f"must be of class {section.model.__name__}"))
        elif old is None:
            check_model(new, section.pointer, self.problems)
            if not self.problems:
                self.parts.append(Part(section, render(new), None, new))
        else:
            self._changed_section(section, old, new)

    def _changed_section(self, section: Section, old: Model, new: Model) -> None:
        members = members_of(type(new))
        changed: list[str] = []
        wire: dict[str, Any] = {}
        stuck = self.stuck
        read_only = READ_ONLY_MEMBERS.get(section.name, ())
        for name, attribute, before, after in zip(
            members.wires, members.attributes, members.get(old), members.get(new), strict=False
        ):
            if before is after or same(before, after):
                continue
            if after is None or name in read_only:
                stuck.append(f"{section.pointer}/{name}")
                continue
            changed.append(attribute)
            wire[name] = after
        extra = self._changed_extra(section, old, new) if old.extra is not new.extra else None
        if not changed and not extra:
            return
        if section.whole or self.depth is MergeDepth.SECTION:
            check_model(new, section.pointer, self.problems)
            if not self.problems:
                self.parts.append(Part(section, render(new), old, new))
            return
        check_members(new, changed, section.pointer, self.problems)
        if section is UPSELL:
            self.problems += ((f"{UPSELL.pointer}/{place}", text) for place, text in new.broken_rules())
        if not self.problems:
            wire = {name: render(value) for name, value in wire.items()}
            self.parts.append(Part(section, {**wire, **extra} if extra else wire, old, new))

    def _changed_extra(self, section: Section, old: Model, new: Model) -> dict[str, Any]:
        known = {wire: name for name, wire in wire_names(type(new)).items()}
        changed: dict[str, Any] = {}
        for name, value in new.extra.items():
            if name in old.extra and same(old.extra[name], value):
                continue
            if name in known:
                self.stuck.append(f"{section.pointer}/{escape(name)}")
                continue
            check_json(value, f"{section.pointer}/{escape(name)}", self.problems)
            changed[name] = value
        self.stuck += (
            f"{section.pointer}/{escape(name)}"
            for name in old.extra
            # a null that the server sent for a known member is gone once the member has a value
            if name not in new.extra and (name not in known or getattr(new, known[name]) is None)
        )
        return {name: changed[name] for name in sorted(changed)}

    def read_only(self, old: Model, new: Model, attributes: tuple[str, ...], pointer: str) -> None:
        names = wire_names(type(old))
        self.stuck += (
            f"{pointer}/{names[attribute]}"
            for attribute in attributes
            if not same(getattr(old, attribute), getattr(new, attribute))
        )

    def read_only_extra(self, old: Model, new: Model, pointer: str) -> None:
        if old.extra is not new.extra:
            self.stuck += (
                f"{pointer}/{escape(name)}"
                for name in sorted(old.extra.keys() | new.extra.keys())
                if not same(old.extra.get(name, old), new.extra.get(name, old))
            )

    def modules(self, before: Modules | None, after: Modules | None) -> None:
        if before is after:
            return
        if after is None:  # and before is not
            self.stuck.append("/modules")
            return
        old, new = before or _NO_MODULES, after
        self.read_only(old, new, ("load_modules",), "/modules")
        self.read_only_extra(old, new, "/modules")
        if new.config is None and old.config is not None:
            self.stuck.append("/modules/config")
            return
        old_config, new_config = old.config or _NO_CONFIG, new.config or _NO_CONFIG
        others = tuple(name for name in wire_names(ModulesConfig) if name != "upsell")
        self.read_only(old_config, new_config, others, "/modules/config")
        self.read_only_extra(old_config, new_config, "/modules/config")
        if old_config.upsell is not new_config.upsell:
            self.section(UPSELL, old_config.upsell, new_config.upsell)


def parts_between(before: State, after: State, depth: MergeDepth) -> tuple[Part, ...]:
    """The parts of the smallest patch from one state to the other.

    Raises:
        UnpatchableChangeError: For changes that no PATCH can express.
        ValidationError: For values that the API would refuse.
    """
    found = _Comparison(depth)
    old, new = _data_of(before, "before"), _data_of(after, "after")
    if old is not new:
        for section in DATA_SECTIONS:
            one, other = getattr(old, section.name), getattr(new, section.name)
            if one is not other:
                found.section(section, one, other)
        if isinstance(old, SessionData) and isinstance(new, SessionData):
            found.read_only(old, new, READ_ONLY_DATA, "/data")
        found.read_only_extra(old, new, "/data")
    if isinstance(before, Session) and isinstance(after, Session) and before is not after:
        found.read_only(before, after, READ_ONLY_SESSION, "")
        found.read_only_extra(before, after, "")
    if isinstance(after, Session) and before is not after:
        found.modules(before.modules if isinstance(before, Session) else None, after.modules)
    if isinstance(before, Session):
        _check_customer_type(before, found)
    if found.stuck:
        raise UnpatchableChangeError(_advice(found.stuck), pointers=tuple(found.stuck))
    if found.problems:
        raise ValidationError(problems=tuple(found.problems))
    return tuple(found.parts)


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
    data = (state.data or _NOTHING) if isinstance(state, Session) else state
    if not isinstance(data, EditableData):
        raise ValidationError(problems=(("", f"{name} must be a Session, SessionData or EditableData"),))
    return data


def _check_customer_type(session: Session, found: _Comparison) -> None:
    other = {"consumer": "company", "business": "consumer"}.get(session.customer_type or "")
    found.problems += (
        (part.section.pointer, f"cannot be given for customerType {session.customer_type}")
        for part in found.parts
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
