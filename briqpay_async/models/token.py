"""Tokens: stored payment methods that can be charged again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from briqpay_async.models.base import Model, as_tuple
from briqpay_async.models.enums import CustomerType, TokenState
from briqpay_async.models.limits import member
from briqpay_async.models.session import Product, SessionData

__all__ = ["ChargeSession", "PaymentMethod", "Token"]


@attrs.frozen(kw_only=True, repr=False)
class PaymentMethod(Model):
    """A payment method.

    Attributes:
        psp_id: UUID of the payment method.
        name: Its name.
        category: Its category.
        psp_display_name: Localised name.
    """

    psp_id: str | None = None
    name: str | None = None
    category: str | None = None
    psp_display_name: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class ChargeSession(Model):
    """A session in which a token was charged.

    Attributes:
        session_id: The session.
        completed_at: ISO 8601, as sent.
        order: Amounts in minor units, and the currency.
    """

    session_id: str | None = None
    completed_at: str | None = None
    order: Mapping[str, Any] | None = member(hashed=False)


def _as_charges(value: Iterable[ChargeSession] | None) -> tuple[ChargeSession, ...] | None:
    """``as_tuple``, typed for sessions of charges."""
    return as_tuple(value)


@attrs.frozen(kw_only=True, repr=False)
class Token(Model):
    """A stored payment method.

    Attributes:
        token_id: Identifier of the token.
        initial_session_id: Session that made it.
        state: Active or inactive.
        country: ISO 3166-1 alpha-2.
        locale: Such as ``sv-se``.
        product: Product of the initial session.
        customer_type: Business or consumer.
        expiry_date: As sent.
        created_at: ISO 8601, as sent.
        payment_method: What is charged.
        charge_sessions: Sessions in which it was charged.
        data: Company or consumer, and address.
    """

    token_id: str | None = None
    initial_session_id: str | None = None
    state: TokenState | str | None = None
    country: str | None = None
    locale: str | None = None
    product: Product | None = None
    customer_type: CustomerType | str | None = None
    expiry_date: str | None = None
    created_at: str | None = None
    payment_method: PaymentMethod | None = None
    charge_sessions: tuple[ChargeSession, ...] | None = attrs.field(default=None, converter=_as_charges)
    data: SessionData | None = None
