"""``briqpay order`` against a sandbox on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest

from briqpay_async.sandbox import Sandbox

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

Save = Callable[..., Path]
MOVES = ("capture", "refund", "cancel", "release_remaining", "references")


@pytest.fixture
async def paid_id(sandbox: Sandbox, session_id: str) -> str:
    """A session whose order is approved: two chairs and a delivery."""
    sandbox.complete(session_id)
    return session_id


def status(sandbox: Sandbox, session_id: str) -> str:
    return str(sandbox.sessions[session_id]["moduleStatus"]["payment"]["orderStatus"])


def made(sandbox: Sandbox) -> int:
    return sum(sandbox.effects.counts.get(kind, 0) for kind in MOVES)


async def test_everything_can_be_captured_and_refunded(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    captured = await run("order", "capture", paid_id, "--everything")
    refunded = await run("order", "refund", paid_id, "--everything")

    assert (captured.status, captured.err, captured.document["amountIncVat"]) == (0, "", 31250)
    assert (refunded.status, refunded.err, refunded.document["amountIncVat"]) == (0, "", 31250)
    assert refunded.document["parentCaptureId"] == captured.document["captureId"]
    assert status(sandbox, paid_id) == "captured_full"


async def test_lines_can_be_chosen_and_the_rest_released(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    captured = await run("order", "capture", paid_id, "--line", "chair=1", "--line", "delivery=1")
    refunded = await run("order", "refund", paid_id, "--line", "chair=1")
    released = await run("order", "release", paid_id)

    assert captured.document["amountIncVat"] == 18750
    assert [line["quantity"] for line in captured.document["cart"]] == [1, 1]
    assert refunded.document["amountIncVat"] == 12500
    assert (released.status, released.out, released.line) == (0, "", "released")
    assert sandbox.effects.counts["release_remaining"] == 1


async def test_a_second_capture_takes_what_is_left(run: Any, paid_id: str) -> None:
    await run("order", "capture", paid_id, "--line", "chair=1")

    rest = await run("order", "capture", paid_id, "--everything")

    assert rest.document["amountIncVat"] == 18750


async def test_with_several_captures_a_refund_names_one(run: Any, paid_id: str) -> None:
    first = await run("order", "capture", paid_id, "--line", "chair=1")
    await run("order", "capture", paid_id, "--line", "chair=1")

    vague = await run("order", "refund", paid_id, "--everything")
    named = await run("order", "refund", paid_id, "--everything", "--capture", first.document["captureId"])

    assert vague.status == 2
    assert "captureId" in vague.line
    assert (named.status, named.document["amountIncVat"]) == (0, 12500)


@pytest.mark.parametrize("wrapped", [lambda order: order, lambda order: {"data": {"order": order}}])
async def test_an_order_can_come_from_a_file(run: Any, paid_id: str, new_session: Any, wrapped: Any) -> None:
    order = new_session["data"]["order"]

    result = await run("order", "capture", paid_id, "--order", "-", stdin=orjson.dumps(wrapped(order)))

    assert result.document["cart"] == order["cart"]


@pytest.mark.parametrize("verb", ["capture", "refund"])
async def test_a_dry_run_prints_the_order_and_moves_nothing(
    run: Any, sandbox: Sandbox, paid_id: str, verb: str
) -> None:
    if verb == "refund":
        await run("order", "capture", paid_id, "--everything")
    before = made(sandbox)

    result = await run("order", verb, paid_id, "--line", "chair=2", "--dry-run")

    assert (result.status, result.line) == (0, "dry run: nothing is sent")
    assert result.document["amountIncVat"] == 25000
    assert made(sandbox) == before


async def test_a_capture_that_is_pending_is_printed_with_a_warning(
    run: Any, sandbox: Sandbox, paid_id: str
) -> None:
    sandbox._store.switches = attrs.evolve(sandbox.switches, pending_operations=True)

    result = await run("order", "capture", paid_id, "--everything")

    assert (result.status, result.document["status"]) == (0, "pending")
    assert result.line == "its status is pending: look again before you count on it"


async def test_an_order_can_be_cancelled(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    result = await run("order", "cancel", paid_id)

    assert (result.status, result.out, result.line) == (0, "", "cancelled")
    assert status(sandbox, paid_id) == "order_cancelled"


async def test_references_of_a_completed_order_can_be_set(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    result = await run("order", "references", paid_id, "--reference", "reference1=2026-7")

    assert (result.status, result.out, result.line) == (0, "", "updated")
    assert sandbox.sessions[paid_id]["references"] == {"reference1": "2026-7"}


async def test_nothing_left_to_capture_is_reported(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    await run("order", "capture", paid_id, "--everything")

    result = await run("order", "capture", paid_id, "--everything")

    assert (result.status, result.line) == (2, "briqpay: there is nothing left to capture")
    assert sandbox.effects.counts["capture"] == 1


async def test_a_lost_answer_is_looked_for_and_never_repeated(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    sandbox.faults.add("apply_then_drop", endpoint="capture", times=1)

    result = await run("order", "capture", paid_id, "--everything")

    assert (result.status, result.document["amountIncVat"]) == (0, 31250)
    assert sandbox.effects.counts["capture"] == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["capture", UNKNOWN_ID], "say what: --everything, --line REFERENCE=QUANTITY or --order FILE"),
        (["capture", UNKNOWN_ID, "--everything", "--line", "chair=1"], "say what"),
        (["refund", UNKNOWN_ID, "--line", "chair"], "--line takes NAME=VALUE, not 'chair'"),
        (["refund", UNKNOWN_ID, "--line", "chair=half"], "a quantity is a whole number"),
        (["refund", UNKNOWN_ID, "--line", "chair=-1"], "a quantity is a whole number"),
        (["capture", UNKNOWN_ID, "--order", "nowhere.json"], "cannot read nowhere.json"),
        (["capture", UNKNOWN_ID, "--order", "{list}"], "order must be a JSON object"),
        (["capture", "x", "--everything"], "/sessionId must be a UUID"),
        (["cancel", "x"], "/sessionId must be a UUID"),
        (["references", UNKNOWN_ID], "give --reference NAME=VALUE"),
    ],
)
async def test_wrong_usage_is_one_line_and_no_request(
    run: Any, sandbox: Sandbox, save: Save, argv: list[str], message: str
) -> None:
    listed = str(save({"order": []}))

    result = await run("order", *(argument.replace("{list}", listed) for argument in argv))

    assert (result.status, result.out) == (2, "")
    assert message in result.line
    assert len(sandbox.journal) == 0


async def test_more_than_a_line_has_is_refused_before_it_is_sent(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    result = await run("order", "capture", paid_id, "--line", "chair=3")

    assert (result.status, result.out) == (2, "")
    assert "'chair' has 2 units; 3 cannot be chosen" in result.line
    assert made(sandbox) == 0


async def test_what_the_api_refuses_is_a_failure(run: Any, sandbox: Sandbox, paid_id: str) -> None:
    await run("order", "capture", paid_id, "--everything")

    result = await run("order", "cancel", paid_id)

    assert (result.status, result.out) == (1, "")
    assert "Cannot cancel an order with status captured_full" in result.line
