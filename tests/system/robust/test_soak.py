"""A soak run in small, and that its proofs would notice what they are there for."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks.soak_proof import Report, Sample, Story, failures, lines

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_under_faults_no_update_is_lost_doubled_or_left_hanging() -> None:
    ended = run("--updates", "800", "--sessions", "80", "--seed", "7")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "all proofs hold" in ended.stdout
    assert "apply_then_drop" in ended.stdout
    assert ended.stderr == ""


def story(**changes: Any) -> Story:
    return Story(**{"made": 3, "ended": 3, "acknowledged": 2, "doubtful": {3}, **changes})


def report(**changes: Any) -> Report:
    plain: dict[str, Any] = {
        "stories": {"s": story()},
        "raised": Counter({"ServerError": 1}),
        "lost": [],
        "retries": 1,
        "seen": seen(),
        "samples": [Sample(0.1, 20, 50 * 2**20, 100_000), Sample(1.0, 20, 51 * 2**20, 101_000)],
        "before": 10,
        "after": 10,
        "connections": 10,
        "left": 0,
        "elapsed": 1.0,
    }
    return Report(**(plain | changes))


def seen(**changes: Any) -> dict[str, Any]:
    plain = {"requests": 4, "overlaps": 0, "applied": 3, "faults": {"status": 1}, "held": {"s": "00000002"}}
    return plain | changes


@pytest.mark.parametrize("held", ["00000002", "00000003"])
def test_the_last_acknowledged_value_or_a_doubtful_later_one_may_be_held(held: str) -> None:
    assert list(failures(report(seen=seen(held={"s": held})))) == []


LAST: Callable[..., Report] = lambda **changes: report(  # noqa: E731 - a shorthand of the table
    samples=[report().samples[0], attrs.evolve(report().samples[1], **changes)]
)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (report(stories={"s": story(ended=2)}), "never ended"),
        (report(stories={"s": story(disordered=1)}), "out of order"),
        (report(seen=seen(held={"s": "00000001"})), "holds 1"),
        (report(seen=seen(held={"s": "00000004"})), "holds 4"),
        (report(seen=seen(held={})), "holds -1"),
        (report(lost=["KeyError('x')"]), "KeyError"),
        (report(seen=seen(overlaps=2)), "2 updates overlapped"),
        (report(seen=seen(requests=5)), "saw 5 requests, the client made 4"),
        (report(seen=seen(applied=1)), "only 1 applied"),
        (report(left=1), "remained"),
        (report(after=11), "stayed open"),
        (LAST(files=23), "23 file descriptors"),
        (LAST(resident=80 * 2**20), "grew by 30.0 MiB"),
        (LAST(blocks=110_000), "10000 allocated blocks"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_run_disproves_is_reported(broken: Report, text: str) -> None:
    assert any(text in found for found in failures(broken))


def test_an_acknowledged_value_settles_what_was_in_doubt_before_it() -> None:
    story = Story()
    story.doubtful = {1, 3}
    story.acknowledge(2)
    assert story.possible() == {2, 3}
    story.acknowledge(1)
    assert (story.possible(), story.disordered) == ({2, 3}, 1)


def test_the_figures_are_shown() -> None:
    text = "\n".join(lines(report()))
    for figure in ("updates       3", "acknowledged  2", "ServerError 1", "requests      4, 1", "overlaps      0"):
        assert figure in text
