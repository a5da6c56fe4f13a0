"""The pictures of the README: drawn anew with ``BRIQPAY_DRAW_PICTURES=1``, else only seen to be there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser.threaded_shop import ThreadedShop, fill_in

FOLDER = Path(__file__).with_name("pictures")
DRAW = os.environ.get("BRIQPAY_DRAW_PICTURES") == "1"


def keep(page: Any, name: str) -> None:
    """Keep what a page shows, or see that a picture of it is kept."""
    path = FOLDER / f"{name}.png"
    if DRAW:
        path.parent.mkdir(exist_ok=True)
        page.screenshot(path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 200_000


def test_the_shop_and_the_inspector_have_their_picture_taken(
    shop: ThreadedShop, open_page: Callable[..., Any]
) -> None:
    page = open_page(shop.url, width=1240, height=780)
    page.get_by_role("button", name="Add Enamel kettle").click()
    page.get_by_text("a new session").wait_for()
    frame = fill_in(page)
    frame.get_by_label("Deliver to another address").check()
    for label, value in {"First name": "Charles", "Street and number": "Kyrkogatan 22", "City": "Malmö"}.items():
        frame.locator("#shipping").get_by_label(label, exact=True).fill(value)
    with page.expect_response("**/details"):  # what the buyer typed is stored once the field is left
        frame.locator("#shipping").get_by_label("Postal code").focus()
    page.get_by_role("button", name="Add Stoneware mug").click()
    page.get_by_role("button", name="One more Stoneware mug").click()
    page.get_by_role("heading", name="Stoneware mug: 2").wait_for()
    page.get_by_text("The patch").first.click()
    page.get_by_role("heading", name="A small shop").scroll_into_view_if_needed()
    keep(page, "shop")
    page.goto(page.get_by_role("link", name="Look into the sandbox").get_attribute("href"))
    page.get_by_role("heading", name="History").wait_for()
    page.get_by_text("1 of 1 sessions").wait_for()
    keep(page, "inspector")
