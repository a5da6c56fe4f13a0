"""The client's reading of a step: through a ``PatchBuilder``, or as the difference of two states."""

from __future__ import annotations

from typing import Any

import attrs

from briqpay_async.cli.demo.cart_math import Json
from briqpay_async.cli.demo.edits import (
    AddLineStep,
    RemoveLineStep,
    SectionStep,
    SetQuantityStep,
    SetSalesTaxStep,
    Step,
)
from briqpay_async.conversion.decode import structure
from briqpay_async.models.address import Address
from briqpay_async.models.base import Model, wire_names
from briqpay_async.models.cart import CartItem, SalesTaxItem
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.session import Session, SessionData
from briqpay_async.patch.builder import PatchBuilder
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch

__all__ = ["patch_to", "perform"]

_SECTIONS: dict[str, type[Model]] = {
    "billing": Address,
    "shipping": Address,
    "company": Company,
    "consumer": Consumer,
}


def perform(builder: PatchBuilder, step: Step) -> None:
    """Take one step with a builder."""
    match step:
        case SetQuantityStep(reference, quantity):
            builder.cart.set_quantity(reference, quantity)
        case AddLineStep(line):
            builder.cart.add(structure(line, CartItem))
        case RemoveLineStep(reference):
            builder.cart.remove(reference)
        case SetSalesTaxStep(amount):
            builder.cart.replace(
                attrs.evolve(line, total_tax_amount=amount) if isinstance(line, SalesTaxItem) else line
                for line in builder.cart.lines
            )
        case SectionStep(section, members):
            getattr(builder, section).update(**_by_attribute(_SECTIONS[section], members))


def _by_attribute(cls: type[Model], members: Json) -> dict[str, Any]:
    attributes = {wire: name for name, wire in wire_names(cls).items()}
    return {attributes[wire]: value for wire, value in members.items()}


def patch_to(session: Session, wanted: Json, depth: MergeDepth) -> SessionPatch:
    """The smallest patch from a session as read to the data wanted."""
    return SessionPatch.between(session, attrs.evolve(session, data=structure(wanted, SessionData)), depth)
