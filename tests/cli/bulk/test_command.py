"""``briqpay bulk`` against a sandbox on a real socket."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import sqlite3
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest

from briqpay_async import AuthenticationError, BriqpayClient, Session
from briqpay_async.cli import main
from briqpay_async.cli.bulk import view as bulk_show
from briqpay_async.cli.bulk.feed import Feed, SandboxSessions
from briqpay_async.cli.bulk.lines import Lines, StoppedError
from briqpay_async.cli.bulk.rows import Row, parse_row
from briqpay_async.cli.bulk.run import FileRun, Settings
from briqpay_async.sandbox import Sandbox

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

Save = Callable[..., Path]
Json = dict[str, Any]


def jsonl(*rows: Any) -> bytes:
    return b"".join((row if isinstance(row, bytes) else orjson.dumps(row)) + b"\n" for row in rows)


def move(session_id: str, city: str, **members: Any) -> Json:
    return {"sessionId": session_id, "patch": {"data": {"billing": {"city": city}}}, **members}


def patches(sandbox: Sandbox) -> list[Any]:
    return [orjson.loads(record.body or b"") for record in sandbox.journal.of(endpoint="patch")]


def city(sandbox: Sandbox, session_id: str) -> str:
    return str(sandbox.sessions[session_id]["data"]["billing"]["city"])


def value(result: Any, name: str) -> str:
    """What a table of the output says under a name."""
    (line,) = [line for line in result.out.splitlines() if line.startswith(f"│ {name} ")]
    return str(line.strip("│").split("│")[1].strip())


def counts(result: Any) -> dict[str, int]:
    return {name: int(value(result, name)) for name in ("applied", "unchanged", "failed", "skipped")}


@pytest.fixture
async def three(run: Any, sandbox: Sandbox, save: Save, new_session: Json) -> list[str]:
    """Three sessions."""
    file = save(new_session, "new.json")
    return [(await run("session", "create", file)).document["sessionId"] for _ in range(3)]


# --- apply ----------------------------------------------------------------------------------------------------


async def test_rows_of_both_forms_are_applied_as_minimal_patches(
    run: Any, sandbox: Sandbox, three: list[str], save: Save
) -> None:
    first, second, third = three
    home = {"city": "Malmö", "zip": "211 22", "email": "buyer@example.com"}
    after = {"billing": home | {"city": "Ystad"}}
    file = save(
        jsonl(
            move(first, "Lund"),
            {"sessionId": second, "before": {"billing": home}, "after": after},
            {"sessionId": third, "before": {"billing": home}, "after": {"billing": home}},
        ),
        "rows.jsonl",
    )

    result = await run("bulk", "apply", file)

    assert (result.status, result.err) == (0, "")
    assert counts(result) == {"applied": 2, "unchanged": 1, "failed": 0, "skipped": 0}
    assert sorted(map(str, patches(sandbox))) == [
        "{'data': {'billing': {'city': 'Lund'}}}",
        "{'data': {'billing': {'city': 'Ystad'}}}",
    ]
    sent = len(b'{"data":{"billing":{"city":"Ystad"}}}')
    full = len(orjson.dumps({"data": after})) + len(orjson.dumps({"data": {"billing": home}}))
    assert value(result, "full bodies instead").startswith(f"{full} bytes for 2 rows: {full - sent} saved")


async def test_rows_come_from_stdin(run: Any, sandbox: Sandbox, three: list[str]) -> None:
    result = await run("bulk", "apply", "-", stdin=jsonl(*(move(one, "Lund") for one in three)))

    assert result.status == 0
    assert [city(sandbox, one) for one in three] == ["Lund"] * 3


async def test_an_invalid_line_stops_no_other(run: Any, sandbox: Sandbox, three: list[str], save: Save) -> None:
    file = save(jsonl(b"nonsense", move(three[0], "Lund"), b"", move(UNKNOWN_ID, "Lund"), b"[]"), "rows.jsonl")

    result = await run("bulk", "apply", file)

    assert result.status == 1
    assert counts(result) == {"applied": 1, "unchanged": 0, "failed": 3, "skipped": 0}
    assert "line 1: it is not JSON" in result.out
    assert "line 4: 400 " in result.out
    assert "session does not exist" in result.out
    assert "line 5: a JSON object is needed" in result.out
    assert city(sandbox, three[0]) == "Lund"


async def test_the_report_has_a_line_for_each_row_and_nothing_personal(
    run: Any, three: list[str], save: Save, tmp_path: Path
) -> None:
    rows = [
        move(three[0], "Secretville", key="k1"),
        b"{",
        move(UNKNOWN_ID, "Secretville"),
        {"sessionId": three[1], "patch": {}},
    ]
    report = tmp_path / "out.jsonl"

    await run("bulk", "apply", save(jsonl(*rows), "rows.jsonl"), "--report", report)

    assert b"Secretville" not in report.read_bytes()
    lines = {line["line"]: line for line in map(orjson.loads, report.read_bytes().splitlines())}
    assert lines[1] | {"seconds": 0} == {
        "line": 1,
        "sessionId": three[0],
        "key": "k1",
        "status": "applied",
        "error": None,
        "attempts": 1,
        "seconds": 0,
    }
    assert lines[1]["seconds"] > 0
    assert [lines[n]["status"] for n in (2, 3, 4)] == ["failed", "failed", "unchanged"]
    assert lines[2]["error"]["class"] == "InputError"
    assert lines[3]["error"] == {
        "class": "SessionNotFoundError",
        "message": "Invalid sessionId - session does not exist.",
    }


async def test_read_first_compares_with_what_the_server_has(
    run: Any, sandbox: Sandbox, three: list[str], save: Save
) -> None:
    moved = {"billing": {"city": "Ystad"}}
    rows = [
        {"sessionId": three[0], "after": moved},
        {"sessionId": three[1], "after": {"billing": {"city": "Malmö"}}},
        {"sessionId": UNKNOWN_ID, "after": moved},
        move(three[2], "Lund"),
        b"?",
    ]

    result = await run("bulk", "apply", save(jsonl(*rows), "rows.jsonl"), "--read-first", "--concurrency", "2")

    assert counts(result) == {"applied": 2, "unchanged": 1, "failed": 2, "skipped": 0}
    assert [city(sandbox, one) for one in three] == ["Ystad", "Malmö", "Lund"]
    assert "line 3: 400 " in result.out
    assert len(sandbox.journal.of(endpoint="read")) == 3


async def test_rows_of_one_session_are_read_after_the_row_before_them(
    run: Any, sandbox: Sandbox, three: list[str], save: Save
) -> None:
    rows = [{"sessionId": three[0], "after": {"billing": {"city": name}}} for name in ("Ystad", "Malmö") * 5]

    result = await run("bulk", "apply", save(jsonl(*rows), "rows.jsonl"), "--read-first", "--concurrency", "auto")

    assert counts(result)["applied"] == 10
    assert city(sandbox, three[0]) == "Malmö"


async def test_sections_can_be_sent_whole_and_answers_looked_at(
    run: Any, sandbox: Sandbox, three: list[str], save: Save
) -> None:
    row = {"sessionId": three[0], "after": {"shipping": {"city": "Ystad"}}}

    result = await run(
        *("bulk", "apply", save(jsonl(row), "rows.jsonl"), "--read-first"),
        *("--depth", "section", "--fields", "data,status"),
    )

    assert result.status == 0
    assert patches(sandbox) == [{"data": {"shipping": {"zip": "223 50", "city": "Ystad"}}}]
    assert "fields=" in sandbox.journal.of(endpoint="patch")[0].query


async def test_rows_that_wait_for_each_other_can_be_merged(
    run: Any, sandbox: Sandbox, three: list[str], save: Save
) -> None:
    rows = [move(three[0], f"City {number}") for number in range(40)]

    result = await run("bulk", "apply", save(jsonl(*rows), "rows.jsonl"), "--coalesce")

    assert counts(result)["applied"] == 40
    assert len(patches(sandbox)) < 40
    assert city(sandbox, three[0]) == "City 39"


async def test_repeated_requests_are_counted(run: Any, sandbox: Sandbox, three: list[str], save: Save) -> None:
    sandbox.faults.add("status", status=503, retry_after=0.01, endpoint="patch", times=2)

    result = await run("bulk", "apply", save(jsonl(*(move(one, "Lund") for one in three))))

    assert (result.status, value(result, "requests")) == (0, "5 (2 of them repeated)")


async def test_a_session_of_the_emulator_that_cannot_be_made_is_a_problem_of_its_row(sandbox: Sandbox) -> None:
    lines = Lines(io.BytesIO(jsonl(move(UNKNOWN_ID, "Lund"))).read)
    async with (
        BriqpayClient("nobody", "nothing", base_url=sandbox.url) as stranger,
        Feed(lines, stand_ins=SandboxSessions(stranger)) as feed,
    ):
        ((row, _),) = [found async for found in feed.rows()]

    assert isinstance(row.problem, AuthenticationError)


# --- dry run --------------------------------------------------------------------------------------------------


async def test_a_dry_run_says_what_would_change_and_sends_nothing(
    run: Any, sandbox: Sandbox, three: list[str], save: Save, tmp_path: Path
) -> None:
    journal, report = tmp_path / "run.db", tmp_path / "out.jsonl"
    rows = [
        move(three[0], "Lund"),
        move(three[1], "Lund"),
        b"?",
        {"sessionId": three[1], "patch": {}},
        {"sessionId": three[2], "before": {"billing": {}}, "after": {"billing": {"city": "Lund"}}},
    ]

    result = await run(
        *("bulk", "apply", save(jsonl(*rows), "rows.jsonl"), "--dry-run"),
        *("--journal", journal, "--report", report),
    )

    assert (result.status, result.err) == (1, "")
    assert (value(result, "would be sent"), value(result, "unchanged")) == ("3", "1")
    assert value(result, "/data/billing/city") == "3"
    assert "line 3: it is not JSON" in result.out
    assert patches(sandbox) == []
    assert not report.exists()
    assert not journal.exists()


async def test_a_dry_run_needs_no_account(run: Any, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIQPAY_USERNAME", raising=False)

    assert (await run("bulk", "apply", save(jsonl(move(UNKNOWN_ID, "Lund"))), "--dry-run")).status == 0


async def test_a_dry_run_reads_sessions_where_that_is_asked_for(
    run: Any, sandbox: Sandbox, three: list[str], save: Save
) -> None:
    rows = [{"sessionId": three[0], "after": {"billing": {"city": name}}} for name in ("Ystad", "Malmö")]

    result = await run("bulk", "apply", save(jsonl(*rows)), "--dry-run", "--read-first")

    assert (value(result, "would be sent"), value(result, "unchanged")) == ("1", "1")
    assert patches(sandbox) == []


# --- journal and resume ---------------------------------------------------------------------------------------


async def test_a_run_is_resumed_where_it_ended(
    run: Any, sandbox: Sandbox, three: list[str], save: Save, tmp_path: Path
) -> None:
    rows = [move(one, "Lund") for one in three]
    journal = tmp_path / "run.db"
    assert (await run("bulk", "apply", save(jsonl(*rows[:2])), "--journal", journal)).status == 0

    result = await run("bulk", "apply", save(jsonl(*rows)), "--journal", journal, "--resume")

    assert (result.status, counts(result)) == (0, {"applied": 1, "unchanged": 0, "failed": 0, "skipped": 2})
    assert len(patches(sandbox)) == 3


async def test_the_report_of_a_resumed_run_has_the_rows_of_the_run_before(
    run: Any, sandbox: Sandbox, three: list[str], save: Save, tmp_path: Path
) -> None:
    file = save(jsonl(*(move(one, "Lund") for one in three)), "rows.jsonl")
    files = "--journal", tmp_path / "run.db", "--report", tmp_path / "report.jsonl"
    await run("bulk", "apply", file, *files)
    await run("bulk", "apply", file, *files, "--resume")

    lines = (tmp_path / "report.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["status"] for line in lines] == ["applied"] * 3 + ["skipped"] * 3


@pytest.mark.parametrize("rate", ["100000/s", "100000"])
async def test_a_known_rate_is_kept(run: Any, sandbox: Sandbox, three: list[str], save: Save, rate: str) -> None:
    file = save(jsonl(*(move(one, "Lund") for one in three)), "rows.jsonl")

    assert counts(await run("bulk", "apply", file, "--rate", rate))["applied"] == 3


@pytest.mark.parametrize("rate", ["fast", "0/s", "50/m"])
async def test_an_invalid_rate_is_an_error_of_one_line(run: Any, save: Save, rate: str) -> None:
    result = await run("bulk", "apply", save(jsonl(*ROWS[:1]), "rows.jsonl"), "--rate", rate)

    assert result.status == 2
    assert "--rate must be" in result.line


async def test_a_journal_with_rows_is_not_used_by_accident(
    run: Any, sandbox: Sandbox, three: list[str], save: Save, tmp_path: Path
) -> None:
    argv = ("bulk", "apply", save(jsonl(move(three[0], "Lund"))), "--journal", tmp_path / "run.db")
    await run(*argv)

    result = await run(*argv)

    assert result.status == 2
    assert result.line == (
        f"briqpay: {tmp_path / 'run.db'} has 1 rows of an earlier run: add --resume, or name a new file"
    )
    assert len(patches(sandbox)) == 1


async def test_an_empty_file_or_a_journal_without_rows_can_be_the_journal(
    run: Any, three: list[str], save: Save, tmp_path: Path
) -> None:
    (tmp_path / "run.db").touch()
    for rows in (jsonl(), jsonl(), jsonl(move(three[0], "Lund"))):
        assert (await run("bulk", "apply", save(rows), "--journal", tmp_path / "run.db")).status == 0


async def test_a_row_that_is_not_the_one_that_was_done_fails(
    run: Any, three: list[str], save: Save, tmp_path: Path
) -> None:
    argv = ("--journal", tmp_path / "run.db")
    await run("bulk", "apply", save(jsonl(move(three[0], "Lund"))), *argv)

    result = await run("bulk", "apply", save(jsonl(move(three[0], "Ystad"))), *argv, "--resume")

    assert result.status == 1
    assert "line 1: Use a new journal for new rows" in result.out


# --- usage ----------------------------------------------------------------------------------------------------


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["--resume"], "--resume needs --journal"),
        (["--resume", "--journal", "missing.db"], "There is no journal missing.db"),
        (["--resume", "--journal", "run.db", "--read-first"], "--read-first goes without --resume"),
        (["--concurrency", "0"], "--concurrency must be between 1 and 1000, or auto"),
        (["--concurrency", "1001"], "--concurrency must be between 1 and 1000, or auto"),
        (["--concurrency", "many"], "many"),
        (["--fields", "a b"], "fields"),
        (["--report", "rows.jsonl"], "must be different files"),
        (["--journal", "./rows.jsonl"], "must be different files"),
        (["--journal", "same", "--report", "same"], "must be different files"),
        (["--report", "no/such/folder/out.jsonl"], "cannot write no/such/folder/out.jsonl"),
        (["--journal", "other.json"], "is no journal of bulk updates"),
        (["--depth", "deep"], "deep"),
    ],
)
async def test_wrong_usage_is_one_line_and_nothing_is_sent(
    run: Any, sandbox: Sandbox, save: Save, argv: list[str], reason: str
) -> None:
    save(jsonl(move(UNKNOWN_ID, "Lund")), "rows.jsonl")
    save({}, "other.json")

    result = await run("bulk", "apply", "rows.jsonl", *argv)

    assert result.status == 2
    assert reason in result.line
    assert result.out == ""
    assert patches(sandbox) == []


@pytest.mark.parametrize("argv", [[], ["--dry-run"]])
async def test_a_file_that_is_missing_is_one_line(run: Any, argv: list[str]) -> None:
    result = await run("bulk", "apply", "missing.jsonl", *argv)

    assert (result.status, result.line) == (2, "briqpay: cannot read missing.jsonl: No such file or directory")


async def test_a_folder_cannot_be_read(run: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    result = await run("bulk", "apply", tmp_path)

    assert (result.status, result.line) == (2, f"briqpay: cannot read {tmp_path}: Is a directory")


async def test_without_credentials_nothing_is_begun(
    run: Any, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIQPAY_USERNAME", raising=False)

    result = await run("bulk", "apply", save(jsonl()), "--journal", tmp_path / "run.db")

    assert result.status == 2
    assert "BRIQPAY_USERNAME" in result.line
    assert not (tmp_path / "run.db").exists()


# --- the emulator, and Ctrl-C ---------------------------------------------------------------------------------


async def test_a_newcomer_can_try_it_without_an_account(
    run: Any, save: Save, new_session: Json, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BRIQPAY_USERNAME", raising=False)
    ids = [f"0000000{number}-0000-4000-8000-000000000000" for number in range(4)]
    state = new_session["data"]
    rows = [
        {"sessionId": ids[0], "before": state, "after": state | {"billing": state["billing"] | {"city": "Ystad"}}},
        move(ids[0], "Lund"),
        {"sessionId": ids[1], "patch": {"data": {"company": {"name": "Shop"}}}},
        # less than what creates a session
        {
            "sessionId": ids[2],
            "before": {"order": {"currency": "SEK"}, "shipping": {"city": "A"}},
            "after": {"order": {"currency": "SEK"}, "shipping": {"city": "B"}},
        },
        {"sessionId": ids[3], "after": {"company": {"name": "Shop"}}},
    ]
    report = tmp_path / "out.jsonl"

    result = await run(
        *("bulk", "apply", save(jsonl(*rows), "rows.jsonl"), "--sandbox", "--read-first", "--report", report)
    )

    assert (result.status, counts(result)["applied"]) == (0, 5)
    assert "emulator" in result.line
    assert {orjson.loads(line)["sessionId"] for line in report.read_bytes().splitlines()} == set(ids)


class _Terminal(io.StringIO):
    """Stderr that presses Ctrl-C when it reads one of some patterns for the first time."""

    def __init__(self, *texts: str, presses: signal.Signals = signal.SIGINT) -> None:
        super().__init__()
        self._texts = set(texts)
        self._presses = presses

    def write(self, text: str) -> int:
        written = super().write(text)
        for found in [one for one in self._texts if re.search(one, text)]:
            self._texts.discard(found)
            signal.raise_signal(self._presses)
        return written


@pytest.fixture
def open_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Stdin that stays open after what is written to it."""
    inlet, outlet = os.pipe()
    with open(inlet, encoding="utf-8") as stdin, open(outlet, "wb", buffering=0) as feed:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", stdin)
        yield lambda content: Thread(target=feed.write, args=(content,), daemon=True).start()
        feed.write(b"\n")  # lets the reading thread end


