"""The calls of the PrestaShop, WooCommerce and Shopware plugins where they differ from those of the others."""

from typing import Any

import pytest
from sandbox.plugins.bare import BareClient

from briqpay_async.sandbox import Sandbox

VASE = {
    "productType": "physical",
    "reference": "demo_1",
    "name": "Vase",
    "quantity": 2,
    "quantityUnit": "pc",
    "unitPrice": 1912,
    "taxRate": 1900,
    "discountPercentage": 0,
}
BOWL = {**VASE, "reference": "demo_3", "name": "Bowl", "quantity": 1, "unitPrice": 2872}
FEE = {**VASE, "productType": "shipping_fee", "reference": "2", "name": "Post", "quantity": 1, "unitPrice": 700}
COUPON = {**BOWL, "productType": "discount", "reference": "ten", "name": "Ten off", "unitPrice": -500}
# The shop's own total is 88.01, the sum of the rounded lines 88.02.
ORDER = {"currency": "EUR", "amountIncVat": 8801, "amountExVat": 7396, "cart": [VASE, BOWL, FEE]}
SESSION = {
    "product": {"type": "payment", "intent": "payment_one_time"},
    "customerType": "consumer",
    "country": "DE",
    "locale": "de-de",
    "urls": {"terms": "https://shop.example/terms", "redirect": "https://shop.example/done"},
    "references": {"reference1": "A-1"},
    "data": {"order": ORDER, "billing": {"firstName": "Uwe", "country": "DE"}},
}


def operation(amount: int, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    order = {"currency": "EUR", "amountIncVat": amount, "amountExVat": 0, "cart": list(lines)}
    return {"data": {"order": order}, **more}


@pytest.fixture
def shop(box: Sandbox) -> BareClient:
    return BareClient(box, "Briqpay-PrestaShop/2.0.1")


async def create(shop: BareClient, body: Any = SESSION) -> str:
    created = await shop.must("POST", "/v3/session", body)
    assert created["htmlSnippet"]
    session_id: str = created["sessionId"]
    return session_id


async def test_split_captures_drift_with_the_rounding_of_lines(shop: BareClient, box: Sandbox) -> None:
    session_id = await create(shop)
    box.complete(session_id)
    path = f"/v3/session/{session_id}/order"
    await shop.must("POST", f"{path}/capture", operation(4551, VASE))
    code, _ = await shop.refused("POST", f"{path}/capture", operation(4250, BOWL, FEE))
    assert code == "INVALID_DATA"
    await shop.must("POST", f"{path}/capture", operation(4251, BOWL, FEE))
    session = await shop.must("GET", f"/v3/session/{session_id}")
    assert session["moduleStatus"]["payment"]["orderStatus"] == "captured_full"


async def test_more_than_was_authorised_is_not_captured(shop: BareClient, box: Sandbox) -> None:
    session_id = await create(shop)
    box.complete(session_id)
    much = operation(455_056, {**VASE, "quantity": 200})
    code, _ = await shop.refused("POST", f"/v3/session/{session_id}/order/capture", much)
    assert code == "CAPTURE_NOT_ALLOWED"


async def test_a_ledger_of_captures_and_refunds_adds_up(shop: BareClient, box: Sandbox) -> None:
    session_id = await create(shop)
    box.complete(session_id, provider="direct")
    session = await shop.must("GET", f"/v3/session/{session_id}")
    (capture,) = session["data"]["captures"]
    assert (capture["autoCaptured"], capture["status"]) == (True, "approved")
    adjustment = {**BOWL, "productType": "adjustment", "reference": "kindness", "unitPrice": 100, "taxRate": 0}
    body = operation(100, adjustment, captureId=capture["captureId"])
    await shop.must("POST", f"/v3/session/{session_id}/order/refund", body)
    (refund,) = (await shop.must("GET", f"/v3/session/{session_id}"))["data"]["refunds"]
    # WooCommerce and Shopware read the one, PrestaShop the other.
    assert refund["captureId"] == refund["parentCaptureId"] == capture["captureId"]
    assert refund["status"] == "approved"
    refused = await shop.refused(
        "POST", f"/v3/session/{session_id}/order/refund", operation(8801, VASE, BOWL, FEE)
    )
    assert refused[0] == "INVALID_DATA"


async def test_discounts_and_us_tax(shop: BareClient, box: Sandbox) -> None:
    tax = {"productType": "sales_tax", "reference": "sales_tax", "name": "Sales tax", "totalTaxAmount": 200}
    order = {
        "currency": "USD",
        "amountIncVat": 2572,
        "amountExVat": 2372,
        "cart": [{**BOWL, "taxRate": 0}, {**COUPON, "taxRate": 0}, tax],
    }
    session_id = await create(shop, {**SESSION, "country": "US", "locale": "en-us", "data": {"order": order}})
    box.complete(session_id)
    await shop.must("POST", f"/v3/session/{session_id}/order/capture", {"data": {"order": order}})


async def test_a_rejection_without_its_type_is_refused(shop: BareClient) -> None:
    path = f"/v3/session/{await create(shop)}/decision"
    nested = {"decision": "reject", "data": {"rejectionType": "notify_user"}}
    assert await shop.refused("POST", path, nested) == ("INVALID_DATA", "data.rejectionType is required")
    soft = {"decision": "reject", "rejectionType": "notify_user", "hardError": {"message": "Sold out"}}
    assert (await shop.ask("POST", path, soft))[0] == 204


async def test_a_hosted_page_is_made_for_a_session(shop: BareClient) -> None:
    assert await shop.refused("POST", "/v3/hosted-page") == ("INVALID_DATA", "sessionId is required")
    session_id = await create(shop)
    config = {"showCart": True, "pageTitle": "Pay here", "logoUrl": "https://shop.example/logo.png?v=2"}
    page = await shop.must("POST", "/v3/hosted-page", {"sessionId": session_id, "config": config})
    assert page["sessionId"] == session_id
    assert page["hostedPageId"] in page["url"]


async def test_references_of_a_paid_order_are_replaced(shop: BareClient, box: Sandbox) -> None:
    session_id = await create(shop)
    box.complete(session_id)
    before = (await shop.must("GET", f"/v3/session/{session_id}"))["references"]
    merged = {"references": {**before, "orderNumber": "10001"}}
    assert (await shop.ask("PATCH", f"/v3/session/{session_id}/order/update/references", merged))[0] < 300
    assert (await shop.must("GET", f"/v3/session/{session_id}"))["references"] == merged["references"]


async def test_a_placeholder_company_disappears_and_payment_is_not_reached(shop: BareClient) -> None:
    company = {"cin": "1111111111", "name": "Uwe GmbH"}
    body = {**SESSION, "customerType": "business", "data": {"order": ORDER, "company": company}}
    session_id = await create(shop, body)
    session = await shop.must("PATCH", f"/v3/session/{session_id}", {"data": {"billing": {"city": "Ulm"}}})
    assert "company" not in session["data"]
    assert session["moduleStatus"]["payment"]["uiStatus"] == "not_yet_reached"


async def test_an_empty_list_in_the_place_of_an_address_is_the_wrong_type(shop: BareClient) -> None:
    path = f"/v3/session/{await create(shop)}"
    refused = await shop.refused("PATCH", path, {"data": {"billing": []}})
    assert refused == ("INVALID_DATA", "body.data.billing is the wrong type")
