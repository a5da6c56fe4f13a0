"""The bulk engine: workers pull rows, send one PATCH each, and pass the outcomes on.

How a row travels: ``reader`` (read when a worker has room for it, and checked) -> ``session_queues`` (its turn
among the rows of its session) -> ``gate`` (its turn among all) -> ``sender`` -> ``recorder`` (durable first, if
there is a journal) -> the loop that reads outcomes.

Each stage is bounded and looks at the next one before it takes more, so a slow reader of outcomes stops the
reading of rows. The workers are few and last for the whole run; there is no task for a row.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from briqpay_async.bulk.context import RunContext
from briqpay_async.bulk.gate import AdaptiveGate, RunIsOverError
from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.bulk.journal_store import JournalStore
from briqpay_async.bulk.progress import Counts, Reporter
from briqpay_async.bulk.reader import FedSource, RowReader, Rows, Source, make_source
from briqpay_async.bulk.recorder import OutcomeQueue, OutcomeRecorder
from briqpay_async.bulk.room import Room
from briqpay_async.bulk.rows import BulkProgress, UpdateOutcome
from briqpay_async.bulk.sender import BindUpdate, JobSender
from briqpay_async.bulk.session_queues import SessionQueues
from briqpay_async.errors import ConfigurationError
from briqpay_async.transport.rate_gate import RateGate
from briqpay_async.transport.requests import Fields, fields_query

__all__ = ["update_many"]

_QUEUED = 256  # outcomes waiting to be read, before workers wait too

_Idle = deque[asyncio.Future[None]]


def update_many(
    bind: BindUpdate,
    updates: Rows | FedSource[Any],
    gate: AdaptiveGate,
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
        bind: Makes a function that sends one patch, whose attempts pass a gate.
        updates: Rows.
        gate: How many updates may be under way, and how fast.
        fields: What each update shall return.
        journal: Makes the run resumable.
        progress: Called with how far the run is.
        coalesce: Merge rows of one session that wait for each other.
        fail_fast: Stop at the first row that fails.
        options: Further arguments of each update.

    Raises:
        ConfigurationError: An argument is invalid; raised at once.
        ValidationError: ``fields`` is malformed; raised at once.
    """
    if fields is not None and not isinstance(fields, str):
        fields = tuple(fields)
    fields_query(fields)
    options = {"fields": fields, **{name: value for name, value in options.items() if value is not None}}
    if journal is not None and not isinstance(journal, BulkJournal):
        raise ConfigurationError('journal must be a BulkJournal, such as BulkJournal("run.db").')
    source = make_source(updates)

    def bind_with_options(worker_gate: RateGate) -> Any:
        return partial(bind(worker_gate), **options)

    async def outcomes() -> AsyncGenerator[UpdateOutcome, None]:
        async with AsyncExitStack() as stack:
            store = None if journal is None else journal.begin()
            run = _Run(bind_with_options, source, gate, store, coalesce=coalesce, fail_fast=fail_fast)
            if progress is not None:
                reporter = Reporter(progress, run.context.counts, gate)
                stack.push_async_callback(reporter.finish)
            stack.push_async_callback(run.end)
            run.begin()
            outcome_queue = run.context.outcome_queue
            ready, half = outcome_queue.ready, outcome_queue.limit // 2
            while await outcome_queue.wait():
                while ready:
                    outcome = ready.popleft()
                    outcome_queue.queued -= 1
                    yield outcome
                    if outcome_queue.queued == half:
                        run.wake_worker()
                run.wake_worker()
            if run.error is not None:
                raise run.error

    return outcomes()


