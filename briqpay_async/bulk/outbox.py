"""Outcomes on their way from the workers to whoever reads them: bounded, and through the journal if there is one.

With a journal an outcome is readable only once it is durable. Commits are made in groups: what is finished within
a few milliseconds shares one. Workers do not wait for the commit of their row.
"""

from __future__ import annotations

import asyncio
from collections import deque

from briqpay_async.bulk.ledger import Entry, Ledger
from briqpay_async.bulk.rows import UpdateOutcome

__all__ = ["Outbox"]

_LINGER = 0.005
_BATCH = 256


class Outbox:
    """A queue with a soft bound: workers start nothing new unless ``unread < bound``.

    These are plain attributes and not methods because they are looked at several times for each row.

    Attributes:
        bound: How many outcomes may be unread before nothing new is started.
        unread: How many outcomes there are; whoever reads one counts it off.
        readable: Those that may be read, oldest first. The others are not durable yet.
    """

    def __init__(self, bound: int, ledger: Ledger | None) -> None:
        self.bound = bound
        self._ledger = ledger
        self.readable: deque[UpdateOutcome] = deque()
        self._pending: list[tuple[UpdateOutcome, Entry | None]] = []
        self.unread = 0
        self._news: asyncio.Future[None] | None = None
        self._due = asyncio.Event()
        self._closed = False
        self._committer: asyncio.Task[None] | None = None
        self._broken: Exception | None = None
        if ledger is not None:
            self._committer = asyncio.create_task(self._commit_groups(ledger))

    def put(self, outcome: UpdateOutcome, entry: Entry | None = None) -> None:
        """Pass an outcome on; with an entry for the journal, once that is durable."""
        self.unread += 1
        if self._ledger is None:
            self.readable.append(outcome)
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
        while not self.readable:
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

    async def _commit_groups(self, ledger: Ledger) -> None:
        try:
            while not (self._closed and not self._pending):
                await self._due.wait()
                if not self._closed:
                    self._due.clear()
                group, self._pending = self._pending, []
                if not group:
                    continue
                await ledger.write([entry for _, entry in group if entry is not None])
                self.readable.extend(outcome for outcome, _ in group)
                self._wake()
        except Exception as error:  # noqa: BLE001 - raised to whoever reads outcomes
            self._broken = error
        self._committer = None
        self._wake()
