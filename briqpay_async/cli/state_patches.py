"""From the states that files describe to the patch that is sent."""

from __future__ import annotations

from typing import Final, Literal

import attrs

from briqpay_async.cli.exits import InputError
from briqpay_async.conversion.json_values import escape
from briqpay_async.models.base import wire_names
from briqpay_async.models.modules import Modules, ModulesConfig
from briqpay_async.models.session import EditableData, Session, SessionData
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch

__all__ = ["Absent", "Depth", "check_same_session", "patch_between", "patch_of"]

Depth = Literal["field", "section"]
Absent = Literal["error", "keep"]

# The API writes these on its own, so a saved answer is soon out of date in them: a difference is no request.
_WRITTEN_BY_API: Final = frozenset(
    {"session_id", "created_at", "status", "html_snippet", "client_token", "module_status"}
)
_SNIPPET: Final = "snippet"  # the other name of html_snippet (seen in Briqpay's commercetools connector)
_EDITABLE: Final = frozenset(wire_names(EditableData))


def patch_between(before: Session, after: Session, depth: Depth, absent: Absent) -> SessionPatch:
    """The smallest patch from one state to the other.

    What AFTER does not state beside ``data`` is left alone, whatever ``absent`` says: a file may hold no more than
    the data. Below ``data``, and below ``modules`` where AFTER has them, ``absent`` decides.

    Args:
        before: The state that the server has.
        after: The state wanted.
        depth: What is sent of a changed section: its changed members, or all of it.
        absent: What the absence of a member means: ``error`` takes it for a removal.

    Raises:
        UnpatchableChangeError: No PATCH can express a change.
        ValidationError: The API would refuse a value.
    """
    kept = {
        name: getattr(before, name)
        for name in wire_names(Session)
        if name in _WRITTEN_BY_API or getattr(after, name) is None
    }
    stated = {name: value for name, value in after.extra.items() if name != _SNIPPET}
    aligned = attrs.evolve(after, **kept, extra={**before.extra, **stated})
    return SessionPatch.between(before, aligned, MergeDepth(depth), absent=absent)


def patch_of(after: Session) -> tuple[SessionPatch, tuple[str, ...]]:
    """The patch that sends all that can be sent of a state, and JSON pointers of what cannot.

    Raises:
        ValidationError: The API would refuse a value.
    """
    data = after.data or SessionData()
    config = (after.modules.config if after.modules else None) or ModulesConfig()
    upsell = None if config.upsell is None else Modules(config=ModulesConfig(upsell=config.upsell))
    patch = SessionPatch.of(data=data.editable(), modules=upsell)
    left_out = (
        *_stated(after, "", frozenset({"data", "modules"})),
        *_stated(data, "/data", _EDITABLE),
        *(_stated(after.modules, "/modules", frozenset({"config"})) if after.modules else ()),
        *_stated(config, "/modules/config", frozenset({"upsell"})),
    )
    return patch, left_out


def _stated(
    model: Session | SessionData | Modules | ModulesConfig, pointer: str, sent: frozenset[str]
) -> tuple[str, ...]:
    """Pointers of the members that a model has, apart from those that are sent."""
    names = wire_names(type(model)).items()
    known = [wire for name, wire in names if name not in sent and getattr(model, name) is not None]
    return tuple(f"{pointer}/{escape(name)}" for name in (*known, *model.extra))


def check_same_session(session_id: str, *states: Session) -> None:
    """Refuse a file that says it is of another session.

    Args:
        session_id: The session that is meant.
        states: What the files hold.

    Raises:
        InputError: A file names another session.
    """
    for state in states:
        if state.session_id is not None and state.session_id.lower() != session_id.lower():
            raise InputError(f"the file is of session {state.session_id}, not of {session_id}")
