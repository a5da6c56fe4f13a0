"""Sessions before completion, over a real socket, and every switch that touches them."""

import asyncio
from typing import Any

import aiohttp
import pytest
from sandbox.sandbox_samples import ADDRESS, BUSINESS, GONE, MUG, ORDER, SESSION, Shop, basic, bent, message

from briqpay_async.sandbox import Sandbox

LUND = {"data": {"billing": {"city": "Lund"}}}
REJECTION = {"decision": "reject", "rejectionType": "notify_user", "hardError": {"message": "Sold out"}}


async def test_a_created_session_is_answered_in_full_and_can_be_read(shop: Shop) -> None:
    status, created = await shop.call("POST", "/v3/session", SESSION)
    assert status == 201
    assert list(created) == [
        "createdAt",
        "sessionId",
        "status",
        "product",
        "customerType",
        "country",
        "locale",
        "urls",
        "references",
        "htmlSnippet",
        "clientToken",
        "data",
        "moduleStatus",
    ]
    assert created["status"] == "started"
    assert created["createdAt"].endswith("Z")
    assert await shop.read(created["sessionId"]) == created


async def test_a_patch_answers_200_with_the_whole_session(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    status, session = await shop.patch(session_id, LUND)
    assert status == 200
    assert session["status"] == "modules_in_progress"
    assert session["data"]["billing"] == {**ADDRESS, "city": "Lund"}
    assert box.sessions[session_id]["data"] == session["data"]


async def test_section_merge_is_a_switch(opened: Any) -> None:
    _, shop = await opened(merge="section")
    _, session = await shop.patch(await shop.create(), LUND)
    assert session["data"]["billing"] == {"city": "Lund"}


async def test_values_come_back_with_the_type_they_were_sent_with(shop: Shop) -> None:
    raw = b'{"data":{"billing":{"x":1,"y":1.0,"z":true,"n":null,"s":"1"}}}'
    _, session = await shop.patch(await shop.create(), raw, "?fields=data")
    billing = session["data"]["billing"]
    assert [repr(billing[name]) for name in "xyzns"] == ["1", "1.0", "True", "None", "'1'"]


async def test_unknown_members_of_a_line_are_echoed(shop: Shop) -> None:
    line = {**MUG, "imageUrl": "https://cdn.example/mug.png", "totalAmount": 20_000}
    _, session = await shop.patch(await shop.create(), {"data": {"order": {**ORDER, "cart": [line]}}})
    assert session["data"]["order"]["cart"] == [line]


async def test_a_refused_patch_changes_nothing(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    before = box.sessions[session_id]
    refused = await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}, "shipping": []}})
    assert message(refused) == "400 INVALID_DATA: body.data.shipping is the wrong type"
    assert box.sessions[session_id] is before
    assert box.effects_of(session_id, "patch") == ()


async def test_the_reason_a_line_fits_no_variant_is_in_a_header(shop: Shop) -> None:
    body = {"data": {"order": {**ORDER, "cart": [{**MUG, "quantity": "2"}]}}}
    path = f"/v3/session/{await shop.create()}"
    async with shop.http.patch(path, json=body) as response:
        assert (await response.json())["error"]["message"] == (
            "body.data.order.cart.0 no (or more than one) schemas match"
        )
        assert response.headers["X-Sandbox-Reason"] == ("body.data.order.cart.0: quantity is the wrong type")


async def test_messages_are_joined_with_commas(shop: Shop) -> None:
    refused = await shop.call("POST", "/v3/session", {**SESSION, "locale": "fi"})
    assert message(refused) == (
        "400 INVALID_DATA: body.locale pattern mismatch, body.locale has less length than allowed"
    )


