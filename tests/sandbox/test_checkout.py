"""The life of an order: the buyer pays, the shop decides, providers differ, pending things move on."""

import asyncio
from typing import Any

import pytest
from sandbox.sandbox_samples import ABSENT, MUG, SESSION, TEA, Shop, bent, message, until

from briqpay_async.sandbox import PROVIDERS, Checkout, Sandbox
from briqpay_async.sandbox.state.changes import StatusChange
from briqpay_async.sandbox.state.timers import Timers

ASKING = bent(SESSION, "modules", {"config": {"payment": {"decision": {"enabled": True}}}})
ALLOW = {"decision": "allow"}
NOTIFY = {
    "decision": "reject",
    "rejectionType": "notify_user",
    "hardError": {"message": "Sold out"},
    "softErrors": [{"message": "Change the cart"}],
}
END = {"decision": "reject", "rejectionType": "reject_session_with_error", "hardError": {"message": "No"}}


async def decide(shop: Shop, session_id: str, body: dict[str, Any]) -> None:
    assert await shop.call("POST", f"/v3/session/{session_id}/decision", body) == (204, None)


def order_status(box: Sandbox, session_id: str) -> Any:
    return box.sessions[session_id]["moduleStatus"]["payment"].get("orderStatus")


async def test_a_payment_waits_for_the_shop_and_goes_on_when_it_allows(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create(ASKING)
    assert box.checkout(session_id) == Checkout(session_id=session_id, stage="open")
    box.complete(session_id, provider="card", data={"orderNote": {"note": {"value": "Ring"}}})
    assert box.checkout(session_id).stage == "deciding"
    session = await shop.read(session_id)
    assert (session["status"], "checkout" in session) == ("modules_in_progress", False)
    with pytest.raises(ValueError, match="asked for its decision already"):
        box.complete(session_id)
    await decide(shop, session_id, ALLOW)
    paid = box.checkout(session_id)
    assert (paid.stage, paid.provider, paid.order_status) == ("paid", "card", "order_approved_not_captured")
    assert paid.redirect == "https://shop.example/thanks"
    session = await shop.read(session_id)
    assert session["data"]["transactions"][0]["pspId"] == PROVIDERS["card"].psp_id
    assert session["data"]["orderNote"] == {"note": {"value": "Ring"}}
    assert [effect.kind for effect in box.effects_of(session_id)] == ["create", "pay", "decision", "complete"]


async def test_an_allowance_that_came_before_is_the_answer(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create(ASKING)
    await decide(shop, session_id, ALLOW)
    box.complete(session_id)
    assert box.checkout(session_id).stage == "paid"


@pytest.mark.parametrize("enabled", [False, None, "yes"])
async def test_a_session_that_does_not_ask_is_paid_at_once(shop: Shop, box: Sandbox, enabled: Any) -> None:
    pointer = "modules/config/payment/decision"
    session_id = await shop.create(bent(ASKING, pointer, None if enabled is None else {"enabled": enabled}))
    box.complete(session_id)
    assert box.checkout(session_id).stage == "paid"


async def test_a_buyer_who_is_notified_is_back_in_the_checkout_and_can_pay_again(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create(ASKING)
    box.complete(session_id)
    await decide(shop, session_id, NOTIFY)
    checkout = box.checkout(session_id)
    assert (checkout.stage, checkout.messages) == ("open", ("Sold out", "Change the cart"))
    assert (await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}}))[0] == 200
    box.complete(session_id)
    assert box.checkout(session_id).messages == ()
    await decide(shop, session_id, ALLOW)
    assert box.checkout(session_id).stage == "paid"


