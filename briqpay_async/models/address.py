"""Billing and shipping addresses."""

from __future__ import annotations

import attrs

from briqpay_async.models import formats
from briqpay_async.models.base import Model
from briqpay_async.models.limits import member

__all__ = ["Address"]


@attrs.frozen(kw_only=True, repr=False)
class Address(Model):
    """A billing or shipping address.

    Texts are at most 100 characters where the docs say so. ``company_name``, ``cin`` and ``country`` are in the
    documented answer only; Briqpay's own plugins send them too, so they may be set.

    Attributes:
        street_address: Street and number.
        street_address2: Second line.
        zip: Postal code.
        city: City.
        region: State or region, ``"CA"`` for California.
        first_name: Given name.
        last_name: Family name.
        email: E-mail address.
        phone_number: Telephone number.
        company_name: Name of the company, business sessions only.
        cin: Company identification number, business sessions only.
        country: ISO 3166-1 alpha-2.
    """

    street_address: str | None = member(max_length=100)
    street_address2: str | None = member(max_length=100)
    zip: str | None = member(max_length=100)
    city: str | None = member(max_length=100)
    region: str | None = member(max_length=100)
    first_name: str | None = member(max_length=100)
    last_name: str | None = member(max_length=100)
    email: str | None = member(max_length=100)
    phone_number: str | None = None
    company_name: str | None = None
    cin: str | None = None
    country: str | None = member(form=formats.country)
