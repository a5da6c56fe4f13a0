"""``queue_idle`` and ``queue_exists``: shards whose announcement got lost, and runs that were cancelled."""

from __future__ import annotations

from typing import Any

from support.script_server import HOUR, Server


async def idle(server: Server) -> Any:
    """Announcements count ten hours, and are made again after two."""
    return await server.run("queue_idle", "rows lease announced", 10 * HOUR, 2 * HOUR)


async def announced(server: Server, hours: int) -> None:
    await server.keys.set(server.name("announced"), "1", px=hours * HOUR)


async def test_idle_passes_over_an_empty_shard(server: Server) -> None:
    assert await idle(server) == 0
    assert await server.left() == {}


async def test_idle_announces_rows_without_an_announcement(server: Server) -> None:
    await server.push("rows", "a")
    assert await idle(server) == 1
    assert await server.left() == {"rows": 0, "announced": 10}


async def test_idle_passes_over_a_shard_that_a_worker_has(server: Server) -> None:
    await server.push("rows", "a")
    await server.run("acquire", "lease", "me", HOUR)
    assert await idle(server) == 0
    await server.expire("lease")
    assert await idle(server) == 1


async def test_idle_gives_an_announcement_time(server: Server) -> None:
    await server.push("rows", "a")
    await announced(server, 9)  # made an hour ago
    assert await idle(server) == 0
    assert await server.left() == {"rows": 0, "announced": 9}


async def test_idle_repeats_an_announcement_that_no_worker_followed(server: Server) -> None:
    await server.push("rows", "a")
    await announced(server, 8)  # made two hours ago
    assert await idle(server) == 1
    assert await server.left() == {"rows": 0, "announced": 10}
    assert await idle(server) == 0


async def test_exists_says_whether_a_key_is_there(server: Server) -> None:
    assert await server.run("queue_exists", "cancelled") == 0
    await server.run("done", "cancelled", HOUR)
    assert await server.run("queue_exists", "cancelled") == 1
    await server.expire("cancelled")
    assert await server.run("queue_exists", "cancelled") == 0
