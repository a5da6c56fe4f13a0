"""A server without memory takes no more rows; everything that gets the others done goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis.asyncio
from support.script_server import HOUR, Server
from support.valkey import valkey_server

from briqpay_async.shared.connection import Connection

SHARD = "rows lease announced taken_out"


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    with valkey_server(config={"maxmemory-policy": "noeviction"}) as running:
        yield running.connection_url


@pytest.fixture
async def server(small: str, account: str) -> AsyncIterator[Server]:
    connection = Connection(small)
    keys = redis.asyncio.Redis.from_url(small, decode_responses=True)
    found = Server(connection, keys, account)
    await found.push("rows", "a", "b", "c")
    await keys.config_set("maxmemory", "1")
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        await found.set("anything", "x")
    yield found
    await keys.config_set("maxmemory", "0")
    await connection.aclose()
    await keys.aclose()


async def test_no_row_is_put(server: Server) -> None:
    assert await server.run("queue_put", "rows announced put:me", 10, 1, HOUR, HOUR, "d", "e") == -1
    assert await server.list("rows") == ["a", "b", "c"]
    assert await server.left() == {"rows": 0}  # so that the same number can be put again


async def test_rows_are_taken_recorded_and_finished(server: Server) -> None:
    assert await server.run("queue_idle", "rows lease announced", HOUR, HOUR) == 1
    assert await server.run("queue_take", SHARD, "me", HOUR, 2, 1_000) == ["0", "a", "b"]
    assert await server.run("queue_take", SHARD, "you", HOUR, 2, 1_000) == []
    await server.run("queue_record", "outcomes", HOUR, "1", "2")
    await server.run("queue_bury", "dead", 0, 10, 4_102_444_800, "letter")
    assert await server.run("queue_finish", SHARD, "me", "0", 2, HOUR, HOUR, "b") == "more"
    assert await server.list("rows") == ["b", "c"]
    assert await server.run("queue_outcomes", "outcomes forgotten", 0, 10, HOUR) == ["1", "2"]
    assert await server.run("queue_buried", "dead", 0, 0, 10) == ["letter"]
    assert await server.run("queue_unbury", "dead", "letter") == 1


async def test_a_finish_asked_again_announces(server: Server) -> None:
    await server.run("queue_take", SHARD, "me", HOUR, 2, 1_000)
    await server.run("queue_finish", SHARD, "me", "0", 2, 0, HOUR)
    assert await server.run("queue_finish", SHARD, "me", "0", 2, HOUR, HOUR) == "more"


@pytest.mark.parametrize(
    ("script", "arguments", "answer"),
    [
        ("acquire", ("me", HOUR), 0),
        ("claim", ("by me", HOUR), "fresh"),
        ("done", (HOUR,), "OK"),
        ("turns", (1_000, 0, 1, 0), [0, 0]),
        ("queue_exists", (), 0),
        ("renew", ("me", HOUR), 0),
        ("release", ("me",), 0),
    ],
)
async def test_what_is_small_is_kept(server: Server, script: str, arguments: tuple[Any, ...], answer: Any) -> None:
    assert await server.run(script, "key", *arguments) == answer
