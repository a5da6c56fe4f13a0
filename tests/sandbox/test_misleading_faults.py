"""Faults that mislead a client about money: applied later, applied and answered with an error, seen too late,
seen differently."""

import time
from typing import Any

import aiohttp
import pytest
from sandbox.sandbox_samples import MUG, TEA, Shop

from briqpay_async.sandbox import Sandbox

LUND = {"data": {"billing": {"city": "Lund"}}}


async def paid(shop: Shop, box: Sandbox) -> str:
    session_id = await shop.create()
    box.complete(session_id)
    return session_id


def captures(session: Any) -> list[Any]:
    found: list[Any] = session["data"]["captures"]
    return found


async def test_a_capture_is_applied_after_its_connection_was_closed(shop: Shop, box: Sandbox) -> None:
    session_id = await paid(shop, box)
    box.faults.add("apply_later", endpoint="capture", seconds=0.5, times=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await shop.capture(session_id, MUG)
    assert captures(await shop.read(session_id)) == []
    await box.faults.settled()
    (capture,) = captures(await shop.read(session_id))
    (effect,) = box.effects_of(session_id, "capture")
    assert effect.made == capture["captureId"]
    record = box.journal.of(session_id, "capture")[0]
    assert (record.status, record.fault, record.sequence) == (None, "apply_later", effect.sequence)


async def test_what_is_refused_later_leaves_no_trace(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await shop.call(
            "POST", f"/v3/session/{session_id}/order/capture", b"{", fault={"kind": "apply_later", "seconds": 0}
        )
    await box.faults.settled()
    assert box.effects_of(session_id, "capture") == ()


async def test_a_reset_forgets_what_was_still_to_be_applied(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await shop.patch(session_id, LUND, fault={"kind": "apply_later", "seconds": 60})
    began = time.monotonic()
    box.reset()
    await box.faults.settled()
    assert time.monotonic() - began < 30
    assert len(box.effects) == 0


@pytest.mark.parametrize(
    ("options", "status", "wait"), [({}, 503, "1"), ({"status": 504, "body": "html"}, 504, "1")]
)
async def test_a_capture_is_applied_and_then_answered_with_an_error(
    shop: Shop, box: Sandbox, options: dict[str, Any], status: int, wait: str
) -> None:
    session_id = await paid(shop, box)
    box.faults.add("apply_then_status", endpoint="capture", **options)
    assert (await shop.capture(session_id, MUG))[0] == status
    assert len(box.effects_of(session_id, "capture")) == 1
    async with shop.http.patch(
        f"/v3/session/{await shop.create()}", json=LUND, headers={"X-Sandbox-Fault": "apply_then_status"}
    ) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, wait)


async def test_reads_show_what_was_there_some_reads_ago(shop: Shop, box: Sandbox) -> None:
    session_id = await paid(shop, box)
    box.faults.add("lagging_reads", reads=2)
    assert (await shop.capture(session_id, MUG))[0] == 201
    assert [len(captures(await shop.read(session_id))) for _ in range(3)] == [0, 0, 1]
    assert (await shop.capture(session_id, TEA))[0] == 201
    assert [len(captures(await shop.read(session_id))) for _ in range(3)] == [1, 1, 2]
    assert len(captures(box.sessions[session_id])) == 2


async def test_reads_show_what_was_there_some_seconds_ago(shop: Shop, box: Sandbox) -> None:
    session_id = await paid(shop, box)
    lagging = box.faults.add("lagging_reads", seconds=60)
    await shop.capture(session_id, MUG)
    await shop.capture(session_id, TEA)
    assert captures(await shop.read(session_id)) == []
    box.faults.remove(lagging)
    assert len(captures(await shop.read(session_id))) == 2
    box.faults.add("lagging_reads", seconds=0)
    assert len(captures(await shop.read(session_id))) == 2


async def test_a_session_younger_than_the_lag_is_shown_as_it_began(shop: Shop, box: Sandbox) -> None:
    box.faults.add("lagging_reads", seconds=60)
    session_id = await shop.create()
    await shop.patch(session_id, LUND)
    assert (await shop.read(session_id))["data"]["billing"]["city"] == "Malmö"


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("no_references", {"cart": [{**MUG, "reference": None}]}),
        ("empty_cart", {"cart": []}),
        ("unit_price_with_vat", {"cart": [{**MUG, "unitPrice": 10_000}]}),
        ("lower_case_currency", {"currency": "sek"}),
        ("no_capture_id", {"captureId": None}),
        ("no_status", {"status": None}),
        (["empty_cart", "no_capture_id"], {"cart": [], "captureId": None}),
    ],
)
async def test_captures_are_shown_differently_and_stored_as_they_were(
    shop: Shop, box: Sandbox, show: Any, expected: dict[str, Any]
) -> None:
    session_id = await paid(shop, box)
    await shop.capture(session_id, MUG)
    stored = box.sessions[session_id]
    box.faults.add("altered_captures", show=show)
    (shown,) = captures(await shop.read(session_id))
    (capture,) = captures(stored)
    wanted = {**capture, **expected}
    for line in wanted["cart"]:
        if line.get("reference", "") is None:
            del line["reference"]
    assert shown == {name: value for name, value in wanted.items() if value is not None}
    assert box.sessions[session_id] is stored


async def test_a_late_view_can_be_altered_too(shop: Shop, box: Sandbox) -> None:
    session_id = await paid(shop, box)
    await shop.capture(session_id, MUG)
    box.faults.add("altered_captures", show="empty_cart")
    box.faults.add("lagging_reads", reads=1)
    await shop.capture(session_id, TEA)
    assert [capture["cart"] for capture in captures(await shop.read(session_id))] == [[]]
    assert [capture["cart"] for capture in captures(await shop.read(session_id))] == [[], []]


async def test_a_sales_tax_line_has_no_unit_price_to_alter(shop: Shop, box: Sandbox) -> None:
    tax = {"productType": "sales_tax", "name": "Tax", "totalTaxAmount": 100}
    session_id = await paid(shop, box)
    await shop.capture(session_id, MUG)
    session = box.sessions[session_id]
    session["data"]["captures"][0]["cart"].append(tax)
    box.faults.add("altered_captures", show="unit_price_with_vat")
    assert captures(await shop.read(session_id))[0]["cart"][-1] == tax
