"""``briqpay bulk --json``: one document on stdout, and nothing else there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from briqpay_async.sandbox import Sandbox

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
Save = Callable[..., Path]


@pytest.fixture
async def rows(run: Any, sandbox: Sandbox, save: Save, new_session: dict[str, Any]) -> Path:
    """Three rows: one that is sent, one that changes nothing, one that fails."""
    file = save(new_session, "new.json")
    session_id = (await run("session", "create", file)).document["sessionId"]
    home, away = {"city": "Malmö"}, {"city": "Ystad"}
    lines = [
        {"sessionId": session_id, "before": {"billing": home}, "after": {"billing": away}},
        {"sessionId": session_id, "before": {"billing": home}, "after": {"billing": home}},
        {"sessionId": UNKNOWN_ID, "patch": {"data": {"billing": home}}},
    ]
    return save(b"".join(orjson.dumps(line) + b"\n" for line in lines), "rows.jsonl")


async def test_the_end_of_a_run_is_a_document(run: Any, rows: Path) -> None:
    result = await run("bulk", "apply", rows, "--json")
    found = result.document
    sent = len(b'{"data":{"billing":{"city":"Ystad"}}}')
    assert result.status == 1
    assert {name: found[name] for name in ("applied", "unchanged", "failed", "skipped")} == {
        "applied": 1,
        "unchanged": 1,
        "failed": 1,
        "skipped": 0,
    }
    assert (found["requests"], found["repeated"], found["finished"]) == (2, 0, True)
    assert found["fullBodies"]["bytesSent"] == sent
    assert found["seconds"] > 0
    assert found["rowsPerSecond"] > 0
    ((line, reason),) = [(one["line"], one["reason"]) for one in found["failures"]]
    assert line == 3
    assert "session does not exist" in reason


async def test_a_dry_run_is_a_document(run: Any, rows: Path) -> None:
    result = await run("bulk", "apply", rows, "--dry-run", "--json")
    assert (result.status, result.err) == (0, "")
    assert result.document == {
        "wouldBeSent": 2,
        "unchanged": 1,
        "failed": 0,
        "bytes": len('{"data":{"billing":{"city":"Ystad"}}}{"data":{"billing":{"city":"Malmö"}}}'.encode()),
        "fullBodies": {"bytesSent": 37, "bytesInstead": result.document["fullBodies"]["bytesInstead"]},
        "members": {"/data/billing/city": 2},
        "finished": True,
        "failures": [],
    }


async def test_a_journal_is_a_document(run: Any, rows: Path, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    await run("bulk", "apply", rows, "--journal", journal, "--json")
    result = await run("bulk", "report", journal, "--json")
    found = result.document
    assert (result.status, result.err) == (0, "")
    assert [found[name] for name in ("applied", "unchanged", "failed", "requests", "runs")] == [1, 1, 1, 2, 1]
    assert found["errors"] == {"SessionNotFoundError": 1}
    assert 0 < found["latency"]["p50"] <= found["latency"]["p99"]
