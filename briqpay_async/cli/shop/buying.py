"""The buyer's side of the shop: one session per cart, changed as the buyer clicks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from briqpay_async import (
    AnyCartItem,
    BriqpayClient,
    CaptureStatusHook,
    CartItem,
    Decision,
    EditableData,
    Modules,
    ModulesConfig,
    NewSession,
    Order,
    OrderStatusHook,
    PaymentConfig,
    PaymentDecisionConfig,
    Product,
    RefundStatusHook,
    SessionConfig,
    SessionPatch,
    Urls,
)
from briqpay_async.cli.shop.catalogue import CURRENCY, Article
from briqpay_async.cli.shop.clicks import Click, watched

__all__ = ["Buying"]


class Buying:
    """Keeps the session of a cart in step with what the buyer clicks.

    Args:
        briqpay: The client.
        address: Where the shop is reached, for the thank-you page and the webhooks.
    """

    def __init__(self, briqpay: BriqpayClient, address: str) -> None:
        self._briqpay = briqpay
        self._address = address

    async def set_quantity(self, session_id: str | None, article: Article, quantity: int, click: Click) -> str:
        """Set how many of an article the cart holds, and return the id of its session."""
        with watched(click):
            if session_id is None:
                return await self._create(article, quantity, click)
            async with self._briqpay.sessions.edit(session_id) as builder:
                if article.reference not in {line.reference for line in builder.cart.lines}:
                    builder.cart.add(article.line(quantity))
                elif quantity:
                    builder.cart.set_quantity(article.reference, quantity)
                else:
                    builder.cart.remove(article.reference)
                click.sent(builder.build(), attrs.evolve(builder.data, order=builder.cart.order()))
        return session_id

    async def _create(self, article: Article, quantity: int, click: Click) -> str:
        data = EditableData(order=Order.of(CURRENCY, [article.line(max(quantity, 1))]))
        session = await self._briqpay.sessions.create(self._new_session(data))
        click.title = f"{click.title} (a new session)"
        click.sent(SessionPatch.of(data=data), data)
        if session.session_id is None:
            raise ValueError("Briqpay made a session without an id.")
        return session.session_id

    def _new_session(self, data: EditableData) -> NewSession:
        webhook = f"{self._address}/webhooks/briqpay"
        settled = ("pending", "approved", "rejected")
        return NewSession(
            product=Product(type="payment", intent="payment_one_time"),
            customer_type="consumer",
            country="SE",
            locale="en-se",
            urls=Urls(terms=f"{self._address}/", redirect=f"{self._address}/thanks?session={{briqpay_session}}"),
            hooks=(
                OrderStatusHook(
                    statuses=("order_pending", "order_rejected", "order_cancelled", "order_approved_not_captured"),
                    method="POST",
                    url=webhook,
                ),
                CaptureStatusHook(statuses=settled, method="POST", url=webhook),
                RefundStatusHook(statuses=settled, method="POST", url=webhook),
            ),
            config=SessionConfig(real_time_processing=True),
            modules=Modules(
                load_modules=("billing", "shipping", "order_note", "terms", "payment"),
                config=ModulesConfig(payment=PaymentConfig(decision=PaymentDecisionConfig(enabled=True))),
            ),
            data=data,
        )

    async def decide(self, session_id: str, *, allow: bool) -> None:
        """Answer the checkout that asks whether the order may be placed."""
        refusal = Decision.reject("notify_user", soft_errors=["The shop could not reserve your goods. Try again."])
        await self._briqpay.sessions.decide(session_id, Decision.allow() if allow else refusal)

    async def cart(self, session_id: str | None) -> dict[str, Any]:
        """Lines, total and checkout of a session, for the page."""
        if session_id is None:
            return {"lines": [], "total": 0, "snippet": None}
        session = await self._briqpay.sessions.read(session_id)
        order = session.data.order if session.data else None
        return {
            "lines": lines_of(order.cart or ()) if order else [],
            "total": (order.amount_inc_vat or 0) if order else 0,
            "snippet": session.snippet,
        }


def lines_of(cart: Sequence[AnyCartItem]) -> list[dict[str, Any]]:
    """Lines as pages show them; sums with VAT, in minor units."""
    return [
        {
            "reference": line.reference,
            "name": line.name,
            "quantity": line.quantity,
            "sum": Order.of(CURRENCY, [line]).amount_inc_vat,
        }
        for line in cart
        if isinstance(line, CartItem)
    ]
