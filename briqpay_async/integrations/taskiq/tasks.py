"""``BriqpayTasks``: updates of sessions that are put into a queue and sent by workers, in order."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from typing import Any

import attrs
import orjson

from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.bulk.reader import Rows, checked, make_source
from briqpay_async.bulk.rows import BulkProgress, SessionUpdate
from briqpay_async.client import BriqpayClient
from briqpay_async.config import seconds
from briqpay_async.errors import BriqpayError, ConfigurationError, ValidationError
from briqpay_async.integrations.taskiq.rows import QueuedRow, decode_error
from briqpay_async.integrations.taskiq.run import BulkRun
from briqpay_async.integrations.taskiq.worker import ShardWorker
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.shared.redis import RedisState

__all__ = ["BriqpayTasks", "FailedUpdate"]

_FULL_WAIT = 0.05
_TASK = "briqpay:serve"

logger = logging.getLogger("briqpay_async")


@attrs.frozen(kw_only=True)
class FailedUpdate:
    """A dead letter: a row that failed for good.

    Attributes:
        session_id: As in the row; ``None`` when the row could not be read.
        patch: What it would change.
        key: As in the row.
        run: Name of the run that it belonged to; ``None`` for a single update.
        error: Why it failed.
        failed_at: When, in seconds since 1970.
    """

    session_id: str | None
    patch: SessionPatch | None = attrs.field(repr=False)
    key: str | None
    run: str | None
    error: BriqpayError
    failed_at: float
    letter: str = attrs.field(repr=False)


class BriqpayTasks:
    """Updates that are durable, in order, and sent later by whichever worker is free.

    Make one beside your tasks, in the module that both ``taskiq worker`` and your program import. Rows of one
    session are sent in the order in which they were put, those that wait together as one request. What is put
    survives the death of every process but the Redis server's; that one needs AOF persistence. Rows hold personal
    data: they expire, and the server should be reached by ``rediss://``. Start workers with
    ``--max-async-tasks 8``: a process that takes more wake-ups at once keeps them from the others for seconds.

    Workers keep the order among themselves. Where other programs change the same sessions directly, give the
    clients of both the same shared state: ``make_client=lambda: BriqpayClient.from_env(shared=state)``. This costs
    two questions to the server a request.

    Args:
        broker: A taskiq broker. It carries only wake-ups, which may be lost; with taskiq-redis' stream broker set
            ``xread_count=1`` and an ``unacknowledged_lock_timeout``.
        state: Where the rows are.
        make_client: Makes the client of each worker process.
        shards: Parts of the queue: the most that can be worked on at once. All programs that share a queue name
            the same number; change it only while the queue is empty.
        concurrency: The most updates that a worker process has under way at once. The client's
            ``Pool.size`` bounds it too.
        limit: Most rows in a shard; putting more waits until a worker has sent some.
        lease: Seconds after which the rows of a worker that died are sent by another; that of the state, but no
            more than 30, when left out.
        keep: Seconds after which rows, outcomes and dead letters expire.

    Raises:
        ConfigurationError: An argument has the wrong type or value.
    """

    def __init__(
        self,
        broker: Any,
        state: RedisState,
        *,
        make_client: Callable[[], BriqpayClient] = BriqpayClient.from_env,
        shards: int = 64,
        concurrency: int = 100,
        limit: int = 50_000,
        lease: float | timedelta | None = None,
        keep: float | timedelta = 7 * 86_400,
    ) -> None:
        try:
            from taskiq import TaskiqEvents  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigurationError(
                "Install taskiq for BriqpayTasks: pip install 'briqpay-async[taskiq]'."
            ) from error
        if not isinstance(state, RedisState):
            raise ConfigurationError("state must be a RedisState: the rows are kept on its server.")
        for name, number in (("shards", shards), ("concurrency", concurrency), ("limit", limit)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ConfigurationError(f"{name} must be a whole number from 1.")
        self._state = state
        self._queue = state.queue(
            shards=shards, limit=limit, keep=seconds(keep), lease=None if lease is None else seconds(lease)
        )
        self._worker = ShardWorker(self._queue, make_client, self._announce, concurrency)

        async def serve(shard: int) -> None:
            try:
                await self._worker.serve(shard)
            except BriqpayError as error:
                logger.warning("shard %d waits for the sweep: %s", shard, error)

        self._task = broker.register_task(serve, task_name=_TASK)

        async def start(_: object) -> None:
            self._worker.start()

        async def stop(_: object) -> None:
            await self._worker.stop()
            await state.aclose()

        broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, start)
        broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, stop)

    async def _announce(self, shard: int) -> None:
        await self._task.kiq(shard)

    async def update(self, session_id: str, patch: SessionPatch, key: str | None = None) -> None:
        """Put one update. It waits while its shard is full. A patch that changes nothing is not put.

        When this returns, the update is on the server. An update that fails for good becomes a dead letter.

        Args:
            session_id: UUID.
            patch: What to change.
            key: A name for it, which dead letters show.

        Raises:
            ValidationError: An argument is no session, patch or key.
            SharedStateError: The server refuses, or cannot be reached. In the latter case the update may have been
                put; to put it again does no harm.
        """
        checked(SessionUpdate(session_id, patch, key))
        if not patch.is_noop:
            await self._put([QueuedRow(session_id, patch, key=key)])

    async def _put(self, rows: Iterable[QueuedRow]) -> None:
        sender = uuid.uuid4().hex
        for number, row in enumerate(rows):
            shard = self._queue.shard_of(row.session_id)
            while True:
                full, silent = await self._queue.put(sender, number, {shard: [row.encode()]})
                if silent:
                    try:
                        await self._announce(shard)
                    except Exception as error:  # noqa: BLE001 - it is put; the sweep announces it too
                        logger.warning(
                            "shard %d could not be announced, and waits for the sweep: %s", shard, error
                        )
                if not full:
                    break
                await asyncio.sleep(_FULL_WAIT)

    async def update_many(
        self,
        rows: Rows,
        run: str | None = None,
        *,
        ahead: int | None = None,
        journal: BulkJournal | None = None,
        progress: Callable[[BulkProgress], object] | None = None,
    ) -> BulkRun:
        """Put the rows of a run, and return what follows them.

        Rows are read as ``sessions.update_many`` reads them, and the same becomes of them. When this returns, all
        are on the server; it waits while a shard is full. With ``ahead`` it returns at once, and rows are put
        while outcomes are read.

        Args:
            rows: Any iterable, or async iterable, of ``SessionUpdate``.
            run: A name, which dead letters show. To put rows again under a name is another run.
            ahead: Return at once, and have at most about so many rows on the server without an outcome.
            journal: Makes the run resumable, as with ``sessions.update_many``. Goes with ``ahead``.
            progress: Called with a snapshot ten times a second while outcomes are read; ``in_flight`` is the
                number of rows in the queue.

        Raises:
            ConfigurationError: An argument has the wrong type or value, or the journal cannot be used.
            SharedStateError: The server cannot be reached at first, or later for two minutes; or it refuses.
        """
        make_source(rows)
        name = f"run-{time.strftime('%Y-%m-%dT%H-%M-%S')}" if run is None else run
        if not isinstance(name, str) or not name or "{" in name or "}" in name:
            raise ConfigurationError("run must be text without braces.")
        if ahead is not None and (not isinstance(ahead, int) or ahead < 1):
            raise ConfigurationError("ahead must be a whole number from 1.")
        if journal is not None and ahead is None:
            raise ConfigurationError(
                "A journal needs ahead=, such as 20_000: outcomes are written as they are read."
            )
        await self._state.check()
        store = None if journal is None else journal.begin()
        found = BulkRun(self._queue, self._announce, name, ahead=ahead, store=store, progress=progress)
        feeding = found.begin(rows)
        if ahead is None:
            await feeding
        return found

    async def failed(self) -> AsyncIterator[FailedUpdate]:
        """Dead letters, oldest first.

        Raises:
            SharedStateError: The server cannot be reached.
        """
        skipped = 0
        while letters := await self._queue.buried(skipped):
            for letter in letters:
                yield _failed(letter)
            skipped += len(letters)

    async def put_back(self, failed: Iterable[FailedUpdate]) -> int:
        """Put dead letters into the queue once more, behind what waits there.

        They overwrite what was changed since they failed: read ``failed()`` first, and leave out what is outdated.

        Returns:
            How many were put back.

        Raises:
            SharedStateError: The server cannot be reached.
        """
        count = 0
        for each in failed:
            if each.session_id is not None and each.patch is not None:
                await self._put([QueuedRow(each.session_id, each.patch, key=each.key)])
                count += await self._queue.unbury([each.letter])
        return count

    async def discard(self, failed: Iterable[FailedUpdate]) -> int:
        """Forget dead letters.

        Returns:
            How many there were.

        Raises:
            SharedStateError: The server cannot be reached.
        """
        return await self._queue.unbury([each.letter for each in failed])

    def __repr__(self) -> str:
        return f"<BriqpayTasks {self._queue.shards} shards>"


def _failed(letter: str) -> FailedUpdate:
    text, error, failed_at = orjson.loads(letter)
    try:
        row = QueuedRow.decode(text)
    except ValidationError:
        row = None
    return FailedUpdate(
        session_id=None if row is None else row.session_id,
        patch=None if row is None else row.patch,
        key=None if row is None else row.key,
        run=None if row is None else row.run.rpartition("/")[0] or None,
        error=decode_error(error),
        failed_at=failed_at,
        letter=letter,
    )
