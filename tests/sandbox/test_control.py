"""The endpoints that a test in another process drives a sandbox with."""

from typing import Any

import aiohttp
import pytest
from sandbox.sandbox_samples import Shop, message

from briqpay_async.sandbox import Sandbox

LUND = {"data": {"billing": {"city": "Lund"}}}


async def test_control_endpoints_need_no_credentials_and_leave_no_trace(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    async with aiohttp.ClientSession(box.url) as http:
        status, session = await Shop(http).call("POST", f"/_sandbox/sessions/{session_id}/complete")
    assert (status, session["status"]) == (200, "completed")
    assert len(box.journal) == 1
    assert box.effects_of(session_id, "complete")[0].sequence is None


async def test_a_completion_leads_to_the_status_that_is_asked_for(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    body = {"orderStatus": "order_pending", "data": {"paymentTags": {"manual_review": True}}}
    _, session = await shop.call("POST", f"/_sandbox/sessions/{session_id}/complete", body)
    assert session["moduleStatus"]["payment"]["orderStatus"] == "order_pending"
    assert session["data"]["paymentTags"] == {"manual_review": True}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], "body is the wrong type"),
        (b"{", "body is not valid JSON"),
        ({"status": "paid"}, "unknown members: status"),
        ({"data": []}, "body.data is the wrong type"),
        ({"orderStatus": "paid"}, "order_status must be one of"),
        ({"orderStatus": []}, "body.orderStatus is the wrong type"),
        ({"provider": "gold"}, "provider must be one of invoice, card"),
    ],
)
async def test_a_completion_that_cannot_be_is_refused(shop: Shop, body: Any, expected: str) -> None:
    path = f"/_sandbox/sessions/{await shop.create()}/complete"
    assert expected in message(await shop.call("POST", path, body))


async def test_an_unknown_session_cannot_be_completed(shop: Shop) -> None:
    refused = await shop.call("POST", "/_sandbox/sessions/gone/complete")
    assert message(refused).endswith("session does not exist.")


async def test_the_stored_state_can_be_read(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    assert await shop.call("GET", f"/_sandbox/sessions/{session_id}") == (200, box.sessions[session_id])
    assert (await shop.call("GET", f"/_sandbox/sessions/{session_id}/nonsense"))[0] == 404


async def test_health_needs_no_credentials(shop: Shop, box: Sandbox) -> None:
    await shop.create()
    async with aiohttp.ClientSession(box.url) as http:
        answer = await Shop(http).call("GET", "/_sandbox/health")
    assert answer == (200, {"status": "ok", "sessions": 1, "requests": 1})


async def test_reset(shop: Shop, box: Sandbox) -> None:
    await shop.create()
    assert await shop.call("POST", "/_sandbox/reset") == (204, None)
    assert (len(box.sessions), len(box.journal)) == (0, 0)


async def test_the_journal_and_the_effects_can_be_read(shop: Shop) -> None:
    session_id = await shop.create()
    await shop.patch(session_id, LUND)
    await shop.patch(session_id, b"\xff")
    _, records = await shop.call("GET", "/_sandbox/journal")
    assert [record["status"] for record in records] == [201, 200, 400]
    assert records[1]["body"] == '{"data":{"billing":{"city":"Lund"}}}'
    assert records[2]["body"] == {"base64": "/w=="}
    query = f"?session_id={session_id}&endpoint=patch"
    assert await shop.call("GET", f"/_sandbox/journal{query}") == (200, records[1:])
    _, effects = await shop.call("GET", "/_sandbox/effects")
    assert [(effect["kind"], effect["session_id"]) for effect in effects] == [
        ("create", session_id),
        ("patch", session_id),
    ]


async def test_a_forgotten_body_is_null(opened: Any) -> None:
    _, shop = await opened(journal_bodies=0)
    await shop.create()
    _, (record,) = await shop.call("GET", "/_sandbox/journal")
    assert record["body"] is None


async def test_faults_can_be_set_listed_and_unset(shop: Shop, box: Sandbox) -> None:
    path = "/_sandbox/faults"
    one = {"kind": "html_502", "endpoint": "patch", "path": "session/.*", "times": 1, "nth": [2, 1]}
    status, described = await shop.call("POST", path, one)
    assert status == 201
    assert described == [
        {
            "kind": "html_502",
            "applied": False,
            "retry_after": None,
            "endpoint": "patch",
            "path": "session/.*",
            "times": 1,
            "nth": [1, 2],
            "probability": 1.0,
        }
    ]
    session_id = await shop.create()
    async with shop.http.patch(f"/v3/session/{session_id}", json=LUND) as response:
        assert (response.status, response.content_type) == (502, "text/html")
    assert (await shop.patch(session_id, LUND))[0] == 200
    await shop.call("POST", path, [{"kind": "latency", "seconds": 0}, {"kind": "chaos", "probability": 0}])
    _, listed = await shop.call("GET", path)
    assert [(fault["kind"], fault["applied"]) for fault in listed] == [
        ("html_502", False),
        ("latency", True),
        ("chaos", None),
    ]
    assert await shop.call("DELETE", path) == (200, [])
    assert len(box.faults) == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (1, 'a fault is an object with a "kind"'),
        ({}, 'a fault is an object with a "kind"'),
        ([{"kind": "html_502"}, {"kind": "rain"}], "kind must be one of"),
        ({"kind": "html_502", "path": "("}, "cannot be made like this"),
        ({"kind": "html_502", "params": {}}, "has no option 'params'"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_and_none_is_set(
    shop: Shop, box: Sandbox, body: Any, expected: str
) -> None:
    answer = message(await shop.call("POST", "/_sandbox/faults", body))
    assert answer.startswith("400 INVALID_FAULT: ")
    assert expected in answer
    assert len(box.faults) == 0


async def test_a_test_in_another_process_can_wait_for_what_is_applied_later(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    with pytest.raises(aiohttp.ClientError):
        await shop.patch(session_id, LUND, fault={"kind": "apply_later", "seconds": 0.02})
    assert await shop.call("POST", "/_sandbox/faults/settle") == (204, None)
    assert len(box.effects_of(session_id, "patch")) == 1
