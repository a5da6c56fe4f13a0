"""Every switch: documented in one table, checked, readable from a shell, changed while the sandbox runs."""

from pathlib import Path
from typing import Any, get_type_hints

import pytest
from sandbox.sandbox_samples import BUSINESS, MUG, ORDER, SESSION, Shop, bent, message

from briqpay_async.sandbox import Sandbox, Switches
from briqpay_async.sandbox.command import main, parser
from briqpay_async.sandbox.switches import (
    SWITCHES,
    SwitchOptions,
    parse_switch,
    parse_switches,
    switch_help,
    switch_table,
)

PAGE = Path(__file__).parents[2] / "briqpay_async/sandbox/README.md"
PATH = "/_sandbox/switches"


def test_the_page_of_the_sandbox_lists_every_switch() -> None:
    assert switch_table() in PAGE.read_text("utf-8"), "put the output of switch_table() into sandbox/README.md"


def test_help_and_types_name_every_switch() -> None:
    names = [switch.name for switch in SWITCHES]
    assert list(get_type_hints(SwitchOptions)) == names
    assert [line.partition("=")[0] for line in switch_help().splitlines()] == names
    assert switch_help() in parser().format_help()
    assert all(switch.summary and switch.source for switch in SWITCHES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("merge=section", ("merge", "section")),
        ("cancel-supported=no", ("cancel_supported", False)),
        ("check_totals=TRUE", ("check_totals", True)),
        ("bad_credentials=401", ("bad_credentials", 401)),
        ("webhook_batch_seconds= 1.5", ("webhook_batch_seconds", 1.5)),
    ],
)
def test_a_switch_is_read_from_a_shell(text: str, expected: tuple[str, Any]) -> None:
    assert parse_switch(text) == expected
    Switches(**dict([expected]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("merge", "'merge' is not NAME=VALUE"),
        ("color=red", "there is no switch 'color'; there are merge, "),
        ("check_totals=maybe", "must be true or false"),
        ("bad_credentials=x", "must be a number"),
    ],
)
def test_a_switch_that_cannot_be_read_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (matched below, without regular expressions)
        parse_switch(text)
    assert expected in str(caught.value)


def test_the_last_of_a_name_counts() -> None:
    assert parse_switches(["merge=field", "merge=section"]) == {"merge": "section"}
    assert parse_switches(["merge=field"], merge="section") == {"merge": "section"}


def test_a_wrong_switch_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--switch", "merge=both"]) == 1
    assert "merge must be one of field, section" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        {"merge": "both"},
        {"bad_credentials": True},
        {"bad_credentials": 404},
        {"check_totals": 1},
        {"initialization_pending": -1},
        {"initialization_pending": True},
        {"initialization_pending": 1.0},
        {"session_limit": 0},
        {"webhook_batch_seconds": float("nan")},
        {"webhook_batch_seconds": "1"},
    ],
)
def test_a_value_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        Switches(**options)


async def test_switches_are_changed_while_it_runs_until_a_reset(shop: Shop, box: Sandbox) -> None:
    before = box.switches
    status, described = await shop.call("PATCH", PATH, {"merge": "section", "cancel_supported": False})
    assert status == 200
    assert {row["name"]: row["value"] for row in described}["merge"] == "section"
    assert await shop.call("GET", PATH) == (200, described)
    assert (box.switches.merge, box.switches.cancel_supported) == ("section", False)
    session_id = await shop.create()
    await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}})
    assert box.sessions[session_id]["data"]["billing"] == {"city": "Lund"}
    box.change_switches(merge="field")
    assert box.switches.merge == "field"
    box.reset()
    assert box.switches == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "400 INVALID_DATA: body is the wrong type"),
        ({"color": 1}, "400 INVALID_SWITCH: there is no switch 'color'"),
        ({"merge": "section", "check_totals": "yes"}, "400 INVALID_SWITCH: check_totals must be true or false"),
        ({"journal_limit": 5}, "400 INVALID_SWITCH: journal_limit can be set at the start only"),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(shop: Shop, box: Sandbox, body: Any, expected: str) -> None:
    before = box.switches
    assert message(await shop.call("PATCH", PATH, body)).startswith(expected)
    assert box.switches == before


# --- what some of them do ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "cin", "kept"),
    [
        ("placeholder", "1111111111", False),
        ("placeholder", "0000000000", False),
        ("placeholder", "5566778899", True),
        ("placeholder", "unknown", True),
        ("implausible", "5566778899", True),
        ("implausible", "556677-8899", True),
        ("implausible", "0000000000", False),
        ("implausible", "12345", False),
        ("implausible", "unknown", False),
        ("never", "1111111111", True),
    ],
)
async def test_a_company_whose_number_cannot_be_validated_disappears(
    opened: Any, mode: str, cin: str, kept: bool
) -> None:
    _, shop = await opened(drop_company=mode)
    bad = {"cin": cin, "name": "Berg AB"}
    session_id = await shop.create(bent(BUSINESS, "data/company", bad))
    status, session = await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}})
    assert status == 200
    assert ("company" in session["data"]) is kept
    reached = session["moduleStatus"]["payment"]["uiStatus"]
    assert reached == ("visible_required" if kept else "not_yet_reached")
    assert "companyDropped" not in session
    _, session = await shop.patch(session_id, {"data": {"company": {"cin": "5566778899", "name": "Berg AB"}}})
    assert session["data"]["company"]["cin"] == "5566778899"
    assert session["moduleStatus"]["payment"]["uiStatus"] == "visible_required"
    _, session = await shop.patch(session_id, {"data": {"company": bad}})
    assert ("company" in session["data"]) is kept