IDS = [f"0000000{number}-0000-4000-8000-000000000000" for number in range(6)]
ROWS = [move(one, "Lund") for one in IDS]


def test_ctrl_c_drains_and_the_run_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    open_pipe: Callable[[bytes], None],
    save: Save,
    tmp_path: Path,
) -> None:
    journal = tmp_path / "run.db"
    monkeypatch.setattr(bulk_show, "_PLAIN_INTERVAL", 0.1)
    err = _Terminal("4 applied")
    monkeypatch.setattr(sys, "stderr", err)
    open_pipe(jsonl(*ROWS[:4]))

    assert main(["bulk", "apply", "-", "--sandbox", "--journal", str(journal)]) == 130
    assert "stopping: rows under way finish" in err.getvalue()
    assert err.getvalue().endswith(f"resume with the same file and --journal {journal} --resume\n")
    assert "│ applied         │" in capsys.readouterr().out

    assert main(["bulk", "report", str(journal)]) == 0
    assert "not finished: --resume goes on" in capsys.readouterr().out
    file = save(jsonl(*ROWS), "rows.jsonl")
    assert main(["bulk", "apply", str(file), "--sandbox", "--journal", str(journal), "--resume"]) == 0
    lines = [line.replace(" ", "") for line in capsys.readouterr().out.splitlines()]
    assert "│applied│2│" in lines
    assert "│skipped│4│" in lines


