"""How rows get their outcomes: counted, entered in the journal, and put in the queue of outcomes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from briqpay_async.bulk import journal_store
from briqpay_async.bulk.journal_store import JournalEntry, JournalStore, RowId
from briqpay_async.bulk.progress import Counts
from briqpay_async.bulk.rows import SessionUpdate, UpdateOutcome, UpdateStatus
from briqpay_async.bulk.session_queues import PendingRow
from briqpay_async.errors import BriqpayError
from briqpay_async.models.session import Session

__all__ = ["JobResult", "OutcomeQueue", "OutcomeRecorder"]

_LINGER = 0.005
_BATCH = 256


class OutcomeQueue:
    """A queue with a soft limit: workers start nothing new unless ``queued < limit``.

    These are plain attributes and not methods because they are read several times for each row.

    Attributes:
        limit: How many outcomes may be queued before nothing new is started.
        queued: How many outcomes there are; the reader of one subtracts it.
        ready: Those that may be read, oldest first. The others are not durable yet.
    """

    def __init__(self, limit: int, store: JournalStore | None) -> None:
        self.limit = limit
        self._store = store
        self.ready: deque[UpdateOutcome] = deque()
        self._pending: list[tuple[UpdateOutcome, JournalEntry | None]] = []
        self.queued = 0
        self._news: asyncio.Future[None] | None = None
        self._due = asyncio.Event()
        self._closed = False
        self._committer: asyncio.Task[None] | None = None
        self._broken: Exception | None = None
        if store is not None:
            self._committer = asyncio.create_task(self._commit_groups(store))

    def put(self, outcome: UpdateOutcome, entry: JournalEntry | None = None) -> None:
        """Pass an outcome on; with an entry for the journal, once that is durable."""
        self.queued += 1
        if self._store is None:
            self.ready.append(outcome)
            if self._news is not None:
                self._wake()
            return
        self._pending.append((outcome, entry))
        if len(self._pending) == 1:
            asyncio.get_running_loop().call_later(_LINGER, self._due.set)
        elif len(self._pending) >= _BATCH:
            self._due.set()

    async def wait(self) -> bool:
        """Wait until something is readable; ``False`` when nothing will ever be.

        Raises:
            BriqpayError: The journal could not be written.
        """
        while not self.ready:
            if self._broken is not None:
                raise self._broken
            if self._closed and self._committer is None:
                return False
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return True

    def close(self) -> None:
        """No more outcomes will be put in; those that are may still be read."""
        self._closed = True
        self._due.set()
        self._wake()

    async def drain(self) -> None:
        """Make durable whatever is not yet, for a reader who has left."""
        self.close()
        if self._committer is not None:
            await asyncio.wait((self._committer,))

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)

    async def _commit_groups(self, store: JournalStore) -> None:
        try:
            while not (self._closed and not self._pending):
                await self._due.wait()
                if not self._closed:
                    self._due.clear()
                group, self._pending = self._pending, []
                if not group:
                    continue
                await store.write([entry for _, entry in group if entry is not None])
                self.ready.extend(outcome for outcome, _ in group)
                self._wake()
        except Exception as error:  # noqa: BLE001 - raised where outcomes are read
            self._broken = error
        self._committer = None
        self._wake()


# Looked up on an enumeration, each of these would cost as much as the rest of recording a row.
_APPLIED, _UNCHANGED, _FAILED, _SKIPPED = UpdateStatus


class JobResult(NamedTuple):
    """The result of a job.

    Attributes:
        session: As answered.
        error: Why it failed.
        started: When it was sent first, on the run's clock.
        elapsed: Seconds until its outcome.
        attempts: Requests made.
        bytes_sent: Bytes of their bodies.
        in_flight: Updates under way when it was sent, itself included.
    """

    session: Session | None
    error: Exception | None
    started: float
    elapsed: float
    attempts: int
    bytes_sent: int
    in_flight: int


class OutcomeRecorder:
    """Gives each row its one outcome."""

    def __init__(self, outcome_queue: OutcomeQueue, counts: Counts, clock: Callable[[], float]) -> None:
        self._outcome_queue = outcome_queue
        self._counts = counts
        self._epoch = time.time() - clock()
        self._clock = clock

    def unchanged(self, index: int, update: SessionUpdate, row_id: RowId | None) -> None:
        """A row whose patch changes nothing."""
        self._counts.unchanged += 1
        entry = (
            None if row_id is None else JournalEntry(*row_id, journal_store.UNCHANGED, self._epoch + self._clock())
        )
        self._outcome_queue.put(UpdateOutcome(index, update.session_id, update.key, _UNCHANGED), entry)

    def skipped(self, index: int, update: SessionUpdate) -> None:
        """A row that an earlier run has done."""
        self._counts.skipped += 1
        self._outcome_queue.put(UpdateOutcome(index, update.session_id, update.key, _SKIPPED))

    def refused(self, index: int, update: object, error: Exception) -> None:
        """A row that cannot be sent. It is not in the journal, so the next run tries it again."""
        self._counts.failed += 1
        session_id, key = (update.session_id, update.key) if isinstance(update, SessionUpdate) else (None, None)
        self._outcome_queue.put(UpdateOutcome(index, session_id, key, _FAILED, None, error))

    def sent(self, rows: tuple[PendingRow, ...], result: JobResult) -> None:
        """The rows of a job. The last one counts what was sent for them all."""
        session, error, started, elapsed, attempts, bytes_sent, in_flight = result
        counts = self._counts
        if error is None:
            status = _APPLIED
            counts.applied += len(rows)
        else:
            status = _FAILED
            counts.failed += len(rows)
        counts.bytes_sent += bytes_sent
        if attempts > 1:
            counts.retried += attempts - 1
        carrier = rows[-1]
        for row in rows:
            update = row.update
            common = (row.index, update.session_id, update.key, status, session, error)
            if row is carrier:
                outcome = UpdateOutcome(*common, attempts, elapsed, bytes_sent)
            else:
                outcome = UpdateOutcome(*common, 0, elapsed, 0, carrier.index)
            entry = None
            if row.row_id is not None:
                entry = JournalEntry(
                    *row.row_id,
                    journal_store.APPLIED if error is None else journal_store.FAILED,
                    self._epoch + started,
                    elapsed,
                    outcome.attempts,
                    outcome.bytes_sent,
                    in_flight,
                    error.status if isinstance(error, BriqpayError) else None,
                    None if error is None else type(error).__name__,
                )
            self._outcome_queue.put(outcome, entry)
