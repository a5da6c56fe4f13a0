"""What happens to an order once the buyer has paid."""

from typing import Any

import pytest
from sandbox.sandbox_samples import ABSENT, MUG, ORDER, SESSION, TEA, Shop, bent, message, order_of

from briqpay_async.sandbox import Sandbox

ONE_MUG = {**MUG, "quantity": 1}
NOT_FOUND = "400 CART_ITEM_NOT_FOUND: Cart item has mismatching"
NO_SUCH_LINE = "name and/or reference, productType, reference"
TAX = {"productType": "sales_tax", "name": "Sales tax", "reference": "tax", "totalTaxAmount": 825}


def payment(sandbox: Sandbox, session_id: str) -> dict[str, Any]:
    status: dict[str, Any] = sandbox.sessions[session_id]["moduleStatus"]["payment"]
    return status


def transaction(sandbox: Sandbox, session_id: str) -> dict[str, Any]:
    (only,) = sandbox.sessions[session_id]["data"]["transactions"]
    result: dict[str, Any] = only
    return result


@pytest.fixture
async def paid(shop: Shop, box: Sandbox) -> str:
    session_id = await shop.create()
    box.complete(session_id)
    return session_id


@pytest.mark.parametrize(
    ("order_status", "status"),
    [
        ("order_approved_not_captured", "approved"),
        ("order_pending", "pending"),
        ("order_rejected", "rejected"),
        ("order_cancelled", "cancelled"),
    ],
)
async def test_completion_makes_a_transaction(shop: Shop, box: Sandbox, order_status: str, status: str) -> None:
    session_id = await shop.create()
    assert box.complete(session_id, order_status) is box.sessions[session_id]
    session = await shop.read(session_id)
    assert session["status"] == "completed"
    assert session["moduleStatus"]["payment"] == {
        "orderStatus": order_status,
        "refundStatus": "not_refunded",
        "uiStatus": "completed",
    }
    made = session["data"]["transactions"][0]
    assert made["cart"] == ORDER["cart"]
    expected = {
        "amountIncVat": 25_000,
        "amountExVat": 20_000,
        "currency": "SEK",
        "email": "astrid@example.com",
        "reference": "1001",
        "status": status,
        "captureStatus": "not_captured",
        "refundStatus": "not_refunded",
        "sessionId": session_id,
    }
    assert expected.items() <= made.items()
    assert (session["data"]["captures"], session["data"]["refunds"]) == ([], [])


