"""``BulkRun``: puts the rows of a run into the queue, and follows what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from briqpay_async.bulk import journal_store
from briqpay_async.bulk.journal_store import JournalEntry, JournalStore, RowId, RowStatus
from briqpay_async.bulk.reader import Rows, checked, complaint
from briqpay_async.bulk.rows import BulkProgress, UpdateOutcome, UpdateStatus
from briqpay_async.errors import BriqpayError, ConfigurationError, SharedStateError, ValidationError
from briqpay_async.integrations.taskiq.lost import SeenRows, Silence, lost
from briqpay_async.integrations.taskiq.rows import QueuedRow, decode_outcome
from briqpay_async.shared.connection import UnreachableError
from briqpay_async.shared.queue import ShardQueue

__all__ = ["BulkRun"]

_AT_ONCE = 500
_LINGER = 0.05  # seconds that rows wait for others before they are put
_FIRST_LOOK, _LAST_LOOK = 0.01, 0.2  # seconds between two looks for outcomes, or for room
_PATIENCE = 120.0  # seconds that a server which cannot be reached is waited for
_INTERVAL = 0.1

logger = logging.getLogger("briqpay_async")
T = TypeVar("T")


class BulkRun:
    """Rows that workers send, and what becomes of them. ``BriqpayTasks.update_many`` makes it.

    Attributes:
        name: Of the run.
    """

    def __init__(
        self,
        queue: ShardQueue,
        announce: Callable[[int], Awaitable[object]],
        name: str,
        *,
        ahead: int | None,
        store: JournalStore | None,
        progress: Callable[[BulkProgress], object] | None,
    ) -> None:
        self.name = name
        self._queue = queue
        self._announce = announce
        self._mark = f"{name}/{uuid.uuid4().hex}"
        self._ahead = ahead
        self._store = store
        self._progress = progress
        self._counts: Counter[str] = Counter()
        self._put = self._received = self._read = 0
        self._seen = SeenRows()
        self._silence = Silence(queue)
        self._rows = self._rows_put = 0
        self._puts = 0
        self._ids: dict[int, RowId] = {}
        self._own: deque[UpdateOutcome] = deque()  # of rows that no worker needs to see
        self._feeding: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._putting = asyncio.Lock()
        self._stopping = False
        self._started = time.monotonic()
        self._lately: deque[tuple[float, int]] = deque([(self._started, 0)], maxlen=30)

    # --- putting ---------------------------------------------------------------------------------------------

    def begin(self, rows: Rows) -> asyncio.Task[None]:
        """Begin to put rows, in a task."""
        self._feeding = asyncio.get_running_loop().create_task(self._feed(rows))
        self._feeding.add_done_callback(lambda _: self._news.set())
        return self._feeding

    async def _feed(self, rows: Rows) -> None:
        waiting: dict[int, list[bytes]] = defaultdict(list)
        count = 0
        try:
            async for update in _with_pauses(rows):
                if update is not None:
                    row = self._queued(update)
                    if row is not None:
                        waiting[self._queue.shard_of(row.session_id)].append(row.encode())
                        count += 1
                if count and (update is None or count >= _AT_ONCE):
                    await self._put_all(waiting, count)
                    waiting, count = defaultdict(list), 0
        except Exception:  # raised by the rows: those before it are put all the same
            if count:
                await self._put_all(waiting, count)
            raise
        if count:
            await self._put_all(waiting, count)

    def _queued(self, update: object) -> QueuedRow | None:
        """A row for a worker; any other gets its outcome here."""
        index, self._rows = self._rows, self._rows + 1
        try:
            known, session_id = checked(update)
        except ValidationError as error:
            self._settle_here(UpdateOutcome(index, None, None, UpdateStatus.FAILED, None, error))
            return None
        common = (index, known.session_id, known.key)
        row_id: RowId | None = None
        if self._store is not None:
            row_id = self._store.identify(index, known.key, session_id, known.patch.to_json())
            status = self._store.find(row_id, changes=not known.patch.is_noop)
            if status is RowStatus.DONE:
                self._settle_here(UpdateOutcome(*common, UpdateStatus.SKIPPED))
                return None
            if status is not RowStatus.OPEN:
                refusal = ConfigurationError(complaint(status, index, known.key))
                self._settle_here(UpdateOutcome(*common, UpdateStatus.FAILED, None, refusal))
                return None
            self._ids[index] = row_id
        if known.patch.is_noop:
            self._settle_here(UpdateOutcome(*common, UpdateStatus.UNCHANGED))
            return None
        return QueuedRow(known.session_id, known.patch, self._mark, index, known.key)

    def _settle_here(self, outcome: UpdateOutcome) -> None:
        self._seen.first(outcome.index)
        self._own.append(outcome)
        self._news.set()

    async def _put_all(self, rows: dict[int, list[bytes]], count: int) -> None:
        async with self._putting:
            wait = _FIRST_LOOK
            while self._ahead is not None and self._put - self._received > self._ahead and not self._stopping:
                await asyncio.sleep(wait)
                wait = min(wait * 1.5, _LAST_LOOK)
            if self._stopping:
                return
            self._puts += 1
            self._put += count
            shards = tuple(rows)
            wait = _FIRST_LOOK
            while full := await self._put_where_is_room(rows):
                rows = {shard: rows[shard] for shard in full}
                if self._stopping:
                    self._put -= sum(map(len, rows.values()))
                    return
                await asyncio.sleep(wait)
                wait = min(wait * 1.5, _LAST_LOOK)
            self._rows_put = self._rows
            self._silence.broken(shards)

    async def _put_where_is_room(self, rows: dict[int, list[bytes]]) -> set[int]:
        full, silent = await self._patiently(lambda: self._queue.put(self._mark, self._puts, rows, patient=True))
        for shard in silent:
            try:
                await self._announce(shard)
            except Exception as error:  # noqa: BLE001 - whatever the broker raises; the sweep announces it too
                logger.warning("shard %d could not be announced, and waits for the sweep: %s", shard, error)
        return full

    # --- following -------------------------------------------------------------------------------------------

    async def outcomes(self) -> AsyncGenerator[UpdateOutcome, None]:
        """What became of each row, in the order in which they are done. It ends when all have an outcome.

        Another call goes on where the one before was left. With ``ahead``, leaving the loop early cancels the run.

        Raises:
            SharedStateError: The server could not be reached for two minutes.
            BriqpayError: The journal could not be written. What the rows themselves raise, is raised at the end.
        """
        reporting = None if self._progress is None else asyncio.create_task(self._report_now_and_then())
        finished = False
        try:
            wait = _FIRST_LOOK
            while True:
                found = await self._next()
                for outcome in found:
                    yield outcome
                if found:
                    wait = _FIRST_LOOK
                elif self._is_over():
                    break
                else:
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await self._news.wait()
                    wait = min(wait * 1.5, _LAST_LOOK)
            if self._feeding is not None and not self._feeding.cancelled():
                await self._feeding
            finished = not self._stopping
        finally:
            if reporting is not None:
                reporting.cancel()
                self._report(over=True)
            try:
                if not finished and self._ahead is not None:
                    await self.cancel()
            except SharedStateError as error:
                logger.warning("rows of run %s may be sent all the same: %s", self.name, error)
            finally:
                if self._store is not None:
                    store, self._store = self._store, None
                    await asyncio.to_thread(store.close, finished=finished)

    async def wait(self) -> BulkProgress:
        """Wait until all rows have an outcome, and count them.

        Raises:
            SharedStateError: As ``outcomes``.
        """
        async for _ in self.outcomes():
            pass
        return self._snapshot(over=True)

    async def cancel(self) -> None:
        """Put no more rows, and let workers drop those that they have not begun. They have no outcome then.

        Raises:
            SharedStateError: The server cannot be reached.
        """
        self._stopping = True
        try:
            await self._queue.cancel(self._mark)
        finally:
            async with self._putting:  # what is being put is put, or known not to be
                if self._feeding is not None and not self._feeding.done():
                    self._feeding.cancel()
            if self._feeding is not None:
                await asyncio.wait((self._feeding,))

    def _is_over(self) -> bool:
        fed = self._feeding is None or self._feeding.done()
        return fed and not self._own and self._received >= self._put

    async def _next(self) -> list[UpdateOutcome]:
        """Outcomes that are there, in the journal if there is one."""
        found: list[UpdateOutcome] = []
        while self._own:
            found.append(self._own.popleft())
        if self._received < self._put:
            texts = await self._texts()
            if texts:
                self._silence.broken()
            elif await self._patiently(self._silence.looked):
                texts = await self._texts()
            found += self._received_now(texts)
        if self._store is not None:
            entries = [entry for outcome in found if (entry := self._entry(outcome)) is not None]
            await self._store.write(entries)
        for outcome in found:
            counts = self._counts
            counts[outcome.status.value] += 1
            counts["retried"] += max(outcome.attempts - 1, 0)
            counts["bytes_sent"] += outcome.bytes_sent
        return found

    def _received_now(self, texts: list[str]) -> list[UpdateOutcome]:
        """Outcomes of rows that had none, or those of all rows that are lost."""
        if not texts and self._silence.is_final:
            found = [*map(lost, self._seen.missing(self._rows_put))]
            self._received += len(found)
            return found
        found = []
        for text in texts:
            outcome = decode_outcome(text)
            index = outcome if isinstance(outcome, int) else outcome.index
            if self._seen.first(index):
                self._received += 1
                if isinstance(outcome, UpdateOutcome):
                    found.append(outcome)
        return found

    async def _texts(self) -> list[str]:
        texts = await self._patiently(lambda: self._queue.outcomes(self._mark, self._read))
        self._read += len(texts)
        return texts

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the server again while it cannot be reached, for a while, unless the run is cancelled.

        Raises:
            SharedStateError: It could not be reached for too long, or refuses.
        """
        until = asyncio.get_running_loop().time() + _PATIENCE
        wait = 0.05
        while True:
            try:
                return await ask()
            except UnreachableError as error:
                if self._stopping or asyncio.get_running_loop().time() >= until:
                    raise SharedStateError(str(error)) from error
                await asyncio.sleep(wait)
                wait = min(2 * wait, 1.0)

    def _entry(self, outcome: UpdateOutcome) -> JournalEntry | None:
        row_id = self._ids.pop(outcome.index, None)
        if row_id is None:
            return None
        error = outcome.error
        return JournalEntry(
            *row_id,
            {
                UpdateStatus.APPLIED: journal_store.APPLIED,
                UpdateStatus.UNCHANGED: journal_store.UNCHANGED,
            }.get(outcome.status, journal_store.FAILED),
            time.time() - outcome.elapsed_s,
            outcome.elapsed_s,
            outcome.attempts,
            outcome.bytes_sent,
            self._put - self._received,
            error.status if isinstance(error, BriqpayError) else None,
            None if error is None else type(error).__name__,
        )

    # --- progress --------------------------------------------------------------------------------------------

    async def _report_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            self._report()

    def _report(self, *, over: bool = False) -> None:
        if self._progress is not None:
            try:
                self._progress(self._snapshot(over=over))
            except Exception:  # a watcher must not break what it watches
                logger.exception("the progress callback raised")

    def _snapshot(self, *, over: bool = False) -> BulkProgress:
        counts, now = self._counts, time.monotonic()
        sent = counts["applied"] + counts["failed"]
        since, before = (self._started, 0) if over else self._lately[0]
        self._lately.append((now, sent))
        under_way = self._put - self._received
        return BulkProgress(
            done=sent + counts["unchanged"] + counts["skipped"],
            applied=counts["applied"],
            unchanged=counts["unchanged"],
            failed=counts["failed"],
            skipped=counts["skipped"],
            retried=counts["retried"],
            in_flight=under_way,
            limit=self._ahead or under_way,
            rate=(sent - before) / max(now - since, 1e-9),
            pace=None,
            bytes_sent=counts["bytes_sent"],
            elapsed_s=now - self._started,
        )

    def __repr__(self) -> str:
        return f"<BulkRun {self.name}>"


async def _with_pauses(rows: Rows) -> AsyncIterator[Any]:
    """Rows; and ``None`` where the next one is long in coming."""
    if not isinstance(rows, AsyncIterable):
        for row in rows:
            yield _NO_ROW if row is None else row
        return
    reading = aiter(rows)
    coming: asyncio.Future[Any] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(reading))
            done, _ = await asyncio.wait((coming,), timeout=_LINGER)
            if not done:
                yield None
            try:
                row = await coming
            except StopAsyncIteration:
                return
            yield _NO_ROW if row is None else row
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait((coming,))


_NO_ROW = object()
