"""Workers that are killed, and a server that is killed, lose nothing and leave no session on an old value."""

from __future__ import annotations

from pathlib import Path

from integrations.taskiq.killed_workers import persistent_server, run_once


async def test_workers_that_are_killed_lose_nothing(redis_url: str) -> None:
    report = await run_once(redis_url, rows=3_000, sessions=30, harm="kill", harms=3, seed=1, wait=(0.01, 0.1))
    assert report.harms > 0
    assert report.problems(3_000) == []


async def test_a_server_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    with persistent_server(tmp_path) as server:
        report = await run_once(server, rows=3_000, sessions=30, harm="restart", harms=1, seed=1, wait=(0.05, 0.2))
    assert report.harms > 0
    assert report.problems(3_000) == []
