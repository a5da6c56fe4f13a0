"""What the buyer entered or proved along the way. Read-only, after completion (Briqpay docs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from briqpay_async.models.base import Model
from briqpay_async.models.limits import member

__all__ = [
    "CompanyExtraData",
    "CompanyExtraDataOutput",
    "FieldAnswer",
    "StrongAuth",
    "StrongAuthOutput",
    "TermsAnswer",
]


@attrs.frozen(kw_only=True, repr=False)
class FieldAnswer(Model):
    """A field of the payment method, the order note or the custom form.

    Attributes:
        value: What was entered.
        header: Heading it was shown under.
        label: Text beside it.
    """

    value: Any = member(hashed=False)
    header: str | None = None
    label: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class TermsAnswer(Model):
    """A checkbox of the terms module.

    Attributes:
        value: Whether it was ticked.
        header: Text it was shown with.
    """

    value: bool | None = None
    header: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class StrongAuthOutput(Model):
    """Who signed, as the identity provider says.

    Attributes:
        signed_at: ISO 8601, as sent.
        name: Full name.
        surname: Family name.
        given_name: Given name.
        date_of_birth: ``YYYY-MM-DD``.
        validate_signee_is_company_signatory: Whether the right to sign was checked.
        signee_is_company_signatory: ``unknown``, ``approved`` or ``rejected``.
    """

    signed_at: str | None = None
    name: str | None = None
    surname: str | None = None
    given_name: str | None = None
    date_of_birth: str | None = None
    validate_signee_is_company_signatory: bool | None = None
    signee_is_company_signatory: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class StrongAuth(Model):
    """A strong authentication.

    Attributes:
        provider: Identity provider.
        output: Who signed.
    """

    provider: str | None = None
    output: StrongAuthOutput | None = None


@attrs.frozen(kw_only=True, repr=False)
class CompanyExtraDataOutput(Model):
    """Facts about the company.

    Attributes:
        fields: Such as ``{"score": 50, "netTurnover": 2155}``.
    """

    fields: Mapping[str, Any] | None = member(hashed=False)


@attrs.frozen(kw_only=True, repr=False)
class CompanyExtraData(Model):
    """What a company register added.

    Attributes:
        output: The facts.
    """

    output: CompanyExtraDataOutput | None = None
