"""One run of ``update_many`` that lasts as long as its worker, and takes the rows of one batch after the other.

A run for each batch would begin with few updates under way, knowing nothing of the rate, and end with ever fewer.
Here the rows of the next batch begin while the last ones of the batch before are under way, and what was learned
stays.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

import attrs

from briqpay_async.bulk.engine import update_many
from briqpay_async.bulk.reader import FedSource
from briqpay_async.bulk.rows import SessionUpdate, UpdateOutcome
from briqpay_async.client import BriqpayClient
from briqpay_async.integrations.taskiq.rows import QueuedRow

__all__ = ["Errand", "Lane"]

_MANY = 500

Group = Sequence[QueuedRow]
"""Rows of one session that travel together."""

Settle = Callable[[Group, UpdateOutcome], None]
"""Gets what became of a group."""


@attrs.define(eq=False, repr=False)
class Errand:
    """A batch on its way.

    Attributes:
        until: No attempt begins after this moment.
        settle: Gets what becomes of its groups.
        open: How many have no outcome yet.
        over: Resolved when all have one, or will not get one; it raises what ended the run.
    """

    until: float
    settle: Settle
    open: int = 0
    over: asyncio.Future[None] = attrs.field(
        init=False, factory=lambda: asyncio.get_running_loop().create_future()
    )


class Lane:
    """Sends batches with one client. To be used in one event loop.

    The first moment after which a row of any batch may not be sent ends the run for all of them: it is renewed for
    the next batch, and a batch takes far less time as long as the API answers.
    """

    def __init__(self, briqpay: BriqpayClient, concurrency: int) -> None:
        self._sessions = briqpay.sessions
        self._enough = 2 * concurrency
        self._gate = self._sessions._bulk_gate(concurrency)  # noqa: SLF001 - what it has learned outlives a run
        self._errands: set[Errand] = set()
        self._source: FedSource[tuple[Errand, Group]] = FedSource()
        self._running: asyncio.Task[None] | None = None
        self._closed = False
        self._claims = 0
        self._usual = _MANY  # rows in a batch, lately
        self._waiting: deque[asyncio.Future[None]] = deque()  # those who want to claim a batch

    @asynccontextmanager
    async def claim(self) -> AsyncIterator[None]:
        """Wait until few rows wait here, for a block that takes a batch."""
        await self._wait_for_end()
        while len(self._source) + self._claims * self._usual >= self._enough:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._make_room()  # for the next one
                raise
        self._claims += 1
        try:
            yield
        finally:
            self._claims -= 1
            self._make_room()

    def claimed(self, rows: int) -> None:
        """So many rows were found."""
        self._usual = rows

    async def send(self, errand: Errand, groups: Sequence[Group]) -> None:
        """Send groups of rows. Those that are not begun before ``until`` get no outcome.

        When it is cancelled, groups that were not begun never will be; ``errand.over`` tells when the others are
        done.

        Raises:
            Exception: What makes it impossible to send anything.
        """
        await self._wait_for_end()
        if self._closed:
            return
        self._errands.add(errand)
        self._feed(errand, groups)
        try:
            await asyncio.shield(errand.over)
        except asyncio.CancelledError:
            errand.open -= self._source.withdraw(lambda each: each[0] is errand)
            self._look_whether_over(errand)
            raise

    async def _wait_for_end(self) -> None:
        """Wait for the end of a run that begins nothing more."""
        while self._running is not None and self._gate.is_over:
            await asyncio.wait((self._running,))

    def _feed(self, errand: Errand, groups: Sequence[Group]) -> None:
        errand.open += len(groups)
        self._gate.until = min(each.until for each in self._errands)
        self._source.feed((_merged(group), (errand, group)) for group in groups)
        self._look_whether_over(errand)
        if self._errands and self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
            self._running.add_done_callback(self._let_go)

    async def _run(self) -> None:
        """Send what is fed, until nothing more can be sent."""
        source = self._source
        bind = self._sessions._bind  # noqa: SLF001 - as in update_many of the sessions
        async with aclosing(update_many(bind, source, self._gate)) as outcomes:
            async for outcome in outcomes:
                self._settle(*source.begun.pop(outcome.index), outcome)

    def _let_go(self, running: asyncio.Task[None]) -> None:
        """Tell those who wait that the run has ended."""
        self._running = None
        failure = None if running.cancelled() else running.exception()
        errands, self._errands = self._errands, set()
        self._source = FedSource()
        self._gate.until = math.inf
        for errand in errands:
            if failure is None:
                errand.over.set_result(None)
            else:
                errand.over.set_exception(failure)
        self._make_room()

    def _settle(self, errand: Errand, group: Group, outcome: UpdateOutcome) -> None:
        errand.settle(group, outcome)
        errand.open -= 1
        self._look_whether_over(errand)
        if self._waiting:
            self._make_room()

    def _look_whether_over(self, errand: Errand) -> None:
        if not errand.open and errand in self._errands:
            self._errands.remove(errand)
            self._gate.until = min((each.until for each in self._errands), default=math.inf)
            errand.over.set_result(None)

    def _make_room(self) -> None:
        """Let one more claim a batch, if there is room for it."""
        while self._waiting and len(self._source) + self._claims * self._usual < self._enough:
            turn = self._waiting.popleft()
            if not turn.done():  # done: it was cancelled
                turn.set_result(None)
                return

    async def aclose(self) -> None:
        """Cancel what is under way, and send nothing more."""
        self._closed = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))


def _merged(rows: Group) -> SessionUpdate:
    patch = rows[0].patch
    for row in rows[1:]:
        patch = patch.merge(row.patch)
    return SessionUpdate(rows[0].session_id, patch)