async def test_rows_under_way_finish_when_a_run_is_stopped(sandbox: Sandbox, three: list[str]) -> None:
    sandbox.faults.add("latency", seconds=0.1, endpoint="patch")
    inlet, outlet = os.pipe()
    with open(inlet, "rb", buffering=0) as file, open(outlet, "wb", buffering=0) as feed:  # noqa: ASYNC230, PTH123
        feed.write(jsonl(*(move(one, "Lund") for one in three)))
        said: list[str] = []
        run = FileRun(file, Settings(), lambda: said.append("stopping"))
        under_way = asyncio.Event()
        task = asyncio.create_task(run.apply(None, None, lambda snapshot: snapshot.in_flight and under_way.set()))
        await under_way.wait()
        task.cancel()
        await task
        feed.write(b"\n")

    assert said == ["stopping"]
    assert run.totals.stopped
    assert run.totals.statuses == {"applied": 3}
    assert [city(sandbox, one) for one in three] == ["Lund"] * 3


async def test_a_stopped_feed_gives_no_row_that_was_read_ahead() -> None:
    read = asyncio.Event()

    async def known(_: str) -> Session:
        read.set()
        return Session()

    lines = Lines(io.BytesIO(jsonl(*({"sessionId": one, "after": {"data": {}}} for one in IDS))).read)
    async with Feed(lines, read=known, reads=len(IDS)) as feed, aclosing(feed.rows()) as rows:
        await anext(rows)
        await read.wait()
        lines.stop()
        with pytest.raises(StoppedError):
            await anext(rows)