async def test_a_session_that_the_shop_rejects_has_ended(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create(ASKING)
    box.complete(session_id)
    await decide(shop, session_id, END)
    ended = box.checkout(session_id)
    assert (ended.stage, ended.messages, ended.redirect) == ("ended", ("No",), None)
    assert box.sessions[session_id]["status"] == "completed"
    assert box.sessions[session_id]["data"].get("transactions") is None
    assert message(await shop.patch(session_id, {})).startswith("409 SESSION_ALREADY_COMPLETED")


async def test_without_a_decision_in_time_the_buyer_is_back(opened: Any) -> None:
    sandbox, shop = await opened(decision_seconds=0.02)
    session_id = await shop.create(ASKING)
    sandbox.complete(session_id)
    await until(lambda: len(sandbox.effects_of(session_id, "decision_timeout")) == 1)
    late = sandbox.checkout(session_id)
    assert (late.stage, late.timed_out) == ("open", True)
    await decide(shop, session_id, ALLOW)  # too late: it pays nothing
    assert sandbox.checkout(session_id).stage == "open"
    sandbox.complete(session_id)
    assert sandbox.checkout(session_id).stage == "paid"


async def test_a_decision_in_time_ends_the_waiting(opened: Any) -> None:
    sandbox, shop = await opened(decision_seconds=0.5)
    session_id = await shop.create(ASKING)
    sandbox.complete(session_id)
    await decide(shop, session_id, NOTIFY)
    gone = await shop.create(ASKING)
    sandbox.complete(gone)
    await until(lambda: len(sandbox.effects_of(gone, "decision_timeout")) == 1)
    assert sandbox.effects_of(session_id, "decision_timeout") == ()
    assert not sandbox.checkout(session_id).timed_out


async def test_a_timer_of_a_session_that_is_gone_does_nothing(opened: Any) -> None:
    sandbox, shop = await opened(decision_seconds=0, session_limit=1)
    session_id = await shop.create(ASKING)
    sandbox._store.timers.after(0, lambda: None)
    sandbox.complete(session_id)
    await shop.create()
    assert session_id not in sandbox.sessions


@pytest.mark.parametrize(
    ("provider", "stage", "status"),
    [
        ("invoice", "paid", "order_approved_not_captured"),
        ("card", "paid", "order_approved_not_captured"),
        ("bank_transfer", "paid", "order_approved_not_captured"),
        ("direct", "paid", "captured_full"),
        ("slow", "pending", "order_pending"),
        ("review", "pending", "order_pending"),
        ("refusing", "rejected", "order_rejected"),
    ],
)
async def test_each_provider_has_its_way(shop: Shop, box: Sandbox, provider: str, stage: str, status: str) -> None:
    session_id = await shop.create()
    answer = await shop.call("POST", f"/_sandbox/sessions/{session_id}/complete", {"provider": provider})
    assert answer[0] == 200
    assert (box.checkout(session_id).stage, order_status(box, session_id)) == (stage, status)
    assert box.sessions[session_id]["data"]["paymentTags"]["manual_review"] is (provider == "review")
    _, checkout = await shop.call("GET", f"/_sandbox/sessions/{session_id}/checkout")
    assert (checkout["stage"], checkout["order_status"]) == (stage, status)


async def test_the_providers_can_be_listed(shop: Shop) -> None:
    _, listed = await shop.call("GET", "/_sandbox/providers")
    assert [each["name"] for each in listed] == list(PROVIDERS)


async def test_a_provider_may_not_know_how_to_cancel(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    box.complete(session_id, provider="bank_transfer")
    refused = await shop.call("POST", f"/v3/session/{session_id}/order/cancel")
    assert message(refused).startswith("400 CANCEL_NOT_SUPPORTED")


async def test_an_unknown_provider_is_refused(shop: Shop, box: Sandbox) -> None:
    with pytest.raises(ValueError, match="provider must be one of invoice, card"):
        box.complete(await shop.create(), provider="gold")


# --- what is pending --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("approved", "order_approved_not_captured"),
        ("rejected", "order_rejected"),
        ("captured_full", "captured_full"),
        ("order_cancelled", "order_cancelled"),
    ],
)
async def test_a_pending_order_is_decided(shop: Shop, box: Sandbox, outcome: str, expected: str) -> None:
    session_id = await shop.create()
    box.complete(session_id, provider="review")
    status, _ = await shop.call("POST", f"/_sandbox/sessions/{session_id}/advance", {"outcome": outcome})
    assert (status, order_status(box, session_id)) == (200, expected)
    assert box.sessions[session_id]["data"]["paymentTags"]["manual_review"] is False


async def test_pending_captures_and_refunds_are_decided(opened: Any) -> None:
    sandbox, shop = await opened(pending_operations=True)
    session_id = await shop.create()
    sandbox.complete(session_id)
    changes: list[StatusChange] = []
    sandbox._store.listeners.append(changes.append)
    _, mugs = await shop.capture(session_id, MUG)
    _, tea = await shop.capture(session_id, TEA)
    assert (mugs["status"], order_status(sandbox, session_id)) == ("pending", "order_approved_not_captured")
    refused = message(await shop.capture(session_id, TEA))
    assert refused.startswith("400 CAPTURE_NOT_ALLOWED")  # pending ones count
    assert message(await shop.refund(session_id, MUG)).endswith("nothing has been captured.")
    cancelled = await shop.call("POST", f"/v3/session/{session_id}/order/cancel")
    assert message(cancelled).endswith("Cannot cancel an order with a pending capture.")
    sandbox.advance(session_id, capture_id=mugs["captureId"])
    assert order_status(sandbox, session_id) == "captured_partial"
    sandbox.advance(session_id, "rejected", capture_id=tea["captureId"])
    assert order_status(sandbox, session_id) == "captured_partial"
    assert (await shop.capture(session_id, TEA))[0] == 201  # what was rejected can be captured again
    sandbox.advance(session_id)
    assert order_status(sandbox, session_id) == "captured_full"
    _, refund = await shop.refund(session_id, MUG, capture_id=mugs["captureId"])
    payment = sandbox.sessions[session_id]["moduleStatus"]["payment"]
    assert (refund["status"], payment["refundStatus"]) == ("pending", "not_refunded")
    sandbox.advance(session_id, refund_id=refund["refundId"])
    assert sandbox.sessions[session_id]["moduleStatus"]["payment"]["refundStatus"] == "partially_refunded"
    statuses = [(each.subject, each.status) for each in changes if each.subject in ("capture", "refund")]
    assert statuses == [
        ("capture", "pending"),
        ("capture", "pending"),
        ("capture", "approved"),
        ("capture", "rejected"),
        ("capture", "pending"),
        ("capture", "approved"),
        ("refund", "pending"),
        ("refund", "approved"),
    ]


