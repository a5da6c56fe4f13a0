"""The journal: resuming, what it refuses, and what can be read of it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from bulk.bulk_world import NOOP, FakeApi, patch, read, row, rows, session_id, statuses

from briqpay_async import BriqpayError, BulkJournal, ConfigurationError, InvalidDataError, SessionUpdate
from briqpay_async.bulk import journal_store as ledger
from briqpay_async.bulk.recorder import _BATCH


async def leave_after(api: FakeApi, count: int, updates: list[SessionUpdate], journal: BulkJournal) -> None:
    async with aclosing(api.run(updates, journal=journal)) as run:
        for _ in range(count):
            await anext(run)


def applied(journal: BulkJournal) -> set[int]:
    return {found.index for found in journal.rows() if found.status == "applied"}


# --- resuming --------------------------------------------------------------------------------------------


async def test_a_run_that_was_broken_off_is_resumed_where_it_was(api: FakeApi, journal: BulkJournal) -> None:
    api.held = {f"City {number}" for number in range(60, 100)}
    await leave_after(api, 30, rows(100), journal)
    done = applied(journal)
    api.held.clear()
    api.calls.clear()

    outcomes = await api.outcomes(rows(100), journal=journal)

    assert 30 <= len(done) <= 60
    assert statuses(outcomes) == {index: "skipped" if index in done else "applied" for index in range(100)}
    assert {city for _, city in api.calls} == {f"City {index}" for index in range(100) if index not in done}
    assert len(api.state) == 100


async def test_a_finished_run_makes_no_request_when_it_is_run_again(api: FakeApi, journal: BulkJournal) -> None:
    updates = [*rows(5), SessionUpdate(session_id(9), NOOP)]
    await api.outcomes(updates, journal=journal)
    api.calls.clear()

    outcomes = await api.outcomes(updates, journal=journal)

    assert set(statuses(outcomes).values()) == {"skipped"}
    assert not api.calls


async def test_an_outcome_is_durable_before_it_is_yielded(
    api: FakeApi, journal: BulkJournal, tmp_path: Path
) -> None:
    async with aclosing(api.run(rows(400), journal=journal, concurrency=50)) as run:
        number = 0
        async for outcome in run:
            if number % 100 == 0:  # what a process finds that opens the files after this one was killed
                for suffix in ("", "-wal"):
                    shutil.copy(f"{journal.path}{suffix}", f"{tmp_path}/copy{number}{suffix}")
                assert outcome.index in applied(BulkJournal(tmp_path / f"copy{number}"))
            number += 1


async def test_rows_that_failed_are_tried_again(api: FakeApi, journal: BulkJournal) -> None:
    api.fail("City 3", InvalidDataError("bad", status=400))
    await api.outcomes(rows(5), journal=journal)

    outcomes = await api.outcomes(rows(5), journal=journal)

    assert statuses(outcomes) == {0: "skipped", 1: "skipped", 2: "skipped", 3: "applied", 4: "skipped"}


async def test_a_row_that_failed_may_be_corrected(api: FakeApi, journal: BulkJournal) -> None:
    api.fail("City 1", InvalidDataError("bad", status=400))
    await api.outcomes(rows(3), journal=journal)
    corrected = [*rows(3)[:1], row(1, "Corrected"), *rows(3)[2:]]

    outcomes = await api.outcomes(corrected, journal=journal)

    assert statuses(outcomes) == {0: "skipped", 1: "applied", 2: "skipped"}
    assert api.state[session_id(1)]["city"] == "Corrected"


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_row_tried_again_does_not_undo_later_rows_of_its_session(
    api: FakeApi, journal: BulkJournal, *, keyed: bool
) -> None:
    updates = [row(index % 2, f"City {index}", f"key {index}" if keyed else None) for index in range(8)]
    api.fail("City 2", InvalidDataError("bad", status=400))
    await api.outcomes(updates, journal=journal)
    api.calls.clear()

    outcomes = await api.outcomes(updates, journal=journal)

    assert [city for _, city in api.calls] == ["City 2", "City 4", "City 6"]
    assert api.state[session_id(0)]["city"] == "City 6"
    assert [outcome.index for outcome in outcomes if outcome.status == "skipped"] == [0, 1, 3, 5, 7]


async def test_that_holds_when_the_second_run_is_broken_off_as_well(api: FakeApi, journal: BulkJournal) -> None:
    updates = rows(6, sessions=1)
    api.fail("City 1", InvalidDataError("bad", status=400))
    await api.outcomes(updates, journal=journal)
    api.held = {"City 3"}
    async with aclosing(api.run(updates, journal=journal)) as run:
        while (await anext(run)).index != 2:
            pass
    api.held.clear()
    api.calls.clear()

    await api.outcomes(updates, journal=journal)

    assert [city for _, city in api.calls] == ["City 3", "City 4", "City 5"]
    assert api.state[session_id(0)]["city"] == "City 5"
    api.calls.clear()
    await api.outcomes(updates, journal=journal)
    assert not api.calls


async def test_merged_rows_are_acknowledged_one_by_one(api: FakeApi, journal: BulkJournal) -> None:
    await api.outcomes(rows(10, sessions=1), journal=journal, coalesce=True)

    assert applied(journal) == set(range(10))
    assert journal.summary().requests == 2


@pytest.mark.parametrize("flush", [False, True])
async def test_what_is_finished_when_the_reader_leaves_is_not_forgotten(
    api: FakeApi, tmp_path: Path, *, flush: bool
) -> None:
    journal = BulkJournal(tmp_path / "run.db", flush=flush)

    await leave_after(api, 1, rows(1000), journal)

    assert 1 < len(applied(journal)) == len(api.state) < 1000


async def test_a_row_that_was_under_way_is_in_doubt_and_sent_again(api: FakeApi, journal: BulkJournal) -> None:
    api.held = {"City 0"}
    await leave_after(api, 5, rows(10), journal)
    api.held.clear()

    outcomes = await api.outcomes(rows(10), journal=journal)

    assert statuses(outcomes)[0] == "applied"
    assert [session for session, _ in api.calls].count(session_id(0)) == 2


# --- identity --------------------------------------------------------------------------------------------


async def test_keys_let_rows_move_between_runs(api: FakeApi, journal: BulkJournal) -> None:
    updates = [row(number, f"City {number}", key=f"order-{number}") for number in range(10)]
    await api.outcomes(updates[:6], journal=journal)

    outcomes = await api.outcomes(list(reversed(updates)), journal=journal)

    assert {outcome.key: str(outcome.status) for outcome in outcomes} == {
        f"order-{number}": "skipped" if number < 6 else "applied" for number in range(10)
    }


@pytest.mark.parametrize("key", [None, "order-1"])
@pytest.mark.parametrize("changed", ["patch", "session"])
async def test_another_row_in_the_place_of_one_that_was_done_fails_and_is_named(
    api: FakeApi, journal: BulkJournal, key: str | None, changed: str
) -> None:
    await api.outcomes([row(0), row(1, key=key)], journal=journal)
    other = row(1, "Malmo", key) if changed == "patch" else row(2, key=key)

    outcomes = await api.outcomes([row(0), other, row(3)], journal=journal)

    assert statuses(outcomes) == {0: "skipped", 1: "failed", 2: "applied"}
    (error,) = [outcome.error for outcome in outcomes if outcome.error]
    assert isinstance(error, ConfigurationError)
    assert "row 1" in str(error)
    assert key is None or key in str(error)


@pytest.mark.parametrize("apart", [1, 400])
async def test_a_key_that_is_used_twice_in_a_run_fails_the_second_row(
    api: FakeApi, journal: BulkJournal, apart: int
) -> None:
    updates = [row(number, f"City {number}", key=f"order-{number % apart}") for number in range(apart + 1)]

    outcomes = await api.outcomes(updates, journal=journal)

    assert [outcome.index for outcome in outcomes if outcome.status == "failed"] == [apart]
    assert "a key of its own" in str(next(outcome.error for outcome in outcomes if outcome.error))


async def test_the_file_holds_no_personal_data(api: FakeApi, journal: BulkJournal) -> None:
    update = SessionUpdate(session_id(1), patch("Secretville", email="ada@shop.example"), key="ada@shop.example")
    api.fail("Secretville", InvalidDataError("ada@shop.example is bad", status=400))
    async with aclosing(api.run([update, row(2)], journal=journal)) as run:
        await anext(run)
        await anext(run)
        written = b"".join(path.read_bytes() for path in journal.path.parent.iterdir())

    for personal in (b"Secretville", b"ada", b"shop.example"):
        assert personal not in written
    assert b"InvalidDataError" in written


# --- many rows, and disks that fail ----------------------------------------------------------------------


@pytest.mark.parametrize("flush", [False, True])
async def test_many_rows_are_committed_in_groups(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, flush: bool
) -> None:
    groups: list[int] = []
    commit = ledger.Ledger._commit
    monkeypatch.setattr(ledger, "_ROWS_BETWEEN_CHECKPOINTS", 700)
    monkeypatch.setattr(
        ledger.Ledger, "_commit", lambda self, entries: (groups.append(len(entries)), commit(self, entries))
    )
    api.seconds = lambda *_: 0.0
    journal = BulkJournal(tmp_path / "run.db", flush=flush)

    outcomes = await api.outcomes(rows(2000), journal=journal, concurrency=100)

    assert len(outcomes) == sum(groups) == journal.summary().applied == 2000
    assert len(groups) < 500
    assert max(groups) <= _BATCH + 100


async def test_rows_that_need_no_request_are_acknowledged_too(api: FakeApi, journal: BulkJournal) -> None:
    updates = [SessionUpdate(session_id(number), NOOP) for number in range(3 * _BATCH)]

    await api.outcomes(updates, journal=journal)

    assert journal.summary().unchanged == len(updates)


async def test_a_journal_that_cannot_be_written_any_more_ends_the_run(
    api: FakeApi, journal: BulkJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = api.run(rows(5000), journal=journal)
    seen = [await anext(run) for _ in range(50)]
    monkeypatch.setattr(ledger, "_SETTLE", "INSERT INTO gone VALUES (?)")
    with pytest.raises(BriqpayError, match="could not be written"):
        await read(run, seen)

    assert len(seen) < 1000
    assert not api.under_way
    monkeypatch.undo()
    assert {outcome.index for outcome in seen} <= applied(journal)


# --- files that are no good ------------------------------------------------------------------------------


def a_text(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def a_database_of_something_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")


def a_journal_of_the_future(path: Path) -> None:
    ledger.connect(path, create=True).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def a_damaged_journal(path: Path) -> None:
    ledger.connect(path, create=True).close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_text, "exists and is no journal"),
        (a_database_of_something_else, "exists and is no journal"),
        (a_journal_of_the_future, "has format 99"),
        (a_damaged_journal, "is damaged"),
        (a_folder, "Make it possible to write the journal"),
    ],
)
async def test_a_file_that_is_no_usable_journal_is_refused_and_left_alone(
    api: FakeApi, journal: BulkJournal, make: Any, message: str
) -> None:
    make(journal.path)
    before = journal.path.is_file() and journal.path.read_bytes()

    with pytest.raises(ConfigurationError, match=message) as raised:
        await api.outcomes(rows(3), journal=journal)

    assert "run.db" in str(raised.value)
    assert not api.calls
    assert (journal.path.is_file() and journal.path.read_bytes()) == before


async def test_a_journal_in_a_folder_that_does_not_exist_is_refused(api: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Make it possible to write the journal"):
        await api.outcomes(rows(3), journal=BulkJournal(tmp_path / "nowhere" / "run.db"))


async def test_two_runs_cannot_share_a_journal(api: FakeApi, journal: BulkJournal) -> None:
    async with aclosing(api.run(rows(100), journal=journal)) as first:
        await anext(first)
        with pytest.raises(ConfigurationError, match="is in use"):
            await api.outcomes(rows(3), journal=BulkJournal(journal.path))
        with pytest.raises(ConfigurationError, match="is in use"):
            journal.summary()


async def test_two_processes_cannot_share_a_journal_and_a_dead_one_holds_nothing(
    api: FakeApi, journal: BulkJournal
) -> None:
    program = (
        "import sys, time; from pathlib import Path; from briqpay_async.bulk.journal_store import Ledger;"
        "held = Ledger(Path(sys.argv[1]), flush=False); print('held', flush=True); time.sleep(60)"
    )
    arguments = (sys.executable, "-c", program, journal.path)
    holder = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigurationError, match="is in use"):
            await api.outcomes(rows(3), journal=journal)
    finally:
        holder.kill()
        await holder.communicate()

    assert len(await api.outcomes(rows(3), journal=journal)) == 3


# --- reading ---------------------------------------------------------------------------------------------


async def test_a_journal_tells_when_and_how_each_row_was_sent(api: FakeApi, journal: BulkJournal) -> None:
    api.fail("City 1", InvalidDataError("bad", status=400))
    await api.outcomes([*rows(3), SessionUpdate(session_id(9), NOOP)], journal=journal)

    found = {settled.index: settled for settled in journal.rows()}

    assert [str(found[index].status) for index in range(4)] == ["applied", "failed", "applied", "unchanged"]
    assert found[1].session_id == session_id(1)
    assert (found[1].http_status, found[1].error, found[1].attempts) == (400, "InvalidDataError", 1)
    assert found[0].elapsed_s == pytest.approx(0.01)
    assert {found[index].in_flight for index in range(3)} <= {1, 2, 3}
    assert not found[0].again
    assert found[0].run == 1


async def test_rows_are_read_in_the_order_in_which_they_were_sent(api: FakeApi, journal: BulkJournal) -> None:
    await api.outcomes(rows(50), journal=journal)

    started = [settled.started for settled in journal.rows()]

    assert started == sorted(started)


async def test_a_summary_counts_rows_requests_and_runs(api: FakeApi, journal: BulkJournal) -> None:
    api.fail("City 1", InvalidDataError("bad", status=400), InvalidDataError("bad", status=400))
    api.held = {"City 0"}
    await leave_after(api, 3, rows(50), journal)
    api.held.clear()
    assert not journal.summary().finished

    await api.outcomes(rows(50), journal=journal)

    summary = journal.summary()
    assert (summary.applied, summary.failed, summary.unchanged) == (49, 1, 0)
    assert (summary.requests, summary.runs, summary.finished) == (50, 2, True)


def test_reading_a_journal_that_does_not_exist_is_an_error(journal: BulkJournal) -> None:
    for look in (journal.summary, lambda: list(journal.rows())):
        with pytest.raises(ConfigurationError, match="There is no journal"):
            look()
    assert not journal.path.exists()


def test_a_journal_shows_its_path(journal: BulkJournal) -> None:
    assert str(journal.path) in repr(journal)


def test_the_library_does_not_load_sqlite_until_a_run_has_a_journal() -> None:
    program = "import sys, briqpay_async; assert 'sqlite3' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
