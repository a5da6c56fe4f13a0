"""``briqpay token`` against a sandbox on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from briqpay_async.sandbox import Sandbox


@pytest.fixture
async def token_id(run: Any, sandbox: Sandbox, save: Callable[..., Path], new_session: dict[str, Any]) -> str:
    """A token that a completed session has left."""
    new_session["product"]["intent"] = "payment_tokenize_and_charge"
    created = await run("session", "create", save(new_session))
    sandbox.complete(created.document["sessionId"])
    (token,) = sandbox.tokens
    return token


async def test_a_token_can_be_read_and_deactivated(run: Any, sandbox: Sandbox, token_id: str) -> None:
    read = await run("token", "read", token_id)
    ended = await run("token", "deactivate", token_id)

    assert (read.status, read.err, read.document["state"]) == (0, "", "active")
    assert (ended.status, ended.err, ended.document["state"]) == (0, "", "inactive")
    assert sandbox.tokens[token_id]["state"] == "inactive"


async def test_an_unknown_token_is_a_failure(run: Any, sandbox: Sandbox) -> None:
    result = await run("token", "read", "gone")

    assert (result.status, result.out) == (1, "")
    assert "token does not exist" in result.line
