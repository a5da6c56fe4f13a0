"""Faults on a real socket: what the client sees, and whether the request took effect."""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
import pytest
from sandbox.sandbox_samples import SESSION, Shop, basic, message, until

from briqpay_async.sandbox import Sandbox

LUND = {"data": {"billing": {"city": "Lund"}}}
_LOST = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No fault may leave anything in a log, on either side."""
    with caplog.at_level(logging.DEBUG):
        yield
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


def city(box: Sandbox, session_id: str) -> str:
    found: str = box.sessions[session_id]["data"]["billing"]["city"]
    return found


@pytest.mark.parametrize(
    ("fault", "applied"),
    [
        ({"kind": "close_before_read"}, False),
        ({"kind": "close_before_answer"}, False),
        ({"kind": "apply_then_drop"}, True),
        ({"kind": "reset_mid_body"}, True),
        ({"kind": "reset_mid_body", "reset": False, "fraction": 0}, True),
    ],
)
async def test_a_cut_connection_is_recorded_truthfully(
    shop: Shop, box: Sandbox, fault: dict[str, Any], applied: bool
) -> None:
    session_id = await shop.create()
    with pytest.raises(_LOST):
        await shop.patch(session_id, LUND, fault=fault)
    assert city(box, session_id) == ("Lund" if applied else "Malmö")
    assert len(box.effects_of(session_id, "patch")) == applied
    record = box.journal[-1]
    assert (record.status, record.fault) == (None, fault["kind"])
    assert record.finished is not None
    assert (record.body is None) is (fault["kind"] == "close_before_read")
    assert (await shop.read(session_id))["data"]["billing"]["city"] == city(box, session_id)


async def test_a_reset_is_a_reset(shop: Shop) -> None:
    session_id = await shop.create()
    async with shop.http.patch(
        f"/v3/session/{session_id}", json=LUND, headers={"X-Sandbox-Fault": "reset_mid_body"}
    ) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError) as caught:
            await response.read()
    assert "ConnectionResetError" in repr(caught.value) or "ConnectionResetError" in repr(caught.value.__cause__)


async def test_an_empty_answer_can_be_broken_off_too(shop: Shop) -> None:
    with pytest.raises(_LOST):
        await shop.patch(await shop.create(), LUND, "?fields=none", fault="reset_mid_body")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "status", "status": 500}, 500),
        ({"kind": "status", "status": 429, "retry_after": 0.5}, 429),
        ({"kind": "html_502"}, 502),
    ],
)
@pytest.mark.parametrize("applied", [False, True])
async def test_an_error_status_is_recorded_truthfully(
    shop: Shop, box: Sandbox, fault: dict[str, Any], status: int, applied: bool
) -> None:
    session_id = await shop.create()
    headers = {"X-Sandbox-Fault": orjson.dumps({**fault, "applied": applied}).decode()}
    async with shop.http.patch(f"/v3/session/{session_id}", json=LUND, headers=headers) as response:
        assert response.status == status
        assert response.headers.get("Retry-After") == (str(fault["retry_after"]) if status == 429 else None)
    assert city(box, session_id) == ("Lund" if applied else "Malmö")
    assert (box.journal[-1].status, box.journal[-1].body_length > 0) == (status, True)


@pytest.mark.parametrize("kind", ["malformed_json", "truncated_json", "invalid_utf8"])
async def test_a_spoiled_answer_is_a_200_that_was_applied(shop: Shop, box: Sandbox, kind: str) -> None:
    session_id = await shop.create()
    with pytest.raises(orjson.JSONDecodeError):
        await shop.patch(session_id, LUND, fault=kind)
    assert (city(box, session_id), box.journal[-1].status) == ("Lund", 200)


async def test_the_right_answer_with_the_wrong_type(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    headers = {"X-Sandbox-Fault": "wrong_content_type"}
    async with shop.http.get(f"/v3/session/{session_id}", headers=headers) as response:
        assert response.content_type == "text/html"
        assert orjson.loads(await response.read()) == box.sessions[session_id]


@pytest.mark.parametrize("kind", ["oversized", "gzip_bomb"])
async def test_a_body_can_be_far_too_large(shop: Shop, box: Sandbox, kind: str) -> None:
    session_id = await shop.create()
    fault = {"kind": kind, "size": 3_000_000}
    path = f"/v3/session/{session_id}?fields=none"
    headers = {"X-Sandbox-Fault": orjson.dumps(fault).decode()}
    async with shop.http.patch(path, json=LUND, headers=headers) as response:
        assert len(await response.read()) == 3_000_000
        assert response.headers.get("Content-Encoding") == ("gzip" if kind == "gzip_bomb" else None)
    assert (city(box, session_id), box.journal[-1].status) == ("Lund", 200)


async def test_a_client_that_gives_up_on_a_huge_body_does_no_harm(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    headers = {"X-Sandbox-Fault": '{"kind": "oversized", "size": 50000000}'}
    async with shop.http.get(f"/v3/session/{session_id}", headers=headers) as response:
        await response.content.read(1)
        response.close()
    await until(lambda: box.journal[-1].finished is not None)
    assert box.journal[-1].status is None


async def test_a_slow_body_arrives_whole(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    fault = {"kind": "drip", "seconds": 0.03, "chunks": 3}
    began = time.monotonic()
    _, session = await shop.patch(session_id, LUND, fault=fault)
    assert session == box.sessions[session_id]
    assert time.monotonic() - began >= 0.03
    assert await shop.patch(session_id, LUND, "?fields=none", fault=fault) == (204, None)


@pytest.mark.parametrize(("when", "applied"), [("before", False), ("after", True)])
async def test_a_wait_is_before_or_after_the_effect(shop: Shop, box: Sandbox, when: str, applied: bool) -> None:
    session_id = await shop.create()
    fault = {"kind": "latency", "seconds": 0.05, "when": when}
    patching = asyncio.create_task(shop.patch(session_id, LUND, fault=fault))
    await until(lambda: len(box.journal) == 2 and len(box.effects_of(session_id, "patch")) == applied)
    assert (city(box, session_id) == "Lund", patching.done()) == (applied, False)
    assert (await patching)[0] == 200
    assert city(box, session_id) == "Lund"


async def test_a_wait_goes_together_with_another_fault(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    box.faults.add("latency", seconds=0.01)
    box.faults.add("lognormal_latency", median=0.01, when="after")
    box.faults.add("apply_then_drop", endpoint="patch")
    with pytest.raises(_LOST):
        await shop.patch(session_id, LUND)
    record = box.journal[-1]
    assert record.fault == "latency+lognormal_latency+apply_then_drop"
    assert (record.finished or 0) - record.started >= 0.01
    assert city(box, session_id) == "Lund"


async def test_a_client_that_gives_up_waiting_does_not_undo_the_effect(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    fault = {"kind": "latency", "seconds": 0.03, "when": "before"}
    with pytest.raises(TimeoutError):
        await shop.patch(session_id, LUND, fault=fault, timeout=aiohttp.ClientTimeout(total=0.01))
    await until(lambda: len(box.effects_of(session_id, "patch")) > 0)
    assert city(box, session_id) == "Lund"


async def test_a_stale_connection_answers_once_and_is_dead_to_its_next_request(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    assert (await shop.patch(session_id, {}, fault="stale_keepalive"))[0] == 200
    with pytest.raises(_LOST):
        await shop.patch(session_id, LUND)
    assert city(box, session_id) == "Malmö"
    answered, cut = box.journal[-2:]
    assert (answered.status, answered.fault, cut.status, cut.fault) == (
        200,
        "stale_keepalive",
        None,
        "stale_keepalive",
    )
    assert (await shop.patch(session_id, LUND))[0] == 200


async def test_a_stale_connection_is_forgiven_when_faults_are_cleared(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    await shop.patch(session_id, {}, fault="stale_keepalive")
    box.faults.clear()
    assert (await shop.patch(session_id, LUND))[0] == 200


async def test_other_connections_live_on_beside_a_stale_one(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    await shop.patch(session_id, {}, fault="stale_keepalive")
    headers = {"Authorization": basic(box.username, box.secret)}
    async with aiohttp.ClientSession(box.url, headers=headers) as http:
        assert (await Shop(http).patch(session_id, LUND))[0] == 200


async def test_an_idle_connection_can_be_closed_after_a_while(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    fault = {"kind": "stale_keepalive", "seconds": 0}
    assert (await shop.patch(session_id, {}, fault=fault))[0] == 200
    await asyncio.sleep(0.01)
    assert (await shop.patch(session_id, LUND))[0] == 200
    assert [record.fault for record in box.journal] == [None, "stale_keepalive", None]


async def test_a_rate_limit_lets_a_burst_through(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    box.faults.add("rate_limit", per_second=0.001, burst=2, endpoint="patch")
    answers = [await shop.patch(session_id, LUND) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert message(answers[2]) == "429 RATE_LIMITED: Too many requests"
    assert box.effects.counts["patch"] == 2
    assert (await shop.call("GET", f"/v3/session/{session_id}"))[0] == 200


async def test_a_fault_in_a_header_is_for_one_request(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create(fault={"kind": "latency", "seconds": 0})
    assert (await shop.patch(session_id, LUND, fault='{"kind": "status", "status": 504}'))[0] == 504
    assert (await shop.patch(session_id, LUND))[0] == 200
    assert [record.fault for record in box.journal] == ["latency", "status", None]


async def test_a_fault_in_a_header_that_cannot_be_is_refused(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    refused = await shop.patch(session_id, LUND, fault="rain")
    assert message(refused).startswith("400 INVALID_FAULT: X-Sandbox-Fault: kind must be one of")
    assert (city(box, session_id), box.journal[-1].status) == ("Malmö", 400)


async def test_a_fault_that_matches_nothing_leaves_requests_alone(shop: Shop, box: Sandbox) -> None:
    box.faults.add("html_502", endpoint="capture")
    assert (await shop.patch(await shop.create(), LUND))[0] == 200


async def test_under_chaos_effects_agree_with_the_answers_of_clients(opened: Any) -> None:
    sandbox, shop = await opened(seed=11)
    session_id = await shop.create()
    sandbox.faults.chaos(0.5)
    told_ok = lost = 0
    for _ in range(200):
        try:
            status, _ = await shop.patch(session_id, LUND, "?fields=data")
        except _LOST:
            lost += 1
        else:
            told_ok += status == 200
    records = sandbox.journal.of(endpoint="patch")
    # A pooled connection that proves dead makes aiohttp try some requests again by itself.
    assert len(records) >= 200
    assert sum(record.status == 200 for record in records) == told_ok
    assert lost > 10
    applied = {effect.sequence for effect in sandbox.effects_of(session_id, "patch")}
    for record in records:
        cut_after_effect = record.status is None and record.fault in ("apply_then_drop", "reset_mid_body")
        assert (record.sequence in applied) == (record.status == 200 or cut_after_effect)


async def test_chaos_with_many_clients_at_once_leaves_a_sandbox_that_works(opened: Any) -> None:
    sandbox, shop = await opened(seed=5)
    ids = [await shop.create() for _ in range(10)]
    sandbox.faults.chaos(0.6)
    await asyncio.gather(*(shop.patch(each, LUND) for each in ids * 20), return_exceptions=True)
    sandbox.faults.clear()
    assert [(await shop.patch(each, LUND))[0] for each in ids] == [200] * 10


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_forgotten(box: Sandbox) -> None:
    host, port = box.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v3/session HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
    await until(lambda: len(box.journal) > 0)
    writer.close()
    await writer.wait_closed()
    await until(lambda: box.journal[0].finished is not None)
    assert (box.journal[0].status, len(box.sessions)) == (None, 0)


async def test_a_sandbox_stops_at_once_though_requests_are_held_up(opened: Any) -> None:
    sandbox, shop = await opened()
    held = asyncio.create_task(shop.call("POST", "/v3/session", SESSION, fault={"kind": "latency", "seconds": 60}))
    await until(lambda: len(sandbox.journal) > 0)
    began = time.monotonic()
    await sandbox.stop()
    assert time.monotonic() - began < 30
    with pytest.raises(_LOST):
        await held
