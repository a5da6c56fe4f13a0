"""Each script on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from briqpay_async.shared.connection import Connection


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[Connection]:
    running = Connection(redis_url)
    yield running
    await running.aclose()


async def test_acquire_gives_a_lease_to_one_owner(connection: Connection, account: str) -> None:
    assert await connection.run("acquire", account, "a", 60_000) == 0
    assert await connection.run("acquire", account, "a", 60_000) == 0  # asked again: the answer got lost
    assert await connection.run("acquire", account, "b", 60_000) == 1


async def test_renew_is_for_the_owner(connection: Connection, account: str) -> None:
    assert await connection.run("renew", account, "a", 60_000) == 0
    await connection.run("acquire", account, "a", 60_000)
    assert await connection.run("renew", account, "a", 60_000) == 1
    assert await connection.run("renew", account, "b", 60_000) == 0


async def test_release_is_for_the_owner(connection: Connection, account: str) -> None:
    await connection.run("acquire", account, "a", 60_000)
    assert await connection.run("release", account, "b") == 0
    assert await connection.run("release", account, "a") == 1
    assert await connection.run("acquire", account, "b", 60_000) == 0


async def test_turns_are_an_interval_apart_after_a_burst(connection: Connection, account: str) -> None:
    refused, *turns = await connection.run("turns", account, 1_000_000, 2_000_000, 5, 3_600_000_000)
    assert refused == 0
    assert turns == [0, 0, 0, 1_000_000, 2_000_000]


async def test_turns_beyond_the_longest_wait_are_not_taken(connection: Connection, account: str) -> None:
    refused, *turns = await connection.run("turns", account, 1_000_000, 0, 5, 1_500_000)
    assert (refused, turns) == (2_000_000, [0, 1_000_000])
    refused, *turns = await connection.run("turns", account, 1_000_000, 0, 5, 0)
    assert turns == []
    assert 0 < refused <= 2_000_000


async def test_claim_done_and_release(connection: Connection, account: str) -> None:
    assert await connection.run("claim", account, "a", 60_000) == "fresh"
    assert await connection.run("claim", account, "b", 60_000) == "busy"
    await connection.run("release", account, "a")
    assert await connection.run("claim", account, "b", 60_000) == "fresh"
    await connection.run("done", account, 60_000)
    assert await connection.run("claim", account, "a", 60_000) == "done"
    assert await connection.run("release", account, "b") == 0
