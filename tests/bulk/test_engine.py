"""The engine over an API in memory: what every row and every reader is promised."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import attrs
import pytest
from bulk.bulk_world import NOOP, FakeApi, patch, read, row, rows, session_id, statuses

from briqpay_async import (
    BulkJournal,
    ConfigurationError,
    InvalidDataError,
    PatchNotAppliedError,
    RateLimitedError,
    ServerError,
    SessionUpdate,
    UpdateOutcome,
    UpdateStatus,
    ValidationError,
    WrongLoopError,
)
from briqpay_async.bulk.engine import update_many
from briqpay_async.bulk.reader import _LOOK_AHEAD


async def test_every_row_takes_effect_and_has_one_outcome(api: FakeApi) -> None:
    outcomes = await api.outcomes(rows(500))

    assert statuses(outcomes) == dict.fromkeys(range(500), "applied")
    assert {session: state["city"] for session, state in api.state.items()} == {
        session_id(number): f"City {number}" for number in range(500)
    }


async def test_an_outcome_says_what_happened_to_its_row(api: FakeApi) -> None:
    (outcome,) = await api.outcomes([row(7, key="order-7")], fields=("data",))

    assert outcome == UpdateOutcome(
        index=0,
        session_id=session_id(7),
        key="order-7",
        status=UpdateStatus.APPLIED,
        session=outcome.session,
        attempts=1,
        elapsed_s=outcome.elapsed_s,
        bytes_sent=len(patch().to_json()),
    )
    assert outcome.session is not None
    assert outcome.session.session_id == session_id(7)
    assert outcome.elapsed_s == pytest.approx(0.01)
    assert outcome.status == "applied"


async def test_an_outcome_is_frozen(api: FakeApi) -> None:
    (outcome,) = await api.outcomes([row()])

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        outcome.status = UpdateStatus.FAILED


async def test_options_reach_every_call(api: FakeApi) -> None:
    await api.outcomes(rows(3), fields=iter(["data", "status"]), timeout=5.0)

    assert api.options == [{"fields": ("data", "status"), "timeout": 5.0}] * 3


async def test_a_patch_that_changes_nothing_makes_no_request(api: FakeApi) -> None:
    outcomes = await api.outcomes([SessionUpdate(session_id(1), NOOP), row(2)])

    assert statuses(outcomes) == {0: "unchanged", 1: "applied"}
    assert api.calls == [(session_id(2), "Lund")]


async def test_no_more_updates_than_allowed_are_under_way(api: FakeApi) -> None:
    await api.outcomes(rows(300), concurrency=7)

    assert api.most_under_way == 7


async def test_the_window_opens_up_to_the_concurrency_asked_for(api: FakeApi) -> None:
    await api.outcomes(rows(500), concurrency=60)

    assert api.most_under_way == 60


async def test_outcomes_come_in_the_order_of_completion(api: FakeApi) -> None:
    api.seconds = lambda session, _: 1.0 if session == session_id(0) else 0.01

    outcomes = await api.outcomes(rows(20), concurrency=5)

    assert outcomes[-1].index == 0


async def test_no_rows_mean_no_outcomes(api: FakeApi) -> None:
    assert await api.outcomes([]) == []
    assert await api.outcomes(_later([])) == []


# --- bad rows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (("c5674f4f-7e84-405c-a44b-c83736bb7209", patch()), "must be a SessionUpdate, not tuple"),
        (None, "must be a SessionUpdate, not NoneType"),
        (SessionUpdate(session_id(1), {"data": {}}), "must be a SessionPatch, not dict"),  # type: ignore[arg-type]
        (SessionUpdate("not-a-uuid", patch()), "must be a UUID"),
        (SessionUpdate("not-a-uuid", NOOP), "must be a UUID"),
        (SessionUpdate(None, patch()), "must be a UUID"),  # type: ignore[arg-type]
        (SessionUpdate(session_id(1), patch(), key=7), "must be text"),  # type: ignore[arg-type]
    ],
)
async def test_a_row_that_cannot_be_sent_fails_and_stops_no_other(api: FakeApi, bad: Any, problem: str) -> None:
    outcomes = await api.outcomes([row(1), bad, row(2)])

    assert statuses(outcomes) == {0: "applied", 1: "failed", 2: "applied"}
    (error,) = [outcome.error for outcome in outcomes if outcome.index == 1]
    assert isinstance(error, ValidationError)
    assert problem in str(error)


@pytest.mark.parametrize("error", [InvalidDataError("no", status=400), ZeroDivisionError("unforeseen")])
async def test_a_row_whose_update_raises_fails_and_stops_no_other(api: FakeApi, error: Exception) -> None:
    api.fail("City 5", error)

    outcomes = await api.outcomes(rows(10))

    assert [outcome.index for outcome in outcomes if outcome.status == "failed"] == [5]
    assert next(outcome.error for outcome in outcomes if outcome.index == 5) is error


@pytest.mark.parametrize("error", [WrongLoopError("wrong loop"), ConfigurationError("closed")])
async def test_a_client_that_cannot_be_used_ends_the_run(api: FakeApi, error: Exception) -> None:
    api.fail("City 5", error)
    seen: list[UpdateOutcome] = []

    with pytest.raises(type(error)):
        await read(api.run(rows(1000), concurrency=2), seen)

    assert len(seen) < 20


# --- one session -----------------------------------------------------------------------------------------


async def test_rows_of_one_session_keep_their_order_and_never_overlap(api: FakeApi) -> None:
    await api.outcomes(rows(200, sessions=5))

    assert not api.overlapped
    for number in range(5):
        cities = [city for session, city in api.calls if session == session_id(number)]
        assert cities == [f"City {index}" for index in range(number, 200, 5)]


async def test_two_spellings_of_a_session_are_one_session(api: FakeApi) -> None:
    name = "c5674f4f-7e84-405c-a44b-c83736bb7209"

    outcomes = await api.outcomes([SessionUpdate(name, patch("A")), SessionUpdate(name.upper(), patch("B"))])

    assert api.calls == [(name, "A"), (name, "B")]
    assert not api.overlapped
    assert {outcome.session_id for outcome in outcomes} == {name, name.upper()}


async def test_a_hot_session_starves_no_other(api: FakeApi) -> None:
    hot = [row(0, f"Hot {number}") for number in range(1000)]

    outcomes = await api.outcomes([*hot, *rows(101)[1:]], concurrency=5)

    others = [place for place, outcome in enumerate(outcomes) if outcome.session_id != session_id(0)]
    assert max(others) < 150


async def test_the_look_ahead_behind_busy_sessions_is_bounded(api: FakeApi) -> None:
    read = 0

    def hot() -> Iterator[SessionUpdate]:
        nonlocal read
        for number in range(_LOOK_AHEAD * 2):
            read += 1
            yield row(0, f"Hot {number}")

    async with aclosing(api.run(hot(), concurrency=5)) as run:
        await anext(run)
        assert read <= _LOOK_AHEAD + 2


async def test_everything_behind_a_full_look_ahead_is_done(api: FakeApi) -> None:
    api.seconds = lambda *_: 0.0
    hot = [row(0, f"Hot {number}") for number in range(_LOOK_AHEAD + 50)]

    outcomes = await api.outcomes([*hot, *rows(5)], coalesce=True)

    assert len(statuses(outcomes)) == _LOOK_AHEAD + 55


async def test_waiting_rows_of_one_session_are_merged_when_asked_to(api: FakeApi) -> None:
    updates = [SessionUpdate(session_id(0), patch(f"City {number}", zip=str(number))) for number in range(10)]

    outcomes = await api.outcomes(updates, coalesce=True)

    assert [city for _, city in api.calls] == ["City 0", "City 9"]
    assert api.state[session_id(0)] == {"city": "City 9", "zip": "9"}
    assert statuses(outcomes) == dict.fromkeys(range(10), "applied")
    assert [outcome.coalesced_into for outcome in outcomes] == [None, *[9] * 8, None]
    assert sum(outcome.attempts for outcome in outcomes) == 2


@pytest.mark.parametrize("error", [InvalidDataError("bad", status=400), PatchNotAppliedError("not as sent")])
async def test_a_bad_row_takes_no_row_along_that_it_was_merged_with(api: FakeApi, error: Exception) -> None:
    api.fail("City 3", error, error)

    outcomes = await api.outcomes(rows(4, sessions=1), coalesce=True)

    assert statuses(outcomes) == {0: "applied", 1: "applied", 2: "applied", 3: "failed"}
    assert [city for _, city in api.calls] == ["City 0", "City 3", "City 1", "City 2", "City 3"]
    assert api.state[session_id(0)]["city"] == "City 2"
    assert sum(outcome.attempts for outcome in outcomes) == 5


async def test_an_outage_is_not_multiplied_by_what_was_merged(api: FakeApi) -> None:
    api.fail("City 3", ServerError("down", status=500))

    outcomes = await api.outcomes(rows(4, sessions=1), coalesce=True)

    assert statuses(outcomes) == {0: "applied", 1: "failed", 2: "failed", 3: "failed"}
    assert len(api.calls) == 2


# --- the input -------------------------------------------------------------------------------------------


async def _later(updates: list[SessionUpdate], error: Exception | None = None) -> AsyncIterator[SessionUpdate]:
    for update in updates:
        await asyncio.sleep(0)
        yield update
    if error is not None:
        raise error


def _now(updates: list[SessionUpdate], error: Exception) -> Iterator[SessionUpdate]:
    yield from updates
    raise error


async def test_an_async_iterable_is_read_by_one_task_from_beginning_to_end(api: FakeApi) -> None:
    readers = set()

    async def source() -> AsyncIterator[SessionUpdate]:
        for update in rows(100):
            readers.add(asyncio.current_task())
            await asyncio.sleep(0)
            yield update

    assert len(statuses(await api.outcomes(source()))) == 100
    assert len(readers) == 1


@pytest.mark.parametrize("source", [_now, _later])
async def test_an_input_that_raises_ends_the_run_after_the_rows_before(api: FakeApi, source: Any) -> None:
    seen: list[UpdateOutcome] = []

    with pytest.raises(OSError, match="file is gone"):
        await read(api.run(source(rows(30, sessions=3), OSError("file is gone"))), seen)

    assert statuses(seen) == dict.fromkeys(range(30), "applied")


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_slow_reader_stops_the_reading_of_rows(api: FakeApi, *, is_async: bool) -> None:
    taken = 0

    def count() -> Iterator[SessionUpdate]:
        nonlocal taken
        for update in rows(5000):
            taken += 1
            yield update

    async def count_later() -> AsyncIterator[SessionUpdate]:
        for update in count():
            yield update

    async with aclosing(api.run(count_later() if is_async else count(), concurrency=10)) as run:
        await anext(run)
        for _ in range(3):
            await api.time.sleep(60)
        assert taken < 300
        for _ in range(400):
            await anext(run)
        assert taken > 400


@pytest.mark.parametrize("count", range(254, 270))
async def test_a_run_ends_whatever_waits_for_a_slow_reader_when_the_input_does(api: FakeApi, count: int) -> None:
    seen: list[UpdateOutcome] = []
    run = api.run(rows(count), concurrency=10)
    seen.append(await anext(run))
    await api.time.sleep(60)

    async with asyncio.timeout(30):
        await read(run, seen)

    assert len(seen) == count


async def test_a_slow_reader_also_stops_the_sending_of_rows_that_were_read(api: FakeApi) -> None:
    async with aclosing(api.run(rows(1500, sessions=1), concurrency=5)) as run:
        await anext(run)
        await api.time.sleep(60)
        await api.time.sleep(60)

        assert len(api.calls) < 270


async def test_no_row_is_left_behind_when_the_window_shrinks_at_the_end(api: FakeApi) -> None:
    gate = api.gate(3)
    api.seconds = lambda session, _: 2.0 if session == session_id(0) else 1.0
    updates = [row(0), row(1, "A"), row(2, "A"), row(1, "B"), row(2, "B")]
    seen: list[UpdateOutcome] = []

    async def shrink() -> None:
        await api.time.sleep(0.5)
        gate.limiter.window.limit = 1

    shrinking = asyncio.create_task(shrink())
    async with asyncio.timeout(30):
        await read(update_many(api.bind, updates, gate), seen)

    await shrinking
    assert statuses(seen) == dict.fromkeys(range(5), "applied")


async def test_rows_that_need_no_request_do_not_outrun_the_reader_either(api: FakeApi) -> None:
    taken = 0

    def unchanged() -> Iterator[SessionUpdate]:
        nonlocal taken
        for number in range(5000):
            taken += 1
            yield SessionUpdate(session_id(number), NOOP)

    async with aclosing(api.run(unchanged())) as run:
        await anext(run)
        await asyncio.sleep(0)
        assert taken < 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"updates": 7}, "Give the updates as an iterable"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"concurrency": True}, "concurrency must be"),
        ({"concurrency": "fast"}, "concurrency must be"),
        ({"journal": "run.db"}, "journal must be a BulkJournal"),
    ],
)
def test_invalid_arguments_are_refused_at_once(api: FakeApi, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        api.run(**{"updates": [], **options})


def test_malformed_fields_are_refused_at_once(api: FakeApi) -> None:
    with pytest.raises(ValidationError):
        api.run([], fields="data")


# --- the end ---------------------------------------------------------------------------------------------


async def test_failing_fast_finishes_what_is_under_way_and_raises(api: FakeApi) -> None:
    api.fail("City 4", InvalidDataError("bad", status=400))
    seen: list[UpdateOutcome] = []

    with pytest.raises(InvalidDataError, match="bad"):
        await read(api.run(rows(1000, sessions=50), concurrency=10, fail_fast=True), seen)

    assert len(seen) == len(api.calls) < 40
    assert [outcome.index for outcome in seen if outcome.status == "failed"] == [4]


async def test_failing_fast_also_means_rows_that_cannot_be_sent(api: FakeApi) -> None:
    with pytest.raises(ValidationError):
        await api.outcomes([row(1), SessionUpdate("?", patch()), *rows(100)], concurrency=1, fail_fast=True)

    assert len(api.calls) == 1


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_leaving_the_loop_leaves_nothing_running(api: FakeApi) -> None:
    async with aclosing(api.run(_later(rows(1000, sessions=100)), concurrency=20, progress=lambda _: None)) as run:
        async for outcome in run:
            if outcome.index > 50:
                break
        assert api.under_way

    made = len(api.calls)
    await api.time.sleep(10)
    assert not api.under_way
    assert len(api.calls) == made
    assert {task.get_coro().__qualname__ for task in _others()} <= {"FakeTime._move"}  # type: ignore[union-attr]


async def test_breaking_out_of_the_loop_is_enough(api: FakeApi) -> None:
    async for outcome in api.run(rows(1000), concurrency=20):
        if outcome.index > 50:
            break

    gc.collect()
    await asyncio.sleep(0.01)
    assert not api.under_way


async def test_cancelling_the_reader_cancels_what_is_under_way(api: FakeApi) -> None:
    api.held = {f"City {number}" for number in range(100)}
    reader = asyncio.create_task(api.outcomes(rows(100), concurrency=5))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(api.under_way) == 5
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader

    assert not api.under_way
    assert reader.done()


async def test_a_worker_that_is_cancelled_from_outside_ends_the_run(api: FakeApi) -> None:
    run = api.run(rows(1000), concurrency=3)
    await anext(run)
    for task in _others():
        if task.get_coro().__qualname__ == "_Run._work":  # type: ignore[union-attr]
            task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await read(run, [])


async def test_a_run_that_is_never_read_does_nothing(api: FakeApi, journal: BulkJournal) -> None:
    await api.run(rows(10), journal=journal).aclose()

    assert not api.calls
    assert not journal.path.exists()


# --- refusals --------------------------------------------------------------------------------------------


async def test_a_row_that_is_only_refused_its_rate_is_sent_again_later(api: FakeApi) -> None:
    api.fail("City 3", *[RateLimitedError("slow down", status=429, retry_after=1.0) for _ in range(3)])

    outcomes = await api.outcomes(rows(10))

    assert statuses(outcomes) == dict.fromkeys(range(10), "applied")
    assert next(outcome.attempts for outcome in outcomes if outcome.index == 3) == 4


async def test_a_row_that_is_refused_for_ever_fails(api: FakeApi) -> None:
    api.fail("City 3", *[RateLimitedError("slow down", status=429) for _ in range(100)])

    outcomes = await api.outcomes(rows(10))

    assert [outcome.index for outcome in outcomes if outcome.status == "failed"] == [3]
    assert next(outcome.attempts for outcome in outcomes if outcome.index == 3) == 9


async def test_a_row_is_not_sent_again_before_the_time_that_the_api_asked_for(api: FakeApi) -> None:
    api.fail("City 0", ServerError("later", status=503, retry_after=30.0))
    begun: list[float] = []
    inner = api.update

    async def noted(session: str, patch: Any, **options: Any) -> Any:
        if patch.body["data"]["billing"]["city"] == "City 0":
            begun.append(api.time.now)
        return await inner(session, patch, **options)

    api.update = noted  # type: ignore[method-assign]

    await api.outcomes(rows(100), concurrency=1)

    assert begun[1] - begun[0] >= 30.0


async def test_others_are_sent_while_a_refused_row_waits_and_no_more_at_once_than_asked_for(api: FakeApi) -> None:
    api.fail("City 0", RateLimitedError("slow down", status=429, retry_after=5.0))
    api.fail("City 3", RateLimitedError("slow down", status=429, retry_after=5.0))
    started = api.time.now

    outcomes = await api.outcomes(rows(100), concurrency=2)

    assert [outcome.index for outcome in outcomes][-2:] == [0, 3]
    assert [outcome.attempts for outcome in outcomes][-2:] == [2, 2]
    assert api.most_under_way <= 2
    assert api.time.now - started < 8.0


async def test_rows_of_a_session_keep_their_order_while_one_of_them_waits(api: FakeApi) -> None:
    api.fail("City 0", RateLimitedError("slow down", status=429, retry_after=5.0))

    outcomes = await api.outcomes(rows(40, sessions=4), concurrency=2)

    assert len(outcomes) == 40
    assert [outcome.index for outcome in outcomes if outcome.index % 4 == 0] == list(range(0, 40, 4))
    assert not api.overlapped


async def test_a_run_that_is_left_while_rows_wait_leaves_nothing_behind(api: FakeApi) -> None:
    for number in range(20):
        api.fail(f"City {number}", *[RateLimitedError("slow down", status=429, retry_after=5.0)] * 3)

    run = api.run(rows(1000), concurrency=5)
    async for _ in run:
        break
    await run.aclose()

    assert not api.under_way


async def test_nothing_begins_after_the_moment_that_is_named(api: FakeApi, journal: BulkJournal) -> None:
    seen: list[UpdateOutcome] = []
    moment = api.time.clock() + 0.1

    await read(api.run(rows(1000), concurrency=10, until=moment, journal=journal), seen)

    assert set(statuses(seen)) == set(range(len(api.calls)))
    assert 90 <= len(seen) <= 110
    assert api.time.clock() < moment + 0.02
    assert not journal.summary().finished
    assert statuses(await api.outcomes(rows(1000), journal=journal)) == {
        index: "skipped" if index < len(seen) else "applied" for index in range(1000)
    }


async def test_a_row_that_is_refused_until_then_fails_with_what_it_was_refused_with(api: FakeApi) -> None:
    api.fail("City 3", *[RateLimitedError("slow down", status=429, retry_after=1.0) for _ in range(100)])

    outcomes = await api.outcomes(rows(10), until=api.time.clock() + 2.5)

    (failed,) = [outcome for outcome in outcomes if outcome.index == 3]
    assert isinstance(failed.error, RateLimitedError)
    assert failed.attempts == 3


async def test_a_refused_run_goes_on_at_a_lower_pace(api: FakeApi) -> None:
    for number in range(5, 80):
        api.fail(f"City {number}", RateLimitedError("slow down", status=429))

    snapshots: list[Any] = []
    await api.outcomes(rows(300), progress=snapshots.append)

    assert any(snapshot.pace is not None for snapshot in snapshots)
    assert snapshots[-1].applied == 300
