"""``edit`` has its session for itself from its read to its send, so edits at once keep each other's changes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextvars import Context
from typing import Any

import pytest
from aioresponses import aioresponses
from support.shop import address, data, line, new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    CallTimeoutError,
    EditableData,
    PatchBuilder,
    ResponseDecodeError,
    RetryPolicy,
    SessionNotFoundError,
    SessionPatch,
    WrongLoopError,
)
from briqpay_async.sandbox import Sandbox

CITY = SessionPatch.of(data=EditableData(billing=Address(city="Malmö")))
LINES = ("a", "b", "c", "d")


@pytest.fixture
async def api() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(api: Sandbox) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(api.username, api.secret, base_url=api.url, retry=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.fixture
async def session_id(briqpay: BriqpayClient) -> str:
    session = await briqpay.sessions.create(new_session(data(*map(line, LINES))))
    return str(session.session_id)


def quantities(api: Sandbox, session_id: str) -> dict[str, int]:
    return {one["reference"]: one["quantity"] for one in api.sessions[session_id]["data"]["order"]["cart"]}


def sent(api: Sandbox, session_id: str) -> list[str]:
    """What was asked for of a session since it was created: ``read``, ``patch`` and so on."""
    return [entry.endpoint for entry in api.journal if session_id in entry.path]


async def set_quantity(briqpay: BriqpayClient, session_id: str, reference: str, quantity: int) -> None:
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity(reference, quantity)


def elsewhere(call: Any) -> asyncio.Task[Any]:
    """Run a call in a task that is no part of the block that starts it: another request handler's."""
    return asyncio.create_task(call, context=Context())


def nothing_is_held(briqpay: BriqpayClient) -> bool:
    return len(briqpay._caller.shared.locks) == 0


@pytest.mark.parametrize("merge", ["field", "section"])
async def test_edits_of_different_lines_at_once_keep_each_others_changes(merge: str) -> None:
    async with (
        Sandbox(merge=merge) as api,
        BriqpayClient(api.username, api.secret, base_url=api.url) as briqpay,
    ):
        session_id = str((await briqpay.sessions.create(new_session(data(*map(line, LINES))))).session_id)
        await asyncio.gather(
            *(set_quantity(briqpay, session_id, name, number) for number, name in enumerate(LINES, 2))
        )
        assert quantities(api, session_id) == {"a": 2, "b": 3, "c": 4, "d": 5}


