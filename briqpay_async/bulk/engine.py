"""The bulk engine: workers pull rows, send one PATCH each, and pass the outcomes on.

How a row travels: ``source`` and ``intake`` (read when a worker has room for it, and checked) -> ``lanes`` (its
turn among the rows of its session) -> ``throttle`` (its turn among all) -> ``sending`` -> ``settling`` and
``outbox`` (durable first, if there is a journal) -> whoever iterates.

Each stage is bounded and looks at the next one before it takes more, so a slow reader stops the reading of rows.
The workers are few and last for the whole run; there is no task for a row.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from briqpay_async.bulk.gate import Tally, Throttle
from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.bulk.journal_store import JournalStore
from briqpay_async.bulk.progress import Counts, Reporter
from briqpay_async.bulk.reader import Intake, Rows, Source, make_source
from briqpay_async.bulk.recorder import Outbox, Settling
from briqpay_async.bulk.rows import BulkProgress, UpdateOutcome
from briqpay_async.bulk.sender import Sending, Update
from briqpay_async.bulk.session_queues import Lanes
from briqpay_async.errors import ConfigurationError
from briqpay_async.transport.requests import Fields, fields_query

__all__ = ["update_many"]

_UNREAD = 256  # outcomes waiting to be read, before workers wait too

_Resting = deque[asyncio.Future[None]]


def update_many(
    update: Update,
    updates: Rows,
    throttle: Throttle,
    *,
    fields: Fields = "none",
    journal: BulkJournal | None = None,
    progress: Callable[[BulkProgress], object] | None = None,
    coalesce: bool = False,
    fail_fast: bool = False,
    **options: Any,
) -> AsyncGenerator[UpdateOutcome, None]:
    """Send many patches and yield an outcome for each row, in the order in which they are done.

    ``Sessions.update_many`` describes the behaviour; this is it, over any function that updates a session.

    Args:
        update: Sends one patch.
        updates: Rows.
        throttle: How many updates may be under way, and how fast.
        fields: What ``update`` shall return.
        journal: Makes the run resumable.
        progress: Told how far the run is.
        coalesce: Merge rows of one session that wait for each other.
        fail_fast: Stop at the first row that fails.
        options: Further arguments of ``update``.

    Raises:
        ConfigurationError: An argument makes no sense; raised at once.
        ValidationError: ``fields`` is malformed; raised at once.
    """
    if fields is not None and not isinstance(fields, str):
        fields = tuple(fields)
    fields_query(fields)
    options = {"fields": fields, **{name: value for name, value in options.items() if value is not None}}
    if journal is not None and not isinstance(journal, BulkJournal):
        raise ConfigurationError('journal must be a BulkJournal, such as BulkJournal("run.db").')
    source = make_source(updates)

    async def outcomes() -> AsyncGenerator[UpdateOutcome, None]:
        async with AsyncExitStack() as stack:
            store = None if journal is None else journal.begin()
            run = _Run(update, source, throttle, store, coalesce=coalesce, fail_fast=fail_fast, **options)
            if progress is not None:
                reporter = Reporter(progress, run.counts, throttle)
                stack.push_async_callback(reporter.finish)
            stack.push_async_callback(run.end)
            run.begin()
            outbox, readable, half = run.outbox, run.outbox.readable, run.outbox.bound // 2
            while await outbox.wait():
                while readable:
                    outcome = readable.popleft()
                    outbox.unread -= 1
                    yield outcome
                    if outbox.unread == half:
                        run.call_worker()
                run.call_worker()
            if run.error is not None:
                raise run.error

    return outcomes()


class _Run:
    """One bulk run: its workers, and when they work, rest and leave.

    Attributes:
        outbox: Outcomes to be read.
        counts: How far the run is.
        error: What to raise when all outcomes are read.
    """

    def __init__(
        self,
        update: Update,
        source: Source,
        throttle: Throttle,
        store: JournalStore | None,
        *,
        coalesce: bool,
        fail_fast: bool,
        **options: Any,
    ) -> None:
        self.outbox = outbox = Outbox(_UNREAD, store)
        self.counts = counts = Counts()
        self.error: BaseException | None = None
        self._source = source
        self._throttle = throttle
        self._window = throttle.limiter.window
        self._store = store
        self._lanes = lanes = Lanes(coalesce=coalesce)
        settling = Settling(outbox, counts, throttle.clock)
        self._intake = Intake(source, lanes, store, settling, outbox, fail_fast=fail_fast)
        self._sending = Sending(
            partial(update, **options), throttle, settling, counts, self._abandon, fail_fast=fail_fast
        )
        self._abandoned = False
        self._workers: set[asyncio.Task[None]] = set()
        self._at_rest: _Resting = deque()
        self._at_rest_in_lane: _Resting = deque()

    def begin(self) -> None:
        """Start to read. One worker is enough: each one that finds work calls another."""
        self._source.start(self.call_worker)
        self._hire()

    def call_worker(self) -> None:
        """Let one more worker look for work, if there may be some."""
        if self._source.ended:
            _call_all(self._at_rest)
        if self._abandoned or not self._may_start() or _call_first(self._at_rest_in_lane):
            return
        if self._intake.open and not _call_first(self._at_rest) and len(self._workers) < self._window.limit:
            self._hire()

    def _may_start(self) -> bool:
        return self.counts.in_flight < self._window.limit and self.outbox.unread < self.outbox.bound

    def _hire(self) -> None:
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._retire)

    def _retire(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if worker.cancelled():
            self._abandon(asyncio.CancelledError("a worker of the bulk run was cancelled"))
        elif (error := worker.exception()) is not None:
            self._abandon(error)
        if not self._workers:
            self.error = self.error or self._source.error
            self.outbox.close()

    async def _work(self) -> None:
        """Work until there is no more. A worker keeps the lane of its job until no row waits in it.

        Nobody may be left at rest while there is work and room for it. So whoever finds a job calls another
        worker, the reader calls one whenever it has read what there was, and those that rest in a lane come
        first: there a row certainly waits.
        """
        counts, lanes, intake, sending = self.counts, self._lanes, self._intake, self._sending
        tally = Tally()
        self._throttle.tally.set(tally)
        lane: str | None = None
        while not self._abandoned:
            if lane is not None and lanes.leave(lane):
                lane = None
            if self._may_start():
                job = intake.next() if lane is None else lanes.next(lane)
                if job is not None:
                    lane = job.rows[0].lane
                    counts.in_flight += 1
                    try:
                        if counts.in_flight < self._window.limit:
                            self.call_worker()
                        await sending.send(job, tally)
                    finally:
                        counts.in_flight -= 1
                    continue
            if lane is not None:
                await _rest(self._at_rest_in_lane)
            elif self._source.ended:
                _call_all(self._at_rest)  # for them there is nothing to wait for any more either
                return
            else:
                await _rest(self._at_rest)

    def _abandon(self, error: BaseException) -> None:
        """Start nothing more, and end with this error once what is under way is done."""
        if not self._abandoned:
            self._abandoned = True
            self.error = error
        _call_all(self._at_rest)
        _call_all(self._at_rest_in_lane)

    async def end(self) -> None:
        """Cancel what is under way, if anything is, and leave nothing behind."""
        finished = self._source.ended and not self._workers and self.error is None
        self._abandoned = True
        workers = tuple(self._workers)
        for worker in workers:
            worker.cancel()
        async with AsyncExitStack() as stack:
            if self._store is not None:
                stack.push_async_callback(asyncio.to_thread, self._store.close, finished=finished)
            stack.push_async_callback(self.outbox.drain)
            if workers:
                stack.push_async_callback(asyncio.wait, workers)
            await self._source.stop()


async def _rest(resting: _Resting) -> None:
    called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    resting.append(called)
    await called


def _call_first(resting: _Resting) -> bool:
    """Wake whoever has rested longest; ``False`` when nobody rests."""
    while resting:
        called = resting.popleft()
        if not called.done():  # done: the worker was cancelled while it rested
            called.set_result(None)
            return True
    return False


def _call_all(resting: _Resting) -> None:
    while _call_first(resting):
        pass
