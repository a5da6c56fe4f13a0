"""Laws of a bulk run, whatever the rows, durations, failures and the reader's pace."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import Any
from zlib import crc32

import pytest
from bulk.bulk_world import NOOP, FakeApi, patch, session_id, statuses
from hypothesis import given
from hypothesis import strategies as st
from support.virtual_time import FakeTime

from briqpay_async import BulkJournal, InvalidDataError, RateLimitedError, SessionPatch, SessionUpdate
from briqpay_async.bulk import engine, reader, recorder

MEMBERS = st.fixed_dictionaries({}, optional={"zip": st.sampled_from("abc"), "region": st.sampled_from("abc")})
SESSIONS = st.integers(0, 4)


@st.composite
def updates(draw: st.DrawFn) -> list[SessionUpdate]:
    made = []
    for number in range(draw(st.integers(0, 40))):
        body = NOOP if draw(st.integers(0, 9)) == 0 else patch(f"City {number}", **draw(MEMBERS))
        made.append(SessionUpdate(session_id(draw(SESSIONS)), body))
    return made


def _api(time: FakeTime, durations: list[int], failing: set[int], refused: set[int]) -> FakeApi:
    api = FakeApi(time)
    api.seconds = lambda _, patch: durations[crc32(patch.to_json()) % len(durations)] / 100
    for number in refused:
        api.fail(f"City {number}", RateLimitedError("slow down", status=429, retry_after=0.1))
    for number in failing:
        api.fail(f"City {number}", InvalidDataError("bad", status=400), InvalidDataError("bad", status=400))
    return api


async def _one_by_one(rows: list[SessionUpdate], time: FakeTime) -> AsyncIterator[SessionUpdate]:
    for number, update in enumerate(rows):
        if number % 7 == 0:
            await time.sleep(0.03)
        yield update


def _expected(rows: list[SessionUpdate], failed: set[int]) -> dict[str, Any]:
    """The effect of all rows that did not fail, one after the other."""
    state: dict[str, Any] = {}
    for index, update in enumerate(rows):
        if index not in failed and not update.patch.is_noop:
            state.setdefault(update.session_id, {}).update(update.patch.body["data"]["billing"])
    return state


@given(
    rows=updates(),
    concurrency=st.integers(1, 8),
    durations=st.lists(st.integers(0, 20), min_size=1, max_size=9),
    failing=st.sets(st.integers(0, 40), max_size=5),
    refused=st.sets(st.integers(0, 40), max_size=8),
    pace=st.sampled_from([0.0, 0.02, 0.5]),
    bounds=st.tuples(st.integers(1, 12), st.integers(1, 5)),
    journaled=st.booleans(),
    coalesce=st.booleans(),
    asynchronous=st.booleans(),
)
def test_the_effect_is_that_of_one_row_after_the_other(
    rows: list[SessionUpdate],
    concurrency: int,
    durations: list[int],
    failing: set[int],
    *,
    refused: set[int],
    pace: float,
    bounds: tuple[int, int],
    journaled: bool,
    coalesce: bool,
    asynchronous: bool,
) -> None:
    failing = set() if coalesce else failing  # merging may replace the bad value: then nothing fails

    async def scenario(journal: BulkJournal | None) -> tuple[FakeApi, list[Any]]:
        time = FakeTime()
        api = _api(time, durations, failing, refused)
        seen = []
        updates = _one_by_one(rows, time) if asynchronous else rows
        async with asyncio.timeout(10):
            async for outcome in api.run(updates, concurrency, coalesce=coalesce, journal=journal):
                seen.append(outcome)
                await time.sleep(pace)
        return api, seen

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as tight:
        tight.setattr(engine, "_QUEUED", bounds[0])
        tight.setattr(reader, "_LOOK_AHEAD", bounds[1])
        tight.setattr(recorder, "_LINGER", 0.0)
        api, seen = asyncio.run(scenario(BulkJournal(f"{folder}/run.db") if journaled else None))

    found = statuses(seen)
    failed = {index for index, status in found.items() if status == "failed"}
    assert found.keys() == set(range(len(rows)))
    assert failed == {index for index in failing if index < len(rows) and not rows[index].patch.is_noop}
    assert {index for index, status in found.items() if status == "unchanged"} == {
        index for index, update in enumerate(rows) if update.patch.is_noop
    }
    assert not api.overlapped
    assert api.most_under_way <= concurrency
    assert api.state == _expected(rows, failed)


@given(rows=updates(), leave_after=st.integers(1, 40), concurrency=st.integers(1, 8))
def test_leaving_at_any_moment_leaves_no_call_and_no_task(
    rows: list[SessionUpdate], leave_after: int, concurrency: int
) -> None:
    async def scenario() -> tuple[FakeApi, int]:
        api = FakeApi(FakeTime())
        run = api.run(rows, concurrency)
        async for outcome in run:
            if outcome.index >= leave_after:
                break
        await run.aclose()
        return api, len(asyncio.all_tasks()) - 1

    api, tasks = asyncio.run(scenario())

    assert not api.under_way
    assert tasks == 0


@given(rows=updates())
def test_merging_rows_has_the_effect_of_sending_them(rows: list[SessionUpdate]) -> None:
    together: dict[str, SessionPatch] = {}
    for update in rows:
        before = together.get(update.session_id)
        together[update.session_id] = update.patch if before is None else before.merge(update.patch)

    merged = [SessionUpdate(session, body) for session, body in together.items()]

    assert _expected(merged, set()) == _expected(rows, set())