@pytest.mark.parametrize(
    ("argv", "advice"),
    [
        (["--sandbox"], "nothing was written down to resume with: use --journal next time"),
        (
            ["--sandbox", "--read-first"],
            "run it again (with a new journal): rows that are done turn out unchanged",
        ),
    ],
)
def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, open_pipe: Callable[[bytes], None], argv: list[str], advice: str
) -> None:
    monkeypatch.setattr(bulk_show, "_PLAIN_INTERVAL", 0.1)
    err = _Terminal("4 applied")
    monkeypatch.setattr(sys, "stderr", err)
    open_pipe(jsonl(*ROWS[:4]))

    assert main(["bulk", "apply", "-", *argv]) == 130
    assert err.getvalue().endswith(f"briqpay: interrupted; {advice}\n")


def test_ctrl_c_lets_rows_that_are_read_first_finish(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], save: Save
) -> None:
    monkeypatch.setattr(bulk_show, "_PLAIN_INTERVAL", 0.0)
    monkeypatch.setattr(sys, "stderr", _Terminal("[1-9][0-9]* applied"))
    rows = [{"sessionId": IDS[0], "after": {"billing": {"city": f"City {number}"}}} for number in range(2_000)]

    assert main(["bulk", "apply", str(save(jsonl(*rows))), "--sandbox", "--read-first"]) == 130
    out = capsys.readouterr().out
    applied, failed = (
        int(out.split(f"│ {name}")[1].split("│")[1].replace(",", "")) for name in ("applied", "failed")
    )
    assert 0 < applied < len(rows)
    assert failed == 0