async def test_completion_adds_what_the_buyer_contributed(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    note = {"orderNote": {"note": {"value": "Ring twice"}}, "paymentTags": {"manual_review": True}}
    box.complete(session_id, data=note)
    assert note.items() <= (await shop.read(session_id))["data"].items()


async def test_an_unknown_session_or_status_cannot_be_completed(shop: Shop, box: Sandbox) -> None:
    with pytest.raises(KeyError):
        box.complete("gone")
    with pytest.raises(ValueError, match="order_status must be one of"):
        box.complete(await shop.create(), "captured_partial")


async def test_a_pending_order_moves_on_once(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    box.complete(session_id, "order_pending")
    assert message(await shop.capture(session_id, MUG)).endswith(
        "Cannot capture an order with status order_pending."
    )
    box.complete(session_id, "order_approved_not_captured")
    assert transaction(box, session_id)["status"] == "approved"
    with pytest.raises(ValueError, match="only a pending order can move on"):
        box.complete(session_id, "order_rejected")
    assert (await shop.capture(session_id, MUG))[0] == 201


@pytest.mark.parametrize("first", ["captured_full", "order_pending"])
async def test_a_provider_can_capture_by_itself(shop: Shop, box: Sandbox, first: str) -> None:
    session_id = await shop.create()
    box.complete(session_id, first)
    if first == "order_pending":
        box.complete(session_id, "captured_full")
    assert payment(box, session_id)["orderStatus"] == "captured_full"
    (capture,) = box.sessions[session_id]["data"]["captures"]
    assert (capture["autoCaptured"], capture["amountIncVat"]) == (True, 25_000)
    assert transaction(box, session_id)["captureStatus"] == "fully_captured"


async def test_a_signup_completes_without_a_transaction(shop: Shop, box: Sandbox) -> None:
    signup = bent({**SESSION, "product": {"type": "signup", "intent": "signup"}}, "data", ABSENT)
    session_id = await shop.create(signup)
    box.complete(session_id, "captured_full")
    session = await shop.read(session_id)
    assert session["data"]["transactions"] == []
    assert "orderStatus" not in session["moduleStatus"]["payment"]
    assert message(await shop.refund(session_id, MUG)).endswith("nothing has been captured.")


async def test_capturing_everything(shop: Shop, box: Sandbox, paid: str) -> None:
    status, capture = await shop.capture(paid, MUG, TEA)
    assert status == 201
    expected = {
        "parentTransactionId": transaction(box, paid)["transactionId"],
        "autoCaptured": False,
        "amountIncVat": 25_000,
        "cart": [MUG, TEA],
        "status": "approved",
        "sessionId": paid,
    }
    assert expected.items() <= capture.items()
    assert payment(box, paid)["orderStatus"] == "captured_full"
    assert transaction(box, paid)["captureStatus"] == "fully_captured"
    assert (await shop.read(paid))["data"]["captures"] == [capture]
    (effect,) = box.effects_of(paid, "capture")
    assert effect.made == capture["captureId"]


async def test_capturing_in_parts_until_nothing_is_left(shop: Shop, box: Sandbox, paid: str) -> None:
    for lines, reached in (
        ([ONE_MUG], "captured_partial"),
        ([TEA], "captured_partial"),
        ([ONE_MUG], "captured_full"),
    ):
        assert (await shop.capture(paid, *lines))[0] == 201
        assert payment(box, paid)["orderStatus"] == reached
    assert message(await shop.capture(paid, ONE_MUG)).endswith("with status captured_full.")
    assert box.effects.counts["capture"] == 3


@pytest.mark.parametrize(
    ("line", "differing"),
    [
        ({**MUG, "reference": "cup"}, NO_SUCH_LINE),
        (bent(MUG, "reference", ABSENT), NO_SUCH_LINE),
        ({**MUG, "productType": "digital"}, "productType"),
        ({**MUG, "taxRate": 1200}, "taxRate"),
        ({**MUG, "unitPrice": 7999}, "unitPrice"),
        ({**MUG, "unitPrice": 7500, "taxRate": 1200}, "unitPrice, taxRate"),
        ({**TEA, "quantity": 2}, "quantity"),
    ],
)
async def test_a_captured_line_must_be_a_line_of_the_session(
    shop: Shop, box: Sandbox, paid: str, line: dict[str, Any], differing: str
) -> None:
    assert message(await shop.capture(paid, line)) == f"{NOT_FOUND} {differing}"
    assert box.effects_of(paid, "capture") == ()


async def test_what_has_been_captured_cannot_be_captured_again(shop: Shop, paid: str) -> None:
    await shop.capture(paid, TEA)
    assert message(await shop.capture(paid, TEA)) == f"{NOT_FOUND} quantity"


@pytest.mark.parametrize(
    ("lines", "earlier"), [([{**MUG, "quantity": 100}], []), ([MUG, ONE_MUG, TEA], []), ([MUG, TEA], [TEA])]
)
async def test_no_more_is_captured_than_was_authorised(
    shop: Shop, box: Sandbox, paid: str, lines: list[Any], earlier: list[Any]
) -> None:
    for line in earlier:
        assert (await shop.capture(paid, line))[0] == 201
    assert message(await shop.capture(paid, *lines)).startswith("400 CAPTURE_NOT_ALLOWED: ")
    assert len(box.effects_of(paid, "capture")) == len(earlier)


async def test_lines_are_matched_against_what_the_buyer_paid(shop: Shop, box: Sandbox, paid: str) -> None:
    session = box.sessions[paid]
    session["data"]["order"] = {
        **ORDER,
        "cart": [{**MUG, "unitPrice": 1}],
    }  # a cart that changed after the payment
    assert (await shop.capture(paid, MUG))[0] == 201


async def test_a_line_without_a_reference_is_known_by_its_name(shop: Shop, box: Sandbox) -> None:
    nameless = bent(MUG, "reference", ABSENT)
    session_id = await shop.create(bent(SESSION, "data/order", order_of(nameless)))
    box.complete(session_id)
    assert message(await shop.capture(session_id, {**nameless, "name": "Cup"})) == f"{NOT_FOUND} {NO_SUCH_LINE}"
    assert (await shop.capture(session_id, nameless))[0] == 201


async def test_us_sales_tax_is_captured_by_amount(shop: Shop, box: Sandbox) -> None:
    plain = {**MUG, "taxRate": 0}
    order = {"currency": "USD", "amountIncVat": 16_825, "amountExVat": 16_000, "cart": [plain, TAX]}
    session_id = await shop.create(bent(SESSION, "data/order", order))
    box.complete(session_id)
    path = f"/v3/session/{session_id}/order/capture"
    some = {**TAX, "totalTaxAmount": 800}
    part = {**order, "amountIncVat": 16_800, "cart": [plain, some]}
    status, _ = await shop.call("POST", path, {"data": {"order": part}})
    assert (status, payment(box, session_id)["orderStatus"]) == (201, "captured_partial")
    rest = {**order, "amountIncVat": 26, "cart": [{**TAX, "totalTaxAmount": 26}]}
    assert message(await shop.call("POST", path, {"data": {"order": rest}})) == f"{NOT_FOUND} quantity"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "body is the wrong type"),
        ({}, "body.data is required"),
        ({"data": []}, "body.data is the wrong type"),
        ({"data": {}}, "body.data.order is required"),
        ({"data": {"order": ORDER, "note": 1}}, "body.data has additional properties"),
        ({"data": {"order": ORDER}, "captureId": "x"}, "body has additional properties"),
        ({"data": {"order": {**ORDER, "cart": []}}}, "body.data.order.cart has less items than allowed"),
        (
            {"data": {"order": {**ORDER, "cart": [{**MUG, "productType": "adjustment"}]}}},
            "body.data.order.cart.0 no (or more than one) schemas match",
        ),
        (
            {"data": {"order": {**ORDER, "currency": "EUR"}}},
            "body.data.order.currency does not match the currency of the session",
        ),
    ],
)
async def test_a_capture_has_rules(shop: Shop, paid: str, body: Any, expected: str) -> None:
    refused = await shop.call("POST", f"/v3/session/{paid}/order/capture", body)
    assert message(refused) == f"400 INVALID_DATA: {expected}"


