"""The calls of the Magento plugin: metadata before the decision, empty texts for what is missing, refusals."""

from typing import Any

import pytest
from sandbox.plugins.bare import BareClient

from briqpay_async.sandbox import Sandbox


def line(reference: str, quantity: float, unit: int, gross_unit: int) -> dict[str, Any]:
    total = round(gross_unit * quantity)
    return {
        "productType": "physical",
        "reference": reference,
        "name": reference.title(),
        "quantity": quantity,
        "quantityUnit": "pc",
        "unitPrice": unit,
        "unitPriceIncVat": gross_unit,
        "taxRate": 2500,
        "discountPercentage": 0,
        "totalAmount": total,
        "totalVatAmount": total - round(unit * quantity),
    }


WRONG_SUM = "Calculated cart amount inc vat does not equal provided inc vat amount"
WRONG_VAT = "taxRate * unitPrice * quantity != totalVatAmount"
CHAIR, LAMP = line("chair", 2, 79_960, 99_950), line("lamp", 1, 8000, 10_000)
ORDER = {"currency": "SEK", "amountIncVat": 209_900, "amountExVat": 167_920, "cart": [CHAIR, LAMP]}
ADDRESS = {
    "firstName": "Eva",
    "lastName": "Ek",
    "streetAddress": "",
    "zip": "",
    "city": "",
    "region": "",
    "email": "",
}
SESSION = {
    "product": {"type": "payment", "intent": "payment_one_time"},
    "customerType": "business",
    "country": "SE",
    "locale": "sv-SE",
    "urls": {"terms": "https://shop.example/terms", "redirect": "https://shop.example/success"},
    "references": {"quoteId": "42"},
    "data": {
        "order": ORDER,
        "billing": ADDRESS,
        "shipping": ADDRESS,
        "company": {"name": "Ek AB", "cin": "5566778899"},
    },
    "modules": {
        "loadModules": ["company_lookup", "billing", "shipping", "order_note", "terms", "payment"],
        "config": {
            "terms": {"checkboxes": [{"key": "toc", "label": "<b>Terms</b>", "required": True, "default": False}]},
            "payment": {"decision": {"enabled": True}},
        },
    },
}


@pytest.fixture
def plugin(box: Sandbox) -> BareClient:
    return BareClient(box, "Briqpay-Magento/1.2.0")


async def paid(plugin: BareClient, box: Sandbox) -> str:
    session_id: str = (await plugin.must("POST", "/v3/session", SESSION))["sessionId"]
    box.complete(session_id)
    metadata = {"references": {"reference1": "100000042", "quoteId": "42"}}
    await plugin.must("PATCH", f"/v3/session/{session_id}/metadata", metadata)
    await plugin.must("POST", f"/v3/session/{session_id}/decision", {"decision": "allow"})
    return session_id


async def test_parts_are_captured_and_refunded_by_capture(plugin: BareClient, box: Sandbox) -> None:
    session_id = await paid(plugin, box)
    session = await plugin.must("GET", f"/v3/session/{session_id}")
    assert session["data"]["transactions"][0]["reference"] == "100000042"
    path = f"/v3/session/{session_id}/order"
    part = {**ORDER, "amountIncVat": 99_950, "amountExVat": 79_960, "cart": [line("chair", 1, 79_960, 99_950)]}
    first = await plugin.must("POST", f"{path}/capture", {"data": {"order": part}})
    rest = {**part, "amountIncVat": 109_950, "cart": [part["cart"][0], LAMP]}
    second = await plugin.must("POST", f"{path}/capture", {"data": {"order": rest}})
    assert {first["status"], second["status"]} == {"approved"}
    code, message = await plugin.refused("POST", f"{path}/refund", {"data": {"order": part}})
    assert (code, message) == ("INVALID_DATA", "body.captureId is required")
    refund = {"data": {"order": part}, "captureId": second["captureId"]}
    assert (await plugin.must("POST", f"{path}/refund", refund))["status"] == "approved"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"amountIncVat": 209_901},
            ("INVALID_DATA", WRONG_SUM),
        ),
        (
            {"cart": [CHAIR, {**LAMP, "reference": "lantern"}]},
            ("CART_ITEM_NOT_FOUND", "has mismatching name and/or reference, productType, reference"),
        ),
        (
            {"cart": [CHAIR, {**LAMP, "totalVatAmount": 2500}]},
            ("INVALID_DATA", WRONG_VAT),
        ),
    ],
)
async def test_a_refusal_has_the_words_that_the_plugin_looks_for(
    plugin: BareClient, box: Sandbox, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    session_id = await paid(plugin, box)
    body = {"data": {"order": {**ORDER, **change}}}
    code, message = await plugin.refused("POST", f"/v3/session/{session_id}/order/capture", body)
    assert code == expected[0]
    assert expected[1] in message


async def test_a_cancel_carries_an_empty_list(plugin: BareClient, box: Sandbox) -> None:
    session_id = await paid(plugin, box)
    assert await plugin.ask("POST", f"/v3/session/{session_id}/order/cancel", {"data": []}) == (204, None)


async def test_a_provider_that_cannot_cancel_says_so(plugin: BareClient, box: Sandbox) -> None:
    session_id = await paid(plugin, box)
    box.change_switches(cancel_supported=False)
    assert await plugin.refused("POST", f"/v3/session/{session_id}/order/cancel", {"data": []}) == (
        "CANCEL_NOT_SUPPORTED",
        "Cancel is not supported for the selected payment provider",
    )


async def test_kilograms_are_accepted_when_asked(plugin: BareClient, box: Sandbox) -> None:
    box.change_switches(decimal_quantities=True)
    cheese = line("cheese", 4.3, 10_000, 12_500)
    order = {"currency": "SEK", "amountIncVat": 53_750, "amountExVat": 43_000, "cart": [cheese]}
    body = {**SESSION, "data": {**SESSION["data"], "order": order}}  # type: ignore[dict-item]
    session_id = (await plugin.must("POST", "/v3/session", body))["sessionId"]
    await plugin.must("POST", f"/v3/session/{session_id}/decision", {"decision": "allow"})
    box.complete(session_id)
    await plugin.must("POST", f"/v3/session/{session_id}/order/capture", {"data": {"order": order}})
