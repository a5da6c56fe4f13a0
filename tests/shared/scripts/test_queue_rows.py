"""``queue_put``, ``queue_take`` and ``queue_finish``: rows stay in a shard until their outcomes are recorded."""

from __future__ import annotations

from typing import Any

import pytest
from support.script_server import HOUR, Server

PUT = "rows announced put:me"
SHARD = "rows lease announced taken_out"


async def put(server: Server, number: int, *rows: str, most: int = 10) -> Any:
    return await server.run("queue_put", PUT, most, number, 7 * HOUR, 2 * HOUR, *rows)


async def take(server: Server, owner: str, most: int = 10, most_bytes: int = 1_000) -> Any:
    return await server.run("queue_take", SHARD, owner, HOUR, most, most_bytes)


async def finish(
    server: Server, owner: str, taken_out: str, count: int, *left: str, announced: int = 2 * HOUR
) -> Any:
    return await server.run("queue_finish", SHARD, owner, taken_out, count, announced, 7 * HOUR, *left)


# --- queue_put -----------------------------------------------------------------------------------------------


async def test_put_adds_rows_at_the_end_and_asks_for_one_announcement(server: Server) -> None:
    assert await put(server, 1, "a", "b") == 2
    assert await put(server, 2, "c") == 1  # it was announced
    assert await server.list("rows") == ["a", "b", "c"]
    # The number of the put for a minute, the announcement and the rows as long as it was said.
    assert await server.left() == {"rows": 7, "announced": 2, "put:me": 1}


async def test_put_asks_for_an_announcement_again_once_the_last_ran_out(server: Server) -> None:
    await put(server, 1, "a")
    await server.expire("announced")
    assert await put(server, 2, "b") == 2


async def test_put_under_the_same_number_changes_nothing(server: Server) -> None:
    await put(server, 1, "a")
    await server.keys.pexpire(server.name("rows"), HOUR)
    await server.expire("announced")
    assert await put(server, 1, "a") == 1
    assert await server.list("rows") == ["a"]
    assert await server.left() == {"rows": 1, "put:me": 1}


async def test_put_under_a_number_that_is_forgotten_puts_again(server: Server) -> None:
    await put(server, 1, "a")
    await server.expire("put:me")
    await put(server, 1, "a")
    assert await server.list("rows") == ["a", "a"]


async def test_put_of_two_senders_is_counted_apart(server: Server) -> None:
    await put(server, 1, "a")
    await server.run("queue_put", "rows announced put:you", 10, 1, HOUR, HOUR, "b")
    assert await server.list("rows") == ["a", "b"]


async def test_put_finds_no_room_for_all_of_its_rows_and_puts_none(server: Server) -> None:
    await put(server, 1, "a", "b", most=3)
    before = await server.left()
    assert await put(server, 2, "c", "d", most=3) == 0
    assert await server.list("rows") == ["a", "b"]
    assert await server.left() == before
    assert await server.get("put:me") == "1"  # so that it can be tried again
    assert await put(server, 2, "c", most=3) == 1


async def test_put_into_an_empty_shard_always_finds_room(server: Server) -> None:
    assert await put(server, 1, "a", "b", "c", most=1) == 2
    assert await put(server, 2, "d", most=1) == 0


async def test_put_puts_off_the_end_of_all_rows(server: Server) -> None:
    await put(server, 1, "a")
    await server.keys.pexpire(server.name("rows"), HOUR)
    await put(server, 2, "b")
    assert (await server.left())["rows"] == 7


# --- queue_take ----------------------------------------------------------------------------------------------


async def test_take_reads_the_first_rows_and_leaves_them(server: Server) -> None:
    await put(server, 1, "a", "b", "c")
    assert await take(server, "me", most=2) == ["0", "a", "b"]
    assert await server.list("rows") == ["a", "b", "c"]
    assert await server.get("lease") == "me"
    assert await server.left() == {"rows": 7, "lease": 1, "put:me": 1}  # the announcement is used up


async def test_take_says_how_many_were_ever_taken_out(server: Server) -> None:
    await put(server, 1, "a")
    await server.set("taken_out", 41)
    assert await take(server, "me") == ["41", "a"]


async def test_take_of_another_gets_nothing_and_takes_nothing_from_the_holder(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "me")
    assert await take(server, "you") == []
    assert await server.get("lease") == "me"
    assert await server.left() == {"rows": 7, "lease": 1, "put:me": 1}


async def test_take_of_another_leaves_it_to_the_holder_to_announce_again(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "me")
    await put(server, 2, "b")
    assert await take(server, "you") == []  # this used the announcement of b up
    assert await put(server, 3, "c") == 1  # the holder is there, and another wake-up would be in vain as well
    assert (await server.left())["announced"] == 2
    assert await finish(server, "me", "0", 1) == "more"
    assert await put(server, 4, "d") == 1
    assert await take(server, "you") == ["1", "b", "c", "d"]