@pytest.mark.parametrize("operation", ["capture", "refund", "cancel", "release-remaining"])
async def test_nothing_is_done_to_the_order_of_a_session_that_is_not_completed(shop: Shop, operation: str) -> None:
    path = f"/v3/session/{await shop.create()}/order/{operation}"
    assert message(await shop.call("POST", path, {"data": {"order": ORDER}})).endswith("session is not completed.")


async def test_refunding_everything(shop: Shop, box: Sandbox, paid: str) -> None:
    _, capture = await shop.capture(paid, MUG, TEA)
    status, refund = await shop.refund(paid, MUG, TEA)
    assert status == 201
    expected = {"parentCaptureId": capture["captureId"], "amountIncVat": 25_000, "status": "approved"}
    assert expected.items() <= refund.items()
    assert payment(box, paid)["refundStatus"] == "captured_amount_fully_refunded"
    assert transaction(box, paid)["refundStatus"] == "captured_amount_fully_refunded"
    assert box.effects_of(paid, "refund")[0].made == refund["refundId"]


async def test_refunding_a_part_and_no_more_than_was_captured(shop: Shop, box: Sandbox, paid: str) -> None:
    await shop.capture(paid, ONE_MUG)
    assert (await shop.refund(paid, ONE_MUG))[0] == 201
    assert payment(box, paid)["refundStatus"] == "captured_amount_fully_refunded"
    assert message(await shop.refund(paid, ONE_MUG)) == f"{NOT_FOUND} quantity"
    await shop.capture(paid, TEA)
    assert payment(box, paid)["refundStatus"] == "partially_refunded"


async def test_of_several_captures_a_refund_names_one(shop: Shop, paid: str) -> None:
    _, mug = await shop.capture(paid, ONE_MUG)
    _, tea = await shop.capture(paid, TEA)
    assert message(await shop.refund(paid, TEA)) == "400 INVALID_DATA: body.captureId is required"
    assert message(await shop.refund(paid, TEA, capture_id=mug["captureId"])) == f"{NOT_FOUND} {NO_SUCH_LINE}"
    assert message(await shop.refund(paid, TEA, capture_id="gone")).endswith("capture does not exist.")
    status, refund = await shop.refund(paid, TEA, capture_id=tea["captureId"])
    assert (status, refund["parentCaptureId"]) == (201, tea["captureId"])


async def test_an_adjustment_refunds_any_amount_up_to_the_capture(shop: Shop, paid: str) -> None:
    await shop.capture(paid, TEA)
    adjustment = {**TEA, "productType": "adjustment", "reference": "goodwill", "unitPrice": 2500}
    assert (await shop.refund(paid, adjustment))[0] == 201
    assert message(await shop.refund(paid, adjustment)).endswith(
        "amountIncVat is more than what remains of the capture"
    )
    assert (await shop.refund(paid, {**adjustment, "unitPrice": 1500}))[0] == 201