def test_sigterm_lets_rows_under_way_finish_and_the_report_has_every_row_of_the_journal(
    monkeypatch: pytest.MonkeyPatch, open_pipe: Callable[[bytes], None], tmp_path: Path
) -> None:
    monkeypatch.setattr(bulk_show, "_PLAIN_INTERVAL", 0.1)
    err = _Terminal("4 applied", presses=signal.SIGTERM)
    monkeypatch.setattr(sys, "stderr", err)
    open_pipe(jsonl(*ROWS[:4]))
    files = "--journal", str(tmp_path / "run.db"), "--report", str(tmp_path / "report.jsonl")

    assert main(["bulk", "apply", "-", "--sandbox", *files]) == 130
    assert "--resume" in err.getvalue()
    with closing(sqlite3.connect(tmp_path / "run.db")) as journal:
        assert journal.execute("SELECT count(*) FROM rows").fetchone() == (4,)
    assert len((tmp_path / "report.jsonl").read_bytes().splitlines()) == 4
    assert (tmp_path / "report.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_second_ctrl_c_cancels_at_once(
    monkeypatch: pytest.MonkeyPatch, open_pipe: Callable[[bytes], None], tmp_path: Path
) -> None:
    monkeypatch.setattr(bulk_show, "_PLAIN_INTERVAL", 0.1)
    err = _Terminal("4 applied", "stopping: rows")
    monkeypatch.setattr(sys, "stderr", err)
    open_pipe(jsonl(*ROWS[:4]))

    assert main(["bulk", "apply", "-", "--sandbox", "--journal", str(tmp_path / "run.db")]) == 130
    assert "--resume" in err.getvalue()
    with closing(sqlite3.connect(tmp_path / "run.db")) as journal:
        assert journal.execute("SELECT count(*) FROM rows").fetchone() == (4,)


