"""The session as pydantic models, as a user of httpx would write them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = ["Data", "Session"]


class Wire(BaseModel):
    """camelCase on the wire; unknown members are kept."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")


class Line(Wire):
    """A line of the cart."""

    product_type: str
    reference: str | None = None
    name: str
    quantity: int
    quantity_unit: str
    unit_price: int
    tax_rate: int
    discount_percentage: int | None = None


class Order(Wire):
    """The order."""

    currency: str
    amount_inc_vat: int
    amount_ex_vat: int
    cart: list[Line]


class Address(Wire):
    """An address."""

    street_address: str | None = None
    street_address2: str | None = None
    zip: str | None = None
    city: str | None = None
    region: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    country: str | None = None


class Consumer(Wire):
    """The buyer."""

    identification_number: str | None = None
    name: str | None = None


class Data(Wire):
    """What a PATCH carries."""

    order: Order
    consumer: Consumer | None = None
    billing: Address | None = None
    shipping: Address | None = None


class Product(Wire):
    """The product."""

    type: str
    intent: str


class Urls(Wire):
    """Pages of the shop."""

    terms: str | None = None
    redirect: str | None = None


class Hook(Wire):
    """A subscription."""

    event_type: str
    statuses: list[str]
    method: str
    url: str


class Module(Wire):
    """State of a module."""

    ui_status: str
    order_status: str | None = None


class Session(Wire):
    """The answer."""

    session_id: str
    created_at: str
    status: str
    product: Product
    customer_type: str
    country: str
    locale: str
    urls: Urls
    references: dict[str, str]
    hooks: list[Hook]
    html_snippet: str
    client_token: str
    module_status: dict[str, Module]
    data: Data
