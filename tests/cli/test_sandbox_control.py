"""``briqpay sandbox complete`` and the like, against a sandbox on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from briqpay_async.sandbox import Sandbox

Save = Callable[..., Path]


@pytest.fixture
async def watched_id(run: Any, sandbox: Sandbox, save: Save, new_session: dict[str, Any]) -> str:
    """A session with a hook of an address that the sandbox does not call."""
    hook = {"eventType": "order_status", "statuses": ["order_approved_not_captured"], "method": "POST"}
    new_session["hooks"] = [{**hook, "url": "https://shop.example/hooks"}]
    return str((await run("session", "create", save(new_session))).document["sessionId"])


async def test_the_buyer_can_be_played(run: Any, sandbox: Sandbox, session_id: str, save: Save) -> None:
    tags = save({"paymentTags": {"manual_review": True}})

    result = await run("sandbox", "complete", session_id, "--status", "order_pending", "--data", tags)

    assert (result.status, result.err) == (0, "")
    assert result.document == sandbox.sessions[session_id]
    assert result.document["moduleStatus"]["payment"]["orderStatus"] == "order_pending"
    assert result.document["data"]["paymentTags"] == {"manual_review": True}


async def test_a_pending_order_can_be_decided(run: Any, sandbox: Sandbox, session_id: str) -> None:
    await run("sandbox", "complete", session_id, "--status", "order_pending")

    result = await run("sandbox", "advance", session_id, "--outcome", "rejected")
    again = await run("sandbox", "advance", session_id)

    assert (result.status, result.err, result.document) == (0, "", sandbox.sessions[session_id])
    assert result.document["moduleStatus"]["payment"]["orderStatus"] == "order_rejected"
    assert (again.status, again.out) == (1, "")


async def test_a_payment_provider_can_be_chosen(run: Any, session_id: str) -> None:
    result = await run("sandbox", "complete", session_id, "--provider", "nonsense")

    assert (result.status, result.out) == (1, "")
    assert "the sandbox answered 400" in result.line


async def test_deliveries_can_be_looked_at_and_sent_again(run: Any, sandbox: Sandbox, watched_id: str) -> None:
    sandbox.complete(watched_id)

    result = await run("sandbox", "deliveries", "--wait")
    others = await run("sandbox", "deliveries", "--session", "another")
    events = await run("sandbox", "deliveries", "--event", "order_status")
    again = await run("sandbox", "resend", "1")

    assert (result.status, result.err) == (0, "")
    assert [(each["id"], each["event"], each["state"]) for each in result.document] == [
        (1, "order_status", "refused")
    ]
    assert (others.document, events.document) == ([], result.document)
    assert again.document == result.document[0]


async def test_a_reset_forgets_everything(run: Any, sandbox: Sandbox, session_id: str) -> None:
    result = await run("sandbox", "reset")

    assert (result.status, result.out, result.line) == (0, "", "the sandbox has forgotten everything")
    assert dict(sandbox.sessions) == {}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["complete", "gone"], "the sandbox answered 400: Invalid sessionId - session does not exist."),
        (["complete", "../reset"], "the sandbox answered"),
        (["resend", "7"], "the sandbox answered 404: There is no delivery 7"),
    ],
)
async def test_what_the_sandbox_refuses_is_a_failure(
    run: Any, sandbox: Sandbox, session_id: str, argv: list[str], message: str
) -> None:
    result = await run("sandbox", *argv)

    assert (result.status, result.out) == (1, "")
    assert message in result.line
    assert session_id in sandbox.sessions


async def test_a_status_that_cannot_be_is_refused_by_the_sandbox(run: Any, session_id: str) -> None:
    result = await run("sandbox", "complete", session_id, "--status", "paid")

    assert (result.status, result.out) == (1, "")
    assert "order_status must be one of" in result.line


async def test_a_sandbox_that_is_not_there_is_a_failure(run: Any, unused_tcp_port: int) -> None:
    result = await run("sandbox", "reset", "--url", f"http://127.0.0.1:{unused_tcp_port}")

    assert (result.status, result.out) == (1, "")
    assert "briqpay sandbox starts one" in result.line


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b""])
def test_an_answer_of_something_else_is_shown_as_it_is(answer: bytes) -> None:
    from briqpay_async.cli.sandbox_control import _message

    assert _message(answer) == (answer.decode() or "nothing more")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["reset"], "give --url, or BRIQPAY_BASE_URL"),
        (["reset", "--url", "file:///etc/passwd"], "is not the address of a sandbox"),
        (["reset", "--url", "http://a b"], "is not the address of a sandbox"),
        (["reset", "--url", "http://me:mine@127.0.0.1"], "is not the address of a sandbox"),
        (["resend", "0"], "numbered from 1"),
        (["complete", "x", "--data", "nowhere.json"], "cannot read nowhere.json"),
    ],
)
async def test_wrong_usage_is_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch, argv: list[str], message: str
) -> None:
    monkeypatch.delenv("BRIQPAY_BASE_URL", raising=False)

    result = await run("sandbox", *argv)

    assert (result.status, result.out) == (2, "")
    assert message in result.line
