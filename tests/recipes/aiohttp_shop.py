"""A small shop on aiohttp.web: a cart, the webhook, capture when the goods leave, refund when they come back.

Run it with ``BRIQPAY_USERNAME``, ``BRIQPAY_SECRET``, ``BRIQPAY_WEBHOOK_SECRET`` and ``SHOP_ADDRESS`` (where
Briqpay reaches it) in the environment: ``python aiohttp_shop.py``.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from aiohttp import web

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
from briqpay_async.integrations.aiohttp import BRIQPAY, briqpay_context, webhook_handler
from briqpay_async.webhooks import MemoryInboxStore, WebhookEvent, WebhookInbox, WebhookReceiver

WEBHOOK = "/webhooks/briqpay"
PRICES = {"chair": 80_000, "table": 200_000, "lamp": 24_000}  # without VAT, in minor units (öre)
SETTLED = ("pending", "approved", "rejected")
ADDRESS = web.AppKey("address", str)


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


ORDERS = web.AppKey("orders", Orders)


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


async def create(request: web.Request) -> web.Response:
    """Put the first product into a new cart."""
    new = new_session(request.match_info["sku"], request.app[ADDRESS])
    session = await request.app[BRIQPAY].sessions.create(new)
    return web.json_response({"session_id": session.session_id, "snippet": session.html_snippet})


async def change(request: web.Request) -> web.Response:
    """Set how many of a product the cart holds; only what changed is sent."""
    session_id, sku = request.match_info["session_id"], request.match_info["sku"]
    quantity = int(request.query["quantity"])
    async with request.app[BRIQPAY].sessions.edit(session_id) as edit:
        if sku not in {each.reference for each in edit.cart.lines}:
            edit.cart.add(line(sku, quantity))
        else:
            edit.cart.set_quantity(sku, quantity)
    return web.json_response({"session_id": session_id})


async def show(request: web.Request) -> web.Response:
    """What the merchant sees."""
    orders = request.app[ORDERS]
    return web.json_response({"to_pack": orders.to_pack, "status": orders.status})


async def ship(request: web.Request) -> web.Response:
    """The goods leave: capture what is open."""
    client, session_id = request.app[BRIQPAY], request.match_info["session_id"]
    session = await client.sessions.read(session_id)
    capture = await client.orders.capture(session_id, session.capturable_order())
    return web.json_response({"captured": capture.amount_inc_vat})


async def take_back(request: web.Request) -> web.Response:
    """One unit comes back: refund it."""
    client, session_id = request.app[BRIQPAY], request.match_info["session_id"]
    session = await client.sessions.read(session_id)
    refund = await client.orders.refund(
        session_id, session.refundable_order().select({request.match_info["sku"]: 1})
    )
    return web.json_response({"refunded": refund.amount_inc_vat})


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what the client or Briqpay refuses with the reason."""
    try:
        return await handler(request)
    except BriqpayError as error:
        return web.json_response({"error": str(error)}, status=409)


def make_app(briqpay: BriqpayClient, address: str, webhook_secret: str) -> web.Application:
    """The shop.

    Args:
        briqpay: A client; it is opened when the application starts and closed when it stops.
        address: Where Briqpay reaches the shop, without a slash at the end.
        webhook_secret: The webhook secret of the backoffice.
    """
    orders = Orders(briqpay)
    app = web.Application(middlewares=[refusals])
    app[ORDERS], app[ADDRESS] = orders, address
    app.cleanup_ctx.append(briqpay_context(briqpay))
    receiver, inbox = WebhookReceiver(secrets=(webhook_secret,)), WebhookInbox(MemoryInboxStore())
    app.router.add_routes(
        [
            web.post(WEBHOOK, webhook_handler(receiver, orders.take_event, inbox=inbox)),
            web.post("/carts/{sku}", create),
            web.put("/carts/{session_id}/{sku}", change),
            web.get("/orders", show),
            web.post("/orders/{session_id}/ship", ship),
            web.post("/orders/{session_id}/return/{sku}", take_back),
        ]
    )
    return app


if __name__ == "__main__":
    shop = make_app(BriqpayClient.from_env(), os.environ["SHOP_ADDRESS"], os.environ["BRIQPAY_WEBHOOK_SECRET"])
    web.run_app(shop, port=8000)
