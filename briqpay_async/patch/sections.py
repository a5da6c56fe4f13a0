"""What a PATCH is made of: its sections, and which of them travel whole.

SEED requires all four members of ``order`` and gives cart lines no identity, so any change inside the order
sends the whole order; ``tokenization`` has one required member. The other sections require nothing, so their
members can travel alone.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import attrs

from briqpay_async.models.address import Address
from briqpay_async.models.base import Model
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.modules import UpsellConfig
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, Session, SessionData, Tokenization

__all__ = [
    "DATA_SECTIONS",
    "READ_ONLY_DATA",
    "READ_ONLY_MEMBERS",
    "READ_ONLY_SESSION",
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
    """

    name: str
    pointer: str
    model: type[Model]
    whole: bool = False


DATA_SECTIONS: Final = (
    Section("order", "/data/order", Order, whole=True),
    Section("company", "/data/company", Company),
    Section("consumer", "/data/consumer", Consumer),
    Section("billing", "/data/billing", Address),
    Section("shipping", "/data/shipping", Address),
    Section("tokenization", "/data/tokenization", Tokenization, whole=True),
)
UPSELL: Final = Section("upsell", "/modules/config/upsell", UpsellConfig)

READ_ONLY_MEMBERS: Final = {"company": frozenset({"vatNumber", "vatValidation"})}
"""Members of a section that only the API writes (SEED names them in the answer, not in the request)."""

_EDITABLE = frozenset(attribute.name for attribute in attrs.fields(EditableData))
READ_ONLY_DATA: Final = tuple(
    attribute.name for attribute in attrs.fields(SessionData) if attribute.name not in _EDITABLE
)
READ_ONLY_SESSION: Final = tuple(
    attribute.name for attribute in attrs.fields(Session) if attribute.name not in {"data", "modules", "extra"}
)
