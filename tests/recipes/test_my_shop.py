"""Tests of a shop against the sandbox: all that a project needs is this file, pytest and briqpay-async.

``briqpay_client``, ``briqpay_blocking_client`` and ``briqpay_sandbox`` come with the package. Run it: ``pytest``.
"""

from __future__ import annotations

import pytest

from briqpay_async import BriqpayClient, CartItem, EditableData, NewSession, Order, Product, ServerError, Urls
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox import ThreadedSandbox

# --- the shop --------------------------------------------------------------------------------------------

LAMP = CartItem(
    product_type="physical",
    reference="lamp",
    name="Lamp",
    quantity=1,
    quantity_unit="pcs",
    unit_price=24_000,
    tax_rate=2500,
)
CHECKOUT = NewSession(
    product=Product(type="payment", intent="payment_one_time"),
    customer_type="consumer",
    country="SE",
    locale="sv-se",
    urls=Urls(terms="https://shop.example/terms", redirect="https://shop.example/thanks"),
    data=EditableData(order=Order.of("SEK", [LAMP])),
)


async def set_lamps(briqpay: BriqpayClient, session_id: str, quantity: int) -> None:
    """What the shop does when a buyer clicks plus or minus."""
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity("lamp", quantity)


def ship(briqpay: BlockingBriqpayClient, session_id: str) -> int:
    """What the shop does when the goods leave: capture all that is open, and say how much that was."""
    session = briqpay.sessions.read(session_id)
    return briqpay.orders.capture(session_id, session.capturable_order()).amount_inc_vat or 0


# --- its tests -------------------------------------------------------------------------------------------


async def test_a_click_changes_the_cart(briqpay_client: BriqpayClient, briqpay_sandbox: ThreadedSandbox) -> None:
    session = await briqpay_client.sessions.create(CHECKOUT)
    await set_lamps(briqpay_client, session.id, 3)
    assert briqpay_sandbox.sessions[session.id]["data"]["order"]["amountIncVat"] == 90_000


@pytest.mark.briqpay(faults={"patch": {"kind": "apply_then_drop", "times": 1}})
async def test_a_click_survives_a_lost_answer(
    briqpay_client: BriqpayClient, briqpay_sandbox: ThreadedSandbox
) -> None:
    session = await briqpay_client.sessions.create(CHECKOUT)
    await set_lamps(briqpay_client, session.id, 2)
    assert [record.status for record in briqpay_sandbox.journal if record.method == "PATCH"] == [None, 200]


@pytest.mark.briqpay(faults={"read": {"kind": "status", "status": 503}})
async def test_an_outage_is_an_error_that_the_shop_sees(briqpay_client: BriqpayClient) -> None:
    session = await briqpay_client.sessions.create(CHECKOUT)
    with pytest.raises(ServerError):  # after four attempts, without waiting
        await set_lamps(briqpay_client, session.id, 2)


def test_goods_that_leave_are_captured_once(
    briqpay_blocking_client: BlockingBriqpayClient, briqpay_sandbox: ThreadedSandbox
) -> None:
    session_id = briqpay_blocking_client.sessions.create(CHECKOUT).id
    briqpay_sandbox.complete(session_id)  # the buyer pays
    briqpay_sandbox.faults.add("apply_then_drop", endpoint="capture", times=1)
    assert ship(briqpay_blocking_client, session_id) == 30_000
    assert len(briqpay_sandbox.effects_of(session_id, "capture")) == 1