async def test_everything_that_changes_the_session_waits_for_an_edit(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    session = await briqpay.sessions.read(session_id)
    writer = briqpay.sessions.writer(session)
    asked = len(api.journal)
    async with briqpay.sessions.edit(session_id) as builder:
        rivals = [
            elsewhere(briqpay.sessions.update(session_id, CITY)),
            elsewhere(briqpay.sessions.update_metadata(session_id, references={"reference1": "1"})),
            elsewhere(writer.put(EditableData(shipping=Address(city="Ystad")))),
            elsewhere(set_quantity(briqpay, session_id, "b", 7)),
        ]
        await asyncio.sleep(0.05)
        assert [entry.endpoint for entry in api.journal[asked:]] == ["read"]
        builder.cart.set_quantity("a", 5)
    await asyncio.gather(*rivals)
    assert [entry.endpoint for entry in api.journal[asked : asked + 3]] == ["read", "patch", "patch"]
    assert quantities(api, session_id) == {"a": 5, "b": 7, "c": 1, "d": 1}
    stored = api.sessions[session_id]["data"]
    assert (stored["billing"]["city"], stored["shipping"]["city"]) == ("Malmö", "Ystad")


async def test_other_sessions_do_not_wait_for_an_edit(briqpay: BriqpayClient, session_id: str) -> None:
    other = str((await briqpay.sessions.create(new_session(data(line("a"))))).session_id)
    async with briqpay.sessions.edit(session_id) as builder, asyncio.timeout(30):
        builder.billing.update(city="Ystad")
        await elsewhere(briqpay.sessions.update(other, CITY))


async def test_an_edit_waits_for_an_update_under_way(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    api.faults.add("latency", endpoint="patch", seconds=0.05, times=1)
    update = asyncio.create_task(briqpay.sessions.update(session_id, CITY))
    await asyncio.sleep(0.01)
    async with briqpay.sessions.edit(session_id) as builder:
        assert builder.billing.value is not None
        assert builder.billing.value.city == "Malmö"
    await update


# --- what a block itself calls ----------------------------------------------------------------------------------


async def test_what_a_block_calls_on_its_session_is_part_of_it(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    async with asyncio.timeout(30), briqpay.sessions.edit(session_id) as builder:
        builder.billing.update(city="Ystad")
        assert (await briqpay.sessions.read(session_id)).session_id == session_id
        await briqpay.sessions.update_metadata(session_id, references={"reference1": "1"})
        await briqpay.sessions.update(session_id, SessionPatch.of(data=EditableData(billing=Address(zip="27100"))))
    stored = api.sessions[session_id]["data"]["billing"]
    assert (stored["city"], stored["zip"]) == ("Ystad", "27100")
    assert api.sessions[session_id]["references"]["reference1"] == "1"
    assert nothing_is_held(briqpay)


async def test_calls_that_a_block_makes_at_once_do_not_overlap(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    async with asyncio.timeout(30), briqpay.sessions.edit(session_id) as builder:
        await asyncio.gather(*(briqpay.sessions.update(session_id, CITY, "none") for _ in range(5)))
        builder.shipping.update(city="Ystad")
    patches = [entry for entry in api.journal if entry.endpoint == "patch"]
    assert len(patches) == 6
    assert nothing_is_held(briqpay)


async def test_an_edit_inside_an_edit_is_part_of_it(briqpay: BriqpayClient, api: Sandbox, session_id: str) -> None:
    async with asyncio.timeout(30), briqpay.sessions.edit(session_id):
        async with briqpay.sessions.edit(session_id) as inner:
            inner.cart.set_quantity("a", 5)
            async with briqpay.sessions.edit(session_id) as innermost:
                innermost.shipping.update(city="Lomma")
        rival = elsewhere(set_quantity(briqpay, session_id, "b", 7))
        await asyncio.sleep(0.02)
        assert not rival.done()
    await rival
    assert quantities(api, session_id) == {"a": 5, "b": 7, "c": 1, "d": 1}
    assert nothing_is_held(briqpay)


async def test_a_task_that_outlives_its_block_waits_like_any_other(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    goes_on = asyncio.Event()

    async def later() -> None:
        await goes_on.wait()
        await briqpay.sessions.update(session_id, CITY)

    async with briqpay.sessions.edit(session_id):
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    patched = len(api.effects_of(session_id, "patch"))
    rival = briqpay.sessions.edit(session_id)
    entered = elsewhere(rival.__aenter__())
    await entered
    goes_on.set()
    await asyncio.sleep(0.02)
    assert len(api.effects_of(session_id, "patch")) == patched
    await elsewhere(rival.__aexit__(None, None, None))
    await task
    assert nothing_is_held(briqpay)


async def test_a_call_that_is_under_way_when_its_block_ends_keeps_the_session_until_it_ends(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    api.faults.add("latency", endpoint="patch", seconds=0.05, times=1)
    with contextlib.suppress(ZeroDivisionError):
        async with briqpay.sessions.edit(session_id):
            orphan = asyncio.create_task(briqpay.sessions.update(session_id, CITY))
            await asyncio.sleep(0.01)
            raise ZeroDivisionError
    assert not nothing_is_held(briqpay)
    await set_quantity(briqpay, session_id, "a", 5)
    assert orphan.done()
    assert nothing_is_held(briqpay)


async def test_a_block_may_be_entered_in_one_context_and_left_in_another(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    edit = briqpay.sessions.edit(session_id)
    async with asyncio.timeout(30):
        builder = await elsewhere(edit.__aenter__())
        builder.cart.set_quantity("a", 5)
        await elsewhere(edit.__aexit__(None, None, None))
    assert quantities(api, session_id)["a"] == 5
    assert nothing_is_held(briqpay)


async def test_edits_may_end_in_another_order_than_they_began(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    other = str((await briqpay.sessions.create(new_session(data(line("a"))))).session_id)
    first, second = briqpay.sessions.edit(session_id), briqpay.sessions.edit(other)
    async with asyncio.timeout(30):
        (await first.__aenter__()).cart.set_quantity("a", 5)
        (await second.__aenter__()).cart.set_quantity("a", 6)
        await first.__aexit__(None, None, None)
        await briqpay.sessions.update(other, CITY)
        await second.__aexit__(None, None, None)
    assert (quantities(api, session_id)["a"], quantities(api, other)["a"]) == (5, 6)
    assert nothing_is_held(briqpay)


# --- the place is given back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_block_that_raises_sends_nothing_and_gives_its_place_back(
    briqpay: BriqpayClient, api: Sandbox, session_id: str, stop: type[BaseException]
) -> None:
    async def fail() -> None:
        async with briqpay.sessions.edit(session_id) as builder:
            builder.cart.set_quantity("a", 5)
            raise stop

    with pytest.raises(stop):
        await fail()
    assert api.effects_of(session_id, "patch") == ()
    assert nothing_is_held(briqpay)


async def test_an_edit_whose_read_fails_gives_its_place_back(briqpay: BriqpayClient) -> None:
    with pytest.raises(SessionNotFoundError):
        await set_quantity(briqpay, "c5674f4f-7e84-405c-a44b-c83736bb7209", "a", 5)
    assert nothing_is_held(briqpay)


@pytest.mark.parametrize("step", range(12))
async def test_an_edit_that_is_cancelled_while_it_waits_lets_the_next_one_through(
    briqpay: BriqpayClient, api: Sandbox, session_id: str, step: int
) -> None:
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity("a", 5)
        given_up = elsewhere(set_quantity(briqpay, session_id, "b", 6))
        patient = elsewhere(set_quantity(briqpay, session_id, "c", 7))
        for _ in range(step):
            await asyncio.sleep(0)
        given_up.cancel()
    async with asyncio.timeout(30):
        await patient
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert quantities(api, session_id) == {"a": 5, "b": 1, "c": 7, "d": 1}
    assert nothing_is_held(briqpay)


async def test_an_edit_that_is_abandoned_gives_its_place_back(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    builder = await briqpay.sessions.edit(session_id).__aenter__()
    builder.cart.set_quantity("a", 5)
    gc.collect()
    async with asyncio.timeout(30):
        await set_quantity(briqpay, session_id, "b", 6)
    assert quantities(api, session_id) == {"a": 1, "b": 6, "c": 1, "d": 1}
    assert nothing_is_held(briqpay)


async def test_the_wait_for_an_edit_counts_in_the_deadline(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    async def edit() -> None:
        async with briqpay.sessions.edit(session_id, timeout=0.02):
            raise AssertionError("it was not its turn")

    async with briqpay.sessions.edit(session_id):
        for rival in (edit(), briqpay.sessions.update(session_id, CITY, timeout=0.02)):
            with pytest.raises(CallTimeoutError, match="an edit that is still open") as caught:
                await elsewhere(rival)
            assert caught.value.sent is False
    assert sent(api, session_id) == ["read"]
    assert nothing_is_held(briqpay)


async def test_the_read_of_an_edit_has_what_the_wait_left_of_the_deadline(
    briqpay: BriqpayClient, api: Sandbox, session_id: str
) -> None:
    async with briqpay.sessions.edit(session_id):
        api.faults.add("latency", endpoint="read", seconds=30)
        rival = elsewhere(briqpay.sessions.edit(session_id, timeout=0.2).__aenter__())
        await asyncio.sleep(0.1)
    with pytest.raises(CallTimeoutError):
        await rival
    assert sent(api, session_id) == ["read", "read"]
    assert nothing_is_held(briqpay)


def test_a_builder_has_no_session_before_the_block_ends() -> None:
    assert PatchBuilder(data(billing=address())).session is None


# --- answers that are about another session ---------------------------------------------------------------------


OTHER = "c5674f4f-7e84-405c-a44b-c83736bb7209"


@pytest.mark.parametrize(
    "call",
    [
        lambda briqpay, session_id: briqpay.sessions.read(session_id),
        lambda briqpay, session_id: briqpay.sessions.update(session_id, CITY),
        lambda briqpay, session_id: briqpay.sessions.update_metadata(session_id, references={"a": "b"}),
        lambda briqpay, session_id: set_quantity(briqpay, session_id, "a", 2),
    ],
    ids=["read", "update", "metadata", "edit"],
)
async def test_an_answer_about_another_session_is_refused(http_mock: aioresponses, call: Any) -> None:
    asked = "7d0f0d0e-58f3-4a55-9b0c-6a1d2f1c9e01"
    for url in (f"http://127.0.0.1:1/v3/session/{asked}", f"http://127.0.0.1:1/v3/session/{asked}/metadata"):
        http_mock.get(url, payload={"sessionId": OTHER, "data": {}})
        http_mock.patch(url, payload={"sessionId": OTHER, "data": {}})
    async with BriqpayClient("m", "s", base_url="http://127.0.0.1:1") as briqpay:
        with pytest.raises(ResponseDecodeError, match="about another session") as caught:
            await call(briqpay, asked)
        assert caught.value.pointer == "/sessionId"


async def test_an_answer_may_write_the_identifier_in_capitals_or_leave_it_out(http_mock: aioresponses) -> None:
    url = f"http://127.0.0.1:1/v3/session/{OTHER}"
    http_mock.get(url, payload={"sessionId": OTHER.upper()})
    http_mock.get(url, payload={"status": "started"})
    async with BriqpayClient("m", "s", base_url="http://127.0.0.1:1") as briqpay:
        assert (await briqpay.sessions.read(OTHER)).session_id == OTHER.upper()
        assert (await briqpay.sessions.read(OTHER)).session_id is None


async def test_an_edit_that_a_task_of_the_block_ends_after_the_block_is_kept(
    api: Sandbox, briqpay: BriqpayClient, session_id: str
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def edit_in_the_block() -> None:
        async with briqpay.sessions.edit(session_id) as builder:
            begun.set()
            await go_on.wait()
            builder.cart.set_quantity("b", 7)

    async with briqpay.sessions.edit(session_id) as builder:
        task = asyncio.create_task(edit_in_the_block())
        await begun.wait()
        builder.cart.set_quantity("a", 5)
        # Late enough that whatever the end of the block does at once is done.
        read_again = asyncio.create_task(_after_reads(api, session_id, 3, go_on))
    await asyncio.gather(task, read_again)
    assert (quantities(api, session_id)["a"], quantities(api, session_id)["b"]) == (5, 7)
    assert nothing_is_held(briqpay)


async def _after_reads(api: Sandbox, session_id: str, count: int, event: asyncio.Event) -> None:
    """Set an event once a session was read so often, or when nothing is to come of that any more."""
    for _ in range(200):
        if sent(api, session_id).count("read") >= count:
            break
        await asyncio.sleep(0)
    event.set()


async def test_a_thread_with_another_loop_is_refused_at_once_while_an_edit_is_open(
    briqpay: BriqpayClient, session_id: str
) -> None:
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.set_quantity("a", 5)
        with pytest.raises(WrongLoopError):
            await asyncio.to_thread(asyncio.run, briqpay.sessions.update(session_id, CITY, timeout=30))
    assert nothing_is_held(briqpay)
