"""A server that loses rows: the run says so of each, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from support.queue_world import World, eventually, nothing, to

from briqpay_async import BulkJournal, SessionPatch, SessionUpdate, SharedStateError
from briqpay_async.integrations.taskiq import BriqpayTasks, lost


@pytest.fixture(autouse=True)
def _short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost, "_SILENCE", 0.02)
    monkeypatch.setattr(lost, "_PAUSE", 0.01)


async def forget_everything(world: World) -> None:
    """What a restart without persistence does."""
    async with redis.asyncio.Redis.from_url(world.redis_url) as server:
        async for key in server.scan_iter(f"*{world.account}*"):
            await server.delete(key)


def deaf(world: World, **options: Any) -> BriqpayTasks:
    """Tasks whose wake-ups get lost: a test serves the shards itself."""
    tasks = world.tasks(**options)
    tasks._task.kiq = nothing
    return tasks


async def put(tasks: BriqpayTasks) -> None:
    """Wait until rows are on the server."""
    await eventually(lambda: tasks._queue.with_rows([0]), {0})


async def test_rows_that_are_lost_have_an_outcome_that_says_so(world: World) -> None:
    tasks = deaf(world, shards=1)
    (session_id,) = await world.sessions(1)
    rows = [SessionUpdate(session_id, SessionPatch()), *(SessionUpdate(session_id, to(f"{n}")) for n in range(3))]
    run = await tasks.update_many(rows, ahead=10)
    outcomes = run.outcomes()
    assert (await anext(outcomes)).status == "unchanged"
    await put(tasks)
    await tasks._worker.serve(0)
    done = [await anext(outcomes) for _ in range(3)]
    assert {outcome.status for outcome in done} == {"applied"}
    await outcomes.aclose()

    run = await tasks.update_many(rows, ahead=10)
    await put(tasks)
    await forget_everything(world)
    found = {outcome.index: outcome async for outcome in run.outcomes()}
    assert [found[index].status for index in range(4)] == ["unchanged", "failed", "failed", "failed"]
    assert isinstance(found[1].error, SharedStateError)
    assert "put it again" in str(found[1].error)
    assert (await run.wait()).failed == 3


async def test_rows_that_are_put_after_the_loss_are_done(world: World) -> None:
    tasks = deaf(world, shards=1)
    (session_id,) = await world.sessions(1)
    go_on = asyncio.Event()

    async def rows() -> AsyncIterator[SessionUpdate]:
        yield SessionUpdate(session_id, to("first"))
        await go_on.wait()
        yield SessionUpdate(session_id, to("second"))
        yield SessionUpdate(session_id, to("third"))

    run = await tasks.update_many(rows(), ahead=10)
    await put(tasks)
    await forget_everything(world)
    found = []
    async for outcome in run.outcomes():
        found.append((outcome.index, outcome.status.value))
        if not go_on.is_set():
            go_on.set()
            await put(tasks)
            await tasks._worker.serve(0)
    assert found == [(0, "failed"), (1, "applied"), (2, "applied")]


async def test_a_run_that_waits_for_lost_rows_before_it_puts_more_goes_on(world: World) -> None:
    tasks = deaf(world, shards=1)
    (session_id,) = await world.sessions(1)
    run = await tasks.update_many((SessionUpdate(session_id, to(f"{n}")) for n in range(1_500)), ahead=1)
    await put(tasks)
    await forget_everything(world)
    found = []
    async for outcome in run.outcomes():
        found.append(outcome.status.value)
        await tasks._worker.serve(0)
    assert (found[:500], found[500:]) == (["failed"] * 500, ["applied"] * 1_000)


async def test_rows_that_wait_are_not_taken_for_lost(world: World) -> None:
    tasks = deaf(world, shards=1)
    (session_id,) = await world.sessions(1)
    run = await tasks.update_many([SessionUpdate(session_id, to("Ystad"))], ahead=10)
    looks = 0
    look = tasks._queue.with_rows

    async def with_rows(shards: Any) -> set[int]:
        nonlocal looks
        looks += 1
        if looks == 3:
            await tasks._worker.serve(0)
        return await look(shards)

    tasks._queue.with_rows = with_rows  # type: ignore[method-assign]
    assert [outcome.status.value async for outcome in run.outcomes()] == ["applied"]
    assert looks >= 3


async def test_the_journal_knows_lost_rows_as_failed_and_another_run_sends_them(
    world: World, tmp_path: Path
) -> None:
    tasks = world.tasks(shards=1)
    (session_id,) = await world.sessions(1)
    rows = [SessionUpdate(session_id, to("Ystad"), "a")]
    announce, tasks._task.kiq = tasks._task.kiq, nothing
    run = await tasks.update_many(rows, ahead=10, journal=BulkJournal(tmp_path / "run.db"))
    await put(tasks)
    await forget_everything(world)
    assert (await run.wait()).failed == 1
    tasks._task.kiq = announce
    run = await tasks.update_many(rows, ahead=10, journal=BulkJournal(tmp_path / "run.db"))
    assert (await run.wait()).applied == 1
