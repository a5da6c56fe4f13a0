"""Small, readable states for tests that need no generated ones."""

from __future__ import annotations

from typing import Any

import attrs
import orjson

from briqpay_async import (
    Address,
    CartItem,
    EditableData,
    NewSession,
    Order,
    Product,
    SalesTaxItem,
    Session,
    SessionPatch,
    Urls,
    structure,
    unstructure,
)

SESSION_ID = "61c16f84-0000-4000-8000-000000000000"


def line(reference: str | None = "sku-1", **members: Any) -> CartItem:
    """A regular line of 100.00 before 25 % VAT."""
    defaults: dict[str, Any] = {
        "product_type": "physical",
        "name": f"Product {reference}",
        "quantity": 1,
        "quantity_unit": "pc",
        "unit_price": 10_000,
        "tax_rate": 2500,
    }
    return CartItem(reference=reference, **(defaults | members))


def sales_tax(amount: int = 825) -> SalesTaxItem:
    return SalesTaxItem(reference="tax", name="Sales tax", total_tax_amount=amount)


def address(**members: Any) -> Address:
    defaults = {"street_address": "Storgatan 1", "zip": "22222", "city": "Lund", "email": "ada@shop.example"}
    return Address(**(defaults | members))


def data(*lines: CartItem | SalesTaxItem, **sections: Any) -> EditableData:
    """An order of some lines (two by default), and both addresses."""
    order = Order.of("SEK", lines or (line("sku-1"), line("sku-2")))
    defaults: dict[str, Any] = {"order": order, "billing": address(), "shipping": address()}
    return EditableData(**(defaults | sections))


def new_session(state: EditableData | None = None, customer_type: str = "consumer") -> NewSession:
    return NewSession(
        product=Product(type="payment", intent="payment_one_time"),
        customer_type=customer_type,
        country="SE",
        locale="sv-se",
        urls=Urls(terms="https://shop.example/terms", redirect="https://shop.example/done"),
        data=state or data(),
    )


def held(lines: int) -> Session:
    """A session of so many different lines as a shop holds it, all of it structured."""
    goods = [line(f"sku-{number}", unit_price=10_000 + 100 * number) for number in range(lines)]
    wire = {
        "sessionId": SESSION_ID,
        "status": "started",
        "customerType": "consumer",
        "country": "SE",
        "htmlSnippet": '<div id="briqpay"></div>',
        "data": unstructure(data(*goods)),
    }
    return structure(wire, Session)


def moved(session: Session, city: str = "Malmö") -> Session:
    """The same session, all that is equal shared, with another city in the billing address."""
    before = session.data
    return attrs.evolve(session, data=attrs.evolve(before, billing=attrs.evolve(before.billing, city=city)))


def move(lines: int = 1) -> SessionPatch:
    """The patch that moves the buyer."""
    before = held(lines)
    return SessionPatch.between(before, moved(before))


def answer_to_move(lines: int) -> bytes:
    """What the API answers to that patch when everything is asked for."""
    return orjson.dumps(unstructure(moved(held(lines))))
