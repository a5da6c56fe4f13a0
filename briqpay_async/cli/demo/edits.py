"""What buyers do in a checkout, as values; and what each edit makes of a session's data, in plain JSON.

``applied`` is one of two readings of a step, and the client's (``client_edits``) is the other. The demo compares
what both make on the server.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Literal

import attrs

from briqpay_async.cli.demo.cart_math import Json, order_of, sales_tax_of, with_quantity
from briqpay_async.cli.demo.shop import MARKETS, US, Market, address, discount_line, new_line

__all__ = [
    "CASES",
    "TYPICAL",
    "AddLineStep",
    "Case",
    "RemoveLineStep",
    "SectionStep",
    "SetQuantityStep",
    "SetSalesTaxStep",
    "Step",
    "applied",
]


@attrs.frozen
class SetQuantityStep:
    """Buy more or fewer units of a line.

    Attributes:
        reference: SKU of the line.
        quantity: Units.
    """

    reference: str
    quantity: int


@attrs.frozen
class AddLineStep:
    """Put a line at the end of the cart.

    Attributes:
        line: The line.
    """

    line: Json


@attrs.frozen
class RemoveLineStep:
    """Take a line out of the cart.

    Attributes:
        reference: SKU of the line.
    """

    reference: str


@attrs.frozen
class SetSalesTaxStep:
    """Set the sales tax of a US order.

    Attributes:
        amount: Minor units.
    """

    amount: int


@attrs.frozen
class SectionStep:
    """Set members of a section.

    Attributes:
        section: ``billing``, ``shipping``, ``company`` or ``consumer``.
        members: The members that change, by their names on the wire.
    """

    section: str
    members: Json


CartStep = SetQuantityStep | AddLineStep | RemoveLineStep | SetSalesTaxStep
Step = CartStep | SectionStep
Steps = tuple[Step, ...]
Plan = Callable[[Json, Random, Market], Steps]


def applied(data: Json, steps: Steps) -> Json:
    """The data of a session after some steps; the given data is not changed."""
    for step in steps:
        if isinstance(step, SectionStep):
            data = {**data, step.section: {**data[step.section], **step.members}}
        else:
            order = data["order"]
            data = {**data, "order": order_of(order["currency"], _cart_after(order["cart"], step))}
    return data


def _cart_after(
    cart: list[Json], step: SetQuantityStep | AddLineStep | RemoveLineStep | SetSalesTaxStep
) -> list[Json]:
    match step:
        case AddLineStep(line):
            return [*cart, line]
        case RemoveLineStep(reference):
            return [line for line in cart if line["reference"] != reference]
        case SetSalesTaxStep(amount):
            return [
                {**line, "totalTaxAmount": amount} if line["productType"] == "sales_tax" else line for line in cart
            ]
        case SetQuantityStep(reference, quantity):
            return [with_quantity(line, quantity) if line["reference"] == reference else line for line in cart]


# --- plans: which steps a buyer takes in a given session ------------------------------------------------------


def _goods(data: Json) -> list[Json]:
    return [line for line in data["order"]["cart"] if line["productType"] in {"physical", "digital"}]


def quantity(data: Json, random: Random, _: Market) -> Steps:
    """One line, another quantity."""
    line = random.choice(_goods(data))
    return (SetQuantityStep(line["reference"], line["quantity"] + random.randint(1, 3)),)


def added_line(data: Json, random: Random, market: Market) -> Steps:
    """One more line."""
    return (AddLineStep(new_line(random, market, len(data["order"]["cart"]) + 1)),)


def removed_line(data: Json, random: Random, _: Market) -> Steps:
    """One line less."""
    return (RemoveLineStep(random.choice(_goods(data))["reference"]),)


def discount(_: Json, random: Random, market: Market) -> Steps:
    """A voucher is redeemed."""
    return (AddLineStep(discount_line(random, market, "Autumn sale")),)


def billing_address(data: Json, random: Random, market: Market) -> Steps:
    """The buyer moved."""
    return (SectionStep("billing", address(random, market, leaving=data["billing"]["city"])),)


def shipping_address(data: Json, random: Random, market: Market) -> Steps:
    """The goods go elsewhere."""
    city = data["shipping"]["city"]
    return (SectionStep("shipping", address(random, market, second_line=True, leaving=city)),)


def city_only(_: Json, random: Random, __: Market) -> Steps:
    """One member of one address."""
    return (SectionStep("billing", {"city": f"New Town {random.randint(1, 99)}"}),)


def company_name(data: Json, _: Random, __: Market) -> Steps:
    """The company is called otherwise."""
    return (SectionStep("company", {"name": f"{data['company']['name']} (publ)"}),)


def contact(_: Json, random: Random, market: Market) -> Steps:
    """The buyer corrects e-mail and telephone."""
    number = f"{market.dialling_code}{random.randrange(10**8, 10**9)}"
    return (SectionStep("billing", {"email": f"new{random.randrange(10**6)}@example.com", "phoneNumber": number}),)


def nothing(_: Json, __: Random, ___: Market) -> Steps:
    """The checkout is submitted once more, unchanged."""
    return ()


def address_and_quantity(data: Json, random: Random, market: Market) -> Steps:
    """Two sections at once."""
    return (*billing_address(data, random, market), *quantity(data, random, market))


def taxed_quantity(data: Json, random: Random, market: Market) -> Steps:
    """One line of a US order, whose sales tax follows."""
    steps = quantity(data, random, market)
    return (*steps, SetSalesTaxStep(sales_tax_of(applied(data, steps)["order"]["cart"])))


@attrs.frozen
class Case:
    """One edit of one session.

    Attributes:
        title: What the buyer does.
        market: Where.
        customer_type: ``business`` or ``consumer``.
        lines: Lines of the cart beforehand.
        plan: Which steps that takes.
        route: ``edit`` uses ``sessions.edit``, ``between`` uses ``SessionPatch.between`` and ``sessions.update``.
        answer_lost: The first answer is lost after the update has been applied, so it must be sent again.
    """

    title: str
    market: Market
    customer_type: str
    lines: int
    plan: Plan
    route: Literal["edit", "between"]
    answer_lost: bool = False


_SE, _DE, _NL, _FI, _FR, _BE = MARKETS


CASES: Final = (
    Case("quantity of one line", _SE, "business", 12, quantity, "edit"),
    Case("add a line", _DE, "consumer", 5, added_line, "between"),
    Case("remove a line", _NL, "consumer", 23, removed_line, "edit"),
    Case("apply a discount line", _FI, "business", 34, discount, "between"),
    Case("billing address", _FR, "business", 60, billing_address, "edit"),
    Case("shipping address", _BE, "consumer", 18, shipping_address, "between"),
    Case("company name", _SE, "business", 9, company_name, "between"),
    Case("consumer e-mail and phone", _DE, "consumer", 41, contact, "edit"),
    Case("nothing at all", _NL, "business", 15, nothing, "edit"),
    Case("address and quantity together", _BE, "consumer", 27, address_and_quantity, "edit"),
    Case("quantity, sales tax follows", US, "consumer", 8, taxed_quantity, "edit"),
    Case("city, first answer lost", _FI, "consumer", 50, city_only, "between", answer_lost=True),
)
"""The edits of the first phase."""

TYPICAL: Final[tuple[Plan, ...]] = (
    quantity,
    quantity,
    added_line,
    removed_line,
    discount,
    billing_address,
    shipping_address,
    city_only,
    contact,
    address_and_quantity,
    nothing,
)
"""The edits that the bulk phase draws from: right for every session that is not of the US."""
