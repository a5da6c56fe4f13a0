"""The worker's side: one wake-up, one batch of a shard.

Reads the first rows of the shard, merges those of each session, sends them, records what became of them, and only
then takes them out of the queue.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import orjson

from briqpay_async.bulk.rows import UpdateOutcome, UpdateStatus
from briqpay_async.bulk.sender import is_about_the_body
from briqpay_async.client import BriqpayClient
from briqpay_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    SharedStateError,
    TransportError,
    ValidationError,
    WrongLoopError,
)
from briqpay_async.integrations.taskiq.lane import Errand, Lane
from briqpay_async.integrations.taskiq.rows import QueuedRow, encode_error, encode_outcome
from briqpay_async.shared.queue import Batch, ShardQueue

__all__ = ["ShardWorker"]

_TRIES = 3
"""Workers that try a row before it has failed: one try is a call with all its repetitions."""
_PROBES = 3  # sessions: that one of them is refused may be for itself
_SHARE = 0.8  # of the lease in which attempts may begin

logger = logging.getLogger("briqpay_async")

Announce = Callable[[int], Awaitable[object]]
_Groups = list[Sequence[QueuedRow]]


class ShardWorker:
    """Serves shards with one client, which is made when it is first needed.

    Args:
        queue: The queue.
        make_client: Makes a client.
        announce: Says that a shard has rows.
        concurrency: The most updates under way at once, of all shards together.
    """

    def __init__(
        self,
        queue: ShardQueue,
        make_client: Callable[[], BriqpayClient],
        announce: Announce,
        concurrency: int,
    ) -> None:
        self._queue = queue
        self._make_client = make_client
        self._announce = announce
        self._concurrency = concurrency
        self._client: BriqpayClient | None = None
        self._lane: Lane | None = None
        self._owner: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._standing = _Standing()
        self._served: set[asyncio.Future[None]] = set()
        self._stopping = False

    async def serve(self, shard: int) -> None:
        """Send the first rows of a shard, unless another worker is doing it.

        Raises:
            SharedStateError: The server of the queue cannot be reached. Rows that were under way are sent again.
            ConfigurationError: The client cannot be made or used.
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._served.add(ended)
        try:
            lane = self._lane_here()
            batch: Batch | None = None
            async with lane.claim():
                if not self._stopping:
                    batch = await self._queue.take(shard, uuid.uuid4().hex)
            if batch is not None:
                lane.claimed(len(batch.rows))
                await self._serve(batch, lane)
        finally:
            self._served.discard(ended)
            ended.set_result(None)

    async def _serve(self, batch: Batch, lane: Lane) -> None:
        renewing = asyncio.create_task(self._queue.renew(batch))
        finished = False
        try:
            work = _BatchWork(batch, self._standing)
            try:
                work.drop(await self._queue.cancelled(batch, work.runs()))
                await work.send(lane, batch.until - (1 - _SHARE) * self._queue.lease)
            except Exception:
                work.pause = True
                raise
            finally:
                # Also when it was cancelled or the client is of no use: what is done is recorded.
                finished = await asyncio.shield(asyncio.ensure_future(self._finish(work)))
        finally:
            renewing.cancel()
            if not finished:
                with suppress(SharedStateError):
                    await self._queue.leave(batch)

    async def _finish(self, work: _BatchWork) -> bool:
        await work.end()
        await self._queue.bury(work.letters)  # first: what is reported as failed can be put back
        await self._queue.record(work.outcomes)
        more = await self._queue.finish(work.batch, work.left(), announce=not work.pause)
        if more is None:
            logger.warning(
                "the lease of shard %d ran out while its rows were sent: they are sent again", work.batch.shard
            )
        if more:
            await self._announce_or(work.batch.shard, "waits for the sweep")
        return True

    async def _announce_or(self, shard: int, otherwise: str) -> bool:
        try:
            await self._announce(shard)
        except Exception as error:  # noqa: BLE001 - whatever the broker raises
            logger.warning("shard %d could not be announced, and %s: %s", shard, otherwise, error)
            return False
        return True

    def client(self) -> BriqpayClient:
        """The client of this process and event loop."""
        here = (os.getpid(), asyncio.get_running_loop())
        if self._client is None or self._owner != here:
            self._client, self._owner = self._make_client(), here
            self._lane = None
        return self._client

    def _lane_here(self) -> Lane:
        client = self.client()
        if self._lane is None:
            self._lane = Lane(client, self._concurrency)
        return self._lane

    async def sweep(self) -> None:
        """Announce shards whose announcement got lost, now and then, until cancelled."""
        owner = uuid.uuid4().hex
        told = False
        while not self._stopping:
            try:
                for shard in await self._queue.idle_shards(owner):
                    if not await self._announce_or(shard, "is served by the sweep"):
                        await self.serve(shard)  # where the server has no memory for wake-ups, this makes room
                told = False
            except Exception as error:  # noqa: BLE001 - whatever the broker raises, the next sweep may find it well
                if not told:
                    told = True
                    logger.warning("shards cannot be looked through: %s", error)
            await asyncio.sleep(self._queue.sweep)

    def start(self) -> None:
        """Begin to sweep."""
        self._stopping = False
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(self.sweep())

    async def stop(self) -> None:
        """Stop sweeping, leave what is under way to other workers, and close the client."""
        self._stopping = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        here = self._owner == (os.getpid(), asyncio.get_running_loop())
        lane, self._lane = self._lane, None
        if lane is not None and here:
            await lane.aclose()
        if self._served:
            await asyncio.wait(tuple(self._served))
        client, self._client = self._client, None
        if client is not None and here:
            await client.aclose()


