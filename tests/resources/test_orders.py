"""Captures, refunds and cancellations: each takes effect once, whatever happens to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import Context
from typing import Any

import attrs
import pytest
from support.shop import data, line, new_session, sales_tax

from briqpay_async import (
    APIError,
    BriqpayClient,
    CallTimeoutError,
    CancelNotSupportedError,
    Capture,
    CartItemNotFoundError,
    ConnectError,
    InvalidDataError,
    ModuleStatus,
    Order,
    OutcomeUnknownError,
    PaymentModuleState,
    ProductType,
    Refund,
    RetryPolicy,
    ServerError,
    Session,
    SessionData,
    TotalsMismatchError,
    Transaction,
    TransportError,
    ValidationError,
)
from briqpay_async.resources.at_most_once import (
    Sighting,
    cancel_sighting,
    capture_sighting,
    order_status,
    refund_sighting,
    release_sighting,
)
from briqpay_async.sandbox import Sandbox

ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"
WHOLE = data(line("a", quantity=3), line("b"))


@pytest.fixture(params=["seed", "plugins", "missing"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """An API in each of the vocabularies that captures and refunds are described in."""
    async with Sandbox(vocabulary=request.param) as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(shop: Sandbox) -> AsyncIterator[BriqpayClient]:
    retry = RetryPolicy(base=0.001, cap=0.002)
    async with BriqpayClient(shop.username, shop.secret, base_url=shop.url, retry=retry) as client:
        yield client


async def completed(briqpay: BriqpayClient, shop: Sandbox) -> Session:
    session = await briqpay.sessions.create(new_session(WHOLE))
    shop.complete(str(session.session_id))
    return await briqpay.sessions.read(str(session.session_id))


def order_of(session: Session) -> Order:
    assert session.data is not None
    assert session.data.order is not None
    return session.data.order


def effects(shop: Sandbox, session: Session, kind: str) -> int:
    return len(shop.effects_of(str(session.session_id), kind))


async def test_a_whole_order_is_captured(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert capture.capture_id
    assert capture.is_settled
    after = await briqpay.sessions.read(str(session.session_id))
    assert after.data is not None
    assert [one.amount_inc_vat for one in after.data.captures or ()] == [50_000]
    assert after.module_status is not None
    assert after.module_status.payment is not None
    assert after.module_status.payment.order_status == "captured_full"


async def test_lines_are_captured_in_parts_and_refunded_by_capture(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    session_id, order = str(session.session_id), order_of(session)
    first = await briqpay.orders.capture(session_id, order.select({"a": 1}), before=session)
    second = await briqpay.orders.capture(session_id, order.select({"a": 2, "b": 1}))
    assert first.capture_id != second.capture_id
    with pytest.raises(InvalidDataError):
        await briqpay.orders.refund(session_id, order.select({"a": 1}))
    refund = await briqpay.orders.refund(session_id, order.select({"a": 1}), second.capture_id)
    assert refund.refund_id
    assert refund.is_settled
    after = await briqpay.sessions.read(session_id)
    assert after.data is not None
    assert [one.parent_capture_id for one in after.data.refunds or ()] == [second.capture_id]


async def test_a_refund_may_be_an_adjustment(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    part = Order.of("SEK", [line("partial", product_type=ProductType.ADJUSTMENT, unit_price=1070)])
    await briqpay.orders.refund(str(session.session_id), part, capture.capture_id)
    assert effects(shop, session, "refund") == 1


async def test_a_line_that_is_not_the_session_s_is_refused(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    with pytest.raises(CartItemNotFoundError):
        await briqpay.orders.capture(str(session.session_id), Order.of("SEK", [line("other")]))


async def test_an_order_is_cancelled_once(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    await briqpay.orders.cancel(str(session.session_id))
    assert effects(shop, session, "cancel") == 1
    with pytest.raises(APIError):
        await briqpay.orders.cancel(str(session.session_id))


async def test_the_rest_of_an_order_is_released(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    await briqpay.orders.capture(str(session.session_id), order_of(session).select({"b": 1}))
    await briqpay.orders.release_remaining(str(session.session_id))
    assert effects(shop, session, "release_remaining") == 1
    with pytest.raises(APIError):
        await briqpay.orders.capture(str(session.session_id), order_of(session).select({"a": 1}))


async def test_references_of_a_completed_order_are_set(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    await briqpay.orders.update_references(str(session.session_id), {"reference1": "42"})
    assert shop.sessions[str(session.session_id)]["references"] == {"reference1": "42"}


async def test_a_provider_that_cannot_cancel_says_so() -> None:
    async with (
        Sandbox(cancel_supported=False) as shop,
        BriqpayClient(shop.username, shop.secret, base_url=shop.url) as briqpay,
    ):
        session = await completed(briqpay, shop)
        with pytest.raises(CancelNotSupportedError):
            await briqpay.orders.cancel(str(session.session_id))


# --- lost answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["apply_then_drop", "reset_mid_body", "truncated_json", "malformed_json"])
async def test_a_capture_whose_answer_is_lost_is_found(kind: str, briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add(kind, endpoint="capture")
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert effects(shop, session, "capture") == 1
    assert [one["captureId"] for one in shop.sessions[str(session.session_id)]["data"]["captures"]] == [
        capture.capture_id
    ]


async def test_two_equal_captures_are_distinguished_by_what_was_there_before(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    session_id, part = str(session.session_id), order_of(session).select({"a": 1})
    first = await briqpay.orders.capture(session_id, part)
    shop.faults.add("apply_then_drop", endpoint="capture", times=1)
    second = await briqpay.orders.capture(session_id, part)
    assert first.capture_id != second.capture_id
    assert effects(shop, session, "capture") == 2


async def test_a_refund_whose_answer_is_lost_is_found(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    shop.faults.add("apply_then_drop", endpoint="refund")
    refund = await briqpay.orders.refund(
        str(session.session_id), order_of(session).select({"a": 2}), capture.capture_id
    )
    assert refund.refund_id
    assert effects(shop, session, "refund") == 1


LOST = [{"kind": "apply_then_drop"}, {"kind": "apply_then_status", "retry_after": 0}]


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: str(lost["kind"]))
async def test_a_cancellation_happens_once(lost: dict[str, Any], briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add(**lost, endpoint="cancel", times=1)
    await briqpay.orders.cancel(str(session.session_id))
    assert effects(shop, session, "cancel") == 1


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: str(lost["kind"]))
async def test_a_release_happens_once(lost: dict[str, Any], briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    await briqpay.orders.capture(str(session.session_id), order_of(session).select({"b": 1}))
    shop.faults.add(**lost, endpoint="release_remaining", times=1)
    await briqpay.orders.release_remaining(str(session.session_id))
    assert effects(shop, session, "release_remaining") == 1


async def test_when_nothing_is_known_the_error_says_so(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("apply_then_drop", endpoint="capture")
    shop.faults.add("status", status=503, endpoint="read")
    with pytest.raises(OutcomeUnknownError, match="Look whether this took effect") as caught:
        await briqpay.orders.capture(str(session.session_id), order_of(session), before=session)
    assert "ServerError" in caught.value.__notes__[0]
    assert isinstance(caught.value.__cause__, ServerError)


async def test_a_capture_that_timed_out_is_never_sent_again_blindly(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("latency", seconds=1.0, endpoint="capture")
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(str(session.session_id), order_of(session), before=session, timeout=0.2)
    assert len([record for record in shop.journal if record.endpoint == "capture"]) == 1


async def test_an_error_status_that_hides_a_capture_does_not_lose_it(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("html_502", endpoint="capture", applied=True)
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert capture.capture_id
    assert effects(shop, session, "capture") == 1


async def test_a_throttled_capture_waits_and_is_made(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("status", status=429, retry_after=0.01, endpoint="capture", times=2)
    await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert effects(shop, session, "capture") == 1


async def test_two_captures_of_one_session_never_overlap(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    session_id, part = str(session.session_id), order_of(session).select({"a": 1})
    shop.faults.add("apply_then_drop", endpoint="capture", every=2)
    captures = await asyncio.gather(*(briqpay.orders.capture(session_id, part) for _ in range(3)))
    assert len({capture.capture_id for capture in captures}) == 3
    assert effects(shop, session, "capture") == 3


async def test_nothing_is_sent_when_the_deadline_passed_while_waiting(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    async with briqpay._caller.holding(str(session.session_id), 1):
        call = briqpay.orders.cancel(str(session.session_id), timeout=0.01)
        cancel = asyncio.create_task(call, context=Context())  # no part of the block
        with pytest.raises(CallTimeoutError) as caught:
            await cancel
    assert caught.value.sent is False
    assert effects(shop, session, "cancel") == 0


# --- the right cart --------------------------------------------------------------------------------------


async def test_what_is_open_is_captured_and_refunded_from_the_session(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    session_id = str(session.session_id)
    first = await briqpay.orders.capture(session_id, session.capturable_order().select({"a": 1}))
    after = await briqpay.sessions.read(session_id)
    await briqpay.orders.capture(session_id, after.capturable_order(), before=after)
    done = await briqpay.sessions.read(session_id)
    assert done.capturable_order().cart == ()
    await briqpay.orders.refund(session_id, done.refundable_order(first.capture_id), first.capture_id)
    assert (await briqpay.sessions.read(session_id)).refundable_order(first.capture_id).cart == ()
    assert (effects(shop, session, "capture"), effects(shop, session, "refund")) == (2, 1)


async def test_too_much_is_refused_before_it_is_sent_unless_that_is_not_wanted(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    session_id, order = str(session.session_id), order_of(session)
    capture = await briqpay.orders.capture(session_id, order.select({"a": 2}))
    shop.journal.clear()
    too_much = order.select({"a": 3})
    with pytest.raises(ValidationError, match="asks for 3 of 'a', of which 1 of 3 are open") as caught:
        await briqpay.orders.capture(session_id, too_much)
    assert "/data/order/cart/0/quantity" in dict(caught.value.problems)
    with pytest.raises(ValidationError, match="asks for 3 of 'a', of which 2 of 2 are open"):
        await briqpay.orders.refund(session_id, too_much, capture.capture_id)
    assert {record.endpoint for record in shop.journal} == {"read"}
    for refused in (
        briqpay.orders.capture(session_id, too_much, check=False),
        briqpay.orders.refund(session_id, too_much, capture.capture_id, check=False),
    ):
        with pytest.raises(APIError):
            await refused


async def test_a_session_in_hand_saves_the_read(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.journal.clear()
    await briqpay.orders.capture(str(session.session_id), order_of(session), before=session)
    assert [record.endpoint for record in shop.journal] == ["capture"]


# --- bad input -------------------------------------------------------------------------------------------


async def test_bad_input_sends_nothing(briqpay: BriqpayClient, shop: Sandbox) -> None:
    orders: Any = briqpay.orders
    good = Order.of("SEK", [line("a")])
    for call, pointer in [
        (orders.capture("nope", good), "/sessionId"),
        (orders.capture(ID, "order"), "/data/order"),
        (orders.capture(ID, attrs.evolve(good, cart=[])), "/data/order/cart"),
        (orders.refund(ID, good, ""), "/captureId"),
        (orders.refund(ID, good, 7), "/captureId"),
        (orders.refund(ID, Order.of("SEK", [line("a", quantity=0)])), "/data/order/cart/0/quantity"),
        (orders.cancel("nope"), "/sessionId"),
        (orders.release_remaining("nope"), "/sessionId"),
        (orders.update_references(ID, {"reference1": 1}), "/references/reference1"),
        (orders.cancel(ID, headers={"X-A": "b\r\nX-C: d"}), "/headers/X-A"),
    ]:
        with pytest.raises(ValidationError) as caught:
            await call
        assert pointer in {place for place, _ in caught.value.problems}
    assert len(shop.journal) == 0


async def test_totals_are_checked_before_a_capture(shop: Sandbox) -> None:
    wrong = attrs.evolve(Order.of("SEK", [line("a")]), amount_inc_vat=1)
    async with BriqpayClient(shop.username, shop.secret, base_url=shop.url, check_totals="error") as briqpay:
        with pytest.raises(TotalsMismatchError):
            await briqpay.orders.capture(ID, wrong)
    assert len(shop.journal) == 0


async def test_an_api_that_cannot_be_reached_is_an_error_of_its_own(unused_tcp_port: int) -> None:
    once = RetryPolicy(attempts=1)
    async with BriqpayClient("u", "s", base_url=f"http://127.0.0.1:{unused_tcp_port}", retry=once) as briqpay:
        with pytest.raises(ConnectError) as caught:
            await briqpay.orders.cancel(ID)
    assert isinstance(caught.value, TransportError)
    assert caught.value.sent is False


# --- effects, as values ----------------------------------------------------------------------------------


def seen(order: Order, captures: list[Capture], *known: str) -> tuple[list[str | None], list[str | None]]:
    after = Session(data=SessionData(captures=captures))
    sighting = capture_sighting(order, Session(), after, frozenset(known))
    return [one.capture_id for one in sighting.fitting], [one.capture_id for one in sighting.candidates]


def test_sales_tax_lines_are_matched_by_their_tax() -> None:
    order = Order.of("USD", [line("a", tax_rate=0), sales_tax(825)])
    same = Capture(capture_id="1", currency="USD", amount_inc_vat=10_825, cart=order.cart)
    other_tax = attrs.evolve(same, capture_id="2", cart=[line("a", tax_rate=0), sales_tax(1)])
    no_cart = attrs.evolve(same, capture_id="3", cart=None, currency=None)
    other_amount = attrs.evolve(same, capture_id="4", amount_inc_vat=1)
    captures = [same, other_tax, no_cart, other_amount]
    assert seen(order, captures) == (["1", "3"], ["1", "2", "3", "4"])
    assert seen(order, captures, "1") == (["3"], ["2", "3", "4"])


def test_a_fitting_capture_beside_another_new_one_is_not_certain() -> None:
    one, other = Capture(capture_id="1"), Capture(capture_id="2")
    assert Sighting((one,), (one,), quiet=False).is_certain
    assert not Sighting((one,), (one, other), quiet=False).is_certain
    assert not Sighting((one, other), (one, other), quiet=False).is_certain
    assert not Sighting((), (one,), quiet=False).is_certain


@pytest.mark.parametrize(
    ("taken", "amount", "fits"), [(100, 300, True), (300, 300, False), (None, 300, True), (100, None, False)]
)
def test_a_release_is_seen_only_where_captures_took_less_than_there_was(
    taken: int | None, amount: int | None, fits: bool
) -> None:
    full = ModuleStatus(payment=PaymentModuleState(order_status="captured_full"))
    data = SessionData(transactions=[Transaction(amount_inc_vat=amount)], captures=[Capture(amount_inc_vat=taken)])
    after = Session(data=data, module_status=full)
    assert release_sighting(Session(), after, frozenset()).is_certain is fits
    assert not release_sighting(Session(), after, frozenset({"captured_full"})).candidates
    assert not release_sighting(Session(module_status=full), after, frozenset()).candidates
    assert not release_sighting(Session(), Session(module_status=full), frozenset()).is_certain


def test_a_cancellation_is_not_taken_for_ones_own_where_something_was_captured() -> None:
    ended = ModuleStatus(payment=PaymentModuleState(order_status="order_cancelled"))
    assert cancel_sighting(Session(), Session(module_status=ended), frozenset()).is_certain
    after = Session(module_status=ended, data=SessionData(captures=[Capture(capture_id="1")]))
    assert not cancel_sighting(Session(), after, frozenset()).is_certain
    assert not cancel_sighting(Session(), Session(), frozenset()).candidates


def test_a_capture_in_another_currency_is_not_the_one_that_was_asked_for() -> None:
    order = Order.of("SEK", [line("a")])
    capture = Capture(capture_id="1", currency="NOK", amount_inc_vat=order.amount_inc_vat, cart=order.cart)
    assert seen(order, [capture]) == ([], ["1"])
    assert seen(order, [attrs.evolve(capture, currency="sek")]) == (["1"], ["1"])


def test_a_capture_without_an_identifier_fits_nothing_and_one_made_by_briqpay_is_no_candidate() -> None:
    order = Order.of("SEK", [line("a")])
    capture = Capture(currency="SEK", amount_inc_vat=order.amount_inc_vat, cart=order.cart)
    assert seen(order, [capture]) == ([], [None])
    assert seen(order, [attrs.evolve(capture, capture_id="1", auto_captured=True)]) == ([], [])
    before = Session(data=SessionData(captures=[capture]))
    again = capture_sighting(order, before, Session(data=SessionData(captures=[capture, capture])), frozenset())
    assert again.candidates == (capture,)
    assert capture_sighting(order, before, before, frozenset()) == Sighting((), (), quiet=True)


def test_refunds_are_distinguished_by_their_capture() -> None:
    order = Order.of("USD", [line("a", tax_rate=0), sales_tax(825)])
    refunds = [
        Refund(refund_id=name, currency="USD", amount_inc_vat=10_825, parent_capture_id=parent)
        for name, parent in (("1", "x"), ("2", "y"), ("3", None))
    ]
    after = Session(data=SessionData(refunds=refunds))
    assert [one.refund_id for one in refund_sighting(order, "x", Session(), after, frozenset()).fitting] == [
        "1",
        "3",
    ]
    assert len(refund_sighting(order, None, Session(), after, frozenset()).candidates) == 3
    assert order_status(Session()) is None
