"""Changed leaves: for `explain()`, `changed` and `carried`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from briqpay_async.conversion.json_values import escape
from briqpay_async.patch.comparison import same_wire

__all__ = ["leaves", "wire_changes"]


# --- leaves of rendered documents, for reports ----------------------------------------------------------------


def leaves(wire: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Every leaf below a JSON value: what is neither a filled object nor a filled array."""
    if isinstance(wire, Mapping) and wire:
        for name, entry in wire.items():
            yield from leaves(entry, f"{pointer}/{escape(name)}")
    elif isinstance(wire, list | tuple) and wire:
        for index, entry in enumerate(wire):
            yield from leaves(entry, f"{pointer}/{index}")
    else:
        yield pointer, wire


ABSENT: Any = object()


def wire_changes(old: Any, new: Any, pointer: str) -> Iterator[tuple[str, Any, Any, bool]]:
    """Leaves of two JSON values, as ``(pointer, old, new, changed)``; ``ABSENT`` stands for a missing side.

    A subtree that is unchanged as a whole is one entry.
    """
    if old is not ABSENT and new is not ABSENT and same_wire(old, new):
        yield pointer, old, new, False
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*new, *old]):
            yield from wire_changes(old.get(name, ABSENT), new.get(name, ABSENT), f"{pointer}/{escape(name)}")
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from wire_changes(
                old[index] if index < len(old) else ABSENT,
                new[index] if index < len(new) else ABSENT,
                f"{pointer}/{index}",
            )
    elif new is ABSENT:
        for below, value in leaves(old, pointer):
            yield below, value, ABSENT, True
    else:
        for below, value in leaves(new, pointer):
            yield below, old if below == pointer else ABSENT, value, True
