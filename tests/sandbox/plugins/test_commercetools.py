"""The calls of the commercetools connector: fields by name, the decision, whole orders captured and refunded."""

from typing import Any
from urllib.parse import quote

import pytest
from sandbox.plugins.bare import BareClient

from briqpay_async.sandbox import Sandbox

FIELDS = "?fields=" + quote("data,snippet,htmlSnippet,sessionId,moduleStatus,captures,refunds", safe=",")
LINES = [
    {
        "productType": "physical",
        "reference": "kettle-1",
        "name": "Kettle",
        "quantity": 2,
        "quantityUnit": "pcs",
        "unitPrice": 40_000,
        "unitPriceIncVat": 50_000,
        "taxRate": 2500,
        "discountPercentage": 0,
        "totalAmount": 100_000,
        "totalVatAmount": 20_000,
        "imageUrl": "https://shop.example/kettle.png",
    },
    {
        "productType": "shipping_fee",
        "reference": "dhl",
        "name": "Delivery",
        "quantity": 1,
        "quantityUnit": "pcs",
        "unitPrice": 4000,
        "unitPriceIncVat": 5000,
        "taxRate": 2500,
        "discountPercentage": 0,
        "totalAmount": 5000,
        "totalVatAmount": 1000,
    },
]
ORDER = {"currency": "SEK", "amountIncVat": 105_000, "amountExVat": 84_000, "cart": LINES}
SESSION = {
    "product": {"type": "payment", "intent": "payment_one_time"},
    "country": "SE",
    "locale": "sv-SE",
    "customerType": "consumer",
    "urls": {"terms": "https://shop.example/terms", "redirect": "https://shop.example/done?s={briqpay_session}"},
    "references": {"cartId": "cart-7"},
    "config": {"disableSessionCompleteRedirect": True},
    "data": {"order": ORDER, "billing": {"country": "SE", "firstName": "Bo", "companyName": ""}},
    "modules": {"loadModules": ["payment"], "config": {"payment": {"decision": {"enabled": True}}}},
}


@pytest.fixture
def connector(box: Sandbox) -> BareClient:
    return BareClient(box, "commercetools-connector/1.0.29")


def status_of(operation: Any) -> str:
    """The connector's own table: what is neither of these blocks the order as pending."""
    return {"approved": "Success", "rejected": "Failure"}.get(operation["status"], "Pending")


async def test_an_order_from_cart_to_refund(connector: BareClient, box: Sandbox) -> None:
    session = await connector.must("POST", "/v3/session", SESSION, accept=False)
    session_id = session["sessionId"]
    read = await connector.must("GET", f"/v3/session/{session_id}{FIELDS}", accept=False)
    assert (read["snippet"], read["sessionId"]) == (session["htmlSnippet"], session_id)
    assert [line["reference"] for line in read["data"]["order"]["cart"]] == ["kettle-1", "dhl"]
    changed = {**ORDER, "amountIncVat": 104_999}  # stored verbatim, though the lines say otherwise
    patched = await connector.must(
        "PATCH", f"/v3/session/{session_id}", {"data": {"order": changed}}, accept=False
    )
    assert patched["data"]["order"] == changed
    await connector.must("PATCH", f"/v3/session/{session_id}", {"data": {"order": ORDER}})
    box.complete(session_id)
    assert (await connector.must("GET", f"/v3/session/{session_id}"))["status"] == "modules_in_progress"
    assert await connector.ask("POST", f"/v3/session/{session_id}/decision", {"decision": "allow"}) == (204, None)
    read = await connector.must("GET", f"/v3/session/{session_id}{FIELDS}")
    assert read["moduleStatus"]["payment"]["orderStatus"] == "order_approved_not_captured"
    assert read["data"]["transactions"][0]["status"] == "approved"
    operation = {"data": {"order": ORDER}}
    capture = await connector.must("POST", f"/v3/session/{session_id}/order/capture", operation)
    assert status_of(capture) == "Success"
    refund = await connector.must(
        "POST", f"/v3/session/{session_id}/order/refund", {**operation, "captureId": capture["captureId"]}
    )
    assert (status_of(refund), bool(refund["refundId"])) == ("Success", True)


async def test_a_rejection_ends_the_session(connector: BareClient, box: Sandbox) -> None:
    session_id = (await connector.must("POST", "/v3/session", SESSION))["sessionId"]
    box.complete(session_id)
    reject = {
        "decision": "reject",
        "rejectionType": "reject_session_with_error",
        "hardError": {"message": "The cart has changed"},
    }
    assert (await connector.ask("POST", f"/v3/session/{session_id}/decision", reject))[0] == 204
    patch = {"data": {"order": ORDER}}
    code, message = await connector.refused("PATCH", f"/v3/session/{session_id}", patch)
    assert (code, message) == ("SESSION_ALREADY_COMPLETED", "This session is already completed")


async def test_a_missing_session_is_known_by_its_message(connector: BareClient) -> None:
    code, message = await connector.refused("GET", "/v3/session/11111111-1111-4111-8111-111111111111")
    assert (code, message) == ("INVALID_DATA", "Invalid sessionId - session does not exist.")


async def test_the_health_probe_is_answered(connector: BareClient) -> None:
    assert (await connector.ask("GET", "/"))[0] == 200
