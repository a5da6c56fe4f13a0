"""``queue_record`` and ``queue_outcomes``: what became of rows, until the follower of the run has read it."""

from __future__ import annotations

from typing import Any

from support.script_server import HOUR, Server


async def record(server: Server, *outcomes: str) -> None:
    await server.run("queue_record", "outcomes", 7 * HOUR, *outcomes)


async def outcomes(server: Server, read: int, most: int = 10) -> Any:
    return await server.run("queue_outcomes", "outcomes forgotten", read, most, 7 * HOUR)


async def test_record_adds_at_the_end_and_puts_off_the_time_of_all(server: Server) -> None:
    await record(server, "1", "2")
    await server.keys.pexpire(server.name("outcomes"), HOUR)
    await record(server, "3")
    assert await server.list("outcomes") == ["1", "2", "3"]
    assert await server.left() == {"outcomes": 7}


async def test_outcomes_are_read_in_order_and_forgotten_by_the_next_question(server: Server) -> None:
    await record(server, "1", "2", "3")
    assert await outcomes(server, 0, most=2) == ["1", "2"]
    assert await server.list("outcomes") == ["1", "2", "3"]
    assert await outcomes(server, 2) == ["3"]
    assert await server.list("outcomes") == ["3"]
    assert await outcomes(server, 3) == []
    await record(server, "4")
    assert await outcomes(server, 3) == ["4"]


async def test_outcomes_of_a_run_without_any_are_none(server: Server) -> None:
    assert await outcomes(server, 0) == []


async def test_outcomes_asked_for_again_are_the_same(server: Server) -> None:
    await record(server, "1", "2", "3")
    await outcomes(server, 0, most=2)
    assert await outcomes(server, 2) == ["3"]
    assert await outcomes(server, 2) == ["3"]  # the answer got lost
    assert await server.get("forgotten") == "2"


async def test_outcomes_asked_for_from_further_back_are_those_that_are_left(server: Server) -> None:
    await record(server, "1", "2", "3")
    await outcomes(server, 0)
    await outcomes(server, 2)
    assert await outcomes(server, 1) == ["3"]
    assert await server.get("forgotten") == "2"


async def test_outcomes_that_came_after_a_loss_of_all_data_are_not_taken_for_those_that_were_read(
    server: Server,
) -> None:
    await record(server, "1", "2")
    await outcomes(server, 0)
    await server.keys.delete(server.name("outcomes"), server.name("forgotten"))
    await record(server, "3", "4")
    assert await outcomes(server, 2, most=1) == ["3"]
    assert await outcomes(server, 3) == ["4"]


async def test_outcomes_of_a_run_keep_their_count_as_long_as_they_are_kept(server: Server) -> None:
    await outcomes(server, 0)
    assert await server.left() == {"forgotten": 7}