@pytest.mark.parametrize(
    ("raw", "content_type", "expected"),
    [
        (b"", "application/json", "body is not valid JSON"),
        (b"{", "application/json", "body is not valid JSON"),
        (b'{"data":NaN}', "application/json", "body is not valid JSON"),
        (b'"\xff"', "application/json", "body is not valid JSON"),
        (b"[]", "application/json", "body is the wrong type"),
        (b"{}", "text/plain", "Content-Type must be application/json"),
    ],
)
async def test_a_body_that_is_not_json_is_refused(
    shop: Shop, raw: bytes, content_type: str, expected: str
) -> None:
    headers = {"Content-Type": content_type}
    assert message(await shop.patch(await shop.create(), raw, headers=headers)) == (
        f"400 INVALID_DATA: {expected}"
    )


async def test_a_content_type_may_name_its_charset(shop: Shop) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert (await shop.patch(await shop.create(), LUND, headers=headers))[0] == 200


@pytest.mark.parametrize("verb", ["POST", "GET", "PATCH"])
async def test_fields_none_gives_an_empty_204(shop: Shop, verb: str) -> None:
    session_id = await shop.create()
    path, body = {
        "POST": ("/v3/session", SESSION),
        "GET": (f"/v3/session/{session_id}", None),
        "PATCH": (f"/v3/session/{session_id}", LUND),
    }[verb]
    assert await shop.call(verb, f"{path}?fields=none", body) == (204, None)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?fields=data", ["data"]),
        ("?fields=status,sessionId", ["status", "sessionId"]),
        ("?fields=status%2Ccountry", ["status", "country"]),
        ("?fields=status&fields=locale", ["status", "locale"]),
        ("?fields=snippet,status,nonsense", ["snippet", "status"]),
        ("?fields=nonsense", []),
        ("?fields=none,status", ["status"]),
        ("?fields= status , ", ["status"]),
    ],
)
async def test_fields_limit_the_answer_and_unknown_names_are_ignored(
    shop: Shop, query: str, names: list[str]
) -> None:
    assert list(await shop.read(await shop.create(), query)) == names


