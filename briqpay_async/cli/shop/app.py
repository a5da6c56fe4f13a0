"""The shop's application: a page to buy on, a page for the merchant, and the address for webhooks."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any, Final

import attrs
from aiohttp import web

from briqpay_async import BriqpayClient, BriqpayError
from briqpay_async.cli.shop.buying import Buying
from briqpay_async.cli.shop.catalogue import CURRENCY, PRODUCTS
from briqpay_async.cli.shop.clicks import Click
from briqpay_async.cli.shop.orders import ShopOrders
from briqpay_async.integrations.aiohttp import webhook_handler
from briqpay_async.sandbox import Sandbox
from briqpay_async.webhooks import MemoryInboxStore, WebhookInbox, WebhookReceiver

__all__ = ["Shop", "make_app"]

_COOKIE: Final = "visitor"
_MOST_CLICKS: Final = 30
_MOST_VISITORS: Final = 1_000
_FOLDERS: Final = (files("briqpay_async.cli.shop") / "web", files("briqpay_async.sandbox.pages") / "web")
_SHARED: Final = ("page.css", "dom.js")  # the look and the helpers of the sandbox's pages
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


@attrs.define
class Visit:
    """One visitor's way through the shop."""

    visitor: str
    session_id: str | None = None
    clicks: deque[Click] = attrs.field(factory=lambda: deque(maxlen=_MOST_CLICKS))


@attrs.define(kw_only=True)
class Shop:
    """What the handlers share.

    Attributes:
        briqpay: The client.
        sandbox: What plays Briqpay.
        address: Where the shop is reached, such as ``http://127.0.0.1:8421``.
        set_network: Makes the network to Briqpay bad, or good again.
        refuse_next: Whether the shop refuses the next order that it is asked about.
        bad_network: Whether the network is bad.
    """

    briqpay: BriqpayClient
    sandbox: Sandbox
    address: str
    set_network: Callable[[bool], None]
    refuse_next: bool = False
    bad_network: bool = False
    visits: dict[str, Visit] = attrs.field(factory=dict)
    buying: Buying = attrs.field(init=False)
    orders: ShopOrders = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.buying = Buying(self.briqpay, self.address)
        self.orders = ShopOrders(self.briqpay)


