"""Tokens, hosted pages, and everything that is no endpoint."""

from typing import Any

import aiohttp
import pytest
from sandbox.sandbox_samples import ABSENT, GONE, MUG, SESSION, Shop, bent, message

from briqpay_async.sandbox import Sandbox

TOKENIZE = {**SESSION, "product": {"type": "payment", "intent": "payment_tokenize_and_charge"}}


async def new_token(shop: Shop, box: Sandbox, body: dict[str, Any] = TOKENIZE) -> str:
    session = box.complete(await shop.create(body))
    token_id: str = session["data"]["tokenization"]["tokenId"]
    return token_id


def charge(token_id: str) -> dict[str, Any]:
    return {
        "product": {"type": "payment", "intent": "payment_charge_token"},
        "data": {"tokenization": {"tokenId": token_id}, "order": SESSION["data"]["order"]},
    }


async def test_completing_a_tokenization_makes_a_token(shop: Shop, box: Sandbox) -> None:
    token_id = await new_token(shop, box)
    status, token = await shop.call("GET", f"/v3/token/{token_id}")
    expected = {"tokenId": token_id, "state": "active", "country": "SE", "customerType": "consumer"}
    assert status == 200
    assert expected.items() <= token.items()
    assert token["chargeSessions"] == []
    assert token["initialSessionId"] in box.sessions


async def test_tokenizing_without_charging_makes_no_transaction(shop: Shop, box: Sandbox) -> None:
    body = {**SESSION, "product": {"type": "payment", "intent": "payment_tokenize"}}
    token_id = await new_token(shop, box, body)
    session = box.sessions[box.tokens[token_id]["initialSessionId"]]
    assert session["data"]["transactions"] == []


async def test_a_rejected_payment_makes_no_token(shop: Shop, box: Sandbox) -> None:
    session = box.complete(await shop.create(TOKENIZE), "order_rejected")
    assert "tokenization" not in session["data"]
    assert not box.tokens


async def test_a_token_is_charged(shop: Shop, box: Sandbox) -> None:
    token_id = await new_token(shop, box)
    session_id = await shop.create(charge(token_id))
    assert (await shop.read(session_id))["locale"] == "sv-se"
    box.complete(session_id)
    (charged,) = box.tokens[token_id]["chargeSessions"]
    assert (charged["sessionId"], charged["order"]["amountIncVat"]) == (session_id, 25_000)
    assert (await shop.capture(session_id, MUG))[0] == 201


async def test_a_token_from_elsewhere_is_taken_on_trust(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create(charge("from-elsewhere"))
    assert box.complete(session_id)["status"] == "completed"


async def test_a_deactivated_token_cannot_be_charged(shop: Shop, box: Sandbox) -> None:
    token_id = await new_token(shop, box)
    status, token = await shop.call("DELETE", f"/v3/token/{token_id}")
    assert (status, token["state"]) == (200, "inactive")
    refused = await shop.call("POST", "/v3/session", charge(token_id))
    assert message(refused) == "400 INVALID_DATA: Invalid tokenId - token is not active."
    assert len(box.effects_of(token_id, "token_deactivate")) == 1


async def test_an_unknown_token_is_refused(shop: Shop) -> None:
    for method in ("GET", "DELETE"):
        assert message(await shop.call(method, f"/v3/token/{GONE}")) == (
            "400 INVALID_DATA: Invalid tokenId - token does not exist."
        )


async def test_fields_work_for_tokens(shop: Shop, box: Sandbox) -> None:
    path = f"/v3/token/{await new_token(shop, box)}"
    assert await shop.call("GET", f"{path}?fields=none") == (204, None)
    assert await shop.call("GET", f"{path}?fields=state,nonsense") == (200, {"state": "active"})


async def test_a_hosted_page_is_made_for_a_session(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    config = {"showCart": True, "pageTitle": "Order 1001", "logoUrl": "https://cdn.example/logo.PNG"}
    status, page = await shop.call("POST", "/v3/hosted-page", {"sessionId": session_id, "config": config})
    assert status == 200
    assert page.keys() == {"hostedPageId", "sessionId", "url"}
    assert page["hostedPageId"] in page["url"]
    assert box.hosted_pages[page["hostedPageId"]]["config"] == config
    assert box.effects_of(session_id, "hosted_page")[0].made == page["hostedPageId"]


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        ("sessionId", ABSENT, "sessionId is required"),
        ("sessionId", 5, "body.sessionId is the wrong type"),
        ("sessionId", GONE, "Invalid sessionId - session does not exist."),
        ("pageTitle", "Order", "body has additional properties"),
        ("config", [], "body.config is the wrong type"),
        ("config/showCart", "yes", "body.config.showCart is the wrong type"),
        ("config/pageTitle", "ab", "body.config.pageTitle has less length than allowed"),
        ("config/pageTitle", "x" * 257, "body.config.pageTitle has longer length than allowed"),
        ("config/logoUrl", "ftp://x/logo.png", "body.config.logoUrl pattern mismatch"),
        ("config/logoUrl", "https://x/logo.gif", "body.config.logoUrl pattern mismatch"),
        ("config/logoUrl", f"https://x/{'x' * 512}.png", "body.config.logoUrl has longer length than allowed"),
        ("config/color", "red", "body.config has additional properties"),
    ],
)
async def test_a_hosted_page_has_rules(shop: Shop, pointer: str, value: object, expected: str) -> None:
    body = bent({"sessionId": await shop.create()}, pointer, value)
    assert message(await shop.call("POST", "/v3/hosted-page", body)) == f"400 INVALID_DATA: {expected}"


async def test_a_hosted_page_that_is_no_object_is_refused(shop: Shop) -> None:
    assert message(await shop.call("POST", "/v3/hosted-page", [])).endswith("body is the wrong type")


async def test_health_needs_no_credentials(box: Sandbox) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{box.url}/") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3/session"),
        ("PUT", f"/v3/session/{GONE}"),
        ("PATCH", "/v3/session/"),
        ("GET", f"/v3/session/{GONE}/nonsense"),
        ("PATCH", f"/v3/token/{GONE}"),
        ("GET", "/v2/session"),
        ("POST", "/"),
        ("POST", "/_sandbox/nonsense"),
    ],
)
async def test_what_is_no_endpoint_is_a_404(shop: Shop, method: str, path: str) -> None:
    assert message(await shop.call(method, path)).startswith("404 NOT_FOUND")
