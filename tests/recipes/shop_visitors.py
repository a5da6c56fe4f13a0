"""What visitors and the merchant do in a shop of these recipes, and what must be true afterwards."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import attrs

from briqpay_async import BriqpayClient
from briqpay_async.sandbox import Sandbox

Serve = Callable[[BriqpayClient, str, str, socket.socket], AbstractAsyncContextManager[None]]
"""Runs a shop on a bound socket, until the block ends."""


@attrs.define(kw_only=True)
class Visitors:
    """Uses a running shop over HTTP; the sandbox is Briqpay."""

    http: aiohttp.ClientSession
    sandbox: Sandbox
    briqpay: BriqpayClient

    async def ask(self, method: str, path: str, **query: Any) -> tuple[int, Any]:
        """Make one request, and return its status and its JSON."""
        async with self.http.request(method, path, params=query) as response:
            return response.status, await response.json()

    async def cart(self, *skus: str) -> str:
        """A new cart with one of each."""
        _, answer = await self.ask("POST", f"/carts/{skus[0]}")
        for sku in skus[1:]:
            await self.ask("PUT", f"/carts/{answer['session_id']}/{sku}", quantity=1)
        return str(answer["session_id"])

    def quantities(self, session_id: str) -> dict[str, int]:
        """What is in the cart, as Briqpay has it."""
        cart = self.sandbox.sessions[session_id]["data"]["order"]["cart"]
        return {line["reference"]: line["quantity"] for line in cart}


@asynccontextmanager
async def visitors_of(serve: Serve, sandbox: Sandbox) -> AsyncIterator[Visitors]:
    """Open a shop, and let visitors in; afterwards its client is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        briqpay = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
        async with (
            serve(briqpay, address, sandbox.webhook_secret, listener),
            aiohttp.ClientSession(base_url=address) as http,
        ):
            yield Visitors(http=http, sandbox=sandbox, briqpay=briqpay)


async def buy_ship_and_return(visitors: Visitors) -> None:
    """Webhooks come late, twice, out of order and forged: the order is packed once, and ends right."""
    sandbox = visitors.sandbox
    for kind, event, options in (
        ("webhook_out_of_order", "order_status", {"seconds": 1.0}),  # pending after approved
        ("webhook_twice", "order_status", {"together": True}),  # approved
        ("webhook_forged", "capture_status", {}),
        ("webhook_late", "refund_status", {"seconds": 0.2}),
    ):
        sandbox.faults.add(kind, endpoint=event, times=1, **options)
    session_id = await visitors.cart("chair", "lamp")
    await visitors.ask("PUT", f"/carts/{session_id}/chair", quantity=2)
    assert visitors.quantities(session_id) == {"chair": 2, "lamp": 1}

    sandbox.complete(session_id, "order_pending")
    sandbox.complete(session_id, "order_approved_not_captured")
    await sandbox.delivered(10)
    _, seen = await visitors.ask("GET", "/orders")
    assert seen == {"to_pack": [session_id], "status": {session_id: "order_approved_not_captured"}}
    attempts = {each.status: each.attempts for each in sandbox.deliveries.of(session_id, "order_status")}
    assert max(each.at for each in attempts["order_approved_not_captured"]) < attempts["order_pending"][0].at
    assert len(attempts["order_approved_not_captured"]) > 1

    shipped = [visitors.ask("POST", f"/orders/{session_id}/ship") for _ in range(2)]  # the merchant clicks twice
    assert sorted(status for status, _ in await asyncio.gather(*shipped)) == [200, 409]
    assert await visitors.ask("POST", f"/orders/{session_id}/return/chair") == (200, {"refunded": 100_000})
    await sandbox.delivered(10)

    assert [sandbox.effects.counts.get(kind) for kind in ("capture", "refund")] == [1, 1]
    _, seen = await visitors.ask("GET", "/orders")
    assert seen == {"to_pack": [session_id], "status": {session_id: "captured_full"}}
    assert [each.attempts[0].status for each in sandbox.deliveries if each.fault == "webhook_forged"] == [401]


async def change_one_cart_at_once(visitors: Visitors, tries: int) -> None:
    """Two visitors of one cart change it at the same moment: no change is lost."""
    session_id = await visitors.cart("chair", "lamp")
    for quantity in range(1, tries + 1):
        changes = [
            visitors.ask("PUT", f"/carts/{session_id}/{sku}", quantity=count)
            for sku, count in (("chair", quantity), ("lamp", tries + 1 - quantity))
        ]
        assert [status for status, _ in await asyncio.gather(*changes)] == [200, 200]
        assert visitors.quantities(session_id) == {"chair": quantity, "lamp": tries + 1 - quantity}
