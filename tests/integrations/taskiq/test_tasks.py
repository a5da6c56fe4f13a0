"""Rows that are put into the queue reach their sessions: in order, all of them, and with their outcomes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest
from support.queue_world import MISSING, World, eventually, letters, nothing, to
from taskiq import InMemoryBroker

from briqpay_async import (
    BulkProgress,
    ConfigurationError,
    SessionNotFoundError,
    SessionPatch,
    SessionUpdate,
    ValidationError,
)
from briqpay_async.errors import ServerError
from briqpay_async.integrations.taskiq import BriqpayTasks
from briqpay_async.integrations.taskiq.rows import QueuedRow


async def test_an_update_is_sent_later(world: World) -> None:
    tasks = world.tasks()
    (session_id,) = await world.sessions(1)
    await tasks.update(session_id, to("Ystad"), key="order-1")
    await eventually(lambda: world.city(session_id), "Ystad")
    assert await letters(tasks) == []


async def test_what_changes_nothing_is_not_put(world: World) -> None:
    tasks = world.tasks()
    await tasks.update(MISSING, SessionPatch())
    assert await tasks._queue.take(tasks._queue.shard_of(MISSING), "me") is None


@pytest.mark.parametrize(
    ("session_id", "patch", "key"), [("x", to("A"), None), (MISSING, {}, None), (MISSING, to("A"), 1)]
)
async def test_what_is_no_update_is_refused_at_once(world: World, session_id: str, patch: Any, key: Any) -> None:
    with pytest.raises(ValidationError):
        await world.tasks().update(session_id, patch, key)


async def test_a_run_has_an_outcome_for_every_row_and_the_last_row_has_the_last_word(world: World) -> None:
    tasks = world.tasks()
    sessions = await world.sessions(5)
    rows = [SessionUpdate(sessions[n % 5], to(f"city {n}"), key=f"k{n}") for n in range(100)]
    snapshots: list[BulkProgress] = []
    run = await tasks.update_many(rows, run="night", progress=snapshots.append)
    outcomes = [outcome async for outcome in run.outcomes()]
    assert sorted(outcome.index for outcome in outcomes) == list(range(100))
    assert {outcome.status for outcome in outcomes} == {"applied"}
    assert {outcome.index: (outcome.session_id, outcome.key) for outcome in outcomes} == {
        n: (sessions[n % 5], f"k{n}") for n in range(100)
    }
    assert [await world.city(session_id) for session_id in sessions] == [f"city {95 + n}" for n in range(5)]
    assert sum(outcome.attempts for outcome in outcomes) < 100  # rows of one session travel together
    assert {outcome.coalesced_into is None for outcome in outcomes} == {True, False}
    assert snapshots[-1].done == snapshots[-1].applied == 100


async def test_rows_that_need_no_worker_have_outcomes_too(world: World) -> None:
    tasks = world.tasks()
    (session_id,) = await world.sessions(1)

    async def rows() -> AsyncIterator[Any]:
        yield SessionUpdate(session_id, SessionPatch())
        yield "no row"
        await asyncio.sleep(0.1)  # what was read is put meanwhile
        yield SessionUpdate(session_id, to("Ystad"))
        yield None

    run = await tasks.update_many(rows(), ahead=10)
    found = {outcome.index: outcome async for outcome in run.outcomes()}
    assert [found[index].status for index in range(4)] == ["unchanged", "failed", "applied", "failed"]
    assert isinstance(found[1].error, ValidationError)


async def test_the_rate_counts_rows_that_were_sent_and_no_others(world: World) -> None:
    tasks = world.tasks()
    (session_id,) = await world.sessions(1)
    rows = [SessionUpdate(session_id, to("Ystad")), *[SessionUpdate(MISSING, SessionPatch())] * 99]
    progress = await (await tasks.update_many(rows)).wait()
    assert (progress.done, progress.applied, progress.unchanged) == (100, 1, 99)
    assert progress.rate * progress.elapsed_s == pytest.approx(1)


async def test_what_the_rows_raise_is_raised_after_the_outcomes_of_those_before(world: World) -> None:
    tasks = world.tasks()
    (session_id,) = await world.sessions(1)

    def rows() -> Iterator[SessionUpdate]:
        yield SessionUpdate(session_id, to("Ystad"))
        raise OSError("the file ends here")

    run = await tasks.update_many(rows(), ahead=10)
    outcomes = run.outcomes()
    assert (await anext(outcomes)).status == "applied"
    with pytest.raises(OSError, match="ends here"):
        await anext(outcomes)


async def test_a_bad_row_takes_no_good_one_along_and_becomes_a_dead_letter(world: World) -> None:
    tasks = world.tasks()
    (session_id,) = await world.sessions(1)
    # Trusted bytes: only the sandbox finds out that they break a limit.
    bad = SessionPatch.from_json(
        b'{"data":{"order":{"currency":"SEK","amountIncVat":0,"amountExVat":0,"cart":[{}]}}}'
    )
    rows = [
        SessionUpdate(session_id, to("Lund")),
        SessionUpdate(session_id, bad, "bad"),
        SessionUpdate(MISSING, to("A")),
    ]
    run = await tasks.update_many(rows, run="night")
    found = {outcome.index: outcome async for outcome in run.outcomes()}
    assert [found[index].status for index in range(3)] == ["applied", "failed", "failed"]
    assert isinstance(found[2].error, SessionNotFoundError)
    assert await world.city(session_id) == "Lund"
    failed = {letter.session_id: letter for letter in await letters(tasks)}
    assert (failed[session_id].key, failed[session_id].run, failed[session_id].patch) == ("bad", "night", bad)
    assert isinstance(failed[MISSING].error, SessionNotFoundError)
    assert await tasks.discard(failed.values()) == 2
    assert await letters(tasks) == []


async def test_a_dead_letter_can_be_put_back(world: World) -> None:
    tasks = world.tasks()
    (session_id,) = await world.sessions(1)
    world.sandbox.faults.add(kind="status", status=404, endpoint="patch", times=1)
    await tasks.update(session_id, to("Ystad"))
    await eventually(lambda: _count(tasks), 1)
    assert await tasks.put_back(await letters(tasks)) == 1
    await eventually(lambda: world.city(session_id), "Ystad")
    assert await letters(tasks) == []


async def _count(tasks: BriqpayTasks) -> int:
    return len(await letters(tasks))


async def test_an_outage_is_waited_for_and_then_given_up(world: World) -> None:
    tasks = world.tasks(lease=0.6)
    (session_id,) = await world.sessions(1)
    world.sandbox.faults.add(kind="status", status=503, endpoint="patch")
    await world.start()
    run = await tasks.update_many([SessionUpdate(session_id, to("Ystad"))])
    (outcome,) = [outcome async for outcome in run.outcomes()]
    assert isinstance(outcome.error, ServerError)
    assert outcome.error.status == 503
    assert (
        sum(entry.method == "PATCH" for entry in world.sandbox.journal) == 12
    )  # four requests of each of three tries


async def test_wrong_credentials_of_one_worker_do_no_harm(world: World) -> None:
    wrong = world.tasks(secret="wrong", lease=0.6)
    (session_id,) = await world.sessions(1)
    await wrong.update(session_id, to("Ystad"))
    await asyncio.gather(*world.brokers[0]._running_tasks)
    world.tasks(lease=0.6)
    await world.brokers[1].startup()
    await eventually(lambda: world.city(session_id), "Ystad")


async def test_a_worker_that_is_not_let_in_makes_no_dead_letters(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = world.tasks(secret="wrong", shards=1)
    wrong._task.kiq = nothing
    sessions = await world.sessions(9)
    for session_id in sessions:
        await wrong.update(session_id, to("Ystad"))
    before = len(world.sandbox.journal)
    for _ in range(5):
        await wrong._worker.serve(0)
    assert await letters(wrong) == []
    assert len(world.sandbox.journal) - before == 5 * 3  # a few for each batch, and not one a row
    assert caplog.text.count("does not let this worker in") == 1
    right = world.tasks(shards=1)
    await right._worker.serve(0)
    assert [await world.city(session_id) for session_id in sessions] == ["Ystad"] * 9


async def test_a_session_that_is_forbidden_to_a_worker_of_good_standing_fails_after_three_tries(
    world: World,
) -> None:
    tasks = world.tasks(shards=1)
    tasks._task.kiq = nothing
    good, forbidden = await world.sessions(2)
    world.sandbox.faults.add(kind="status", status=403, endpoint="patch", session_id=forbidden)
    await tasks.update(forbidden, to("Ystad"))
    rounds = 0
    while not (found := await letters(tasks)):
        rounds += 1
        await tasks.update(good, to("Ystad"))
        await tasks._worker.serve(0)
    assert rounds in {3, 4}  # the first counts if the worker is known to be let in by then
    assert [letter.session_id for letter in found] == [forbidden]


async def test_a_worker_that_stops_leaves_what_is_under_way_to_another(world: World) -> None:
    tasks = world.tasks(shards=1, lease=60)
    tasks._task.kiq = nothing
    one, two = await world.sessions(2)
    await tasks.update(one, to("Ystad"))
    await tasks._worker.serve(0)  # which makes its standing good
    await tasks.update(one, to("Lund"))
    await tasks.update(two, to("Ystad"))
    world.sandbox.faults.add(kind="latency", seconds=60, endpoint="patch", session_id=two)
    serving = asyncio.create_task(tasks._worker.serve(0))
    await eventually(lambda: world.city(one), "Lund")
    await tasks._worker.stop()
    await serving  # without an error
    assert [row.session_id for row in await rows_of(tasks)] == [two]
    world.sandbox.faults.clear()
    await world.tasks(shards=1)._worker.serve(0)  # at once: nobody has the lease
    assert await world.city(two) == "Ystad"


async def rows_of(tasks: BriqpayTasks) -> list[QueuedRow]:
    """The rows of the only shard."""
    batch = await tasks._queue.take(0, "looking")
    assert batch is not None
    await tasks._queue.leave(batch)
    return [QueuedRow.decode(row) for row in batch.rows]


async def test_a_run_can_be_cancelled(world: World) -> None:
    broker_is_silent = world.tasks()
    broker_is_silent._task.kiq = nothing
    sessions = await world.sessions(1)
    run = await broker_is_silent.update_many([SessionUpdate(sessions[0], to(f"city {n}")) for n in range(10)])
    await run.cancel()
    world.tasks()
    await world.brokers[1].startup()  # whose sweep finds the shard
    assert (await run.wait()).done == 0
    assert await world.city(sessions[0]) == "Lund"


async def test_a_lost_wake_up_is_made_up_for(world: World) -> None:
    silent = world.tasks(lease=0.6)
    silent._task.kiq = nothing
    (session_id,) = await world.sessions(1)
    await silent.update(session_id, to("Ystad"))
    world.tasks(lease=0.6)
    await world.brokers[1].startup()
    await eventually(lambda: world.city(session_id), "Ystad")


async def test_the_sweep_serves_shards_where_the_broker_takes_no_wake_ups(world: World) -> None:
    tasks = world.tasks(shards=2, lease=0.2)

    async def full(*_: object) -> None:
        raise OSError("command not allowed when used memory > 'maxmemory'")

    tasks._task.kiq = full
    sessions = await world.sessions(4)
    run = await tasks.update_many(
        [SessionUpdate(sessions[n % 4], to(f"city {n}")) for n in range(1_200)], ahead=9_999
    )
    await world.start()
    assert (await run.wait()).applied == 1_200
    assert await world.city(sessions[3]) == "city 1199"


async def test_putting_waits_while_a_shard_is_full(world: World) -> None:
    tasks = world.tasks(shards=1, limit=500, lease=0.6)
    tasks._task.kiq = nothing
    sessions = await world.sessions(2)
    rows = [SessionUpdate(sessions[n % 2], to(f"city {n}")) for n in range(1_500)]
    putting = asyncio.create_task(tasks.update_many(rows))

    async def there() -> bool:
        return bool(await tasks._queue._connection.run("queue_exists", tasks._queue._keys(0, "rows")))

    await eventually(there, True)
    await asyncio.sleep(0.1)
    assert not putting.done()
    world.tasks(shards=1, limit=500, lease=0.6)
    await world.brokers[1].startup()
    assert (await (await putting).wait()).applied == 1_500
    assert await world.city(sessions[1]) == "city 1499"


async def test_outcomes_that_come_twice_count_once(world: World) -> None:
    tasks = world.tasks(shards=1)
    tasks._task.kiq = nothing
    (session_id,) = await world.sessions(1)
    run = await tasks.update_many([SessionUpdate(session_id, to("Ystad"))])
    queue = tasks._queue
    batch = await queue.take(0, "one")
    assert batch is not None
    worker = tasks._worker
    await worker.serve(0)  # it is another's: nothing happens
    await queue.leave(batch)
    finish = queue.finish

    async def dies(*_: object, **__: object) -> None:
        raise OSError("the worker dies here")

    queue.finish = dies  # type: ignore[assignment]
    with pytest.raises(OSError, match="dies here"):
        await worker.serve(0)
    queue.finish = finish  # type: ignore[method-assign]
    await worker.serve(0)
    assert Counter([outcome.status async for outcome in run.outcomes()]) == {"applied": 1}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shards": 0}, "shards"),
        ({"shards": True}, "shards"),
        ({"limit": 1.5}, "limit"),
        ({"concurrency": "5"}, "concurrency"),
    ],
)
async def test_invalid_settings_are_refused(world: World, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        world.tasks(**options)


async def test_a_state_without_a_server_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="RedisState"):
        BriqpayTasks(InMemoryBroker(), object())  # type: ignore[arg-type]


async def test_as_many_dead_letters_as_there_are_can_be_discarded(world: World) -> None:
    tasks = world.tasks()
    kept = [orjson.dumps([f"row {number}", {"class": "X", "message": ""}, 0]) for number in range(10_000)]
    for start in range(0, len(kept), 500):
        await tasks._queue.bury(kept[start : start + 500])
    found = await letters(tasks)
    assert len(found) == 10_000
    assert await tasks.discard(found) == 10_000
    assert await letters(tasks) == []
