"""Each event is handled to its end exactly once."""

from __future__ import annotations

import asyncio
import random
import re
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from briqpay_async import ConfigurationError
from briqpay_async.webhooks import (
    Claim,
    InboxStore,
    MemoryInboxStore,
    SQLiteInboxStore,
    WebhookEvent,
    WebhookInbox,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def event(number: int = 0) -> WebhookEvent:
    return WebhookEvent(name="order_status", status="order_pending", session_id=f"session-{number}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> InboxStore:
    if request.param == "memory":
        return MemoryInboxStore(clock=clock)
    return SQLiteInboxStore(tmp_path / "inbox.db", clock=clock)


async def test_an_event_is_fresh_once_and_then_done(store: InboxStore) -> None:
    inbox = WebhookInbox(store)
    seen = []
    for _ in range(3):
        async with inbox.claim(event()) as claim:
            seen.append(claim)
    assert seen == [Claim.FRESH, Claim.DONE, Claim.DONE]


async def test_while_an_event_is_handled_it_is_busy_and_other_events_are_not(store: InboxStore) -> None:
    inbox = WebhookInbox(store)
    async with inbox.claim(event()), inbox.claim(event()) as second, inbox.claim(event(1)) as other:
        assert (second, other) == (Claim.BUSY, Claim.FRESH)


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
async def test_a_handler_that_fails_gives_the_claim_back(store: InboxStore, error: type[BaseException]) -> None:
    inbox = WebhookInbox(store)
    with pytest.raises(error):
        async with inbox.claim(event()):
            raise error
    async with inbox.claim(event()) as again:
        assert again is Claim.FRESH


async def test_the_claim_of_a_holder_that_died_ends(store: InboxStore, clock: Clock) -> None:
    inbox = WebhookInbox(store, lease=60)
    assert await store.claim(event().key, "dead", 60) is Claim.FRESH
    clock.now += 59.9
    async with inbox.claim(event()) as early:
        assert early is Claim.BUSY
    clock.now += 0.2
    async with inbox.claim(event()) as late:
        assert late is Claim.FRESH


async def test_who_lost_the_claim_cannot_give_back_that_of_its_successor(store: InboxStore, clock: Clock) -> None:
    await store.claim("k", "first", 60)
    clock.now += 61
    assert await store.claim("k", "second", 60) is Claim.FRESH
    await store.give_back("k", "first")
    assert await store.claim("k", "third", 60) is Claim.BUSY


async def test_an_event_that_was_handled_late_is_done_all_the_same(store: InboxStore, clock: Clock) -> None:
    await store.claim("k", "first", 60)
    clock.now += 61
    await store.claim("k", "second", 60)
    await store.done("k", "first")
    await store.give_back("k", "second")
    assert await store.claim("k", "third", 60) is Claim.DONE


@pytest.mark.parametrize("turns", range(6))
async def test_a_task_that_is_cancelled_while_it_claims_holds_nothing(store: InboxStore, turns: int) -> None:
    inbox = WebhookInbox(store)

    async def hold() -> None:
        async with inbox.claim(event()):
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    async with inbox.claim(event()) as claim:
        assert claim is Claim.FRESH


async def test_the_memory_store_is_bounded_and_forgets_what_was_handled_longest_ago() -> None:
    store = MemoryInboxStore(2)
    for key in ("a", "b", "c"):
        await store.claim(key, "o", 1)
        await store.done(key, "o")
    assert [await store.claim(key, "p", 1) for key in ("a", "b", "c")] == [Claim.FRESH, Claim.DONE, Claim.DONE]


async def test_the_file_forgets_marks_that_are_older_than_asked_for(tmp_path: Path, clock: Clock) -> None:
    store = SQLiteInboxStore(tmp_path / "inbox.db", keep=100, clock=clock)
    await store.claim("a", "o", 1)
    await store.done("a", "o")
    clock.now += 99
    assert await store.claim("a", "p", 1) is Claim.DONE
    clock.now += 2
    assert await store.claim("a", "p", 1) is Claim.FRESH


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "inbox.db"
    await SQLiteInboxStore(path).claim("a", "o", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


FULL_DISK = """
import asyncio, resource, signal, sys
from briqpay_async.webhooks import SQLiteInboxStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
asyncio.run(SQLiteInboxStore(sys.argv[1]).claim("k", "o", 60))
"""


@pytest.mark.parametrize("case", ["no folder", "a folder", "no database", "read-only"])
async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, case: str) -> None:
    path = tmp_path / "inbox.db"
    if case == "no folder":
        path = tmp_path / "missing" / "inbox.db"
    elif case == "a folder":
        path.mkdir()
    elif case == "no database":
        path.write_bytes(b"this is a text, and as long as a header of SQLite would be" * 20)
    else:
        path = Path("/proc/version")  # read-only for root as well
    with pytest.raises(ConfigurationError, match=re.escape(str(path))) as caught:
        await SQLiteInboxStore(path).claim("k", "o", 60)
    assert "inbox" in str(caught.value)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "inbox.db"
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "ConfigurationError: The inbox cannot use" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: SQLiteInboxStore(":memory:"),
        lambda: MemoryInboxStore(0),
        lambda: WebhookInbox(MemoryInboxStore(), lease=0),
    ],
)
def test_settings_that_cannot_work_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


