"""When webhooks are sent, on a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from briqpay_async.sandbox.faults.faults import make_fault
from briqpay_async.sandbox.webhooks.deliveries import (
    Deliveries,
    DeliveryAttempt,
    Parcel,
    Schedule,
    describe_delivery,
)
from briqpay_async.sandbox.webhooks.messages import WebhookMessage

SCHEDULE = Schedule(batch_seconds=10.0, retry_seconds=1.0, attempts=3)


def message(session_id: str = "s-1", *, real_time: bool = True) -> WebhookMessage:
    return WebhookMessage(
        event="order_status",
        status="order_pending",
        session_id=session_id,
        method="POST",
        url="http://127.0.0.1/hooks",
        body=b'{"event":"order_status"}',
        real_time=real_time,
    )


def answered(status: int | None) -> DeliveryAttempt:
    error = "no answer" if status is None else None
    return DeliveryAttempt(
        at="2026-01-01T00:00:00.000+00:00", signature=None, status=status, error=error, seconds=0.0
    )


def add(deliveries: Deliveries, now: float, kind: str | None = None, **options: Any) -> None:
    real_time, session_id = options.pop("real_time", True), options.pop("session_id", "s-1")
    fault = None if kind is None else make_fault(kind, **options)
    deliveries.add(message(session_id, real_time=real_time), now, SCHEDULE, fault, refused=False)


def due(deliveries: Deliveries, now: float) -> list[int]:
    return [parcel.id for parcel in deliveries.take_due(now, 100)]


def one_due(deliveries: Deliveries, now: float) -> Parcel:
    (parcel,) = deliveries.take_due(now, 100)
    return parcel


def test_immediate_ones_are_due_at_once_and_others_with_the_batch_they_fall_into() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, real_time=False)
    add(deliveries, 4.0)
    add(deliveries, 9.0, real_time=False)
    assert due(deliveries, 4.0) == [2]
    assert deliveries.next_due() == 10.0
    assert due(deliveries, 9.9) == []
    assert due(deliveries, 10.0) == [1, 3]
    add(deliveries, 10.0, real_time=False)
    assert deliveries.next_due() == 20.0


def test_no_more_are_taken_than_there_is_room_for() -> None:
    deliveries = Deliveries()
    for _ in range(3):
        add(deliveries, 0.0)
    assert [parcel.id for parcel in deliveries.take_due(0.0, 2)] == [1, 2]
    assert [parcel.id for parcel in deliveries.take_due(0.0, 2)] == [3]


@pytest.mark.parametrize("status", [None, 199, 300, 302, 404, 500])
def test_whatever_is_not_2xx_is_tried_again_later_and_later_until_attempts_run_out(status: int | None) -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0)
    for now, following in ((0.0, 1.0), (1.0, 3.0), (3.0, None)):
        deliveries.attempted(one_due(deliveries, now), answered(status), now, SCHEDULE)
        assert deliveries.next_due() == following
    assert (deliveries[0].state, len(deliveries[0].attempts), deliveries.waiting) == ("failed", 3, 0)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_2xx_ends_it(status: int) -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0)
    deliveries.attempted(one_due(deliveries, 0.0), answered(503), 0.0, SCHEDULE)
    deliveries.attempted(one_due(deliveries, 1.0), answered(status), 1.0, SCHEDULE)
    assert deliveries[0].state == "delivered"
    assert [attempt.accepted for attempt in deliveries[0].attempts] == [False, True]


def test_waits_double_up_to_a_minute() -> None:
    schedule = Schedule(retry_seconds=0.5)
    waits = [schedule.wait(failed) for failed in range(1, 11)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_late_ones_are_late() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, "webhook_late", seconds=7)
    assert deliveries.next_due() == 7.0


def test_one_that_is_never_sent_says_so() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, "webhook_never")
    assert (deliveries.next_due(), deliveries.waiting) == (None, 0)
    assert (deliveries[0].state, deliveries[0].fault) == ("withheld", "webhook_never")


def test_one_that_comes_twice_is_sent_again_after_it_was_accepted() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, "webhook_twice")
    deliveries.attempted(one_due(deliveries, 0.0), answered(200), 1.0, SCHEDULE)
    assert deliveries.waiting == 1
    deliveries.attempted(one_due(deliveries, 1.0), answered(200), 2.0, SCHEDULE)
    assert (deliveries[0].state, len(deliveries[0].attempts)) == ("delivered", 2)


def test_one_out_of_order_waits_for_a_newer_one_of_its_session() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, "webhook_out_of_order", seconds=60)
    add(deliveries, 0.0, session_id="s-2")
    deliveries.attempted(one_due(deliveries, 0.0), answered(200), 0.0, SCHEDULE)
    assert deliveries.next_due() == 60.0
    add(deliveries, 1.0)
    deliveries.attempted(one_due(deliveries, 1.0), answered(200), 2.0, SCHEDULE)
    assert due(deliveries, 2.0) == [1]


def test_one_out_of_order_does_not_wait_for_ever() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, "webhook_out_of_order", seconds=60)
    add(deliveries, 0.0, "webhook_out_of_order", seconds=70)
    deliveries.attempted(one_due(deliveries, 60.0), answered(200), 60.0, SCHEDULE)
    assert due(deliveries, 69.0) == []
    assert due(deliveries, 70.0) == [2]


def test_one_can_be_sent_again_with_all_its_attempts_before_it() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0)
    for now in (0.0, 1.0, 3.0):
        deliveries.attempted(one_due(deliveries, now), answered(500), now, SCHEDULE)
    assert deliveries.resend(1, 100.0).state == "waiting"
    deliveries.attempted(one_due(deliveries, 100.0), answered(500), 100.0, SCHEDULE)
    assert deliveries.next_due() == 101.0
    with pytest.raises(KeyError):
        deliveries.resend(2, 0.0)


def test_sending_again_does_not_send_twice_what_is_under_way() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0)
    under_way = one_due(deliveries, 0.0)
    deliveries.resend(1, 0.0)
    assert due(deliveries, 0.0) == []
    deliveries.attempted(under_way, answered(200), 0.0, SCHEDULE)
    assert deliveries.waiting == 0


def test_sending_again_hurries_one_that_waits() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0, "webhook_late", seconds=60)
    deliveries.resend(1, 1.0)
    assert due(deliveries, 1.0) == [1]
    assert deliveries.next_due() is None


def test_an_address_elsewhere_is_refused_and_stays_refused() -> None:
    deliveries = Deliveries()
    deliveries.add(message(), 0.0, SCHEDULE, None, refused=True)
    assert deliveries.resend(1, 0.0).state == "refused"
    assert due(deliveries, 0.0) == []


def test_only_the_newest_finished_ones_are_remembered_and_none_that_waits_is_lost() -> None:
    deliveries = Deliveries(limit=2)
    add(deliveries, 0.0, "webhook_late", seconds=60)
    for _ in range(3):
        add(deliveries, 0.0)
        deliveries.attempted(one_due(deliveries, 0.0), answered(200), 0.0, SCHEDULE)
    assert [delivery.id for delivery in deliveries] == [1, 3, 4]
    deliveries.resend(3, 1.0)
    add(deliveries, 0.0, "webhook_never")
    assert [delivery.id for delivery in deliveries] == [1, 3, 4, 5]
    assert due(deliveries, 1.0) == [3]


def test_a_reset_forgets_them_also_one_that_is_under_way() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0)
    under_way = one_due(deliveries, 0.0)
    deliveries.clear()
    deliveries.attempted(under_way, answered(500), 0.0, SCHEDULE)
    assert (len(deliveries), deliveries.next_due(), deliveries.waiting) == (0, None, 0)
    add(deliveries, 0.0)
    assert deliveries[0].id == 1


def test_they_can_be_looked_at_as_a_sequence_by_session_and_as_json() -> None:
    deliveries = Deliveries()
    add(deliveries, 0.0)
    add(deliveries, 0.0, session_id="s-2")
    assert [delivery.id for delivery in deliveries[1:]] == [2]
    assert [delivery.id for delivery in deliveries.of("s-2")] == [2]
    assert deliveries.of("s-2", "capture_status") == ()
    described = describe_delivery(deliveries[0])
    assert (described["body"], described["state"]) == ('{"event":"order_status"}', "waiting")
