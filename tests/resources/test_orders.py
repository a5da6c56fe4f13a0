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
    Order,
    OutcomeUnknownError,
    ProductType,
    Refund,
    RetryPolicy,
    ServerError,
    Session,
    SessionData,
    TotalsMismatchError,
    TransportError,
    ValidationError,
)
from briqpay_async.resources.at_most_once import new_captures, new_refunds, order_status
from briqpay_async.sandbox import Sandbox

ID = "c5674f4f-7e84-405c-a44b-c83736bb7209"
WHOLE = data(line("a", quantity=3), line("b"))


@pytest.fixture(params=["seed", "plugins", "missing"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """An API in each of the vocabularies that captures and refunds are told in."""
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


@pytest.mark.parametrize("kind", ["close_before_read", "close_before_answer"])
async def test_a_capture_that_was_dropped_before_it_happened_is_made_again(
    kind: str, briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add(kind, endpoint="capture", times=1)
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert capture.capture_id
    assert effects(shop, session, "capture") == 1


async def test_two_equal_captures_are_told_apart_by_what_was_there_before(
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


async def test_a_refund_that_was_dropped_before_it_happened_is_made_again(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    await briqpay.orders.capture(str(session.session_id), order_of(session))
    shop.faults.add("close_before_answer", endpoint="refund", times=2)
    await briqpay.orders.refund(str(session.session_id), order_of(session).select({"b": 1}))
    assert effects(shop, session, "refund") == 1


@pytest.mark.parametrize("kind", ["apply_then_drop", "close_before_answer"])
async def test_a_cancellation_happens_once(kind: str, briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add(kind, endpoint="cancel", times=1)
    await briqpay.orders.cancel(str(session.session_id))
    assert effects(shop, session, "cancel") == 1


@pytest.mark.parametrize("kind", ["apply_then_drop", "close_before_answer"])
async def test_a_release_happens_once(kind: str, briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    await briqpay.orders.capture(str(session.session_id), order_of(session).select({"b": 1}))
    shop.faults.add(kind, endpoint="release_remaining", times=1)
    await briqpay.orders.release_remaining(str(session.session_id))
    assert effects(shop, session, "release_remaining") == 1


async def test_when_nothing_can_be_told_the_error_says_so(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("apply_then_drop", endpoint="capture")
    shop.faults.add("status", status=503, endpoint="read")
    with pytest.raises(OutcomeUnknownError, match="Look whether this took effect") as caught:
        await briqpay.orders.capture(str(session.session_id), order_of(session), before=session)
    assert "ServerError" in caught.value.__notes__[0]
    assert isinstance(caught.value.__cause__, ServerError)


async def test_a_capture_that_timed_out_is_never_sent_again_blindly(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("latency", seconds=0.3, endpoint="capture")
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(str(session.session_id), order_of(session), before=session, timeout=0.1)
    assert len([record for record in shop.journal if record.endpoint == "capture"]) == 1


async def test_an_error_status_that_hides_a_capture_does_not_lose_it(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("html_502", endpoint="capture", applied=True)
    capture = await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert capture.capture_id
    assert effects(shop, session, "capture") == 1


async def test_an_error_status_without_a_capture_is_raised(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("html_502", endpoint="capture")
    with pytest.raises(ServerError):
        await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert len([record for record in shop.journal if record.endpoint == "capture"]) == 1


async def test_the_attempts_of_a_capture_are_bounded(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session = await completed(briqpay, shop)
    shop.faults.add("close_before_answer", endpoint="capture")
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(str(session.session_id), order_of(session))
    assert len([record for record in shop.journal if record.endpoint == "capture"]) == 4
    assert effects(shop, session, "capture") == 0


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


async def test_an_api_that_cannot_be_reached_is_told_apart(unused_tcp_port: int) -> None:
    once = RetryPolicy(attempts=1)
    async with BriqpayClient("u", "s", base_url=f"http://127.0.0.1:{unused_tcp_port}", retry=once) as briqpay:
        with pytest.raises(ConnectError) as caught:
            await briqpay.orders.cancel(ID)
    assert isinstance(caught.value, TransportError)
    assert caught.value.sent is False


# --- effects, as values ----------------------------------------------------------------------------------


def test_sales_tax_lines_are_matched_by_their_tax() -> None:
    order = Order.of("USD", [line("a", tax_rate=0), sales_tax(825)])
    same = Capture(capture_id="1", currency="USD", amount_inc_vat=10_825, cart=order.cart)
    other_tax = attrs.evolve(same, capture_id="2", cart=[line("a", tax_rate=0), sales_tax(1)])
    no_cart = attrs.evolve(same, capture_id="3", cart=None, currency=None)
    other_amount = attrs.evolve(same, capture_id="4", amount_inc_vat=1)
    session = Session(data=SessionData(captures=[same, other_tax, no_cart, other_amount]))
    assert [one.capture_id for one in new_captures(session, order, frozenset())] == ["1", "3"]
    assert [one.capture_id for one in new_captures(session, order, frozenset({"1"}))] == ["3"]
    refunds = [
        Refund(refund_id=name, currency="USD", amount_inc_vat=10_825, parent_capture_id=parent)
        for name, parent in (("1", "x"), ("2", "y"), ("3", None))
    ]
    found = new_refunds(Session(data=SessionData(refunds=refunds)), order, frozenset(), "x")
    assert [one.refund_id for one in found] == ["1", "3"]
    assert new_captures(Session(), order, frozenset()) == ()
    assert order_status(Session()) is None