async def test_a_rejected_refund_can_be_made_again(opened: Any) -> None:
    sandbox, shop = await opened(pending_operations=True, vocabulary="missing")
    session_id = await shop.create()
    sandbox.complete(session_id, provider="direct")
    _, refund = await shop.refund(session_id, MUG)
    sandbox.advance(session_id, "rejected")
    assert (await shop.refund(session_id, MUG))[0] == 201
    sandbox.advance(session_id)
    stored = sandbox.sessions[session_id]["data"]["refunds"]
    assert [each.get("status") for each in stored] == ["rejected", None]
    assert refund["status"] == "pending"


async def test_a_released_order_stays_so_when_a_capture_is_decided(opened: Any) -> None:
    sandbox, shop = await opened(pending_operations=True)
    session_id = await shop.create()
    sandbox.complete(session_id)
    await shop.capture(session_id, {**MUG, "quantity": 1})
    sandbox.advance(session_id)
    await shop.capture(session_id, {**MUG, "quantity": 1})
    assert (await shop.call("POST", f"/v3/session/{session_id}/order/release-remaining"))[0] == 204
    sandbox.advance(session_id)
    assert order_status(sandbox, session_id) == "captured_full"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "body is the wrong type"),
        ({"outcome": 1}, "body.outcome is the wrong type"),
        ({"color": 1}, "unknown members: color"),
        ({}, "nothing of this session is pending"),
        ({"outcome": "lost"}, "outcome must be one of approved, rejected, not 'lost'"),
        ({"captureId": "x"}, "not pending: x"),
    ],
)
async def test_what_is_not_pending_cannot_be_decided(shop: Shop, box: Sandbox, body: Any, expected: str) -> None:
    session_id = await shop.create()
    box.complete(session_id)
    answer = await shop.call("POST", f"/_sandbox/sessions/{session_id}/advance", body)
    assert message(answer).endswith(expected)


@pytest.mark.parametrize(("share", "order", "word"), [(0.0, "captured_full", "approved"), (1.0, None, "rejected")])
async def test_what_is_pending_is_decided_by_itself(
    opened: Any, share: float, order: str | None, word: str
) -> None:
    sandbox, shop = await opened(pending_seconds=0.01, pending_operations=True, rejected_share=share)
    session_id = await shop.create()
    sandbox.complete(session_id, provider="slow")
    await until(lambda: order_status(sandbox, session_id) != "order_pending")
    if order is None:
        assert order_status(sandbox, session_id) == "order_rejected"
        return
    _, capture = await shop.capture(session_id, MUG, TEA)
    await until(lambda: order_status(sandbox, session_id) == order)
    (stored,) = sandbox.sessions[session_id]["data"]["captures"]
    assert (capture["status"], stored["status"]) == ("pending", word)
    await shop.refund(session_id, TEA)
    await until(lambda: sandbox.sessions[session_id]["data"]["refunds"][0]["status"] == word)


async def test_what_a_test_has_decided_is_not_decided_again(opened: Any) -> None:
    sandbox, shop = await opened(pending_seconds=0.02, rejected_share=1.0)
    session_id = await shop.create()
    sandbox.complete(session_id, provider="slow")
    sandbox.advance(session_id)
    other = await shop.create()
    sandbox.complete(other, provider="slow")
    await until(lambda: order_status(sandbox, other) == "order_rejected")
    assert order_status(sandbox, session_id) == "order_approved_not_captured"
    third = await shop.create()
    sandbox.complete(third, provider="slow")
    sandbox.reset()
    await asyncio.sleep(0.04)
    assert len(sandbox.effects) == 0


def test_what_is_due_without_a_loop_happens_when_the_state_is_read() -> None:
    now = [0.0]
    timers = Timers(lambda: now[0])
    seen: list[str] = []
    timers.after(2, lambda: seen.append("second"))
    timers.after(1, lambda: seen.append("first"))
    timers.after(1, lambda: seen.append("first again"))
    timers.run_due()
    assert (seen, bool(timers)) == ([], True)
    now[0] = 2.0
    timers.run_due()
    assert (seen, bool(timers)) == (["first", "first again", "second"], False)


async def test_a_session_that_is_not_asked_about_its_data_is_as_it_was(shop: Shop, box: Sandbox) -> None:
    signup = bent({**SESSION, "product": {"type": "signup", "intent": "signup"}}, "data", ABSENT)
    session_id = await shop.create(signup)
    box.complete(session_id)
    assert box.checkout(session_id).stage == "paid"
    assert message(await shop.call("POST", f"/v3/session/{session_id}/order/cancel")).endswith("status None.")
