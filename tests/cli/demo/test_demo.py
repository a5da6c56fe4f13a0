"""``briqpay demo``: it proves every state, under both readings of a PATCH, and it can fail."""

from __future__ import annotations

import asyncio
import base64
import functools
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest
from rich.console import Console

from briqpay_async.cli.demo import DemoReport, EditReport, run_demo
from briqpay_async.cli.demo import command as demo_command
from briqpay_async.cli.demo.edits import CASES
from briqpay_async.cli.demo.environment import for_each
from briqpay_async.cli.demo.view import progress_bar, show
from briqpay_async.sandbox import Sandbox

ROOT = Path(__file__).parents[3]


def edits_of(report: DemoReport) -> dict[str, EditReport]:
    return {edit.title: edit for edit in report.edits}


@pytest.fixture(scope="module")
def default_edits() -> DemoReport:
    """The first phase as it is without any option."""
    return asyncio.run(run_demo(bulk=0))


class Lying(Sandbox):
    """A server that says yes to some updates and does not make them."""

    lie: ClassVar[dict[str, Any]] = {"status": 200, "body": {}, "endpoint": "patch", "nth": 3}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.faults.add("status", **self.lie)


def failing(**fault: Any) -> type[Sandbox]:
    class Failing(Lying):
        lie = fault

    return Failing


# --- a server that does what it should ------------------------------------------------------------------------


@pytest.mark.parametrize("merge", ["field", "section"])
async def test_every_state_matches_under_both_readings_of_a_patch(merge: str) -> None:
    report = await run_demo(seed=5, bulk=60, merge=merge)

    assert report.problems == ()
    assert [edit.title for edit in report.edits] == [case.title for case in CASES]
    assert report.bulk is not None
    assert (report.bulk.sessions, report.bulk.updates, report.bulk.overlaps) == (15, 60, 0)


def test_a_small_edit_of_a_large_session_sends_a_hundredth_of_it(default_edits: DemoReport) -> None:
    edit = edits_of(default_edits)["billing address"]

    assert edit.changed == ("/data/billing/streetAddress", "/data/billing/zip", "/data/billing/city")
    assert edit.carried == ()
    assert edit.attempts == 1
    assert edit.sent_bytes < 0.01 * edit.full_bytes


def test_an_edit_of_the_cart_carries_the_other_lines(default_edits: DemoReport) -> None:
    edit = edits_of(default_edits)["quantity of one line"]

    assert any(pointer.endswith("/quantity") for pointer in edit.changed)
    assert {pointer for pointer in edit.carried if pointer.count("/") == 4} >= {"/data/order/cart/0"}
    assert edit.sent_bytes < edit.full_bytes


def test_nothing_changed_is_nothing_sent(default_edits: DemoReport) -> None:
    edit = edits_of(default_edits)["nothing at all"]

    assert (edit.attempts, edit.sent_bytes, edit.changed, edit.carried) == (0, 0, (), ())


def test_a_lost_answer_costs_one_more_attempt(default_edits: DemoReport) -> None:
    edit = edits_of(default_edits)["city, first answer lost"]

    assert edit.attempts == 2
    assert edit.problems == ()


async def test_edit_heals_what_a_replacing_server_dropped() -> None:
    edit = edits_of(await run_demo(bulk=0, merge="section"))["billing address"]

    assert edit.attempts == 2
    assert edit.problems == ()


async def test_the_bulk_phase_meets_failures_and_counts_its_retries() -> None:
    report = (await run_demo(bulk=120)).bulk

    assert report is not None
    assert set(report.retries) == {"status 503", "a lost answer"}
    assert report.requests == report.updates - report.unchanged + sum(report.retries.values())
    assert 0 < report.unchanged < report.updates
    assert 0 < report.sent_bytes < report.full_bytes
    assert report.updates_per_second > 0
    assert report.problems == ()


async def test_the_same_seed_makes_the_same_edits() -> None:
    one, same, other = [await run_demo(seed, 0) for seed in (3, 3, 4)]

    def sent(report: DemoReport) -> list[Any]:
        return [(edit.changed, edit.carried, edit.sent_bytes, edit.full_bytes) for edit in report.edits]

    assert sent(one) == sent(same)
    assert sent(one) != sent(other)


