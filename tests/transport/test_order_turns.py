"""Turns with an order: one process of the machine at a time, and word of what is open is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from briqpay_async import CallTimeoutError
from briqpay_async.transport import order_turns
from briqpay_async.transport.order_turns import OrderTurns

ID, CREATED = "c5674f4f-7e84-405c-a44b-c83736bb7209", "2026-11-24T12:00:00.000Z"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def turns(folder: Path | None, clock: Clock | None = None, account: str = "api user") -> OrderTurns:
    return OrderTurns(account, folder, clock or time.time)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def state(of: OrderTurns, created: str = CREATED) -> tuple[bool, frozenset[str]]:
    async with of.turn(ID, 1.0, asyncio.sleep) as turn:
        turn.concerns(created)
        return turn.unresolved, turn.known


async def test_two_clients_take_turns(folder: Path) -> None:
    inside = 0

    async def take(of: OrderTurns) -> None:
        nonlocal inside
        async with of.turn(ID, 5.0, asyncio.sleep):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.002)
            inside -= 1

    await asyncio.gather(*(take(turns(folder)) for _ in range(6)))


async def test_other_orders_and_other_accounts_do_not_wait(folder: Path) -> None:
    async with (
        turns(folder).turn(ID, 0.0, asyncio.sleep),
        turns(folder).turn(ID.replace("c", "d"), 0.0, asyncio.sleep),
        turns(folder, account="another").turn(ID, 0.0, asyncio.sleep),
    ):
        pass


async def test_a_call_without_a_turn_in_time_says_that_nothing_was_sent(folder: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with turns(folder).turn(ID, 0.0, asyncio.sleep):
        with pytest.raises(CallTimeoutError, match="Another process") as caught:
            async with turns(folder).turn(ID, 1.0, sleep):
                pass
    assert caught.value.sent is False
    assert sum(waits) == pytest.approx(1.0)
    assert max(waits) <= 0.1
    assert await state(turns(folder)) == (False, frozenset())


@pytest.mark.parametrize("files", [True, False])
async def test_a_call_is_open_from_its_beginning_to_its_end(folder: Path, files: bool) -> None:
    clock = Clock()
    of = turns(folder, clock) if files else OrderTurns(now=clock)
    async with of.turn(ID, 1.0, asyncio.sleep) as turn:
        turn.concerns(CREATED)
        turn.begin()
    assert await state(of) == (True, frozenset())
    assert await state(of, "2027-01-01") == (False, frozenset())
    clock.now += 3601
    assert await state(of) == (False, frozenset())


@pytest.mark.parametrize("files", [True, False])
async def test_what_a_call_made_is_remembered_as_long_as_reads_may_lag(folder: Path, files: bool) -> None:
    clock = Clock()
    of = turns(folder, clock) if files else OrderTurns(now=clock)
    for name in ("capture-1", "capture-2"):
        async with of.turn(ID, 1.0, asyncio.sleep) as turn:
            turn.concerns(CREATED)
            turn.begin()
            turn.end([name])
        clock.now += 60
    assert await state(of) == (False, frozenset({"capture-2"}))


async def test_a_call_that_ends_does_not_resolve_an_earlier_one(folder: Path) -> None:
    of = turns(folder, Clock())
    async with of.turn(ID, 1.0, asyncio.sleep) as turn:
        turn.begin()
    async with of.turn(ID, 1.0, asyncio.sleep) as turn:
        turn.begin()
        turn.end(["capture-2"])
    assert await state(of) == (True, frozenset({"capture-2"}))
    async with of.turn(ID.replace("c", "d"), 1.0, asyncio.sleep) as turn:
        turn.begin()
        turn.end(["capture-3"], is_resolved=False)
        assert not turn.unresolved
    async with of.turn(ID.replace("c", "d"), 1.0, asyncio.sleep) as turn:
        assert turn.unresolved


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b'{"open_until": 0}', b'{"session":null,"open_until":[],"known":{}}']
)
async def test_an_invalid_file_says_that_a_call_may_be_open(folder: Path, text: bytes) -> None:
    of = turns(folder)
    await state(of)
    (file,) = files_in(folder)
    file.write_bytes(text)
    assert await state(of) == (True, frozenset())


async def test_files_that_no_call_needs_are_removed(folder: Path) -> None:
    clock = Clock()
    clock.now = time.time() + 1000
    for number in range(3):
        async with turns(folder, clock).turn(ID.replace("c", str(number)), 1.0, asyncio.sleep) as turn:
            turn.begin()
            if number:
                turn.end(["capture"])
    assert len(files_in(folder)) == 3
    clock.now += 130
    async with turns(folder, clock).turn(ID, 1.0, asyncio.sleep):
        pass
    assert len(files_in(folder)) == 2
    async with turns(folder, clock).turn(ID.replace("c", "0"), 1.0, asyncio.sleep) as turn:
        assert turn.unresolved
        clock.now += 3600
        async with turns(folder, clock).turn(ID.replace("c", "7"), 1.0, asyncio.sleep):
            pass  # the file of the first is in use, and stays
        assert len(files_in(folder)) == 2


async def test_the_files_are_this_user_s_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(order_turns.tempfile, "gettempdir", lambda: str(tmp_path))
    await state(turns(None))
    (own,) = files_in(tmp_path)
    (file,) = files_in(own)
    assert (own.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert ID not in file.name


async def test_where_files_cannot_be_used_the_client_keeps_its_own_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(order_turns.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"briqpay-async-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"briqpay-async-{os.getuid()}").chmod(0o777)
    of = turns(None)
    async with of.turn(ID, 1.0, asyncio.sleep) as turn:
        turn.begin()
    assert (await state(of))[0]
    assert [record.message for record in caplog.records] == [
        "orders are not locked against other processes: PermissionError"
    ]


def _die_in_a_turn(folder: str) -> None:
    async def die() -> None:
        async with OrderTurns("api user", Path(folder)).turn(ID, 1.0, asyncio.sleep) as turn:
            turn.concerns(CREATED)
            turn.begin()
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(die())


async def test_a_process_that_dies_gives_its_turn_back_and_leaves_its_call_open(folder: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_die_in_a_turn, args=(str(folder),))
    process.start()
    await asyncio.to_thread(process.join, 30)
    assert process.exitcode == -signal.SIGKILL
    assert await state(turns(folder)) == (True, frozenset())


async def test_a_cancelled_wait_and_a_cancelled_turn_leave_nothing_locked(folder: Path) -> None:
    async def hold() -> None:
        async with turns(folder).turn(ID, 60.0, asyncio.sleep):
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(hold()) for _ in range(2)]
    await asyncio.sleep(0.01)
    for task in reversed(tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert await state(turns(folder)) == (False, frozenset())