class _Run:
    """One bulk run: its workers, and when they work, wait and leave.

    Attributes:
        context: What the parts of the run share.
        error: What to raise when all outcomes are read.
    """

    def __init__(
        self,
        bind: BindUpdate,
        source: Source,
        gate: AdaptiveGate,
        store: JournalStore | None,
        *,
        coalesce: bool,
        fail_fast: bool,
    ) -> None:
        outcome_queue, counts = OutcomeQueue(_QUEUED, store), Counts()
        self.context = RunContext(
            gate=gate,
            store=store,
            outcome_queue=outcome_queue,
            counts=counts,
            recorder=OutcomeRecorder(outcome_queue, counts, gate.clock),
            fail_fast=fail_fast,
            abandon=self._abandon,
        )
        self.error: BaseException | None = None
        self._bind = bind
        self._source = source
        self._window = gate.limiter.window
        self._room = Room(counts, gate.limiter, self.wake_worker)
        self._queues = SessionQueues(coalesce=coalesce)
        self._reader = RowReader(source, self._queues, self.context)
        self._abandoned = False
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: _Idle = deque()
        self._idle_in_session: _Idle = deque()

    def begin(self) -> None:
        """Start to read. One worker is enough: each one that finds work wakes another."""
        self._source.start(self.wake_worker)
        self._hire()

    def wake_worker(self) -> None:
        """Let one more worker look for work, if there may be some."""
        if self._source.ended:
            _wake_all(self._idle)
        if self._abandoned or not self._may_start() or _wake_first(self._idle_in_session):
            return
        if (
            self._reader.open
            and not _wake_first(self._idle)
            and len(self._workers) < self._window.limit + self._room.aside
        ):
            self._hire()

    def _may_start(self) -> bool:
        context = self.context
        return (
            context.counts.in_flight < self._window.limit
            and not self._room.returning
            and context.outcome_queue.queued < context.outcome_queue.limit
        )

    def _hire(self) -> None:
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._retire)

    def _retire(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if worker.cancelled():
            self._abandon(asyncio.CancelledError("a worker of the bulk run was cancelled"))
        elif isinstance(error := worker.exception(), RunIsOverError):
            self._abandon(None)
        elif error is not None:
            self._abandon(error)
        if not self._workers:
            self.error = self.error or self._source.error
            self.context.outcome_queue.close()

    async def _work(self) -> None:
        """Work until there is no more. A worker keeps the session of its job until no row waits for it.

        Invariant: no worker idles while a row is ready and the window has room. So a worker that finds a job wakes
        another, the source wakes one whenever it has read something, and workers that idle in a session come
        first: there a row certainly waits.
        """
        counts, queues, reader = self.context.counts, self._queues, self._reader
        room = self._room
        gate = self.context.gate.for_worker(room)
        sender = JobSender(self._bind(gate), gate, self.context)
        session: str | None = None
        while not self._abandoned:
            if session is not None and queues.leave(session):
                session = None
            if self._may_start():
                job = reader.next() if session is None else queues.next(session)
                if job is not None:
                    session = job.rows[0].lane
                    counts.in_flight += 1
                    try:
                        if counts.in_flight < self._window.limit:
                            self.wake_worker()
                        await sender.send(job)
                    finally:
                        if gate.aside or gate.holds_turn:
                            gate.end()
                        counts.in_flight -= 1
                        if room.returning:
                            room.hand_on()
                    continue
            if session is not None:
                await _wait_idle(self._idle_in_session)
            elif self._source.ended:
                _wake_all(self._idle)  # for them there is nothing to wait for any more either
                return
            else:
                await _wait_idle(self._idle)

    def _abandon(self, error: BaseException | None) -> None:
        """Start nothing more, and end with this error once what is under way is done."""
        if not self._abandoned:
            self._abandoned = True
            self.error = error
        _wake_all(self._idle)
        _wake_all(self._idle_in_session)

    async def end(self) -> None:
        """Cancel what is under way, if anything is, and leave nothing behind."""
        finished = self._source.ended and not self._workers and self.error is None and not self._abandoned
        self._abandoned = True
        workers = tuple(self._workers)
        for worker in workers:
            worker.cancel()
        async with AsyncExitStack() as stack:
            if self.context.store is not None:
                stack.push_async_callback(asyncio.to_thread, self.context.store.close, finished=finished)
            stack.push_async_callback(self.context.outcome_queue.drain)
            if workers:
                stack.push_async_callback(asyncio.wait, workers)
            await self._source.stop()


async def _wait_idle(idle: _Idle) -> None:
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    idle.append(woken)
    await woken


def _wake_first(idle: _Idle) -> bool:
    """Wake the worker that has been idle longest; ``False`` when none is."""
    while idle:
        woken = idle.popleft()
        if not woken.done():  # done: the worker was cancelled while it was idle
            woken.set_result(None)
            return True
    return False


def _wake_all(idle: _Idle) -> None:
    while _wake_first(idle):
        pass
