"""What a PATCH is made of: its sections, and which of them travel whole.

SEED requires all four members of ``order`` and gives cart lines no identity, so any change inside the order
sends the whole order; ``tokenization`` has one required member. The other sections require nothing, so their
members can travel alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from briqpay_async.models.address import Address
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.modules import UpsellConfig
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, Session, SessionData, Tokenization
from briqpay_async.patch.diff import members_not_shared
from briqpay_async.validation import Check, member_checks

__all__ = [
    "DATA_SECTIONS",
    "READ_ONLY_DATA",
    "READ_ONLY_SESSION",
    "SECTIONS",
    "UPSELL",
    "MergeDepth",
    "Section",
]


class MergeDepth(Enum):
    """How much of a changed section is sent.

    Whether the API merges the members of a section or replaces the section is not documented (reference §D).

    Attributes:
        FIELD: Only the changed members: right for a server that merges. The default; the answer is checked.
        SECTION: Each changed section whole: right for both, and larger.
    """

    FIELD = "field"
    SECTION = "section"


@attrs.frozen
class Section:
    """One section of a PATCH.

    Attributes:
        name: Name on the wire, and of the attribute of ``EditableData``.
        pointer: JSON pointer of the section in the body.
        model: Its class.
        whole: It always travels whole, whatever the depth.
        read_only: Attributes that only the API writes (SEED names them in the answer, not in the request).
        not_shared: Finds where two instances do not hold the same object: ``(attribute, old, new)``.
        checks: Wire name and check of each member, by attribute.
    """

    name: str
    pointer: str
    model: type[Model]
    whole: bool = False
    read_only: frozenset[str] = frozenset()
    not_shared: Callable[[Any, Any], list[tuple[str, Any, Any]]] = attrs.field(init=False, eq=False, repr=False)
    checks: Mapping[str, tuple[str, Check]] = attrs.field(init=False, eq=False, repr=False)

    def __reduce__(self) -> tuple[Callable[[str], Section], tuple[str]]:
        return section_named, (self.name,)

    @not_shared.default
    def _not_shared(self) -> Callable[[Any, Any], list[tuple[str, Any, Any]]]:
        return members_not_shared(self.model)

    @checks.default
    def _checks(self) -> Mapping[str, tuple[str, Check]]:
        return member_checks(self.model)


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


READ_ONLY_DATA: Final = wire_names(SessionData).keys() - wire_names(EditableData)
READ_ONLY_SESSION: Final = tuple(name for name in wire_names(Session) if name not in {"data", "modules"})