@pytest.mark.parametrize("query", ["?fields=", "?fields=,", "?other=1"])
async def test_no_fields_at_all_means_everything(shop: Shop, query: str) -> None:
    assert len(await shop.read(await shop.create(), query)) > 10


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, "400 INVALID_DATA: Invalid sessionId - session does not exist."),
        ({"missing_session": "not_found"}, "404 SESSION_NOT_FOUND: Session not found"),
    ],
)
async def test_an_unknown_session_is_refused_on_every_endpoint(
    opened: Any, switches: dict[str, Any], expected: str
) -> None:
    _, shop = await opened(**switches)
    for method, tail, body in (
        ("GET", "", None),
        ("PATCH", "", LUND),
        ("PATCH", "/metadata", {}),
        ("POST", "/decision", {"decision": "allow"}),
        ("POST", "/order/capture", {}),
        ("POST", "/order/cancel", None),
    ):
        assert message(await shop.call(method, f"/v3/session/{GONE}{tail}", body)) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic nonsense",
        "Basic ümlaut",
        basic("sandbox-merchant", "guess"),
        basic("stranger", "sandbox-secret"),
        basic("sandbox-merchant", "sandbox-secret").replace("Basic", "Bearer"),
    ],
)
async def test_wrong_credentials_are_refused_with_403(box: Sandbox, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession(box.url, headers=headers) as http:
        refused = await Shop(http).call("POST", "/v3/session", SESSION)
    assert message(refused) == "403 FORBIDDEN: Invalid credentials"
    assert len(box.sessions) == 0


async def test_wrong_credentials_can_be_401(opened: Any) -> None:
    sandbox, _ = await opened(bad_credentials=401)
    async with aiohttp.ClientSession(sandbox.url) as http, http.get("/v3/session/x") as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic")


async def test_the_name_of_the_scheme_has_no_case(box: Sandbox) -> None:
    header = basic(box.username, box.secret).replace("Basic", "basic")
    async with aiohttp.ClientSession(box.url, headers={"Authorization": header}) as http:
        await Shop(http).create()


async def test_credentials_are_chosen(opened: Any) -> None:
    sandbox, shop = await opened(username="me", secret="s:ecret")
    await shop.create()
    assert (sandbox.username, sandbox.secret) == ("me", "s:ecret")


async def test_a_completed_session_cannot_be_patched(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    box.complete(session_id)
    assert message(await shop.patch(session_id, LUND)) == (
        "409 SESSION_ALREADY_COMPLETED: This session is already completed"
    )
    assert box.sessions[session_id]["data"]["billing"] == ADDRESS


async def test_a_new_session_can_be_made_to_need_a_while(opened: Any) -> None:
    sandbox, shop = await opened(initialization_pending=2)
    first, second = await shop.create(), await shop.create()
    pending = "409 SESSION_INITIALIZATION_PENDING: Try again in a few seconds"
    assert message(await shop.patch(first, LUND)) == pending
    assert message(await shop.call("GET", f"/v3/session/{first}")) == pending
    assert (await shop.patch(first, LUND))[0] == 200
    sandbox.complete(second)
    assert (await shop.read(second))["status"] == "completed"
    assert (await shop.read(first))["status"] == "modules_in_progress"


async def test_totals_are_stored_verbatim_unless_they_are_to_be_checked(opened: Any) -> None:
    off = {"data": {"order": {**ORDER, "amountIncVat": 1}}}
    _, lenient = await opened()
    status, session = await lenient.patch(await lenient.create(), off)
    assert (status, session["data"]["order"]["amountIncVat"]) == (200, 1)
    _, strict = await opened(check_totals=True)
    assert message(await strict.patch(await strict.create(), off)) == (
        "400 INVALID_DATA: body.data.order.amountIncVat does not match the sum of the cart"
    )


async def test_modules_are_stored_and_shown_only_when_asked(opened: Any) -> None:
    config = {"config": {"upsell": {"header": "Card?"}}}
    hidden, shop = await opened()
    session_id = await shop.create({**SESSION, "modules": config, "config": {"realTimeProcessing": True}})
    assert not {"modules", "config"} & (await shop.read(session_id)).keys()
    assert hidden.sessions[session_id]["modules"] == config
    assert await shop.read(session_id, "?fields=modules") == {}
    _, open_shop = await opened(show_modules=True)
    shown = await open_shop.read(await open_shop.create({**SESSION, "modules": config}))
    assert shown["modules"] == config


async def test_sections_can_be_held_back_until_completion(opened: Any) -> None:
    sandbox, shop = await opened(early_sections=False)
    session_id = await shop.create(BUSINESS)
    _, session = await shop.patch(session_id, LUND)
    assert session["data"].keys() == {"order"}
    sandbox.complete(session_id)
    assert {"company", "billing"} <= (await shop.read(session_id))["data"].keys()


async def test_metadata_replaces_addresses_and_references(shop: Shop) -> None:
    session_id = await shop.create()
    path = f"/v3/session/{session_id}/metadata"
    body = {"urls": {"redirect": "https://other.example"}, "references": {"quoteId": "7"}}
    status, session = await shop.call("PATCH", path, body)
    assert (status, session["urls"], session["references"]) == (200, body["urls"], body["references"])
    assert await shop.call("PATCH", f"{path}?fields=none", {}) == (204, None)


async def test_metadata_can_be_merged_and_is_welcome_after_completion(opened: Any) -> None:
    sandbox, shop = await opened(references="merge")
    session_id = await shop.create()
    sandbox.complete(session_id)
    await shop.call("PATCH", f"/v3/session/{session_id}/metadata", {"references": {"a": "b"}})
    assert sandbox.sessions[session_id]["references"] == {"reference1": "1001", "a": "b"}
    assert len(sandbox.effects_of(session_id, "metadata")) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "body is the wrong type"),
        ({"urls": {}}, "body.urls.redirect is required"),
        ({"references": {"a": None}}, "body.references.a is the wrong type"),
        ({"country": "SE"}, "body has additional properties"),
    ],
)
async def test_metadata_has_rules(shop: Shop, body: Any, expected: str) -> None:
    path = f"/v3/session/{await shop.create()}/metadata"
    assert message(await shop.call("PATCH", path, body)) == f"400 INVALID_DATA: {expected}"


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "allow"},
        REJECTION,
        {**REJECTION, "softErrors": [{"message": "Missing phone"}]},
        {"decision": "allow", "data": {"rejectionType": "nonsense"}},
    ],
)
async def test_a_decision_is_acknowledged_with_204(shop: Shop, box: Sandbox, body: dict[str, Any]) -> None:
    session_id = await shop.create()
    assert await shop.call("POST", f"/v3/session/{session_id}/decision", body) == (204, None)
    assert box.sessions[session_id]["decision"] == body
    assert "decision" not in await shop.read(session_id)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "data is the wrong type"),
        ({}, "data.decision is required"),
        ({"decision": "maybe"}, "data.decision must be an enum value"),
        ({"decision": "reject"}, "data.rejectionType is required"),
        ({"decision": "reject", "data": {"rejectionType": "notify_user"}}, "data.rejectionType is required"),
        ({**REJECTION, "rejectionType": "shout"}, "data.rejectionType must be an enum value"),
        ({**REJECTION, "hardError": {}}, "data.hardError.message is required"),
        ({**REJECTION, "hardError": "no"}, "data.hardError is the wrong type"),
        ({**REJECTION, "softErrors": [{"message": 1}]}, "data.softErrors.0.message is the wrong type"),
        ({**REJECTION, "softErrors": {}}, "data.softErrors is the wrong type"),
    ],
)
async def test_a_decision_has_rules_and_messages_that_begin_with_data(
    shop: Shop, body: Any, expected: str
) -> None:
    path = f"/v3/session/{await shop.create()}/decision"
    assert message(await shop.call("POST", path, body)) == f"400 INVALID_DATA: {expected}"