def test_ctrl_c_in_a_dry_run_prints_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], open_pipe: Callable[[bytes], None]
) -> None:
    from briqpay_async.cli.bulk import feed as bulk_feed

    def press(number: int, line: bytes, **options: Any) -> Row:
        if number == 4:
            signal.raise_signal(signal.SIGINT)
        return parse_row(number, line, **options)

    monkeypatch.setattr(bulk_feed, "parse_row", press)
    open_pipe(jsonl(*ROWS[:4]))

    assert main(["bulk", "apply", "-", "--dry-run"]) == 130
    out, err = capsys.readouterr()
    assert err.endswith("briqpay: interrupted\n")
    assert "/data/billing/city" in out


# --- report ---------------------------------------------------------------------------------------------------


async def test_a_run_is_summarised_and_drawn(
    run: Any, sandbox: Sandbox, three: list[str], save: Save, tmp_path: Path
) -> None:
    journal, picture = tmp_path / "run.db", tmp_path / "out.svg"
    sandbox.faults.add("status", status=503, retry_after=0.01, endpoint="patch", times=1)
    rows = [move(three[0], "Lund"), {"sessionId": three[1], "patch": {}}, move(UNKNOWN_ID, "Lund")]
    await run("bulk", "apply", save(jsonl(*rows)), "--journal", journal)
    await run("bulk", "apply", save(jsonl(*rows)), "--journal", journal, "--resume")

    result = await run("bulk", "report", journal, "--svg", picture)

    assert (result.status, result.line) == (0, f"drawn: {picture}")
    assert {name: value(result, name) for name in ("applied", "unchanged", "failed")} == {
        "applied": "1",
        "unchanged": "1",
        "failed": "1",
    }
    assert value(result, "  SessionNotFoundError") == "1"
    assert value(result, "runs") == "2 (finished)"
    for name in ("rows per second", "latency p50", "latency p95", "latency p99"):
        assert value(result, name)
    assert ET.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own


async def test_a_run_without_rows_is_summarised(run: Any, sandbox: Sandbox, save: Save, tmp_path: Path) -> None:
    await run("bulk", "apply", save(jsonl()), "--journal", tmp_path / "run.db")

    result = await run("bulk", "report", tmp_path / "run.db")

    assert (result.status, value(result, "applied")) == (0, "0")
    assert "latency" not in result.out


async def test_a_journal_that_is_missing_or_none_is_one_line(run: Any, save: Save) -> None:
    missing = await run("bulk", "report", "missing.db")
    other = await run("bulk", "report", save({}))

    assert (missing.status, missing.line) == (2, "briqpay: There is no journal missing.db.")
    assert other.status == 2
    assert "is no journal of bulk updates" in other.line


async def test_a_picture_that_cannot_be_written_is_one_line(
    run: Any, sandbox: Sandbox, save: Save, tmp_path: Path
) -> None:
    await run("bulk", "apply", save(jsonl()), "--journal", tmp_path / "run.db")

    result = await run("bulk", "report", tmp_path / "run.db", "--svg", tmp_path / "no" / "out.svg")

    assert (result.status, result.line) == (
        2,
        f"briqpay: cannot write {tmp_path / 'no' / 'out.svg'}: No such file or directory",
    )
