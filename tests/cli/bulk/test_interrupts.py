"""Ctrl-C, however often: the run says how to go on, its report is whole, and no traceback is shown."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from briqpay_async import BulkJournal

ROWS = 20_000  # more than any machine sends before it is interrupted


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = (
        json.dumps(
            {
                "sessionId": f"{number % 200:08d}-0000-4000-8000-000000000000",
                "patch": {"data": {"billing": {"city": f"City {number}"}}},
                "key": str(number),
            }
        )
        for number in range(ROWS)
    )
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("times", [1, 3])
def test_a_run_that_is_interrupted_says_how_to_go_on(rows: Path, tmp_path: Path, times: int) -> None:
    journal, report = tmp_path / "run.db", tmp_path / "out.jsonl"
    program = [sys.executable, "-m", "briqpay_async.cli", "bulk", "apply", str(rows), "--sandbox"]
    command = [*program, "--journal", str(journal), "--report", str(report)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not report.exists() or report.stat().st_size == 0:
        assert process.poll() is None
        time.sleep(0.01)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    seen = process.communicate(timeout=60)[1]
    assert process.returncode in {130, -signal.SIGINT}  # the latter when one more comes as the program ends
    assert f"--journal {journal} --resume" in seen
    assert "Traceback" not in seen
    done = BulkJournal(journal).summary().applied
    assert 0 < done < ROWS
    lines = [json.loads(line)["line"] for line in report.read_text("utf-8").splitlines()]
    assert len(lines) == len(set(lines)) == done
    if times == 1:
        assert "rows under way finish" in seen
