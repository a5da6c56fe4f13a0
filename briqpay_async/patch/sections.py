"""What a PATCH is made of: its sections, and which of them travel whole.

Briqpay's docs (Update session) require all four members of ``order`` and give cart lines no identity, so any
change inside the order sends the whole order; ``tokenization`` has one required member. The other sections
require nothing, so their members can travel alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from briqpay_async.conversion.validate import Check, member_checks
from briqpay_async.models.address import Address
from briqpay_async.models.base import Model
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.modules import UpsellConfig
from briqpay_async.models.order import Order
from briqpay_async.models.session import Tokenization
from briqpay_async.patch.comparison import Members, changed_members

__all__ = [
    "DATA_SECTIONS",
    "SECTIONS",
    "UPSELL",
    "MergeDepth",
    "Section",
]


class MergeDepth(Enum):
    """How much of a changed section is sent.

    Whether the API merges the members of a section or replaces the section is not documented.

    Attributes:
        FIELD: Only the changed members: right for a server that merges. The default; the answer is checked.
        SECTION: Each changed section whole: right for both, and larger.
    """

    FIELD = "field"
    SECTION = "section"


@attrs.frozen(eq=False, repr=False)  # there is one of each: they pickle by name
class Section:
    """One section of a PATCH.

    Attributes:
        name: Name on the wire, and of the attribute of ``EditableData``.
        pointer: JSON pointer of the section in the body.
        model: Its class.
        whole: It always travels whole, whatever the depth.
        read_only: Attributes that only the API writes (in the docs, part of the answer alone).
        changed: Finds where two instances differ: ``(attribute, old, new)``.
        checks: Wire name, pointer and check of each member that can be sent, by attribute; there once
            ``changed`` was called.
    """

    name: str
    pointer: str
    model: type[Model]
    whole: bool = False
    read_only: frozenset[str] = frozenset()
    changed: Callable[[Any, Any], Members] = attrs.field(init=False)
    checks: Mapping[str, tuple[str, str, Check]] = attrs.field(init=False)

    def __reduce__(self) -> tuple[Callable[[str], Section], tuple[str]]:
        return section_named, (self.name,)

    # Both are made for the sections that are patched, when they are first patched: it takes a while. A cached
    # property would be the usual way, but in a slotted class it makes every attribute slower to read.
    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "changed", self._changed_at_first)

    def _changed_at_first(self, old: Any, new: Any) -> Members:
        checks = {
            attribute: (wire, f"{self.pointer}/{wire}", check_value)
            for attribute, (wire, check_value) in member_checks(self.model).items()
            if attribute not in self.read_only
        }
        object.__setattr__(self, "checks", checks)
        object.__setattr__(self, "changed", changed_members(self.model))
        return self.changed(old, new)


DATA_SECTIONS: Final = (
    Section("order", "/data/order", Order, whole=True),
    Section("company", "/data/company", Company, read_only=frozenset({"vat_number", "vat_validation"})),
    Section("consumer", "/data/consumer", Consumer),
    Section("billing", "/data/billing", Address),
    Section("shipping", "/data/shipping", Address),
    Section("tokenization", "/data/tokenization", Tokenization, whole=True),
)
SECTIONS: Final = {section.name: section for section in DATA_SECTIONS}
UPSELL: Final = Section("upsell", "/modules/config/upsell", UpsellConfig)


def section_named(name: str) -> Section:
    """The section of a name: patches pickle their sections by name."""
    return UPSELL if name == UPSELL.name else SECTIONS[name]
