"""A bulk run from a thread: rows are read there, outcomes come in batches, and leaving early leaves nothing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from support import shop

from briqpay_async import BulkProgress, ConfigurationError, EditableData, Session, SessionPatch, SessionUpdate
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox.thread import ThreadedSandbox


def _row(session_id: str, number: int) -> SessionUpdate:
    return SessionUpdate(
        session_id, SessionPatch.of(data=EditableData(billing=shop.address(city=f"City {number}"))), str(number)
    )


@pytest.fixture
def sessions(blocking: BlockingBriqpayClient) -> list[str]:
    return [blocking.sessions.create(shop.new_session()).session_id or "" for _ in range(10)]


def test_every_row_has_one_outcome(blocking: BlockingBriqpayClient, sessions: list[str]) -> None:
    rows = (_row(sessions[number % 10], number) for number in range(700))
    outcomes = list(blocking.sessions.update_many(rows))
    assert sorted(outcome.index for outcome in outcomes) == list(range(700))
    assert {outcome.status for outcome in outcomes} == {"applied"}
    cities = {blocking.sessions.read(session_id).data.billing.city for session_id in sessions}
    assert cities == {f"City {number}" for number in range(690, 700)}


def test_rows_and_progress_belong_to_the_thread_that_iterates(
    blocking: BlockingBriqpayClient, sessions: list[str]
) -> None:
    threads: set[int] = set()
    snapshots: list[BulkProgress] = []

    def rows() -> Iterator[SessionUpdate]:
        for number in range(20):
            threads.add(threading.get_ident())
            # a generator may use the client too, as one that reads a database uses its connection
            yield _row(blocking.sessions.read(sessions[number % 10]).session_id or "", number)

    def progress(snapshot: BulkProgress) -> None:
        threads.add(threading.get_ident())
        snapshots.append(snapshot)

    assert len(list(blocking.sessions.update_many(rows(), progress=progress))) == 20
    assert threads == {threading.get_ident()}
    assert snapshots[-1].done == 20


def test_what_the_rows_raise_is_raised_after_the_outcomes_of_the_rows_before(
    blocking: BlockingBriqpayClient, sessions: list[str]
) -> None:
    def rows() -> Iterator[SessionUpdate]:
        yield _row(sessions[0], 0)
        yield _row(sessions[1], 1)
        raise LookupError("the database went away")

    outcomes = []
    with pytest.raises(LookupError, match="went away"):  # noqa: PT012 - the iteration is what raises
        for outcome in blocking.sessions.update_many(rows()):
            outcomes.append(outcome)  # noqa: PERF402 - the error must not lose them
    assert sorted(outcome.index for outcome in outcomes) == [0, 1]


def test_rows_of_a_slow_source_are_sent_as_they_come(blocking: BlockingBriqpayClient, sessions: list[str]) -> None:
    enough = threading.Event()

    def rows() -> Iterator[SessionUpdate]:
        for number in range(3):
            yield _row(sessions[number], number)
            enough.wait(0.05)  # longer than rows are gathered

    seen = [outcome.index for outcome in blocking.sessions.update_many(rows())]
    assert sorted(seen) == [0, 1, 2]


def test_leaving_early_stops_the_run_and_the_reading_of_rows(
    blocking: BlockingBriqpayClient, sessions: list[str], threaded: ThreadedSandbox
) -> None:
    read = 0

    def rows() -> Iterator[SessionUpdate]:
        nonlocal read
        while True:
            read += 1
            yield _row(sessions[read % 10], read)

    with contextlib.closing(blocking.sessions.update_many(rows(), concurrency=4)) as run:
        for _ in range(20):
            next(run)
    assert read < 2000
    before = len(threaded.journal)
    blocking.sessions.read(sessions[0])
    assert len(threaded.journal) == before + 1


def test_an_async_source_is_read_in_the_loop(blocking: BlockingBriqpayClient, sessions: list[str]) -> None:
    async def rows() -> AsyncIterator[SessionUpdate]:
        for number in range(5):
            yield _row(sessions[number], number)

    assert len(list(blocking.sessions.update_many(rows()))) == 5


def test_wrong_arguments_are_refused_at_once(blocking: BlockingBriqpayClient, session: Session) -> None:
    with pytest.raises(ConfigurationError):
        blocking.sessions.update_many([], concurrency=0)
    with pytest.raises((ConfigurationError, TypeError)):
        blocking.sessions.update_many(4)  # type: ignore[arg-type]


def test_an_unread_run_leaves_nothing(blocking: BlockingBriqpayClient, sessions: list[str]) -> None:
    blocking.sessions.update_many([_row(sessions[0], 1)])
    assert blocking.sessions.read(sessions[0]).data.billing.city == "Lund"


def test_a_forgotten_iterator_is_ended_by_the_garbage_collector_in_the_loop(
    blocking: BlockingBriqpayClient, sessions: list[str]
) -> None:
    from briqpay_async.blocking.background import background

    kept = [blocking.sessions.update_many(_row(sessions[n % 10], n) for n in range(50))]
    next(kept[0])
    gone = threading.Event()

    def forget() -> None:  # as a collection that happens to run in that thread does
        kept.pop().close()
        gone.set()

    background().loop.call_soon_threadsafe(forget)
    assert gone.wait(10)
    assert blocking.sessions.read(sessions[0]).session_id == sessions[0]
