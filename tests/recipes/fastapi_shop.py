"""A small shop on FastAPI: a cart, the webhook, capture when the goods leave, refund when they come back.

Run it with ``BRIQPAY_USERNAME``, ``BRIQPAY_SECRET``, ``BRIQPAY_WEBHOOK_SECRET`` and ``SHOP_ADDRESS`` (where
Briqpay reaches it) in the environment: ``python fastapi_shop.py``.
"""

from __future__ import annotations

import os
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.routing import Route

from briqpay_async import (
    BriqpayClient,
    BriqpayError,
    CaptureStatusHook,
    CartItem,
    EditableData,
    NewSession,
    Order,
    OrderStatusHook,
    Product,
    RefundStatusHook,
    Session,
    Urls,
)
from briqpay_async.integrations.starlette import WebhookEndpoint, get_client, lifespan
from briqpay_async.webhooks import MemoryInboxStore, WebhookEvent, WebhookInbox, WebhookReceiver

Client = Annotated[BriqpayClient, Depends(get_client)]

WEBHOOK = "/webhooks/briqpay"
PRICES = {"chair": 80_000, "table": 200_000, "lamp": 24_000}  # without VAT, in minor units (öre)
SETTLED = ("pending", "approved", "rejected")


class Orders:
    """What the shop knows of its orders; a real one keeps them in a database, and the inbox in SQLite or Redis."""

    def __init__(self, briqpay: BriqpayClient) -> None:
        self.briqpay = briqpay
        self.status: dict[str, str] = {}
        self.to_pack: list[str] = []

    async def take_event(self, event: WebhookEvent) -> None:
        """Events come late and out of order, so the session says what is true now; the inbox keeps doubles out."""
        status = order_status(await self.briqpay.sessions.read(event.session_id))
        self.status[event.session_id] = status
        if event.name == "order_status" and event.status == status == "order_approved_not_captured":
            self.to_pack.append(event.session_id)


def order_status(session: Session) -> str:
    """The status of a session's order. That a session is completed does not say that it is paid."""
    payment = session.module_status.payment if session.module_status else None
    return str(payment.order_status) if payment and payment.order_status else "none"


def line(sku: str, quantity: int) -> CartItem:
    """A line of the cart."""
    return CartItem(
        product_type="physical",
        reference=sku,
        name=sku.title(),
        quantity=quantity,
        quantity_unit="pc",
        unit_price=PRICES[sku],
        tax_rate=2500,
    )


def new_session(sku: str, address: str) -> NewSession:
    """A checkout of one product, whose webhooks come to this shop."""
    webhook = address + WEBHOOK
    bought = ("order_pending", "order_rejected", "order_cancelled", "order_approved_not_captured")
    return NewSession(
        product=Product(type="payment", intent="payment_one_time"),
        customer_type="consumer",
        country="SE",
        locale="sv-se",
        urls=Urls(terms=f"{address}/terms", redirect=f"{address}/thanks"),
        hooks=(
            OrderStatusHook(statuses=bought, method="POST", url=webhook),
            CaptureStatusHook(statuses=SETTLED, method="POST", url=webhook),
            RefundStatusHook(statuses=SETTLED, method="POST", url=webhook),
        ),
        data=EditableData(order=Order.of("SEK", [line(sku, 1)])),
    )


def make_app(briqpay: BriqpayClient, address: str, webhook_secret: str) -> FastAPI:
    """The shop.

    Args:
        briqpay: A client; it is opened when the application starts and closed when it stops.
        address: Where Briqpay reaches the shop, without a slash at the end.
        webhook_secret: The webhook secret of the backoffice.
    """
    orders = Orders(briqpay)
    app = FastAPI(lifespan=lifespan(briqpay))
    receiver, inbox = WebhookReceiver(secrets=(webhook_secret,)), WebhookInbox(MemoryInboxStore())
    app.router.routes.append(Route(WEBHOOK, WebhookEndpoint(receiver, orders.take_event, inbox=inbox)))

    @app.post("/carts/{sku}")
    async def create(sku: str, client: Client) -> dict[str, str | None]:
        """Put the first product into a new cart."""
        session = await client.sessions.create(new_session(sku, address))
        return {"session_id": session.session_id, "snippet": session.html_snippet}

    @app.put("/carts/{session_id}/{sku}")
    async def change(session_id: str, sku: str, quantity: int, client: Client) -> dict[str, str]:
        """Set how many of a product the cart holds; only what changed is sent."""
        async with client.sessions.edit(session_id) as edit:
            if sku not in {each.reference for each in edit.cart.lines}:
                edit.cart.add(line(sku, quantity))
            else:
                edit.cart.set_quantity(sku, quantity)
        return {"session_id": session_id}

    @app.get("/orders")
    async def show() -> dict[str, object]:
        """What the merchant sees."""
        return {"to_pack": orders.to_pack, "status": orders.status}

    @app.post("/orders/{session_id}/ship")
    async def ship(session_id: str, client: Client) -> dict[str, int | None]:
        """The goods leave: capture what is open."""
        session = await client.sessions.read(session_id)
        capture = await client.orders.capture(session_id, session.capturable_order())
        return {"captured": capture.amount_inc_vat}

    @app.post("/orders/{session_id}/return/{sku}")
    async def take_back(session_id: str, sku: str, client: Client) -> dict[str, int | None]:
        """One unit comes back: refund it."""
        session = await client.sessions.read(session_id)
        refund = await client.orders.refund(session_id, session.refundable_order().select({sku: 1}))
        return {"refunded": refund.amount_inc_vat}

    @app.exception_handler(BriqpayError)
    async def refused(_request: Request, error: BriqpayError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=409)

    return app


if __name__ == "__main__":
    shop = make_app(BriqpayClient.from_env(), os.environ["SHOP_ADDRESS"], os.environ["BRIQPAY_WEBHOOK_SECRET"])
    uvicorn.run(shop, port=8000)
