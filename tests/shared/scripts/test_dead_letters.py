"""``queue_bury``, ``queue_buried`` and ``queue_unbury``: rows that failed for good, for a time."""

from __future__ import annotations

from typing import Any

from support.script_server import Server

YEAR_2100 = 4_102_444_800


async def bury(server: Server, *letters: str, now: float = 0, most: int = 100, until: float = YEAR_2100) -> Any:
    return await server.run("queue_bury", "dead", now, most, until, *letters)


async def buried(server: Server, *, now: float = 0, over: int = 0, most: int = 100) -> Any:
    return await server.run("queue_buried", "dead", now, over, most)


async def test_bury_keeps_letters_in_the_order_of_their_end(server: Server) -> None:
    await bury(server, "z", until=YEAR_2100)
    await bury(server, "a", until=YEAR_2100 + 1)
    assert await buried(server) == ["z", "a"]


async def test_bury_lets_all_go_at_the_end_of_the_newest(server: Server) -> None:
    await bury(server, "a")
    await bury(server, "b", until=YEAR_2100 + 0.5)
    assert await server.keys.expiretime(server.name("dead")) == YEAR_2100 + 1


async def test_bury_again_keeps_a_letter_once(server: Server) -> None:
    await bury(server, "a")
    await bury(server, "a", until=YEAR_2100 + 1)
    assert await buried(server) == ["a"]


async def test_bury_drops_what_expired(server: Server) -> None:
    await bury(server, "old", until=YEAR_2100)
    await bury(server, "new", now=YEAR_2100, until=YEAR_2100 + 1)
    assert await buried(server) == ["new"]


async def test_bury_lets_the_oldest_give_way(server: Server) -> None:
    for number in range(5):
        await bury(server, f"letter {number}", until=YEAR_2100 + number, most=3)
    assert await buried(server) == ["letter 2", "letter 3", "letter 4"]


async def test_buried_is_read_in_parts(server: Server) -> None:
    for number in range(5):
        await bury(server, f"letter {number}", until=YEAR_2100 + number)
    assert await buried(server, most=2) == ["letter 0", "letter 1"]
    assert await buried(server, over=2, most=2) == ["letter 2", "letter 3"]
    assert await buried(server, over=4, most=2) == ["letter 4"]
    assert await buried(server, over=5, most=2) == []


async def test_buried_shows_nothing_that_expired_and_forgets_it(server: Server) -> None:
    await bury(server, "old", until=YEAR_2100)
    await bury(server, "new", until=YEAR_2100 + 1)
    assert await buried(server, now=YEAR_2100) == ["new"]
    assert await buried(server, now=0) == ["new"]


async def test_unbury_removes_letters_and_says_how_many_were_there(server: Server) -> None:
    await bury(server, "a", "b", "c")
    assert await server.run("queue_unbury", "dead", "a", "c", "unknown") == 2
    assert await buried(server) == ["b"]
    assert await server.run("queue_unbury", "dead", "a") == 0
    assert await server.run("queue_unbury", "dead", "b") == 1
    assert await server.left() == {}


async def test_unbury_removes_as_many_as_there_can_be(server: Server) -> None:
    letters = [f"letter {number}" for number in range(20_000)]
    await bury(server, *letters, most=20_000)
    assert await server.run("queue_unbury", "dead", *letters) == 20_000
    assert await server.left() == {}
