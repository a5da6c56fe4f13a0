"""The checkout in a real browser, in the page of a shop on another origin and on a page of its own."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from browser.conftest import in_a_loop
from browser.merchant_page import MerchantPage
from support.shop import address, data, line, new_session

from briqpay_async import (
    BriqpayClient,
    CustomInput,
    HostedPageConfig,
    Modules,
    ModulesConfig,
    NewSession,
    PaymentConfig,
    PaymentDecisionConfig,
    UpsellConfig,
    Urls,
)

BUYER = address(first_name="Ada", last_name="Lovelace")
EVIL = "<img src=x onerror=alert(1)>"
ASKS = ModulesConfig(payment=PaymentConfig(decision=PaymentDecisionConfig(enabled=True)))


def session_for(merchant: MerchantPage | None = None, **members: Any) -> NewSession:
    done = f"{merchant.url}/done?session={{briqpay_session}}" if merchant else "http://127.0.0.1:1/done"
    made = new_session(data(line(name="Kettle"), billing=BUYER, shipping=None))
    return attrs.evolve(made, urls=Urls(terms="http://127.0.0.1:1/terms", redirect=done), **members)


def checkout_of(page: Any) -> Any:
    """The checkout in the iframe of a merchant's page, once it shows its session."""
    frame = page.frame_locator("#briqpay-checkout")
    frame.locator('#checkout[aria-busy="false"]').wait_for()
    return frame


def heard(page: Any) -> list[str]:
    return [name for name, _ in page.evaluate("window.heard")]


def open_shop(merchant: MerchantPage, open_page: Callable[..., Any], snippet: str | None, **options: Any) -> Any:
    merchant.snippet = snippet or ""
    page = open_page(merchant.url, **options)
    page.wait_for_function("window.heard.some(([name]) => name === 'ready')")
    return page


