"""What is still open of an order: the approved transaction's lines less what captures and refunds took."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from support.shop import line, sales_tax

from briqpay_async import (
    AnyCartItem,
    Capture,
    ModuleStatus,
    Order,
    PaymentModuleState,
    Refund,
    Session,
    SessionData,
    Transaction,
    ValidationError,
)
from briqpay_async.models.payments import excess_of_capture, excess_of_refund

A, B = line("a", quantity=3), line("b")
WHOLE = Order.of("SEK", [A, B])


def paid(
    *captures: Capture,
    refunds: tuple[Refund, ...] = (),
    cart: list[AnyCartItem] | None = None,
    status: str = "approved",
    order_status: str | None = None,
) -> Session:
    transaction = Transaction(
        status=status, currency="SEK", amount_inc_vat=WHOLE.amount_inc_vat, cart=cart or WHOLE.cart
    )
    payment = PaymentModuleState(order_status=order_status)
    data = SessionData(
        # Drifted after authorisation: this is not what was paid for.
        order=Order.of("SEK", [line("a", quantity=9), line("c")]),
        transactions=[transaction],
        captures=captures,
        refunds=refunds,
    )
    return Session(data=data, module_status=ModuleStatus(payment=payment))


def capture(*lines: AnyCartItem, name: str = "c-1", **members: Any) -> Capture:
    part = Order.of("SEK", lines)
    return Capture(capture_id=name, currency="SEK", amount_inc_vat=part.amount_inc_vat, cart=part.cart, **members)


def refund(*lines: AnyCartItem, parent: str | None = "c-1", **members: Any) -> Refund:
    part = Order.of("SEK", lines)
    return Refund(amount_inc_vat=part.amount_inc_vat, cart=part.cart, parent_capture_id=parent, **members)


def quantities(order: Order) -> dict[str | None, int | None]:
    return {one.reference: getattr(one, "quantity", None) for one in order.cart or ()}


def test_the_lines_of_the_approved_transaction_are_open_and_not_those_of_the_drifted_order() -> None:
    assert paid().capturable_order() == WHOLE


@pytest.mark.parametrize("status", ["captured", "approved", "pending", "something new", None])
def test_captures_in_either_vocabulary_and_pending_ones_count_as_taken(status: str | None) -> None:
    session = paid(capture(line("a", quantity=2), status=status))
    assert session.capturable_order() == Order.of("SEK", [line("a"), B])
    assert quantities(session.capturable_order().select({"a": 1})) == {"a": 1}


@pytest.mark.parametrize("status", ["rejected", "cancelled"])
def test_a_capture_that_was_rejected_took_nothing(status: str) -> None:
    assert paid(capture(A, status=status)).capturable_order() == WHOLE


def test_nothing_is_open_once_all_is_captured() -> None:
    order = paid(capture(A), capture(B, name="c-2")).capturable_order()
    assert (order.cart, order.amount_inc_vat, order.currency) == ((), 0, "SEK")
    with pytest.raises(ValidationError, match="no line has the reference 'a'"):
        order.select({"a": 1})


@pytest.mark.parametrize(
    ("status", "order_status"),
    [
        ("pending", None),
        ("rejected", None),
        ("cancelled", None),
        ("approved", "order_cancelled"),
        ("approved", "order_pending"),
        ("approved", "captured_full"),  # the rest was released
    ],
)
def test_nothing_is_open_of_an_order_that_is_not_approved_or_was_ended(
    status: str, order_status: str | None
) -> None:
    assert paid(status=status, order_status=order_status).capturable_order().cart == ()


def test_a_line_keeps_its_own_totals_in_the_part_that_is_open() -> None:
    whole = line("a", quantity=3, unit_price_inc_vat=12_500, total_amount=37_500, total_vat_amount=7_500)
    (left,) = paid(capture(whole.with_quantity(1)), cart=[whole]).capturable_order().cart or ()
    assert left == whole.with_quantity(2)


def test_equal_lines_are_taken_one_after_the_other() -> None:
    session = paid(capture(line("a", quantity=3)), cart=[line("a", quantity=2), line("a", quantity=2)])
    assert session.capturable_order() == Order.of("SEK", [line("a")])


def test_what_is_open_of_sales_tax_is_an_amount() -> None:
    whole: list[AnyCartItem] = [line("a", tax_rate=0), sales_tax(825)]
    session = paid(capture(sales_tax(800)), cart=whole)
    assert session.capturable_order() == Order.of("SEK", [line("a", tax_rate=0), sales_tax(25)])


@pytest.mark.parametrize(
    "shown", [line("a", quantity=2, unit_price=12_500), line(None, name="Product a", quantity=2)]
)
def test_a_line_that_is_shown_differently_is_known_by_its_reference_or_name(shown: AnyCartItem) -> None:
    assert quantities(paid(capture(shown)).capturable_order()) == {"a": 1, "b": 1}


@pytest.mark.parametrize(("cart", "place"), [((), ""), (None, ""), ((line("x"),), "/0")])
def test_a_capture_that_does_not_show_its_lines_is_named(cart: Any, place: str) -> None:
    odd = attrs.evolve(capture(A), cart=cart)
    with pytest.raises(ValidationError) as caught:
        paid(capture(B), odd).capturable_order()
    assert [pointer for pointer, _ in caught.value.problems] == [f"/data/captures/1/cart{place}"]


def test_the_order_is_what_there_is_without_a_transaction_that_shows_a_cart() -> None:
    data = SessionData(order=WHOLE, captures=[capture(line("a"))])
    assert quantities(Session(data=data).capturable_order()) == {"a": 2, "b": 1}
    shown = attrs.evolve(data, transactions=[Transaction(status="approved")])
    assert quantities(Session(data=shown).capturable_order()) == {"a": 2, "b": 1}
    assert Session(data=SessionData()).capturable_order().cart == ()


def test_a_session_without_its_data_says_that_it_must_be_read() -> None:
    for ask in (Session().capturable_order, Session().refundable_order):
        with pytest.raises(ValidationError, match="/data was not read"):
            ask()


# --- refunds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["refunded", "approved", "pending", None])
def test_refunds_in_either_vocabulary_and_pending_ones_count_as_given_back(status: str | None) -> None:
    session = paid(capture(A, B), refunds=(refund(line("a", quantity=2), status=status),))
    assert session.refundable_order() == Order.of("SEK", [line("a"), B])
    assert session.refundable_order("c-1") == session.refundable_order()


def test_a_refund_belongs_to_its_capture() -> None:
    session = paid(
        capture(line("a", quantity=2)),
        capture(B, line("a"), name="c-2"),
        refunds=(
            refund(line("a"), status="rejected"),
            refund(line("a"), parent="c-2"),
            refund(B, parent=None, extra={"captureId": "c-2"}),
        ),
    )
    assert quantities(session.refundable_order("c-1")) == {"a": 2}
    assert session.refundable_order("c-2").cart == ()
    for name in (None, "c-3"):
        with pytest.raises(ValidationError, match="must be one of the captures of the session: c-1, c-2"):
            session.refundable_order(name)


def test_a_refund_of_an_amount_takes_no_line() -> None:
    part = line("goodwill", product_type="adjustment", unit_price=1000)
    assert quantities(paid(capture(A), refunds=(refund(part),)).refundable_order()) == {"a": 3}


def test_a_pending_capture_cannot_be_refunded_yet() -> None:
    assert paid(capture(A, status="pending")).refundable_order().cart == ()


# --- too much --------------------------------------------------------------------------------------------


def test_more_units_than_are_open_are_named_with_their_numbers_and_amounts() -> None:
    session = paid(capture(line("a", quantity=2)))
    problems = excess_of_capture(session, Order.of("SEK", [B, line("a", quantity=2)]))
    assert problems == (
        ("/data/order/cart/1/quantity", "asks for 2 of 'a', of which 1 of 3 are open"),
        ("/data/order/amountIncVat", "is 37500, and 25000 of 50000 are open"),
    )


def test_two_lines_that_ask_too_much_together_are_found() -> None:
    (problem,) = excess_of_capture(paid(), Order.of("SEK", [line("a", quantity=2), line("a", quantity=2)]))
    assert problem[0] == "/data/order/cart/1/quantity"


def test_more_money_than_is_open_is_refused_and_a_rounding_is_not() -> None:
    session = paid()
    other = line("x", unit_price=0, total_amount=50_005, total_vat_amount=0)
    assert excess_of_capture(session, Order.of("SEK", [other])) == ()
    (problem,) = excess_of_capture(session, Order.of("SEK", [attrs.evolve(other, total_amount=50_006)]))
    assert problem == ("/data/order/amountIncVat", "is 50006, and 50000 of 50000 are open")


def test_more_sales_tax_than_is_open_is_found() -> None:
    session = paid(cart=[line("a", tax_rate=0), sales_tax(825)])
    ((pointer, _),) = excess_of_capture(session, Order.of("SEK", [sales_tax(826)]))
    assert pointer == "/data/order/cart/0/totalTaxAmount"


def test_what_cannot_be_judged_is_left_to_the_api() -> None:
    order = Order.of("SEK", [line("a", quantity=9)])
    for session in (Session(), Session(data=SessionData()), paid(status="pending")):
        assert excess_of_capture(session, order) == ()
    assert excess_of_capture(paid(), Order.of("SEK", [line("x")])) == ()
    several = paid(capture(A), capture(B, name="c-2"))
    assert excess_of_refund(several, order, None) == ()
    assert excess_of_refund(several, order, "c-3") == ()
    assert excess_of_refund(paid(capture(A, status="pending")), order, None) == ()


def test_a_refund_of_more_than_its_capture_has_left_is_named() -> None:
    session = paid(capture(A), refunds=(refund(line("a")),))
    problems = excess_of_refund(session, WHOLE, "c-1")
    assert [pointer for pointer, _ in problems] == ["/data/order/cart/0/quantity", "/data/order/amountIncVat"]
    part = line("goodwill", product_type="adjustment", unit_price=20_100)
    assert [pointer for pointer, _ in excess_of_refund(session, Order.of("SEK", [part]), "c-1")] == [
        "/data/order/amountIncVat"
    ]
