"""A bulk run and SIGKILL."""

from __future__ import annotations

from pathlib import Path

from bulk.killed_runs import killed_again_and_again


async def test_a_run_that_is_killed_again_and_again_loses_nothing_and_reports_nothing_twice(
    tmp_path: Path,
) -> None:
    report = await killed_again_and_again(tmp_path, sessions=300, kills=4, seed=1, after=(1, 200))

    assert report.problems() == []
    assert report.kills >= 2  # a busy machine kills late, and a run may have ended by then
    assert set(report.last.values()) <= {"applied", "skipped"}
    assert report.requests >= report.rows
