"""``acquire``, ``renew`` and ``release``: one holder at a time, and none for ever."""

from __future__ import annotations

from support.script_server import HOUR, Server


async def test_acquire_gives_a_free_lease(server: Server) -> None:
    assert await server.run("acquire", "lease", "a", HOUR) == 0
    assert await server.get("lease") == "a"
    assert await server.left() == {"lease": 1}


async def test_acquire_gives_it_again_to_an_owner_whose_answer_got_lost(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    assert await server.run("acquire", "lease", "a", 2 * HOUR) == 0
    assert await server.left() == {"lease": 2}  # from now on


async def test_acquire_refuses_another_and_leaves_the_time_of_the_first(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    assert await server.run("acquire", "lease", "b", 5 * HOUR) == 1
    assert await server.get("lease") == "a"
    assert await server.left() == {"lease": 1}


async def test_acquire_gives_what_ran_out(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    await server.expire("lease")
    assert await server.run("acquire", "lease", "b", HOUR) == 0
    assert await server.get("lease") == "b"


async def test_renew_puts_the_end_off_for_the_owner(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    assert await server.run("renew", "lease", "a", 3 * HOUR) == 1
    assert await server.left() == {"lease": 3}


async def test_renew_does_nothing_for_another(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    assert await server.run("renew", "lease", "b", 3 * HOUR) == 0
    assert await server.left() == {"lease": 1}


async def test_renew_brings_nothing_back_that_ran_out(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    await server.expire("lease")
    assert await server.run("renew", "lease", "a", HOUR) == 0
    assert await server.left() == {}


async def test_release_is_for_the_owner(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    assert await server.run("release", "lease", "b") == 0
    assert await server.left() == {"lease": 1}
    assert await server.run("release", "lease", "a") == 1
    assert await server.left() == {}


async def test_release_after_the_end_takes_nothing_from_the_next_holder(server: Server) -> None:
    await server.run("acquire", "lease", "a", HOUR)
    await server.expire("lease")
    assert await server.run("release", "lease", "a") == 0
    await server.run("acquire", "lease", "b", HOUR)
    assert await server.run("release", "lease", "a") == 0
    assert await server.get("lease") == "b"
