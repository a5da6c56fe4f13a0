"""Webhooks on a socket: from a change of a session to the endpoint of a shop."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sandbox.sandbox_samples import MUG, Shop, message
from sandbox.webhooks.webhook_samples import Endpoint, subscribing, verify

from briqpay_async.sandbox import Sandbox

SOON = {"webhook_retry_seconds": 0.01, "webhook_batch_seconds": 0.01}


@pytest.fixture
async def sandbox_and_shop(opened: Any) -> tuple[Sandbox, Shop]:
    """Like the one of all sandbox tests, but quick to send and to send again."""
    made: tuple[Sandbox, Shop] = await opened(**SOON)
    return made


async def test_the_life_of_an_order_arrives_signed(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    session_id = await shop.create(subscribing(endpoint.url))
    box.complete(session_id)
    await shop.capture(session_id, MUG)
    await shop.refund(session_id, MUG)
    deliveries = await box.delivered(5)

    assert sorted(endpoint.events) == ["capture_status", "order_status", "refund_status", "session_status"]
    assert {delivery.state for delivery in deliveries} == {"delivered"}
    now = time.time() * 1000
    for received in endpoint.received:
        assert now - 5000 < verify(received, box.webhook_secret) <= now + 1
        assert received.content_type == "application/json"
        assert (received.payload["sessionId"], received.payload["reference1"]) == (session_id, "1001")


async def test_what_is_pending_is_sent_again_when_it_is_decided(opened: Any, endpoint: Endpoint) -> None:
    box, shop = await opened(**SOON, pending_operations=True)
    session_id = await shop.create(subscribing(endpoint.url))
    box.complete(session_id, "order_pending")
    box.advance(session_id)
    await shop.capture(session_id, MUG)
    box.advance(session_id)
    await shop.refund(session_id, MUG)
    box.advance(session_id, "rejected")
    deliveries = await box.delivered(5)
    assert [(delivery.event, delivery.status) for delivery in deliveries] == [
        ("session_status", "completed"),
        ("order_status", "order_pending"),
        ("order_status", "order_approved_not_captured"),
        ("capture_status", "pending"),
        ("capture_status", "approved"),
        ("refund_status", "pending"),
        ("refund_status", "rejected"),
    ]
    assert len(endpoint.received) == 7


async def test_a_secret_of_ones_own_signs(opened: Any, endpoint: Endpoint) -> None:
    box, shop = await opened(webhook_secret="mine")
    box.complete(await shop.create(subscribing(endpoint.url)))
    await box.delivered(5)
    assert [verify(received, "mine") > 0 for received in endpoint.received] == [True, True]
    with pytest.raises(ValueError, match="not of this secret"):
        verify(endpoint.received[0], "sandbox-webhook-secret")


async def test_get_hooks_get_a_query_and_no_signature(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    session_id = await shop.create(subscribing(f"{endpoint.url}?shop=7", method="GET"))
    box.complete(session_id)
    await box.delivered(5)
    expected = {"shop": "7", "reference1": "1001", "event": "session_status", "status": "completed"}
    received = next(each for each in endpoint.received if each.event == "session_status")
    assert (received.method, received.body, received.signature) == ("GET", b"", None)
    assert received.query == {**expected, "sessionId": session_id}


async def test_a_merchant_without_a_webhook_secret_gets_unsigned_ones(opened: Any, endpoint: Endpoint) -> None:
    box, shop = await opened(webhook_signed=False)
    box.complete(await shop.create(subscribing(endpoint.url)))
    await box.delivered(5)
    assert [received.signature for received in endpoint.received] == [None, None]
    assert all("transaction" not in received.payload for received in endpoint.received)


async def test_a_batch_arrives_in_order(opened: Any, endpoint: Endpoint) -> None:
    box, shop = await opened(webhook_batch_seconds=0.05)
    session_id = await shop.create(subscribing(endpoint.url, real_time=False))
    box.complete(session_id)
    await shop.capture(session_id, MUG)
    await box.delivered(5)
    assert endpoint.events == ["session_status", "order_status", "capture_status"]


async def test_it_is_sent_until_the_shop_accepts_it(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    endpoint.answer = lambda received: 200 if endpoint.events.count(received.event) > 2 else 500
    box.complete(await shop.create(subscribing(endpoint.url)))
    deliveries = await box.delivered(5)
    assert [[attempt.status for attempt in delivery.attempts] for delivery in deliveries] == [[500, 500, 200]] * 2
    assert len({received.signature for received in endpoint.received}) >= 2


async def test_an_address_may_have_letters_of_any_language(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    box.complete(await shop.create(subscribing(f"{endpoint.url}?butik=Malmö")))
    assert {delivery.state for delivery in await box.delivered(5)} == {"delivered"}
    assert endpoint.received[0].query == {"butik": "Malmö"}


async def test_a_redirect_is_not_followed(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _received: 302 if len(endpoint.received) <= 2 else 200
    box.complete(await shop.create(subscribing(endpoint.url)))
    assert [delivery.attempts[0].status for delivery in await box.delivered(5)] == [302, 302]


async def test_a_shop_that_is_not_there_is_given_up_in_the_end(opened: Any, unused_tcp_port: int) -> None:
    box, shop = await opened(**SOON, webhook_attempts=2)
    box.complete(await shop.create(subscribing(f"http://127.0.0.1:{unused_tcp_port}/hooks")))
    for delivery in await box.delivered(5):
        assert delivery.state == "failed"
        assert [attempt.status for attempt in delivery.attempts] == [None, None]
        assert "ClientConnectorError" in str(delivery.attempts[0].error)


async def test_a_shop_that_does_not_answer_is_not_waited_for_for_ever(
    opened: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briqpay_async.sandbox.webhooks.sender.ANSWER_WITHIN", 0.05)
    endpoint.silent = True
    box, shop = await opened(**SOON, webhook_attempts=1)
    box.complete(await shop.create(subscribing(endpoint.url)))
    errors = {attempt.error for delivery in await box.delivered(5) for attempt in delivery.attempts}
    assert errors == {"no answer within 0.05 seconds"}


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hooks",
        "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://[",
        "http://2130706433/",
    ],
)
async def test_nothing_leaves_this_machine(shop: Shop, box: Sandbox, url: str) -> None:
    box.complete(await shop.create(subscribing(url)))
    deliveries = await box.delivered(5)
    assert [(delivery.state, delivery.attempts) for delivery in deliveries] == [("refused", ())] * 2


async def test_with_allow_remote_other_machines_are_called_too(opened: Any) -> None:
    box, shop = await opened(allow_remote=True, webhook_attempts=1)
    box.complete(await shop.create(subscribing("http://shop.invalid:1/hooks")))
    assert {delivery.state for delivery in await box.delivered(5)} == {"failed"}


async def test_an_address_that_is_none_is_an_attempt_that_failed(opened: Any) -> None:
    box, shop = await opened(allow_remote=True, webhook_attempts=1)
    box.complete(await shop.create(subscribing("http://[")))
    assert {delivery.state for delivery in await box.delivered(5)} == {"failed"}


# --- faults ---------------------------------------------------------------------------------------------------


async def test_a_forged_signature_is_followed_by_a_right_one(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    def answer(received: Any) -> int:
        try:
            verify(received, box.webhook_secret)
        except ValueError:
            return 401
        return 200

    endpoint.answer = answer
    box.faults.add("webhook_forged", endpoint="order_status")
    box.complete(await shop.create(subscribing(endpoint.url)))
    statuses = {each.event: [attempt.status for attempt in each.attempts] for each in await box.delivered(5)}
    assert statuses == {"session_status": [200], "order_status": [401, 200]}


async def test_an_old_signature_is_right_but_old(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    box.faults.add("webhook_old", seconds=600, times=1)
    box.complete(await shop.create(subscribing(endpoint.url)))
    await box.delivered(5)
    ages = sorted(time.time() * 1000 - verify(received, box.webhook_secret) for received in endpoint.received)
    assert ages[0] < 60_000
    assert 599_000 < ages[1] < 660_000


@pytest.mark.parametrize("together", [False, True])
async def test_twice(shop: Shop, box: Sandbox, endpoint: Endpoint, together: bool) -> None:
    box.faults.add("webhook_twice", endpoint="session_status", together=together)
    box.complete(await shop.create(subscribing(endpoint.url)))
    deliveries = await box.delivered(5)
    assert sorted(endpoint.events) == ["order_status", "session_status", "session_status"]
    assert sorted(len(delivery.attempts) for delivery in deliveries) == [1, 2]


async def test_out_of_order_late_and_never(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    box.faults.add("webhook_out_of_order", endpoint="session_status", seconds=60)
    box.faults.add("webhook_never", endpoint="capture_status")
    box.faults.add("webhook_late", endpoint="refund_status", seconds=0.01)
    session_id = await shop.create(subscribing(endpoint.url))
    box.complete(session_id)
    await shop.capture(session_id, MUG)
    await shop.refund(session_id, MUG)
    await box.delivered(5)
    assert endpoint.events.index("order_status") < endpoint.events.index("session_status")
    assert "capture_status" not in endpoint.events
    assert "refund_status" in endpoint.events


async def test_faults_of_webhooks_do_not_happen_to_requests_nor_the_other_way_round(
    shop: Shop, box: Sandbox, endpoint: Endpoint
) -> None:
    box.faults.add("webhook_never", session_id="another")
    box.faults.add("status", endpoint="decision")
    box.complete(await shop.create(subscribing(endpoint.url)))
    await box.delivered(5)
    assert len(endpoint.received) == 2
    refused = await shop.call("GET", "/", fault="webhook_never")
    assert "this happens to webhooks, not to requests" in message(refused)


# --- looking, and sending again -------------------------------------------------------------------------------


async def test_deliveries_can_be_read_and_sent_again_over_http(
    shop: Shop, box: Sandbox, endpoint: Endpoint
) -> None:
    box.complete(await shop.create(subscribing(endpoint.url)))
    assert await shop.call("POST", "/_sandbox/deliveries/settle") == (204, None)
    _, deliveries = await shop.call("GET", "/_sandbox/deliveries")
    assert [(each["id"], each["event"], each["state"]) for each in deliveries] == [
        (1, "session_status", "delivered"),
        (2, "order_status", "delivered"),
    ]
    status, again = await shop.call("POST", "/_sandbox/deliveries/2/resend")
    assert (status, again["state"], len(again["attempts"])) == (200, "waiting", 1)
    await box.delivered(5)
    assert endpoint.events.count("order_status") == 2
    assert (
        message(await shop.call("POST", "/_sandbox/deliveries/9/resend"))
        == "404 NOT_FOUND: There is no delivery 9"
    )
    assert (await shop.call("POST", "/_sandbox/deliveries/x/resend"))[0] == 404


async def test_a_session_without_hooks_sends_nothing(shop: Shop, box: Sandbox) -> None:
    box.complete(await shop.create())
    assert await box.delivered(0) == ()


async def test_waiting_has_a_limit(opened: Any, endpoint: Endpoint) -> None:
    box, shop = await opened(webhook_batch_seconds=60)
    box.complete(await shop.create(subscribing(endpoint.url, real_time=False)))
    with pytest.raises(TimeoutError):
        await box.delivered(0.01)
    assert [delivery.state for delivery in box.deliveries] == ["waiting", "waiting"]


async def test_a_sandbox_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        await Sandbox().delivered()


async def test_a_reset_forgets_webhooks(opened: Any, endpoint: Endpoint) -> None:
    box, shop = await opened(webhook_batch_seconds=60)
    box.complete(await shop.create(subscribing(endpoint.url, real_time=False)))
    box.reset()
    assert await box.delivered(1) == ()
    assert endpoint.received == []


async def test_many_orders_at_once_all_arrive(shop: Shop, box: Sandbox, endpoint: Endpoint) -> None:
    for _ in range(250):
        box.complete(await shop.create(subscribing(endpoint.url)))
    await box.delivered(30)
    assert len(endpoint.received) == 500