async def test_a_number_of_an_unknown_country_needs_a_digit(opened: Any) -> None:
    _, shop = await opened(drop_company="implausible")
    german = bent(bent(BUSINESS, "country", "DE"), "data/company/cin", "HRB 1234")
    assert "company" in (await shop.read(await shop.create(german)))["data"]
    nameless = bent(german, "data/company/cin", None)
    assert "company" in (await shop.read(await shop.create(nameless)))["data"]


@pytest.mark.parametrize(
    ("quantity", "allowed"), [(4.3, True), (0.001, True), (1, True), (0, False), (-1.5, False)]
)
async def test_quantities_may_be_decimals_when_asked(opened: Any, quantity: float, allowed: bool) -> None:
    sandbox, shop = await opened(decimal_quantities=True)
    apples = {**MUG, "quantity": quantity, "unitPrice": 1000}
    order = {"currency": "SEK", "amountIncVat": round(quantity * 1250), "amountExVat": 1, "cart": [apples]}
    status, session = await shop.call("POST", "/v3/session", bent(SESSION, "data/order", order))
    assert (status == 201) is allowed
    if allowed:
        sandbox.complete(session["sessionId"])
        path = f"/v3/session/{session['sessionId']}/order/capture"
        _, capture = await shop.call("POST", path, {"data": {"order": order}})
        assert capture["cart"] == [apples]
        assert sandbox.sessions[session["sessionId"]]["moduleStatus"]["payment"]["orderStatus"] == "captured_full"


async def test_quantities_are_integers_otherwise(shop: Shop) -> None:
    refused = await shop.call("POST", "/v3/session", bent(SESSION, "data/order/cart/0/quantity", 4.3))
    assert message(refused).endswith("body.data.order.cart.0 no (or more than one) schemas match")


async def test_discounts_may_be_positive_when_asked(opened: Any) -> None:
    discount = {**MUG, "productType": "discount", "unitPrice": 100}
    body = bent(SESSION, "data/order/cart/0", discount)
    _, strict = await opened()
    assert (await strict.call("POST", "/v3/session", body))[0] == 400
    _, lenient = await opened(positive_discounts=True)
    assert (await lenient.call("POST", "/v3/session", body))[0] == 201


@pytest.mark.parametrize("shown", [True, False])
async def test_a_refund_names_its_capture_as_plugins_read_it(opened: Any, shown: bool) -> None:
    sandbox, shop = await opened(refund_capture_id=shown)
    session_id = await shop.create()
    sandbox.complete(session_id)
    _, capture = await shop.capture(session_id, MUG)
    _, refund = await shop.refund(session_id, MUG)
    assert refund["parentCaptureId"] == capture["captureId"]
    assert refund.get("captureId") == (capture["captureId"] if shown else None)


async def test_amounts_are_stored_as_they_come(shop: Shop, box: Sandbox) -> None:
    strange = {**ORDER, "amountIncVat": 1, "amountExVat": 2}
    session_id = await shop.create(bent(SESSION, "data/order", strange))
    assert box.sessions[session_id]["data"]["order"] == strange
    status, session = await shop.patch(session_id, {"data": {"order": {**strange, "amountIncVat": 3}}})
    assert (status, session["data"]["order"]["amountIncVat"]) == (200, 3)


async def test_the_snippet_can_be_asked_for_by_its_other_name(shop: Shop) -> None:
    session = await shop.read(await shop.create(), "?fields=snippet,htmlSnippet,sessionId")
    assert session["snippet"] == session["htmlSnippet"]


@pytest.mark.parametrize(
    ("logo", "accepted"),
    [
        ("https://a.example/logo.png", True),
        ("https://a.example/logo.PNG?v=2", True),
        ("https://a.example/logo.svg#x", True),
        ("https://a.example/logo?file=logo.png", False),
        ("https://[/logo.png", False),
    ],
)
async def test_a_logo_is_judged_by_its_path(shop: Shop, logo: str, accepted: bool) -> None:
    body = {"sessionId": await shop.create(), "config": {"logoUrl": logo}}
    assert ((await shop.call("POST", "/v3/hosted-page", body))[0] == 200) is accepted


async def test_a_hosted_page_without_a_body_lacks_its_session(shop: Shop) -> None:
    assert message(await shop.call("POST", "/v3/hosted-page")) == "400 INVALID_DATA: sessionId is required"


async def test_inputs_and_hooks_of_the_connector_are_accepted(shop: Shop) -> None:
    inputs = [
        {"key": "a", "component": "phone"},
        {"key": "b", "component": "countryDropdown", "enum": [{"value": "a", "label": "A", "amount": 100}, "b"]},
        {"key": "c", "component": "currency"},
    ]
    statuses = ["not_yet_reached_locked"]
    hook = {"eventType": "module_ui_status", "statuses": statuses, "method": "POST", "url": "https://a.example"}
    session_id = await shop.create({**SESSION, "hooks": [hook]})
    patch: dict[str, Any] = {"modules": {"config": {"upsell": {"customInputs": inputs}}}}
    assert (await shop.patch(session_id, patch))[0] == 200
    inputs[1]["enum"] = [1]
    assert message(await shop.patch(session_id, patch)).endswith("enum is the wrong type")
