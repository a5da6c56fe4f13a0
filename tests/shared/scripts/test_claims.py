"""``claim`` and ``done``, with ``release``: each event is handled once."""

from __future__ import annotations

from support.script_server import HOUR, Server


async def test_claim_gives_a_fresh_event_for_a_time(server: Server) -> None:
    assert await server.run("claim", "event", "by a", HOUR) == "fresh"
    assert await server.left() == {"event": 1}


async def test_claim_gives_it_again_to_an_owner_whose_answer_got_lost(server: Server) -> None:
    await server.run("claim", "event", "by a", HOUR)
    assert await server.run("claim", "event", "by a", 2 * HOUR) == "fresh"
    assert await server.left() == {"event": 2}


async def test_claim_is_busy_while_another_owner_handles_the_event(server: Server) -> None:
    await server.run("claim", "event", "by a", HOUR)
    assert await server.run("claim", "event", "by b", 2 * HOUR) == "busy"
    assert await server.get("event") == "by a"
    assert await server.left() == {"event": 1}


async def test_claim_gives_an_event_whose_owner_ran_out_of_time(server: Server) -> None:
    await server.run("claim", "event", "by a", HOUR)
    await server.expire("event")
    assert await server.run("claim", "event", "by b", HOUR) == "fresh"
    assert await server.get("event") == "by b"


async def test_claim_gives_an_event_that_was_given_back(server: Server) -> None:
    await server.run("claim", "event", "by a", HOUR)
    assert await server.run("release", "event", "by a") == 1
    assert await server.run("claim", "event", "by b", HOUR) == "fresh"


async def test_done_ends_every_claim_and_is_remembered_for_its_own_time(server: Server) -> None:
    await server.run("claim", "event", "by a", HOUR)
    await server.run("done", "event", 7 * HOUR)
    assert await server.left() == {"event": 7}
    for owner in ("by a", "by b"):
        assert await server.run("claim", "event", owner, HOUR) == "done"
    assert await server.left() == {"event": 7}


async def test_done_marks_what_was_never_claimed(server: Server) -> None:
    await server.run("done", "event", HOUR)
    assert await server.run("claim", "event", "by a", HOUR) == "done"


async def test_release_does_not_undo_what_is_done(server: Server) -> None:
    await server.run("claim", "event", "by a", HOUR)
    await server.run("done", "event", HOUR)
    assert await server.run("release", "event", "by a") == 0
    assert await server.run("claim", "event", "by b", HOUR) == "done"
