"""``SessionPatch``: an immutable PATCH body that knows what it changes and why each member travels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs
import orjson

from briqpay_async.conversion.encode import render
from briqpay_async.conversion.json_values import escape
from briqpay_async.models.base import wire_names
from briqpay_async.models.modules import Modules
from briqpay_async.models.session import EditableData, Session, SessionData
from briqpay_async.patch.comparison import overlay
from briqpay_async.patch.diff import Part, State, parts_between, parts_of
from briqpay_async.patch.explain import ABSENT, wire_changes
from briqpay_async.patch.sections import DATA_SECTIONS, UPSELL, MergeDepth
from briqpay_async.patch.stored import document_of, parts_of_document
from briqpay_async.redaction import safe_value

__all__ = ["MergeDepth", "SessionPatch"]

_ORDER = {section.name: position for position, section in enumerate((*DATA_SECTIONS, UPSELL))}


@attrs.define(eq=False, repr=False)
class SessionPatch:
    """What ``sessions.update`` sends. Made by ``between`` or ``of``, or by a ``PatchBuilder``.

    A patch is checked against the limits of the API when it is made. Patches with the same body are equal, have
    the same hash and the same bytes; they pickle.
    """

    _parts: tuple[Part, ...] = ()
    _encoded: bytes | None = attrs.field(default=None, init=False)

    @classmethod
    def between(
        cls,
        before: State,
        after: State,
        depth: MergeDepth = MergeDepth.FIELD,
        *,
        absent: Literal["error", "keep"] = "error",
    ) -> SessionPatch:
        """The smallest patch that turns one state into another.

        Args:
            before: A ``Session``, ``SessionData`` or ``EditableData`` as the server has it.
            after: The state wanted; make it from ``before`` with ``attrs.evolve``.
            depth: ``MergeDepth.FIELD`` sends changed members only, ``MergeDepth.SECTION`` changed sections whole.
                Any change in the order sends the whole order (the API requires all of it).
            absent: What a member means that ``before`` has and ``after`` has not: ``"error"`` takes it for a
                removal, which no PATCH can express; ``"keep"`` takes ``after`` for a partial state.

        Raises:
            UnpatchableChangeError: For changes that no PATCH can express: a member removed (other than
                ``company.cin`` and ``company.name`` set to ``CLEAR``), or one that can't be patched.
            ValidationError: For changed values that the API would refuse.
        """
        if absent == "keep":
            after = _completed(before, after)
        return cls(parts_between(before, after, depth))

    @classmethod
    def of(cls, *, data: EditableData | None = None, modules: Modules | None = None) -> SessionPatch:
        """A patch authored by hand: everything given is sent.

        Args:
            data: Sections to send.
            modules: Only ``modules.config.upsell`` can be patched (Briqpay docs, Update session).

        Raises:
            ValidationError: For values that the API would refuse, or that a PATCH may not carry.
        """
        return cls(parts_of(data, modules))

    @classmethod
    def from_json(cls, body: bytes) -> SessionPatch:
        """The patch that ``to_json`` made these bytes of: for queues and files of one's own.

        The bytes are trusted: they are a patch's whole body, and the limits of its values are not checked again.
        The new patch is equal to the old one and sends the same bytes. What the old one knew of the state before
        is not in them: ``explain`` and ``changed`` take every member for a change, and the check of an answer
        looks only at members that were sent.

        Args:
            body: UTF-8 JSON.

        Raises:
            ValidationError: They are anything else than the body of a patch; ``problems`` names the place.

        Example:
            >>> SessionPatch.from_json(patch.to_json()) == patch
            True
        """
        return cls(parts_of_document(document_of(body)))

    @property
    def is_noop(self) -> bool:
        """Nothing changed: ``sessions.update`` makes no request for this patch."""
        return not self._parts

    @property
    def body(self) -> dict[str, Any]:
        """The body as a plain dictionary, exactly what is sent. Each call makes a new one."""
        return dict(orjson.loads(self.to_json()))

    def to_json(self) -> bytes:
        """The body as it is sent: UTF-8 JSON. The same patch gives the same bytes."""
        encoded = self._encoded
        if encoded is None:
            parts = self._parts
            section = parts[0].section if len(parts) == 1 else UPSELL
            document = self._document() if section is UPSELL else {"data": {section.name: parts[0].wire}}
            encoded = self._encoded = orjson.dumps(document)
        return encoded

    @property
    def changed(self) -> tuple[str, ...]:
        """JSON pointers of the leaves that change, those that disappear with a cart line included."""
        return tuple(pointer for pointer, _, _, changed, _ in self._reasons() if changed)

    @property
    def carried(self) -> tuple[str, ...]:
        """JSON pointers of what is sent only because the API requires it beside a change.

        A subtree that is unchanged as a whole, such as a cart line, is one pointer.
        """
        return tuple(pointer for pointer, _, _, changed, _ in self._reasons() if not changed)

    def merge(self, later: SessionPatch) -> SessionPatch:
        """One patch with the effect of this one and then ``later``."""
        parts = {part.section.name: part for part in self._parts}
        for part in later._parts:
            earlier = parts.get(part.section.name)
            parts[part.section.name] = part if earlier is None else _merge_parts(earlier, part)
        return SessionPatch(tuple(sorted(parts.values(), key=lambda part: _ORDER[part.section.name])))

    def explain(self) -> str:
        """What is sent and why, a line a member: path, old value -> new value, reason. Personal data is hidden."""
        if self.is_noop:
            return "nothing changed: no request is made"
        return "\n".join(
            f"{pointer}  {_show(pointer, old)} -> {_show(pointer, new)}  [{reason}]"
            if changed
            else f"{pointer}  [{reason}]"
            for pointer, old, new, changed, reason in self._reasons()
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """The sections that are sent, for the parts of the library that look behind a patch."""
        return self._parts

    def _document(self) -> dict[str, Any]:
        data = {part.section.name: part.wire for part in self._parts}
        upsell = data.pop(UPSELL.name, None)
        document: dict[str, Any] = {"data": data} if data else {}
        if upsell is not None:
            document["modules"] = {"config": {UPSELL.name: upsell}}
        return document

    def _reasons(self) -> Iterator[tuple[str, Any, Any, bool, str]]:
        for part in self._parts:
            section = part.section
            old_wire = {} if part.before is None else render(part.before)
            carried = (
                f"carried: {section.name} travels whole"
                if section.whole
                else "carried: arrays and whole sections travel complete"
            )
            if not part.wire:
                yield section.pointer, ABSENT, {}, True, "changed"
            for name, value in part.wire.items():
                for pointer, old, new, changed in wire_changes(
                    old_wire.get(name, ABSENT), value, f"{section.pointer}/{escape(name)}"
                ):
                    yield pointer, old, new, changed, "changed" if changed else carried

    def __eq__(self, other: object) -> bool:
        return self.to_json() == other.to_json() if isinstance(other, SessionPatch) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        sections = ", ".join(f"{part.section.name}({', '.join(part.wire)})" for part in self._parts)
        return f"<SessionPatch {sections or 'nothing'}>"


def _completed(before: State, after: State) -> State:
    """A partial state, filled up with what it is laid over."""
    if isinstance(before, Session) and isinstance(after, EditableData):
        whole: Any = overlay(before.data or SessionData(), after)
        return attrs.evolve(before, data=whole)
    if isinstance(before, EditableData) and isinstance(after, Session):
        whole = overlay(before, after.data)
        return attrs.evolve(after, data=whole)
    return overlay(before, after)


def _merge_parts(earlier: Part, later: Part) -> Part:
    # What is whole replaces; members of the rest are laid over each other, in canonical order.
    wire = later.wire if later.section.whole else {**earlier.wire, **later.wire}
    if wire is not later.wire:
        order = [name for name in wire_names(later.section.model).values() if name in wire]
        wire = {name: wire[name] for name in (*order, *sorted(wire.keys() - set(order)))}
    return attrs.evolve(later, wire=wire, before=earlier.before)


def _show(pointer: str, value: Any) -> str:
    return "(absent)" if value is ABSENT else safe_value(pointer, value)
