"""The journal: resuming, what it refuses, and what can be read of it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from bulk.bulk_world import NOOP, FakeApi, patch, read, row, rows, session_id, statuses

from briqpay_async import (
    BriqpayError,
    BulkJournal,
    ConfigurationError,
    ConnectError,
    InvalidDataError,
    SessionUpdate,
)
from briqpay_async.bulk import journal_store
from briqpay_async.bulk.journal_file import open_journal
from briqpay_async.bulk.journal_store import JournalStore
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


# --- order across runs -----------------------------------------------------------------------------------


async def cities(api: FakeApi, journal: BulkJournal, updates: list[SessionUpdate]) -> list[str]:
    """What a run over these rows sends, in order."""
    api.calls.clear()
    await api.outcomes(updates, journal=journal)
    return [city for _, city in api.calls]


async def test_a_new_row_before_a_done_one_of_its_session_does_not_have_the_last_word(
    api: FakeApi, journal: BulkJournal
) -> None:
    done, new = row(1, "Done", "done"), row(1, "New", "new")
    await cities(api, journal, [done, row(2, "Other", "other")])

    assert await cities(api, journal, [new, done, row(2, "Other", "other")]) == ["New", "Done"]
    assert api.state[session_id(1)]["city"] == "Done"
    assert await cities(api, journal, [new, done, row(2, "Other", "other")]) == []


async def test_a_failed_row_that_moves_before_a_done_one_does_not_have_the_last_word(
    api: FakeApi, journal: BulkJournal
) -> None:
    done, failed = row(1, "Done", "done"), row(1, "Failed", "failed")
    api.fail("Failed", InvalidDataError("bad", status=400))
    await cities(api, journal, [done, failed])

    assert await cities(api, journal, [failed, done]) == ["Failed", "Done"]
    assert api.state[session_id(1)]["city"] == "Done"


async def test_done_rows_that_change_places_are_sent_in_their_new_order(
    api: FakeApi, journal: BulkJournal
) -> None:
    first, second = row(1, "First", "first"), row(1, "Second", "second")
    await cities(api, journal, [first, second])

    assert await cities(api, journal, [second, first]) == ["First"]
    assert api.state[session_id(1)]["city"] == "First"


async def test_a_new_row_that_changes_nothing_lets_done_rows_be(api: FakeApi, journal: BulkJournal) -> None:
    done = row(1, "Done", "done")
    await cities(api, journal, [done])

    assert await cities(api, journal, [SessionUpdate(session_id(1), NOOP, "nothing"), done]) == []


@pytest.mark.parametrize("seed", range(30))
async def test_the_last_row_of_a_session_has_the_last_word_however_rows_move_and_runs_break_off(
    api: FakeApi, journal: BulkJournal, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeats with the seed
    updates = [row(number % 3, f"City {number}", f"key {number}") for number in range(9)]
    for _ in range(chance.randint(1, 4)):
        some = chance.sample(updates, chance.randint(1, 9))
        for update in some:
            api.fail(update.patch.body["data"]["billing"]["city"], *[ConnectError("lost")] * chance.randint(0, 1))
        await leave_after(api, chance.randint(1, len(some)), some, journal)
    api.failures.clear()
    last = chance.sample(updates, 9)

    outcomes = await api.outcomes(last, journal=journal)

    assert len(outcomes) == 9
    for update in last:  # later ones overwrite earlier ones
        expected = {one.session_id: one.patch.body["data"]["billing"]["city"] for one in last}
        assert api.state[update.session_id]["city"] == expected[update.session_id]
    assert await cities(api, journal, last) == []


async def test_a_resumed_run_remembers_sessions_only_until_the_done_rows_have_come_by(
    api: FakeApi, journal: BulkJournal
) -> None:
    await api.outcomes(rows(20), journal=journal)
    store = JournalStore(journal.path, flush=False)
    try:
        remembered = []
        for index, update in enumerate(rows(40)):
            store.find(store.identify(index, None, update.session_id, update.patch.to_json()), changes=True)
            remembered.append(store._connection.execute("SELECT count(*) FROM seen").fetchone()[0])
    finally:
        store.close(finished=False)

    assert remembered == [*range(1, 20), *[0] * 21]


# --- who may use and read the file -----------------------------------------------------------------------


def run_in_another_process(path: Path) -> str:
    program = (
        "import sys; from pathlib import Path; from briqpay_async.bulk.journal_store import JournalStore\n"
        "try: JournalStore(Path(sys.argv[1]), flush=False)\n"
        "except Exception as error: print(error)"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=60
    ).stdout


async def test_a_backup_of_the_journal_by_the_same_process_does_not_let_another_run_in(
    api: FakeApi, journal: BulkJournal, tmp_path: Path
) -> None:
    async with aclosing(api.run(rows(100), journal=journal)) as run:
        await anext(run)
        shutil.copy(journal.path, tmp_path / "backup.db")  # closing the file drops the locks that POSIX knows

        assert "is in use" in await asyncio.to_thread(run_in_another_process, journal.path)
    assert run_in_another_process(journal.path) == ""


async def test_a_journal_under_two_names_is_one_journal(
    api: FakeApi, journal: BulkJournal, tmp_path: Path
) -> None:
    (tmp_path / "link.db").symlink_to(journal.path)
    async with aclosing(api.run(rows(100), journal=journal)) as run:
        await anext(run)
        with pytest.raises(ConfigurationError, match="is in use"):
            await api.outcomes(rows(3), journal=BulkJournal(tmp_path / "link.db"))


async def test_only_the_owner_can_read_a_journal_and_no_lock_is_left(api: FakeApi, journal: BulkJournal) -> None:
    before = os.umask(0)
    try:
        async with aclosing(api.run(rows(100), journal=journal)) as run:
            await anext(run)
            files = {path.name: path.stat().st_mode & 0o777 for path in journal.path.parent.iterdir()}
    finally:
        os.umask(before)

    assert files == dict.fromkeys(("run.db", "run.db-wal", "run.db-lock"), 0o600)
    assert [path.name for path in journal.path.parent.iterdir()] == ["run.db"]


async def test_two_journals_of_the_same_rows_have_no_digest_in_common(api: FakeApi, tmp_path: Path) -> None:
    found = []
    for name in ("one.db", "two.db"):
        await api.outcomes([row(1, key="+46701234567"), row(2)], journal=BulkJournal(tmp_path / name))
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            found.append(connection.execute("SELECT id, fingerprint FROM rows ORDER BY id").fetchall())

    (key_one, print_one), (_, print_two) = found[0]
    assert key_one not in {identity for identity, _ in found[1]}
    assert not {print_one, print_two} & {fingerprint for _, fingerprint in found[1]}
    unkeyed = hashlib.sha256(b"+46701234567").digest()
    assert key_one != -1 - (int.from_bytes(unkeyed[:8], "big") >> 1)


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("replaced", [False, True])
async def test_a_journal_that_is_deleted_or_replaced_ends_the_run(
    api: FakeApi, journal: BulkJournal, suffix: str, *, replaced: bool
) -> None:
    run = api.run(rows(5000), journal=journal)
    seen = [await anext(run) for _ in range(50)]
    victim = journal.path.with_name(f"run.db{suffix}")
    content = victim.read_bytes()
    victim.unlink()
    if replaced:
        victim.with_name("other").write_bytes(b"")  # takes the number of the file that is gone
        victim.write_bytes(content)

    with pytest.raises(BriqpayError, match="deleted or replaced"):
        await read(run, seen)

    assert len(seen) < 1000
    assert not api.under_way


@pytest.mark.parametrize("path", [":memory:", ""])
def test_a_journal_in_memory_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="Name a file"):
        BulkJournal(path)


@pytest.mark.parametrize("column", ["status = 1", "run = 7", "position = 9", "session = x'00'", "attempts = 77"])
async def test_a_damaged_row_is_found_when_its_turn_comes(api: FakeApi, journal: BulkJournal, column: str) -> None:
    api.fail("City 1", InvalidDataError("bad", status=400))
    await api.outcomes(rows(3), journal=journal)
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.execute(f"UPDATE rows SET {column} WHERE id = 1")  # noqa: S608 - ours
        connection.commit()

    with pytest.raises(ConfigurationError, match="row 1 of the input"):
        await api.outcomes(rows(3), journal=journal)
    with pytest.raises(ConfigurationError, match="is damaged"):
        list(journal.rows())


async def test_a_damaged_key_of_the_digests_is_found(api: FakeApi, journal: BulkJournal) -> None:
    await api.outcomes(rows(3), journal=journal)
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.execute("UPDATE digest SET key = x'00'")
        connection.commit()

    with pytest.raises(ConfigurationError, match="is damaged"):
        await api.outcomes(rows(3), journal=journal)


@pytest.mark.parametrize("killed", [False, True])
async def test_a_journal_that_cannot_be_written_can_be_read(
    api: FakeApi, journal: BulkJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    folder = tmp_path / "read only"
    folder.mkdir()
    async with aclosing(api.run(rows(20), journal=journal)) as run:
        for _ in range(20):
            await anext(run)
        if killed:  # what a killed run leaves behind: most of it is in the second file
            for suffix in ("", "-wal"):
                shutil.copy(f"{journal.path}{suffix}", f"{folder}/run.db{suffix}")
    if not killed:
        shutil.copy(journal.path, folder / "run.db")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))

    found = BulkJournal(folder / "run.db")

    assert found.summary().applied == len(list(found.rows())) == 20
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# --- many rows, and disks that fail ----------------------------------------------------------------------


@pytest.mark.parametrize("flush", [False, True])
async def test_many_rows_are_committed_in_groups(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, flush: bool
) -> None:
    groups: list[int] = []
    commit = JournalStore._commit
    monkeypatch.setattr(journal_store, "_ROWS_BETWEEN_CHECKPOINTS", 700)
    monkeypatch.setattr(
        JournalStore,
        "_commit",
        lambda self, entries: (groups.append(len(entries)), commit(self, entries)),
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
    monkeypatch.setattr(journal_store, "_SETTLE", "INSERT INTO gone VALUES (?)")
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
    open_journal(path, create=True)[0].close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def a_damaged_journal(path: Path) -> None:
    open_journal(path, create=True)[0].close()
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
        "import sys, time; from pathlib import Path; from briqpay_async.bulk.journal_store import JournalStore;"
        "held = JournalStore(Path(sys.argv[1]), flush=False); print('held', flush=True); time.sleep(60)"
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


async def test_a_journal_holds_when_and_how_each_row_was_sent(api: FakeApi, journal: BulkJournal) -> None:
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