def test_a_buyer_pays_and_is_sent_back_to_the_shop(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(session_for(merchant))
    page = open_shop(merchant, open_page, session.html_snippet)
    frame = checkout_of(page)
    frame.get_by_label("I accept the terms").check()
    frame.get_by_role("button", name="Pay").click()
    page.wait_for_url(f"**/done?session={session.session_id}")
    assert emulator.sessions[session.session_id]["status"] == "completed"
    assert emulator.sessions[session.session_id]["data"]["transactions"][0]["status"] == "approved"


def test_a_page_of_another_loopback_name_shows_the_checkout_too(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(session_for(merchant))
    merchant.snippet = str(session.html_snippet)
    page = open_page(merchant.url.replace("127.0.0.1", "localhost"))
    frame = checkout_of(page)
    frame.get_by_label("I accept the terms").check()
    frame.get_by_role("button", name="Pay").click()
    page.wait_for_url(f"**/done?session={session.session_id}")
    assert emulator.sessions[session.session_id]["status"] == "completed"


def test_a_buyer_who_leaves_something_out_sees_what_and_can_go_on(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(attrs.evolve(session_for(merchant), data=data(line(), billing=address(), shipping=None)))
    page = open_shop(merchant, open_page, session.html_snippet)
    frame = checkout_of(page)
    frame.get_by_role("button", name="Pay").click()
    problems = frame.get_by_role("alert")
    problems.get_by_text("First name: is missing").wait_for()
    assert problems.get_by_text("has to be accepted").is_visible()
    assert emulator.sessions[session.session_id]["status"] != "completed"
    frame.get_by_label("First name").first.fill("Ada")
    frame.get_by_label("Last name").first.fill("Lovelace")
    frame.get_by_label("I accept the terms").check()
    frame.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/done*")
    assert emulator.sessions[session.session_id]["data"]["billing"]["firstName"] == "Ada"


def test_the_checkout_follows_the_session_and_locks_while_the_shop_says_so(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(session_for(merchant))
    page = open_shop(merchant, open_page, session.html_snippet)
    frame = checkout_of(page)
    assert (
        frame.locator("#totals .total.money").inner_text() == "SEK\xa0125.00"
        or "125" in frame.locator("#totals .total.money").inner_text()
    )
    page.evaluate("_briqpay.v3.suspend()")
    frame.locator("#veil").wait_for(state="visible")

    async def buy_three() -> None:
        async with (
            BriqpayClient(emulator.username, emulator.secret, base_url=emulator.url) as client,
            client.sessions.edit(session.session_id) as builder,
        ):
            builder.cart.set_quantity("sku-1", 3)

    in_a_loop(buy_three())
    page.evaluate("_briqpay.v3.resume()")
    frame.locator("#veil").wait_for(state="hidden")
    frame.locator("#totals .total.money", has_text="375").wait_for()
    frame.get_by_text("3 pc").wait_for()


def test_a_locked_payment_module_cannot_be_paid_with(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any]
) -> None:
    page = open_shop(merchant, open_page, new(session_for(merchant)).html_snippet)
    frame = checkout_of(page)
    page.evaluate("_briqpay.v3.lockModule('payment')")
    frame.locator("#pay:disabled").wait_for()
    page.evaluate("_briqpay.v3.unlockModule('payment')")
    frame.locator("#pay:enabled").wait_for()


def test_a_buyer_whom_the_shop_refuses_sees_why_and_the_next_try_succeeds(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any]
) -> None:
    merchant.decisions = [
        {
            "decision": "reject",
            "rejectionType": "notify_user",
            "softErrors": [{"message": "Only two are left"}],
        }
    ]
    session = new(session_for(merchant, modules=Modules(load_modules=("payment",), config=ASKS)))
    page = open_shop(merchant, open_page, session.html_snippet)
    frame = checkout_of(page)
    frame.get_by_role("button", name="Pay").click()
    frame.get_by_text("Only two are left").wait_for()
    assert heard(page)[-2:] == ["make_decision", "paymentProcessCancelled"]
    frame.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/done*")


def test_a_shop_that_ends_the_session_ends_it(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    merchant.decisions = [
        {
            "decision": "reject",
            "rejectionType": "reject_session_with_error",
            "hardError": {"message": "We do not deliver there"},
        }
    ]
    session = new(session_for(merchant, modules=Modules(load_modules=("payment",), config=ASKS)))
    page = open_shop(merchant, open_page, session.html_snippet)
    frame = checkout_of(page)
    frame.get_by_role("button", name="Pay").click()
    frame.get_by_text("We do not deliver there").wait_for()
    assert frame.locator("#end").get_attribute("data-state") == "ended"
    assert merchant.done == []


@pytest.mark.parametrize(
    ("provider", "state", "order_status"),
    [
        ("Sandbox card", "paid", "order_approved_not_captured"),
        ("Sandbox direct", "paid", "captured_full"),
        ("Sandbox review", "pending", "order_pending"),
        ("Sandbox refusing", "rejected", "order_rejected"),
    ],
)
def test_each_way_to_pay_ends_as_it_says(
    *,
    provider: str,
    state: str,
    order_status: str,
    open_page: Callable[..., Any],
    new: Callable[[NewSession], Any],
    emulator: Any,
) -> None:
    made = session_for(modules=Modules(load_modules=("payment",)))
    session = new(attrs.evolve(made, urls=attrs.evolve(made.urls, redirect=f"{emulator.url}/_sandbox/#session")))
    page = open_page(f"{emulator.url}/_sandbox/checkout/{session.session_id}")
    page.get_by_label(provider).check()
    page.get_by_role("button", name="Pay").click()
    page.locator(f'#end[data-state="{state}"]').wait_for()
    payment = emulator.sessions[session.session_id]["moduleStatus"]["payment"]
    assert payment["orderStatus"] == order_status


def test_a_company_is_looked_up(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    business = attrs.evolve(
        session_for(), customer_type="business", data=data(line(), billing=BUYER, shipping=None)
    )
    session = new(business)
    page = open_page(f"{emulator.url}/_sandbox/checkout/{session.session_id}")
    page.get_by_label("Find your company").fill("norrsken")
    page.get_by_role("button", name="Norrsken Verkstad AB").click()
    assert page.get_by_label("Company number").input_value() == "556000-1234"


def test_inputs_of_the_upsell_module_are_asked_for_and_stored(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    inputs = (
        CustomInput(key="gift", type="boolean", label="Wrap it", component="checkbox"),
        CustomInput(
            key="greeting", type="string", label="Greeting", component="textField", required=True, min_length=3
        ),
        CustomInput(key="day", type="string", label="Day", component="enumDropdown", enum=("Monday", "Friday")),
    )
    upsell = ModulesConfig(upsell=UpsellConfig(header="Anything else?", custom_inputs=inputs))
    session = new(session_for(modules=Modules(load_modules=("upsell", "payment"), config=upsell)))
    page = open_page(f"{emulator.url}/_sandbox/checkout/{session.session_id}")
    page.get_by_role("heading", name="Anything else?").wait_for()
    page.get_by_label("Greeting").fill("Hi")
    page.get_by_role("button", name="Pay").click()
    page.get_by_role("alert").get_by_text("needs at least 3 characters").wait_for()
    page.get_by_label("Greeting").fill("Hej")
    page.get_by_label("Wrap it").check()
    page.get_by_label("Day").select_option("Friday")
    page.get_by_label("Sandbox refusing").check()
    page.get_by_role("button", name="Pay").click()
    page.locator("#end").wait_for()
    answers = emulator.sessions[session.session_id]["data"]["upsell"]
    assert {key: answer["value"] for key, answer in answers.items()} == {
        "gift": True,
        "greeting": "Hej",
        "day": "Friday",
    }


def test_what_a_buyer_types_is_kept_and_reaches_the_shop(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(session_for(merchant))
    page = open_shop(merchant, open_page, session.html_snippet)
    frame = checkout_of(page)
    frame.get_by_label("City").first.fill("Bergen")
    frame.get_by_label("Postal code").first.focus()
    page.wait_for_function("window.heard.some(([name]) => name === 'addressupdate')")
    [update] = [update for name, update in page.evaluate("window.heard") if name == "addressupdate"]
    assert update["billing"]["city"] == "Bergen"
    assert emulator.sessions[session.session_id]["data"]["billing"]["city"] == "Bergen"


def test_text_of_a_cart_is_shown_as_text(
    merchant: MerchantPage, open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    evil = attrs.evolve(BUYER, first_name=EVIL, city=EVIL)
    session = new(attrs.evolve(session_for(merchant), data=data(line(name=EVIL), billing=evil, shipping=None)))
    page = open_shop(merchant, open_page, session.html_snippet)
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    checkout_of(page).get_by_role("cell", name=EVIL).wait_for()
    inspector = open_page(f"{emulator.url}/_sandbox/#session/{session.session_id}")
    inspector.get_by_text(EVIL).first.wait_for(state="attached")


def test_a_hosted_page_opens_at_its_address_and_can_be_paid(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(session_for(modules=Modules(load_modules=("payment",))))

    async def host() -> str:
        async with BriqpayClient(emulator.username, emulator.secret, base_url=emulator.url) as client:
            return (
                await client.hosted_pages.create(
                    session.session_id, HostedPageConfig(page_title="Pay for your kettle")
                )
            ).url or ""

    page = open_page(in_a_loop(host()))
    page.get_by_role("heading", name="Pay for your kettle").wait_for()
    page.get_by_label("Sandbox refusing").check()
    page.get_by_role("button", name="Pay").click()
    page.locator('#end[data-state="rejected"]').wait_for()


def test_a_page_of_another_machine_may_not_frame_the_checkout(
    emulator: Any, new: Callable[[NewSession], Any]
) -> None:

    session = new(session_for())
    with urllib.request.urlopen(f"{emulator.url}/_sandbox/checkout/{session.session_id}", timeout=10) as answer:  # noqa: S310
        policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "https://*" not in policy


def test_a_keyboard_is_enough_to_pay(
    open_page: Callable[..., Any], new: Callable[[NewSession], Any], emulator: Any
) -> None:
    session = new(session_for())
    page = open_page(f"{emulator.url}/_sandbox/checkout/{session.session_id}")
    page.locator('#checkout[aria-busy="false"]').wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.id")
        if focused.startswith("terms."):
            page.keyboard.press("Space")
        if focused.startswith("provider-"):
            page.keyboard.press("ArrowUp")  # the last way to pay: it is refused, so the page stays
        if focused == "pay":
            page.keyboard.press("Enter")
            break
    page.locator('#end[data-state="rejected"]').wait_for()
    assert page.evaluate("document.activeElement.id") == "end"


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (360, "light"), (1200, "dark")])
def test_the_checkout_is_accessible(
    *,
    width: int,
    scheme: str,
    open_page: Callable[..., Any],
    new: Callable[[NewSession], Any],
    emulator: Any,
    serious_faults: Callable[[Any], list[str]],
) -> None:
    session = new(attrs.evolve(session_for(), customer_type="business"))
    page = open_page(f"{emulator.url}/_sandbox/checkout/{session.session_id}", width=width, color_scheme=scheme)
    page.locator('#checkout[aria-busy="false"]').wait_for()
    page.get_by_role("button", name="Pay").click()
    page.get_by_role("alert").wait_for()
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        "nothing hangs over the edge"
    )
