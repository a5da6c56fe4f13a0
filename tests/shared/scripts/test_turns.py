"""``turns``: turns of a rate, an interval apart after a burst."""

from __future__ import annotations

import pytest
from support.script_server import Server

HOUR = 3_600_000_000
"""Microseconds that no test takes."""
EVER = 1_000 * HOUR


async def test_turns_are_an_interval_apart(server: Server) -> None:
    assert await server.run("turns", "rate", HOUR, 0, 3, EVER) == [0, 0, HOUR, 2 * HOUR]


async def test_turns_of_a_burst_come_at_once(server: Server) -> None:
    assert await server.run("turns", "rate", HOUR, 2 * HOUR, 5, EVER) == [0, 0, 0, 0, HOUR, 2 * HOUR]


async def test_turns_go_on_where_another_process_stopped(server: Server) -> None:
    await server.run("turns", "rate", HOUR, 0, 2, EVER)
    refused, turn = await server.run("turns", "rate", HOUR, 0, 1, EVER)
    assert refused == 0
    assert HOUR < turn <= 2 * HOUR  # from the second question on


async def test_turns_beyond_the_longest_wait_are_not_taken(server: Server) -> None:
    assert await server.run("turns", "rate", HOUR, 0, 5, HOUR) == [2 * HOUR, 0, HOUR]
    refused, turn = await server.run("turns", "rate", HOUR, 0, 1, EVER)
    assert refused == 0
    assert HOUR < turn <= 2 * HOUR  # the third: only two were taken


async def test_turns_of_which_none_is_taken_change_nothing(server: Server) -> None:
    await server.run("turns", "rate", HOUR, 0, 1, EVER)
    before = await server.get("rate")
    refused, *turns = await server.run("turns", "rate", HOUR, 0, 4, 0)
    assert turns == []
    assert 0 < refused <= HOUR
    assert await server.get("rate") == before


async def test_taking_no_turn_leaves_no_key(server: Server) -> None:
    assert await server.run("turns", "rate", HOUR, 0, 0, EVER) == [0]
    assert await server.left() == {}


@pytest.mark.parametrize(("taken", "hours"), [(1, 2), (5, 6)])
async def test_turns_are_remembered_until_the_last_is_past(server: Server, taken: int, hours: int) -> None:
    await server.run("turns", "rate", HOUR, 0, taken, EVER)
    assert await server.left() == {"rate": hours}  # and a second longer


async def test_turns_not_taken_are_not_saved_up(server: Server) -> None:
    seconds, microseconds = await server.keys.time()
    await server.set("rate", seconds * 1_000_000 + microseconds - 1_000 * HOUR)
    assert await server.run("turns", "rate", HOUR, HOUR, 3, EVER) == [0, 0, 0, HOUR]


async def test_turns_of_a_fraction_of_a_microsecond_add_up(server: Server) -> None:
    third = HOUR + 1 / 3
    assert await server.run("turns", "rate", third, 0, 4, EVER) == [0, 0, HOUR + 1, 2 * HOUR + 1, 3 * HOUR + 1]