class _Standing:
    """Whether the API lets this worker in: until it has, a refusal is for its credentials, and not for the row.

    Attributes:
        good: It has, and has not refused a whole batch since.
    """

    def __init__(self) -> None:
        self.good = False
        self._told = ""

    def let_in(self) -> None:
        """Something was neither refused for its sender nor left without an answer."""
        self.good, self._told = True, ""

    def shut_out(self, error: Exception) -> None:
        """A whole batch was refused."""
        self.good = False
        text = str(error).partition(" [")[0]
        if text != self._told:
            self._told = text
            logger.warning("Briqpay does not let this worker in, so its rows wait for another: %s", text)


class _BatchWork:
    """One batch, and what becomes of its rows.

    Attributes:
        batch: The batch.
        outcomes: What to record, by run.
        letters: What failed for good.
        pause: Rows have failed in a way that passes: the shard is left alone until the next sweep.
    """

    def __init__(self, batch: Batch, standing: _Standing) -> None:
        self.batch = batch
        self._standing = standing
        self._let_in = False
        self._shut_out: list[Exception] = []
        self.outcomes: dict[str, list[bytes]] = defaultdict(list)
        self.letters: list[bytes] = []
        self.pause = False
        self._open: dict[int, QueuedRow] = {}  # by place in the batch: those without an outcome
        self._places: dict[int, int] = {}
        self._errand: Errand | None = None
        for place, text in enumerate(batch.rows):
            try:
                row = QueuedRow.decode(text)
            except ValidationError as error:
                logger.warning("a row of shard %d cannot be read: %s", batch.shard, error)
                self.letters.append(orjson.dumps([text, encode_error(error), time.time()]))
                continue
            self._open[place] = row
            self._places[id(row)] = place

    def runs(self) -> set[str]:
        """The runs that rows belong to."""
        return {row.run for row in self._open.values() if row.run}

    def drop(self, cancelled: set[str]) -> None:
        """Forget rows of runs that are cancelled."""
        for place, row in tuple(self._open.items()):
            if row.run in cancelled:
                del self._open[place]
                self.outcomes[row.run].append(orjson.dumps([row.index, None, None, None, None, 0, 0, 0, None]))

    async def send(self, lane: Lane, until: float) -> None:
        """Send the rows: those of one session as one patch, or one by one where that is refused."""
        groups: dict[str, list[QueuedRow]] = defaultdict(list)
        for row in self._open.values():
            groups[row.session_id.lower()].append(row)
        every: _Groups = list(groups.values())
        first = 0 if self._standing.good else _PROBES  # that find out whether the API lets this worker in
        refused = await self._send(lane, every[:first], until)
        if self._standing.good or not self._shut_out:
            refused += await self._send(lane, every[first:], until)
        if refused:
            await self._send(lane, [[row] for rows in refused for row in rows], until)
        if self._shut_out and not self._let_in:
            self._standing.shut_out(self._shut_out[0])

    async def _send(self, lane: Lane, groups: _Groups, until: float) -> _Groups:
        """Send groups of rows, and return those that were refused for what they say together."""
        refused: _Groups = []
        if groups:
            self._errand = Errand(until, partial(self._note, refused))
            await lane.send(self._errand, groups)
        return refused

    async def end(self) -> None:
        """Wait for what is under way, where the sending was cancelled."""
        if self._errand is not None and self._errand.open:
            await asyncio.wait((self._errand.over,))

    def _note(self, refused: _Groups, rows: Sequence[QueuedRow], outcome: UpdateOutcome) -> None:
        """Note what became of rows that travelled together."""
        error = outcome.error
        if error is None:
            self._let_in = True
            self._standing.let_in()
            self._settle(rows, outcome)
            return
        if isinstance(error, AuthenticationError):
            self._shut_out.append(error)
        elif isinstance(error, APIError) and not _may_pass(error):
            self._let_in = True
            self._standing.let_in()
        if isinstance(error, ConfigurationError | WrongLoopError | SharedStateError):
            self.pause = True  # it says nothing about the rows
        elif isinstance(error, AuthenticationError) and not self._standing.good:
            self.pause = True
        elif len(rows) > 1 and is_about_the_body(error):
            refused.append(rows)
        elif _may_pass(error) and all(row.tries + 1 < _TRIES for row in rows):
            self._try_again(rows)
        else:
            self._settle(rows, outcome)

    def _try_again(self, rows: Sequence[QueuedRow]) -> None:
        self.pause = True
        for row in rows:
            place = self._places.pop(id(row))
            again = self._open[place] = QueuedRow(
                row.session_id, row.patch, row.run, row.index, row.key, row.tries + 1
            )
            self._places[id(again)] = place

    def _settle(self, rows: Sequence[QueuedRow], outcome: UpdateOutcome) -> None:
        error = outcome.error
        for row in rows:
            del self._open[self._places[id(row)]]
            if row.run:
                self.outcomes[row.run].append(encode_outcome(row, outcome, rows[-1]))
            if outcome.status is UpdateStatus.FAILED and error is not None:
                logger.warning("an update of session %s failed for good: %s", row.session_id, error)
                self.letters.append(orjson.dumps([row.encode().decode(), encode_error(error), time.time()]))

    def left(self) -> list[bytes]:
        """Rows without an outcome, in their order."""
        return [self._open[place].encode() for place in sorted(self._open)]


def _may_pass(error: Exception) -> bool:
    """Whether another try, later or by another worker, may come out differently."""
    if isinstance(error, APIError):
        return (
            isinstance(error, AuthenticationError) or error.status in {408, 425, 429} or (error.status or 0) >= 500
        )
    return isinstance(error, TransportError)
