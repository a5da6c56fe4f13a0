"""`briqpay shop` in a real browser: from a product to a captured and refunded order."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from briqpay_async.cli.shop.command import running_shop


class ThreadedShop:
    """The shop in a thread of its own, as its program runs it."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait(20)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with running_shop() as shop:
            self.url, self._sandbox = shop.address, shop.sandbox
            self._ready.set()
            await self._stop.wait()

    def ask(self, look: Callable[[Any], Any]) -> Any:
        """Do something with the sandbox, in its loop."""

        async def work() -> Any:
            return look(self._sandbox)

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)


@pytest.fixture
def shop() -> Iterator[ThreadedShop]:
    running = ThreadedShop()
    yield running
    running.close()


@pytest.fixture
def open_page(shop: ThreadedShop, open_page: Callable[..., Any]) -> Callable[..., Any]:
    """Pages close before the shop does."""
    del shop
    return open_page


def fill_in(page: Any, provider: str = "Sandbox invoice") -> Any:
    """Fill the checkout in, without paying."""
    frame = page.frame_locator("#briqpay-checkout")
    frame.locator('#checkout[aria-busy="false"]').wait_for()
    for label, value in {
        "First name": "Ada",
        "Last name": "Lovelace",
        "Street and number": "Storgatan 1",
        "Postal code": "22350",
        "City": "Lund",
        "E-mail": "ada@shop.example",
    }.items():
        frame.locator("#billing").get_by_label(label, exact=True).fill(value)
    frame.get_by_label(provider).check()
    frame.get_by_label("I accept the terms").check()
    return frame


def session_of(shop: ThreadedShop) -> dict[str, Any]:
    [session] = shop.ask(lambda sandbox: list(sandbox.sessions.values()))
    return session  # type: ignore[no-any-return]


def test_a_cart_is_bought_captured_in_parts_and_refunded(
    shop: ThreadedShop, open_page: Callable[..., Any]
) -> None:
    page = open_page(shop.url)
    page.get_by_role("button", name="Add Enamel kettle").click()
    page.get_by_text("a new session").wait_for()
    page.get_by_role("button", name="Add Stoneware mug").click()
    page.get_by_role("button", name="One more Stoneware mug").click()
    page.get_by_role("heading", name="Stoneware mug: 2").wait_for()
    fill_in(page).get_by_role("button", name="Pay").click()
    page.wait_for_url("**/thanks?session=*")
    page.get_by_role("heading", name="Thank you, your order is paid").wait_for()

    page.get_by_role("link", name="Merchant").first.click()
    order = page.get_by_role("article")
    order.get_by_label("Stoneware mug").fill("1")
    order.get_by_label("Enamel kettle").fill("0")
    order.get_by_role("button", name="Capture").click()
    order.get_by_text("captured_partial").wait_for()
    order.get_by_role("heading", name="To refund").wait_for()
    order.get_by_role("button", name="Capture").click()
    order.get_by_text("captured_full").wait_for()
    order.get_by_role("button", name="Refund").first.click()
    page.get_by_text("refunded SEK 159.00").or_(page.get_by_text("refunded SEK\xa0159.00")).wait_for()
    data = session_of(shop)["data"]
    assert [capture["amountIncVat"] for capture in data["captures"]] == [15_900, 65_800]
    assert [refund["amountIncVat"] for refund in data["refunds"]] == [15_900]


def test_the_cart_changes_during_the_checkout_and_each_click_shows_its_patch(
    shop: ThreadedShop, open_page: Callable[..., Any]
) -> None:
    page = open_page(shop.url)
    page.get_by_role("button", name="Add Reading lamp").click()
    frame = fill_in(page)
    page.get_by_role("button", name="One more Reading lamp").click()
    frame.locator("#totals .total.money", has_text=re.compile(r"1\D?980")).wait_for()
    assert frame.get_by_label("City", exact=True).first.input_value() == "Lund"  # as typed
    click = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Reading lamp: 2"))
    click.get_by_text("The patch").click()
    click.get_by_text('"quantity": 2').wait_for()


def test_a_bad_network_costs_attempts_and_loses_nothing(shop: ThreadedShop, open_page: Callable[..., Any]) -> None:
    page = open_page(shop.url)
    page.get_by_role("button", name="Add Notebook").click()
    page.get_by_text("a new session").wait_for()
    page.get_by_label("Bad network").check()
    for _ in range(6):
        page.get_by_role("button", name="One more Notebook").click()
    page.get_by_role("heading", name="Notebook, set of three: 7").wait_for(timeout=60_000)
    page.get_by_text("attempts").first.wait_for()
    assert session_of(shop)["data"]["order"]["cart"][0]["quantity"] == 7


def test_a_pending_payment_is_approved_by_webhook(shop: ThreadedShop, open_page: Callable[..., Any]) -> None:
    page = open_page(shop.url)
    page.get_by_role("button", name="Add Wool blanket").click()
    fill_in(page, "Sandbox review").get_by_role("button", name="Pay").click()
    page.get_by_role("heading", name="Your order is being looked at").wait_for()
    session_id = session_of(shop)["sessionId"]
    shop.ask(lambda sandbox: sandbox.advance(session_id))
    page.get_by_role("heading", name="Thank you, your order is paid").wait_for()


def test_an_order_that_the_shop_refuses_can_be_mended(shop: ThreadedShop, open_page: Callable[..., Any]) -> None:
    page = open_page(shop.url)
    page.get_by_role("button", name="Add Carving knife").click()
    frame = fill_in(page)
    page.get_by_label("Refuse the next order").check()
    frame.get_by_role("button", name="Pay").click()
    frame.get_by_text("could not reserve your goods").wait_for()
    frame.get_by_role("button", name="Pay").click()
    page.get_by_role("heading", name="Thank you, your order is paid").wait_for()


def test_an_order_is_cancelled(shop: ThreadedShop, open_page: Callable[..., Any]) -> None:
    page = open_page(shop.url)
    page.get_by_role("button", name="Add Enamel kettle").click()
    fill_in(page).get_by_role("button", name="Pay").click()
    page.get_by_role("heading", name="Thank you, your order is paid").wait_for()
    page.get_by_role("link", name="Merchant").first.click()
    page.get_by_role("button", name="Cancel the order").click()
    page.get_by_text("order_cancelled").wait_for()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_shop_is_accessible(
    width: int, shop: ThreadedShop, open_page: Callable[..., Any], serious_faults: Callable[[Any], list[str]]
) -> None:
    page = open_page(shop.url, width=width)
    page.get_by_role("button", name="Add Enamel kettle").click()
    page.frame_locator("#briqpay-checkout").locator('#checkout[aria-busy="false"]').wait_for()
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.goto(f"{shop.url}/merchant")
    page.get_by_role("heading", name="Orders").wait_for()
    assert serious_faults(page) == []