async def test_deliveries_in_any_order_by_several_senders_are_handled_once_each(store: InboxStore) -> None:
    choose = random.Random(20261124)  # noqa: S311 - the same order each time
    deliveries = [number for number in range(40) for _ in range(choose.randint(1, 5))]
    choose.shuffle(deliveries)
    inbox, handled = WebhookInbox(store), Counter[int]()

    def handle(number: int) -> None:
        if choose.random() < 1 / 3:
            raise RuntimeError("this handler fails now and then")
        handled[number] += 1

    async def send(mine: list[int]) -> None:
        while mine:
            number = mine.pop()
            try:
                async with inbox.claim(event(number)) as claim:
                    if claim is Claim.BUSY:
                        mine.insert(0, number)  # as a sender that was answered 503 does
                    elif claim is Claim.FRESH:
                        await asyncio.sleep(0)
                        handle(number)
            except RuntimeError:
                mine.insert(0, number)

    await asyncio.gather(*(send(deliveries[sender::4]) for sender in range(4)))
    assert handled == Counter(range(40))


PROCESS = """
import asyncio, os, sys
from pathlib import Path
from briqpay_async.webhooks import Claim, SQLiteInboxStore, WebhookEvent, WebhookInbox

async def main(path, log, die_at):
    inbox = WebhookInbox(SQLiteInboxStore(path), lease=1.0)
    done = 0
    for number in range(12):
        event = WebhookEvent(name="order_status", status="s", session_id=str(number))
        while True:
            async with inbox.claim(event) as claim:
                if claim is Claim.FRESH:
                    if number == die_at:
                        os.kill(os.getpid(), 9)
                    with open(log, "a") as file:
                        file.write(f"{number}\\n")
            if claim is not Claim.BUSY:
                break
            await asyncio.sleep(0.05)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def test_processes_share_a_file_and_one_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    path, log = tmp_path / "inbox.db", tmp_path / "handled"
    command = [sys.executable, "-c", PROCESS, str(path), str(log)]
    running = [subprocess.Popen([*command, die_at]) for die_at in ("5", "-1", "-1")]
    assert sorted(process.wait(60) for process in running) in ([-9, 0, 0], [0, 0, 0])
    assert Counter(log.read_text().split()) == Counter(map(str, range(12)))


WORKER = """
import asyncio, sys
from briqpay_async.webhooks import Claim, SQLiteInboxStore, WebhookEvent, WebhookInbox

async def main(path, log):
    inbox = WebhookInbox(SQLiteInboxStore(path), lease=0.2)
    waiting = list(range(300))
    while waiting:
        number = waiting.pop(0)
        event = WebhookEvent(name="order_status", status="s", session_id=str(number))
        async with inbox.claim(event) as claim:
            if claim is Claim.FRESH:
                with open(log, "a") as file:
                    file.write(f"{number}\\n")
        if claim is Claim.BUSY:
            waiting.append(number)
            await asyncio.sleep(0.01)

asyncio.run(main(*sys.argv[1:]))
"""


def test_wherever_a_process_is_killed_no_event_is_lost_and_only_the_one_at_hand_is_handled_again(
    tmp_path: Path,
) -> None:
    path, log = tmp_path / "inbox.db", tmp_path / "handled"
    log.touch()
    command = [sys.executable, "-c", WORKER, str(path), str(log)]
    kills = 0
    for handled_before in (7, 19, 28, 41):
        with subprocess.Popen(command) as process:
            while process.poll() is None and log.read_bytes().count(b"\n") < handled_before:
                time.sleep(0.001)
            kills += process.poll() is None
            process.kill()
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    handled = Counter(log.read_text().split())
    assert set(handled) == set(map(str, range(300)))
    assert kills > 0
    assert handled.total() - 300 <= kills