async def test_take_by_the_holder_answers_again_and_renews(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "me")
    await server.keys.pexpire(server.name("lease"), 1_800_000)
    assert await take(server, "me") == ["0", "a"]
    assert await server.keys.pttl(server.name("lease")) > 1_800_000


async def test_take_after_the_end_of_a_lease_begins_with_the_same_rows(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "dead")
    await server.expire("lease")
    assert await take(server, "you") == ["0", "a"]
    assert await server.get("lease") == "you"


async def test_take_of_an_empty_shard_keeps_no_lease(server: Server) -> None:
    assert await take(server, "me") == ["0"]
    assert await server.left() == {}


@pytest.mark.parametrize(("most_bytes", "rows"), [(9, 3), (8, 2), (6, 2), (5, 1), (1, 1)])
async def test_take_reads_no_more_bytes_than_asked_but_always_a_row(
    server: Server, most_bytes: int, rows: int
) -> None:
    await put(server, 1, "aaa", "bbb", "ccc")
    assert (await take(server, "me", most_bytes=most_bytes))[1:] == ["aaa", "bbb", "ccc"][:rows]


# --- queue_finish --------------------------------------------------------------------------------------------


async def test_finish_takes_the_rows_out_and_ends_the_lease(server: Server) -> None:
    await put(server, 1, "a", "b")
    await take(server, "me")
    assert await finish(server, "me", "0", 2) == "done"
    assert await server.left() == {"put:me": 1, "taken_out": 0}
    assert await server.get("taken_out") == "2"


async def test_finish_announces_a_shard_that_has_more(server: Server) -> None:
    await put(server, 1, "a", "b", "c")
    await take(server, "me", most=2)
    assert await finish(server, "me", "0", 2) == "more"
    assert await server.list("rows") == ["c"]
    assert await server.left() == {"rows": 7, "announced": 2, "put:me": 1, "taken_out": 0}


async def test_finish_announces_no_shard_that_is_announced(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "me")
    await put(server, 2, "b")
    assert await finish(server, "me", "0", 1) == "done"
    assert await server.list("rows") == ["b"]


async def test_finish_announces_nothing_where_nothing_shall_be_hurried(server: Server) -> None:
    await put(server, 1, "a", "b")
    await take(server, "me", most=1)
    assert await finish(server, "me", "0", 1, announced=0) == "done"
    assert "announced" not in await server.left()


async def test_finish_puts_back_in_front_in_the_old_order(server: Server) -> None:
    await put(server, 1, "a", "b", "c", "d")
    await take(server, "me", most=3)
    assert await finish(server, "me", "0", 3, "c", "a") == "more"
    assert await server.list("rows") == ["a", "c", "d"]
    assert await take(server, "you") == ["3", "a", "c", "d"]


async def test_finish_puts_back_all_rows_of_a_shard_with_their_time(server: Server) -> None:
    await put(server, 1, "a", "b")
    await take(server, "me")
    await finish(server, "me", "0", 2, "b", "a")
    assert await server.list("rows") == ["a", "b"]
    assert (await server.left())["rows"] == 7


async def test_finish_after_the_end_of_the_lease_does_nothing(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "me")
    await server.expire("lease")
    before = await server.left()
    assert await finish(server, "me", "0", 1, "again") == "lost"
    assert await server.list("rows") == ["a"]
    assert await server.left() == before


async def test_finish_while_another_has_the_shard_does_nothing(server: Server) -> None:
    await put(server, 1, "a")
    await take(server, "me")
    await server.expire("lease")
    await take(server, "you")
    assert await finish(server, "me", "0", 1, "again") == "lost"
    assert await server.list("rows") == ["a"]
    assert await server.get("lease") == "you"


async def test_finish_asked_again_takes_nothing_more_out(server: Server) -> None:
    await put(server, 1, "a", "b", "c")
    await take(server, "me", most=2)
    await finish(server, "me", "0", 2, "b")
    await server.keys.delete(server.name("announced"))
    assert await finish(server, "me", "0", 2, "b") == "more"  # the answer got lost, and the announcement with it
    assert await server.list("rows") == ["b", "c"]
    assert await server.get("taken_out") == "2"


async def test_finish_asked_again_leaves_the_lease_of_the_next_holder(server: Server) -> None:
    await put(server, 1, "a", "b")
    await take(server, "me", most=1)
    await finish(server, "me", "0", 1)
    await take(server, "you")
    assert await finish(server, "me", "0", 1) == "more"
    assert await server.get("lease") == "you"
    assert await server.list("rows") == ["b"]


async def test_finish_by_one_that_slept_takes_out_nothing_of_the_next_holder(server: Server) -> None:
    await put(server, 1, "a", "b")
    await take(server, "slept", most=1)
    await server.expire("lease")
    await take(server, "you", most=1)
    await finish(server, "you", "0", 1)
    assert await finish(server, "slept", "0", 1, "a") == "done"
    assert await server.list("rows") == ["b"]
    assert await server.get("taken_out") == "1"
