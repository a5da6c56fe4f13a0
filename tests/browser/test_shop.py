"""`briqpay shop` in a real browser: from a product to a captured and refunded order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from browser.threaded_shop import ThreadedShop, fill_in


@pytest.fixture
def open_page(shop: ThreadedShop, open_page: Callable[..., Any]) -> Callable[..., Any]:
    """Pages close before the shop does."""
    del shop
    return open_page


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