async def test_a_refund_before_any_capture_is_refused(shop: Shop, paid: str) -> None:
    assert message(await shop.refund(paid, MUG)).endswith("Cannot refund - nothing has been captured.")


async def test_a_refund_in_another_shape_is_refused(shop: Shop, paid: str) -> None:
    body = {"data": {"order": order_of({**MUG, "quantity": 0})}, "captureId": 5}
    assert message(await shop.call("POST", f"/v3/session/{paid}/order/refund", body)) == (
        "400 INVALID_DATA: body.captureId is the wrong type, "
        "body.data.order.cart.0 no (or more than one) schemas match"
    )


@pytest.mark.parametrize(
    ("vocabulary", "captured", "refunded"),
    [("seed", "captured", "refunded"), ("plugins", "approved", "approved"), ("missing", None, None)],
)
async def test_the_words_for_done_are_a_switch(
    opened: Any, vocabulary: str, captured: str | None, refunded: str | None
) -> None:
    sandbox, shop = await opened(vocabulary=vocabulary)
    session_id = await shop.create()
    sandbox.complete(session_id)
    _, capture = await shop.capture(session_id, MUG)
    _, refund = await shop.refund(session_id, MUG)
    assert (capture.get("status"), refund.get("status")) == (captured, refunded)
    assert ("status" in capture) is (captured is not None)


async def test_cancelling(shop: Shop, box: Sandbox, paid: str) -> None:
    path = f"/v3/session/{paid}/order/cancel"
    assert await shop.call("POST", path, {"data": []}) == (204, None)
    assert payment(box, paid)["orderStatus"] == "order_cancelled"
    assert transaction(box, paid)["status"] == "cancelled"
    assert message(await shop.call("POST", path)).endswith("with status order_cancelled.")


async def test_what_has_been_captured_cannot_be_cancelled(shop: Shop, paid: str) -> None:
    await shop.capture(paid, TEA)
    refused = await shop.call("POST", f"/v3/session/{paid}/order/cancel")
    assert message(refused).endswith("Cannot cancel an order with status captured_partial.")


async def test_a_provider_that_cannot_cancel_says_so(opened: Any) -> None:
    sandbox, shop = await opened(cancel_supported=False)
    session_id = await shop.create()
    sandbox.complete(session_id)
    assert message(await shop.call("POST", f"/v3/session/{session_id}/order/cancel")) == (
        "400 CANCEL_NOT_SUPPORTED: Cancel is not supported for the selected payment provider"
    )
    assert payment(sandbox, session_id)["orderStatus"] == "order_approved_not_captured"


async def test_after_releasing_the_rest_nothing_more_is_captured(shop: Shop, box: Sandbox, paid: str) -> None:
    path = f"/v3/session/{paid}/order/release-remaining"
    assert message(await shop.call("POST", path)).startswith("400 INVALID_DATA: Cannot release")
    await shop.capture(paid, TEA)
    assert await shop.call("POST", path) == (204, None)
    assert transaction(box, paid)["captureStatus"] == "partially_captured"
    assert (await shop.capture(paid, MUG))[0] == 400
    assert (await shop.refund(paid, TEA))[0] == 201


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("replace", {"a": "b"}), ("merge", {"reference1": "1001", "a": "b"})],
)
async def test_references_of_a_completed_order(opened: Any, mode: str, expected: dict[str, str]) -> None:
    sandbox, shop = await opened(references=mode)
    session_id = await shop.create()
    path = f"/v3/session/{session_id}/order/update/references"
    body = {"references": {"a": "b"}}
    assert message(await shop.call("PATCH", path, body)).endswith("session is not completed.")
    sandbox.complete(session_id)
    assert await shop.call("PATCH", path, body) == (204, None)
    assert sandbox.sessions[session_id]["references"] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "body is the wrong type"),
        ({}, "body.references is required"),
        ({"references": {"a": 1}}, "body.references.a is the wrong type"),
        ({"references": {}, "urls": {}}, "body has additional properties"),
    ],
)
async def test_references_have_rules(shop: Shop, paid: str, body: Any, expected: str) -> None:
    refused = await shop.call("PATCH", f"/v3/session/{paid}/order/update/references", body)
    assert message(refused) == f"400 INVALID_DATA: {expected}"
