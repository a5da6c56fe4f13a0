"""The inspector in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from browser.conftest import in_a_loop
from browser.merchant_page import MerchantPage
from support.shop import new_session

from briqpay_async import BriqpayClient, NewSession, OrderStatusHook, unstructure
from briqpay_async.sandbox.state.new_session import new_session as stored_session


def test_ten_thousand_sessions_are_searched_at_once(open_page: Callable[..., Any], emulator: Any) -> None:
    body = unstructure(new_session())
    store = emulator._sandbox._store
    for number in range(10_000):
        session_id = f"00000000-0000-4000-8000-{number:012d}"
        one = {**body, "references": {"reference1": f"order-{number}"}}
        store.sessions[session_id] = stored_session(one, session_id=session_id, created_at="now", username="me")
    page = open_page(f"{emulator.url}/_sandbox/")
    page.get_by_text("100 of 10000 sessions").wait_for()
    page.get_by_role("searchbox").fill("order-4711")
    page.get_by_text("1 of 1 sessions").wait_for()
    page.get_by_role("link", name="order-4711").click()
    page.get_by_role("heading", name="Session 00000000-0000-4000-8000-000000004711").wait_for()


def test_a_session_shows_what_happened_to_it_as_it_happens(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session_id = new(new_session()).session_id
    page = open_page(f"{emulator.url}/_sandbox/#session/{session_id}")
    page.get_by_text("POST /v3/session").wait_for()

    async def move() -> None:
        async with (
            BriqpayClient(emulator.username, emulator.secret, base_url=emulator.url) as client,
            client.sessions.edit(session_id) as builder,
        ):
            builder.billing.update(city="Malmö")

    in_a_loop(move())
    row = page.get_by_role("row", name=f"PATCH /v3/session/{session_id}")
    row.wait_for()
    assert "in full" in row.inner_text()
    row.get_by_text("body, ").click()
    row.get_by_text("Malmö").first.wait_for()
    page.get_by_role("button", name="Complete").click()
    page.get_by_role("definition").get_by_text("completed", exact=True).wait_for()
    assert emulator.sessions[session_id]["status"] == "completed"


def test_a_pending_order_is_moved_on(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session_id = new(new_session()).session_id
    emulator.complete(session_id, "order_pending")
    page = open_page(f"{emulator.url}/_sandbox/#session/{session_id}")
    page.get_by_label("Order status").select_option("order_approved_not_captured")
    page.get_by_role("button", name="Advance").click()
    page.get_by_role("definition").get_by_text("order_approved_not_captured").wait_for()


@pytest.fixture
def open_delivery(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any, merchant: MerchantPage
) -> Callable[[], Any]:
    """Opens a session whose webhook was delivered."""

    def open_() -> Any:
        hook = OrderStatusHook(
            statuses=("order_approved_not_captured",), method="POST", url=f"{merchant.url}/hook"
        )
        session_id = new(attrs.evolve(new_session(), hooks=(hook,))).session_id
        emulator.complete(session_id)
        emulator.delivered()
        return open_page(f"{emulator.url}/_sandbox/#session/{session_id}")

    return open_


def test_a_webhook_is_sent_again_by_hand(open_delivery: Callable[[], Any], emulator: Any) -> None:
    page = open_delivery()
    page.get_by_role("row", name="order_status").get_by_text("delivered").wait_for()
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("2, last 200").wait_for()
    assert [len(each.attempts) for each in emulator.deliveries] == [2]


def test_a_button_that_is_pressed_is_not_drawn_anew(
    open_delivery: Callable[[], Any], new: Callable[[NewSession], Any]
) -> None:
    page = open_delivery()
    page.get_by_role("button", name="Send again").hover()
    page.mouse.down()
    found = page.locator("#counts").text_content()
    new(new_session())  # the page learns of it, and draws what changed
    page.wait_for_function("before => document.getElementById('counts').textContent !== before", arg=found)
    page.get_by_text("2 of 2 sessions").wait_for()
    page.mouse.up()
    page.get_by_text("2, last 200").wait_for()


def test_faults_and_switches_are_set_by_hand(open_page: Callable[..., Any], emulator: Any) -> None:
    page = open_page(f"{emulator.url}/_sandbox/#faults")
    page.get_by_label("Kind").select_option("status")
    page.get_by_label("Endpoint").fill("patch")
    page.get_by_label("More (JSON)").fill('{"status": 503}')
    page.get_by_role("button", name="Add").click()
    page.get_by_text('"endpoint":"patch"').wait_for()
    assert len(emulator.faults) == 1
    page.get_by_role("button", name="Clear all").click()
    page.get_by_text("Nothing yet.").wait_for()
    page.get_by_role("link", name="Switches").click()
    page.get_by_label("merge").select_option("section")
    page.get_by_role("link", name="Faults").click()
    page.get_by_role("link", name="Switches").click()
    page.get_by_label("merge").wait_for()
    assert emulator.switches.merge == "section"


def test_a_reset_is_asked_about_first(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    new(new_session())
    page = open_page(f"{emulator.url}/_sandbox/")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Reset everything").click()
    assert len(emulator.sessions) == 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Reset everything").click()
    page.get_by_text("0 of 0 sessions").wait_for()
    assert len(emulator.sessions) == 0


def test_the_inspector_is_accessible(
    open_page: Callable[..., Any],
    new: Callable[[NewSession], Any],
    emulator: Any,
    serious_faults: Callable[[Any], list[str]],
) -> None:
    session_id = new(new_session()).session_id
    for view in (f"session/{session_id}", "faults", "requests"):
        page = open_page(f"{emulator.url}/_sandbox/#{view}")
        page.locator("#view h2").first.wait_for()
        page.get_by_text("1 of 1 sessions").wait_for()
        assert serious_faults(page) == [], view
