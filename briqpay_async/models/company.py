"""The buying company (business sessions) and the buying person (consumer sessions)."""

from __future__ import annotations

import attrs

from briqpay_async.models import formats
from briqpay_async.models.base import Clear, Model
from briqpay_async.models.limits import member

__all__ = ["Company", "Consumer", "VatValidation"]


@attrs.frozen(kw_only=True, repr=False)
class VatValidation(Model):
    """What a VAT register said of the company's number. Read-only.

    Attributes:
        vat_no: The number that was checked.
        valid: Whether the register knows it.
        country: ISO 3166-1 alpha-2.
    """

    vat_no: str | None = None
    valid: bool | None = None
    country: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class Company(Model):
    """A company; only for sessions whose ``customer_type`` is ``business`` (Briqpay docs).

    Attributes:
        cin: Company identification number (Swedish Orgnr, Danish CVR, German HRB, a VAT number, ...), or
            ``CLEAR``. The documented request has an object; the answer and every known caller use text.
        name: Name of the company, or ``CLEAR``.
        vat_number: EU VAT number, from some lookup providers only. Read-only.
        vat_validation: Result of checking it. Read-only.
    """

    cin: str | Clear | None = None
    name: str | Clear | None = None
    vat_number: str | None = None
    vat_validation: VatValidation | None = None


@attrs.frozen(kw_only=True, repr=False)
class Consumer(Model):
    """A person; only for sessions whose ``customer_type`` is ``consumer`` (Briqpay docs).

    Attributes:
        identification_number: National identification number; not applicable for the US.
        date_of_birth: ``YYYY-MM-DD``.
        name: Full name.
    """

    identification_number: str | None = None
    date_of_birth: str | None = member(form=formats.iso_date)
    name: str | None = None