async def test_progress_is_reported_to_the_end() -> None:
    reported: dict[str, list[tuple[int, int]]] = {}

    await run_demo(bulk=10, progress=lambda what, done, total: reported.setdefault(what, []).append((done, total)))

    assert list(reported) == ["edits", "sessions", "updates", "proofs"]
    assert reported["updates"] == [(done, 10) for done in range(1, 11)]
    assert reported["proofs"] == [(1, 3), (2, 3), (3, 3)]


async def test_the_time_is_taken_from_the_clock() -> None:
    ticks = iter(range(1_000))

    report = await run_demo(bulk=0, clock=lambda: float(next(ticks)))

    assert {edit.milliseconds for edit in report.edits} == {1000.0}
    assert report.seconds == 2 * len(CASES) + 1


@pytest.mark.parametrize("options", [{"bulk": -1}, {"bulk": 10_001}, {"workers": 0}, {"merge": "both"}])
async def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|merge"):
        await run_demo(**options)


async def test_no_fault_stays_behind() -> None:
    running: list[Sandbox] = []

    def open_sandbox(**options: Any) -> Sandbox:
        running.append(Sandbox(**options))
        return running[0]

    await run_demo(bulk=4, open_sandbox=open_sandbox)

    assert len(running[0].faults) == 0


async def test_work_is_begun_in_order_and_so_much_is_under_way_at_most() -> None:
    begun: list[int] = []
    under_way = most = 0

    async def work(number: int) -> None:
        nonlocal under_way, most
        begun.append(number)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    await for_each(range(20), work, workers=5)

    assert begun == list(range(20))
    assert most == 5


# --- a server that does not -----------------------------------------------------------------------------------


async def test_an_update_that_was_not_made_is_found() -> None:
    report = await run_demo(bulk=0, open_sandbox=Lying)

    assert not report.matched
    bad = [edit for edit in report.edits if edit.problems]
    assert [edit.title for edit in bad] == ["remove a line"]
    assert any(problem.startswith("stored /data/order/") for problem in bad[0].problems)
    assert any(problem.startswith("read /data/order/") for problem in bad[0].problems)


async def test_a_lie_in_the_bulk_phase_is_found() -> None:
    lie = {"status": 200, "body": {}, "endpoint": "patch", "every": 7}

    report = await run_demo(bulk=40, open_sandbox=failing(**lie))

    assert report.bulk is not None
    assert report.bulk.problems
    assert all("stored /data" in problem or "read /data" in problem for problem in report.bulk.problems)


async def test_a_refused_update_is_reported_and_the_demo_goes_on() -> None:
    refusing = failing(status=400, code="INVALID_DATA", message="no", endpoint="patch")

    report = await run_demo(bulk=8, open_sandbox=refusing)

    assert len(report.edits) == len(CASES)
    assert report.bulk is not None
    assert any("400 INVALID_DATA: no" in problem for problem in edits_of(report)["company name"].problems)
    assert any("400 INVALID_DATA: no" in problem for problem in report.bulk.problems)
    assert edits_of(report)["nothing at all"].problems == ()


async def test_a_state_that_cannot_be_read_back_does_not_match() -> None:
    report = await run_demo(bulk=4, open_sandbox=failing(status=400, message="no", endpoint="read"))

    assert all("no" in edit.problems[-1] for edit in report.edits)
    assert report.bulk is not None
    assert len(report.bulk.problems) == 1


