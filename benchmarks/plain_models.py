"""The session as attrs classes that cattrs converts with nothing but its documented options."""

from __future__ import annotations

from typing import Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from briqpay_async.models.base import camel_case

__all__ = ["Session", "converter"]


@attrs.frozen(kw_only=True)
class Line:
    """A line of the cart."""

    product_type: str
    name: str
    quantity: int
    quantity_unit: str
    unit_price: int
    tax_rate: int
    reference: str | None = None
    discount_percentage: int | None = None
    unit_price_inc_vat: int | None = None
    total_amount: int | None = None
    total_vat_amount: int | None = None
    image_url: str | None = None


@attrs.frozen(kw_only=True)
class Order:
    """The order."""

    currency: str
    amount_inc_vat: int
    amount_ex_vat: int
    cart: list[Line]


@attrs.frozen(kw_only=True)
class Address:
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
    company_name: str | None = None
    cin: str | None = None
    country: str | None = None


@attrs.frozen(kw_only=True)
class Consumer:
    """The buyer."""

    identification_number: str | None = None
    date_of_birth: str | None = None
    name: str | None = None


@attrs.frozen(kw_only=True)
class Data:
    """What a PATCH carries."""

    order: Order
    consumer: Consumer | None = None
    billing: Address | None = None
    shipping: Address | None = None


@attrs.frozen(kw_only=True)
class Product:
    """The product."""

    type: str
    intent: str


@attrs.frozen(kw_only=True)
class Urls:
    """Pages of the shop."""

    terms: str | None = None
    redirect: str | None = None


@attrs.frozen(kw_only=True)
class Hook:
    """A subscription."""

    event_type: str
    statuses: list[str]
    method: str
    url: str


@attrs.frozen(kw_only=True)
class Module:
    """State of a module."""

    ui_status: str
    order_status: str | None = None


@attrs.frozen(kw_only=True)
class Session:
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


def converter() -> Converter:
    """A converter with camelCase names, absent members left out."""
    made = Converter()

    def renames(cls: type[Any]) -> dict[str, Any]:
        return {
            field.name: override(rename=camel_case(field.name), omit_if_default=field.default is None)
            for field in attrs.fields(attrs.resolve_types(cls))
        }

    made.register_structure_hook_factory(attrs.has, lambda cls: make_dict_structure_fn(cls, made, **renames(cls)))
    made.register_unstructure_hook_factory(
        attrs.has, lambda cls: make_dict_unstructure_fn(cls, made, **renames(cls))
    )
    return made
