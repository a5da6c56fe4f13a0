"""The journal of requests and the record of effects."""

import asyncio
from typing import Any

import attrs
import pytest
from sandbox.sandbox_samples import SESSION, Shop, until

from briqpay_async.sandbox import Effect, Sandbox
from briqpay_async.sandbox.state.effects import Effects
from briqpay_async.sandbox.state.request_log import RequestLog

LUND = {"data": {"billing": {"city": "Lund"}}}
SLOW = {"kind": "latency", "seconds": 0.03}


async def test_every_request_is_in_the_journal_in_order_of_arrival(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    await shop.patch(session_id, LUND, "?fields=none")
    await shop.call("GET", "/v3/session/unknown")
    created, patched, missed = box.journal
    assert (created.sequence, patched.sequence, missed.sequence) == (1, 2, 3)
    assert (created.endpoint, created.session_id, created.status) == ("create", session_id, 201)
    assert (patched.method, patched.path, patched.query) == ("PATCH", f"/v3/session/{session_id}", "fields=none")
    assert patched.body == b'{"data":{"billing":{"city":"Lund"}}}'
    assert patched.body_length == len(patched.body)
    assert (patched.status, patched.fault, patched.overlapped) == (204, None, False)
    assert patched.finished is not None
    assert created.started <= patched.started <= patched.finished
    assert (missed.status, missed.session_id) == (400, "unknown")


async def test_records_cannot_be_changed(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    for record, name in ((box.journal[0], "status"), (box.effects[0], "kind")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(record, name, 1)
    assert box.effects_of(session_id) == (Effect("create", session_id, 1, session_id),)


async def test_the_journal_is_a_sequence(shop: Shop, box: Sandbox) -> None:
    for _ in range(3):
        await shop.create()
    assert len(box.journal) == 3
    assert [record.sequence for record in box.journal[1:]] == [2, 3]
    assert box.journal[-1].sequence == 3
    assert box.journal[0] in box.journal
    with pytest.raises(IndexError):
        box.journal[3]


async def test_the_journal_can_be_asked_about_one_session_or_endpoint(shop: Shop, box: Sandbox) -> None:
    first, second = await shop.create(), await shop.create()
    await shop.patch(first, LUND)
    assert [record.endpoint for record in box.journal.of(first)] == ["create", "patch"]
    assert [record.session_id for record in box.journal.of(endpoint="create")] == [first, second]
    assert box.journal.of(second, "patch") == ()


async def test_two_updates_of_one_session_at_once_are_seen(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    await asyncio.gather(*(shop.patch(session_id, LUND, fault=SLOW) for _ in range(2)))
    assert [record.sequence for record in box.journal.overlaps] == [2, 3]


async def test_updates_one_after_the_other_or_of_two_sessions_do_not_overlap(shop: Shop, box: Sandbox) -> None:
    first, second = await shop.create(), await shop.create()
    await shop.patch(first, LUND)
    await shop.patch(first, LUND)
    await asyncio.gather(*(shop.patch(each, LUND, fault=SLOW) for each in (first, second)))
    assert box.journal.overlaps == ()


async def test_a_request_under_way_is_visible_and_unfinished(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    patching = asyncio.create_task(shop.patch(session_id, LUND, fault=SLOW))
    await until(lambda: len(box.journal) == 2)
    assert box.journal[-1].finished is None
    await patching
    assert box.journal[-1].finished is not None


async def test_the_journal_forgets_the_oldest_requests_and_bodies_first(opened: Any) -> None:
    sandbox, shop = await opened(journal_limit=3, journal_bodies=2)
    for _ in range(5):
        await shop.create()
    assert [record.sequence for record in sandbox.journal] == [3, 4, 5]
    assert [record.body is None for record in sandbox.journal] == [True, False, False]
    assert all(record.body_length > 100 for record in sandbox.journal)


async def test_bodies_need_not_be_kept_at_all(opened: Any) -> None:
    sandbox, shop = await opened(journal_bodies=0)
    await shop.create()
    assert (sandbox.journal[0].body, sandbox.journal[0].body_length > 100) == (None, True)


def test_closing_a_page_twice_changes_nothing_and_a_cleared_journal_survives_late_closes() -> None:
    journal = RequestLog(limit=10, bodies=1)
    first, second = (journal.open("PATCH", "/", "", "patch", "s") for _ in range(2))
    journal.close(first, 200)
    journal.close(first, None)
    assert journal[0].status == 200
    journal.clear()
    journal.close(second, 200)
    assert len(journal) == 0
    third = journal.open("PATCH", "/", "", "patch", "s")
    fourth = journal.open("PATCH", "/", "", "patch", "t")
    assert (third.sequence, third.overlapped, fourth.overlapped) == (3, False, False)


async def test_effects_record_who_did_what(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    await shop.patch(session_id, LUND)
    box.complete(session_id)
    assert [(effect.kind, effect.sequence) for effect in box.effects] == [
        ("create", 1),
        ("patch", 2),
        ("complete", None),
    ]
    assert box.effects_of(session_id, "patch") == (box.effects[1],)
    assert box.effects_of("unknown") == ()
    assert box.effects.counts == {"create": 1, "patch": 1, "complete": 1}


def test_effects_are_bounded_and_their_counts_are_not() -> None:
    effects = Effects(limit=2)
    for session_id in ("a", "b", "b"):
        effects.add("patch", session_id, None)
    assert [effect.session_id for effect in effects] == ["b", "b"]
    assert effects.of("a") == ()
    assert len(effects[0:5]) == 2
    assert effects.counts == {"patch": 3}
    effects.add("patch", "b", 9)
    assert [effect.sequence for effect in effects.of("b")] == [None, 9]


async def test_a_reset_forgets_everything_and_begins_the_ids_anew(shop: Shop, box: Sandbox) -> None:
    first = await shop.create()
    box.faults.add("html_502")
    box.reset()
    assert (len(box.sessions), len(box.journal), len(box.effects), len(box.faults)) == (0, 0, 0, 0)
    assert box.effects.counts == {}
    assert await shop.create() == first
    assert box.journal[0].sequence == 2


async def test_the_same_seed_gives_the_same_ids(opened: Any) -> None:
    ids = []
    for seed in (1, 1, 2):
        _, shop = await opened(seed=seed)
        ids.append(await shop.create(SESSION))
    assert ids[0] == ids[1] != ids[2]