async def test_overlapping_updates_of_one_session_are_a_problem() -> None:
    running: list[Sandbox] = []
    intruders: list[asyncio.Task[None]] = []

    def open_sandbox(**options: Any) -> Sandbox:
        running.append(Sandbox(**options))
        return running[0]

    async def intrude() -> None:
        """Send an update that changes nothing and takes its time, past the client and its order."""
        sandbox = running[0]
        credentials = base64.b64encode(f"{sandbox.username}:{sandbox.secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {credentials}",
            "X-Sandbox-Fault": '{"kind": "latency", "seconds": 0.01}',
        }
        url = f"{sandbox.url}/v3/session/{list(sandbox.sessions)[-1]}"
        async with aiohttp.ClientSession(headers=headers) as http, http.patch(url, json={}) as answer:
            assert answer.status == 200

    def progress(what: str, done: int, _total: int) -> None:
        if (what, done) == ("edits", 1):
            intruders.extend(asyncio.create_task(intrude()) for _ in range(2))

    report = await run_demo(bulk=8, progress=progress, open_sandbox=open_sandbox)
    await asyncio.gather(*intruders)

    assert report.bulk is not None
    assert report.bulk.overlaps >= 2
    assert report.problems == (f"{report.bulk.overlaps} updates met another one of the same session",)


# --- the command ----------------------------------------------------------------------------------------------


async def test_the_command_shows_a_table_and_ends_with_the_summary(run: Any) -> None:
    result = await run("demo", "--bulk", "20", "--seed", "2", "--merge", "section")

    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("Typical edits, sent as minimal patches to a server that merges by section")
    for case in CASES:
        row = next(line for line in lines if case.title in line)
        assert f"{case.market.country} {case.customer_type}, {case.lines} lines" in row
        assert row.rstrip().endswith("✓")
    assert any(line.startswith("20 updates of 5 sessions, 50 at once: ") for line in lines)
    assert lines[-1].startswith("12 edits and 20 concurrent updates: every state matched; sent ")
    assert "\x1b" not in result.out


async def test_the_command_exits_1_when_a_state_does_not_match(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_command, "run_demo", functools.partial(run_demo, open_sandbox=Lying))

    result = await run("demo", "--bulk", "0")

    assert result.status == 1
    row = next(line for line in result.out.splitlines() if "remove a line" in line)
    assert row.rstrip().endswith("✗")
    assert "does not match: remove a line: stored /data/order/" in result.out
    assert "FAILED" in result.out.splitlines()[-1]


async def test_the_command_says_so_when_not_even_sessions_can_be_made(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = failing(status=400, code="INVALID_DATA", message="no", endpoint="create", nth=range(15, 99))
    monkeypatch.setattr(demo_command, "run_demo", functools.partial(run_demo, open_sandbox=refusing))

    result = await run("demo", "--bulk", "40")

    assert (result.status, result.out) == (1, "")
    assert result.line.startswith("briqpay: 400 INVALID_DATA: no [POST /v3/session]")


async def test_a_terminal_gets_a_progress_bar_and_a_table_that_fits() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=80, _environ={"TERM": "xterm"})
    with progress_bar(console) as progress:
        report = await run_demo(bulk=8, progress=progress)
    drawn = screen.getvalue()
    screen.seek(0)
    screen.truncate()
    show(report, console)
    lines = screen.getvalue().splitlines()

    assert "updates" in drawn
    assert "8/8" in drawn
    assert max(len(line) for line in lines[:-1]) <= 80
    assert sum("✓" in line for line in lines) == len(CASES)
    assert not any("business" in line for line in lines)


def test_without_unicode_the_marks_are_words(default_edits: DemoReport) -> None:
    paper = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(default_edits, Console(file=paper))
    paper.seek(0)

    assert sum("|yes |" in line for line in paper) == len(CASES)


async def test_only_the_first_mismatches_are_shown() -> None:
    report = await run_demo(bulk=0, open_sandbox=failing(status=200, body={}, endpoint="patch"))
    screen = io.StringIO()
    show(report, Console(file=screen))

    assert screen.getvalue().count("does not match: ") == 10
    assert f"... and {len(report.problems) - 10} more" in screen.getvalue()


def test_the_demo_runs_as_a_process_without_terminal_and_unicode() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "briqpay_async.cli", "demo", "--bulk", "50"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert sum(line.endswith("|yes |") for line in done.stdout.splitlines()) == len(CASES)
    assert "every state matched" in done.stdout.splitlines()[-1]
