"""Does the API merge the members of a section, or replace the section? What patches and answers say about it.

It is not documented. Under an API that replaces, a patch that sends a part of a section takes its other members,
the siblings, away. An answer shows that at once; a lost answer leaves it open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from briqpay_async.conversion.json_values import escape
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.session import Session
from briqpay_async.patch.sections import UPSELL, Section
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["Siblings", "lost_siblings", "proves_merging", "proves_replacing", "shown_sections", "siblings"]

Siblings = Mapping[str, Mapping[str, Any]]
"""Members by section and attribute."""


def siblings(patch: SessionPatch) -> dict[str, dict[str, Any]]:
    """The members of patched sections that a patch relies on the API to keep."""
    found = {}
    for part in patch.parts:
        if (
            part.before is not None
            and not part.section.whole
            and (kept := _kept(part.section, part.before, part.wire))
        ):
            found[part.section.name] = kept
    return found


def _kept(section: Section, before: Model, wire: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        name: value
        for name, member in wire_names(section.model).items()
        if member not in wire and name not in section.read_only and (value := getattr(before, name)) is not None
    }
    if extra := {member: value for member, value in before.extra.items() if member not in wire}:
        kept["extra"] = extra
    return kept


def lost_siblings(known: Siblings, session: Session) -> dict[str, dict[str, Any]]:
    """The siblings that a session, read since, lacks: by section, as ``SectionEditor.update`` takes them."""
    lost = {}
    for section, members in known.items():
        now = _section(session, section)
        missing = {
            name: value for name, value in members.items() if name != "extra" and getattr(now, name, None) is None
        }
        shown = {} if now is None else now.extra
        if extra := {name: value for name, value in members.get("extra", {}).items() if name not in shown}:
            missing["extra"] = {**shown, **extra}
        if missing:
            lost[section] = missing
    return lost


def _section(session: Session, name: str) -> Model | None:
    if name == UPSELL.name:
        config = session.modules.config if session.modules else None
        return config.upsell if config else None
    return getattr(session.data, name, None)


def shown_sections(patch: SessionPatch, answer: Session) -> tuple[str, ...]:
    """The sections of a patch that its answer shows."""
    return tuple(part.section.name for part in patch.parts if _section(answer, part.section.name) is not None)


def proves_merging(patch: SessionPatch, answer: Session) -> bool:
    """Whether an answer that shows the patch applied also shows siblings, which only an API that merges keeps."""
    kept = siblings(patch)
    return bool(kept) and not kept.keys().isdisjoint(shown_sections(patch, answer))


def proves_replacing(patch: SessionPatch, missing: tuple[str, ...]) -> bool:
    """Whether siblings are among the members that an answer does not show.

    Args:
        patch: What was sent.
        missing: JSON pointers of what its answer does not show.
    """
    sent = {f"{part.section.pointer}/{escape(member)}" for part in patch.parts for member in part.wire}
    return any(
        pointer.rpartition("/")[0] == part.section.pointer and pointer not in sent
        for part in patch.parts
        for pointer in missing
    )