def make_app(shop: Shop) -> web.Application:
    """The application."""
    handlers = _Handlers(shop)
    app = web.Application(middlewares=[_errors, handlers.same_origin])
    receiver = WebhookReceiver(secrets=(shop.sandbox.webhook_secret,))
    inbox = WebhookInbox(MemoryInboxStore(10_000))
    app.router.add_routes(
        [
            web.get("/", handlers.page("shop.html")),
            web.get("/thanks", handlers.page("thanks.html")),
            web.get("/merchant", handlers.page("merchant.html")),
            web.get("/web/{name}", handlers.asset),
            web.get("/api/shop", handlers.show),
            web.post("/api/cart", handlers.change_cart),
            web.post("/api/decision", handlers.decide),
            web.post("/api/settings", handlers.change_settings),
            web.get("/api/orders", handlers.list_orders),
            web.get("/api/orders/{session_id}", handlers.show_order),
            web.post("/api/orders/{session_id}/{verb:capture|refund|cancel}", handlers.manage_order),
            web.post("/webhooks/briqpay", webhook_handler(receiver, shop.orders.take_event, inbox=inbox)),
        ]
    )
    return app


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what the client refuses, or what Briqpay refuses, as a page can show it."""
    try:
        return await handler(request)
    except (BriqpayError, ValueError) as error:
        return web.json_response({"error": {"message": str(error)}}, status=409)


class _Handlers:
    """Maps HTTP to the shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    @web.middleware
    async def same_origin(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Keep other pages of the browser from buying here, and pages from loading anything from elsewhere."""
        if request.headers.get("Host") != self._shop.address.partition("//")[2]:
            raise web.HTTPForbidden(text="This is another host.")
        origin = request.headers.get("Origin")
        if request.method != "GET" and origin is not None and origin != self._shop.address:
            raise web.HTTPForbidden(text="Only the shop's own pages may do this.")
        response = await handler(request)
        emulator = self._shop.sandbox.url
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' {emulator}; style-src 'self'; img-src data:; "
            f"connect-src 'self'; frame-src {emulator}; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    def page(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A handler that serves a page."""

        async def serve(_request: web.Request) -> web.Response:
            return _file(name)

        return serve

    async def asset(self, request: web.Request) -> web.Response:
        """A style sheet or a script."""
        return _file(request.match_info["name"])

    async def show(self, request: web.Request) -> web.Response:
        """The shop as one visitor sees it."""
        return await self._shown(request, self._visit(request))

    async def change_cart(self, request: web.Request) -> web.Response:
        """Set how many of a product are in the cart."""
        body = await _object(request)
        product = PRODUCTS.get(str(body.get("reference")))
        quantity = body.get("quantity")
        if product is None or type(quantity) is not int or not 0 <= quantity <= 999:
            raise ValueError("Choose a product, and a quantity between 0 and 999.")
        visit = self._visit(request)
        click = Click(f"{product.name}: {quantity}")
        visit.session_id = await self._shop.buying.set_quantity(visit.session_id, product, quantity, click)
        visit.clicks.appendleft(click)
        return await self._shown(request, visit)

    async def decide(self, request: web.Request) -> web.Response:
        """Answer the checkout that asks whether the order may be placed."""
        session_id = str((await _object(request)).get("session_id"))
        if session_id != self._visit(request).session_id:
            raise web.HTTPForbidden(text="This is another visitor's checkout.")
        refuse, self._shop.refuse_next = self._shop.refuse_next, False
        await self._shop.buying.decide(session_id, allow=not refuse)
        return web.json_response({"allowed": not refuse})

    async def change_settings(self, request: web.Request) -> web.Response:
        """Switch the bad network, or the refusal of the next order."""
        body = await _object(request)
        shop = self._shop
        if isinstance(bad := body.get("bad_network"), bool):
            shop.bad_network = bad
            shop.set_network(bad)
        if isinstance(refuse := body.get("refuse_next"), bool):
            shop.refuse_next = refuse
        return web.json_response({"bad_network": shop.bad_network, "refuse_next": shop.refuse_next})

    async def list_orders(self, _request: web.Request) -> web.Response:
        """All orders, for the merchant."""
        return web.json_response(self._shop.orders.all())

    async def show_order(self, request: web.Request) -> web.Response:
        """One order, for its buyer."""
        return web.json_response(self._shop.orders.state_of(request.match_info["session_id"]))

    async def manage_order(self, request: web.Request) -> web.Response:
        """Capture, refund or cancel."""
        await self._shop.orders.manage(
            request.match_info["session_id"], request.match_info["verb"], await _object(request)
        )
        return web.json_response({})

    def _visit(self, request: web.Request) -> Visit:
        visitor = request.cookies.get(_COOKIE)
        visit = self._shop.visits.get(visitor) if visitor else None
        if visit is None:
            if len(self._shop.visits) >= _MOST_VISITORS:
                self._shop.visits.pop(next(iter(self._shop.visits)))
            visitor = secrets.token_urlsafe(18)
            visit = self._shop.visits[visitor] = Visit(visitor)
        if visit.session_id in self._shop.orders.known:  # bought: the next cart is a new one
            visit.session_id = None
            visit.clicks.clear()
        return visit

    async def _shown(self, request: web.Request, visit: Visit) -> web.Response:
        shop = self._shop
        cart: Mapping[str, Any] = await shop.buying.cart(visit.session_id)
        response = web.json_response(
            {
                **cart,
                "currency": CURRENCY,
                "products": [
                    {"reference": each.reference, "name": each.name, "price": each.price}
                    for each in PRODUCTS.values()
                ],
                "session_id": visit.session_id,
                "script": f"{shop.sandbox.url}/_sandbox/briq.min.js",
                "inspector": f"{shop.sandbox.url}/_sandbox/#session/{visit.session_id or ''}",
                "clicks": [attrs.asdict(click) for click in visit.clicks],
                "bad_network": shop.bad_network,
                "refuse_next": shop.refuse_next,
            }
        )
        if request.cookies.get(_COOKIE) != visit.visitor:
            response.set_cookie(_COOKIE, visit.visitor, httponly=True, samesite="Lax", path="/")
        return response


async def _object(request: web.Request) -> dict[str, Any]:
    """The JSON object that a page sent.

    Raises:
        ValueError: It is none.
    """
    body = await request.json()
    if not isinstance(body, dict):
        raise ValueError("Send a JSON object.")  # noqa: TRY004 - what a page sends is a value
    return body


def _file(name: str) -> web.Response:
    folder = _FOLDERS[1] if name in _SHARED else _FOLDERS[0]
    ending = name.rpartition(".")[2]
    if "/" in name or ending not in _TYPES or not (folder / name).is_file():
        raise web.HTTPNotFound
    return web.Response(body=(folder / name).read_bytes(), content_type=_TYPES[ending], charset="utf-8")