async def test_a_rejection_can_end_the_session(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    path = f"/v3/session/{session_id}/decision"
    body = {"decision": "reject", "rejectionType": "reject_session_with_error"}
    assert await shop.call("POST", path, body) == (204, None)
    assert box.sessions[session_id]["moduleStatus"]["payment"] == {
        "orderStatus": "order_rejected",
        "uiStatus": "completed",
    }
    assert message(await shop.patch(session_id, LUND)).startswith("409 SESSION_ALREADY_COMPLETED")
    assert message(await shop.call("POST", path, body)).startswith("409 SESSION_ALREADY_COMPLETED")
    assert message(await shop.refund(session_id, MUG)).startswith("400 INVALID_DATA: Cannot refund")


async def test_a_cart_of_thousands_of_lines_is_accepted(shop: Shop) -> None:
    cart = [{**MUG, "reference": f"mug-{index}", "name": "Mug " + "x" * 200} for index in range(6000)]
    status, session = await shop.patch(await shop.create(), {"data": {"order": {**ORDER, "cart": cart}}})
    assert (status, len(session["data"]["order"]["cart"])) == (200, 6000)


async def test_a_body_beyond_all_reason_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("briqpay_async.sandbox.server._LARGEST_BODY", 1000)
    session_id = await shop.create(SESSION)
    too_large = bent(LUND, "data/billing/note", "x" * 5000)
    assert message(await shop.patch(session_id, too_large)).startswith("413 PAYLOAD_TOO_LARGE")


async def test_a_state_taken_by_a_test_does_not_change_under_it(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    taken = box.sessions[session_id]
    await shop.patch(session_id, LUND)
    assert taken["data"]["billing"]["city"] == "Malmö"


async def test_many_updates_at_once_are_all_applied(shop: Shop, box: Sandbox) -> None:
    ids = [await shop.create() for _ in range(20)]
    answers = await asyncio.gather(*(shop.patch(each, LUND, "?fields=none") for each in ids * 5))
    assert {status for status, _ in answers} == {204}
    assert box.effects.counts == {"create": 20, "patch": 100}


async def test_a_client_that_waits_to_be_invited_is_invited(shop: Shop) -> None:
    session_id = await shop.create()
    assert (await shop.patch(session_id, LUND, expect100=True))[0] == 200
    assert (await shop.patch(session_id, LUND, expect100=True, fault="html_502"))[0] == 502
    assert (await shop.patch(session_id, LUND, headers={"Expect": "miracles"}))[0] == 200
