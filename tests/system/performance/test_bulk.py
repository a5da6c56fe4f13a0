"""A bulk run costs a request for each row that changes something and next to nothing for any other, counted.

Bounds leave about 15 % above what was counted when they were written; what is so by design is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson
import pytest
from support.counting import counted_calls, counted_on_loop
from support.fake_transport import FakeTransport, document, sessions_over
from support.shop import move

from briqpay_async import SessionPatch, SessionUpdate

CHANGE = move()
NOTHING = SessionPatch()
CONCURRENCY = 50
LATER = (0.0, document())  # other tasks run before the answer


def rows(count: int, *patches: SessionPatch) -> Iterator[SessionUpdate]:
    """Rows of different sessions with these patches in turn."""
    return (
        SessionUpdate(f"00000000-0000-4000-8000-{number:012x}", patches[number % len(patches)])
        for number in range(count)
    )


async def run(transport: FakeTransport, count: int, *patches: SessionPatch) -> Counter[str]:
    """How many outcomes of each status a run has."""
    updates = rows(count, *patches)
    outcomes = sessions_over(transport).update_many(updates, concurrency=CONCURRENCY)
    return Counter([str(outcome.status) async for outcome in outcomes])


async def calls_of_a_row(patch: SessionPatch) -> float:
    """The calls that one more row takes, whatever a run takes to begin and to end."""
    counts = []
    for count in (100, 600):
        await run(FakeTransport(), 10, patch)
        with counted_calls() as calls:
            await run(FakeTransport(), count, patch)
        counts.append(calls.python.total())
    return (counts[1] - counts[0]) / 500


async def test_requests_are_made_for_rows_that_change_something_and_their_answers_never_parsed() -> None:
    transport = FakeTransport(LATER)
    with counted_calls(orjson.loads) as calls:
        statuses = await run(transport, 1000, CHANGE, NOTHING)
    assert statuses == {"applied": 500, "unchanged": 500}
    assert len(transport.requests) == 500
    assert calls.native[orjson.loads] == 0
    assert not {"decode", "decode_model", "decode_answer"} & calls.python.keys()


async def test_a_body_is_encoded_once_for_all_rows_that_share_its_patch() -> None:
    patch = move()
    transport = FakeTransport(LATER)
    with counted_calls(orjson.dumps) as calls:
        await run(transport, 1000, patch)
    assert {id(request.body) for request in transport.requests} == {id(patch.to_json())}
    assert calls.native[orjson.dumps] == 1


async def test_a_row_that_changes_nothing_is_not_encoded() -> None:
    with counted_calls(orjson.dumps) as calls:
        assert await run(FakeTransport(), 100, *(SessionPatch() for _ in range(100))) == {"unchanged": 100}
    assert calls.native[orjson.dumps] == 0


@pytest.mark.parametrize("count", [100, 1000])
async def test_there_is_a_task_for_each_worker_and_none_for_a_row(count: int) -> None:
    # A task for each row is what makes gathering ten thousand updates slow, and large.
    transport = FakeTransport(LATER)
    with counted_on_loop("create_task", "call_later", "call_at") as used:
        assert await run(transport, count, CHANGE) == {"applied": count}
    assert 2 <= used["create_task"] <= CONCURRENCY
    assert used["call_later"] == used["call_at"] == 0


async def test_a_row_takes_few_calls_beyond_those_of_its_update() -> None:
    assert await calls_of_a_row(CHANGE) <= 60


async def test_a_row_that_changes_nothing_takes_next_to_none() -> None:
    assert await calls_of_a_row(NOTHING) <= 14
