"""Rows of one session: one after the other, in input order, while rows of other sessions overtake them.

A row whose session is busy is parked in the queue of that session, so that the worker which read it can read on.
The reader bounds how many rows are parked: it reads no further when ``parked`` reaches its look-ahead.
"""

from __future__ import annotations

from collections import deque

import attrs

from briqpay_async.bulk.journal_store import RowId
from briqpay_async.bulk.rows import SessionUpdate
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["Job", "PendingRow", "SessionQueues"]


@attrs.define(eq=False)
class PendingRow:
    """A row that needs a request.

    Attributes:
        index: Position in the input.
        update: The row itself.
        lane: The session, in the one spelling that is used for ordering and for the request.
        row_id: What identifies the row in the journal, if there is one.
    """

    index: int
    update: SessionUpdate
    lane: str
    row_id: RowId | None = None


@attrs.define(eq=False)
class Job:
    """One request: the rows that it carries, in input order, and the patch that has the effect of them all."""

    rows: tuple[PendingRow, ...]
    patch: SessionPatch


class SessionQueues:
    """Which sessions are busy, and the rows that wait for them."""

    def __init__(self, *, coalesce: bool) -> None:
        self._coalesce = coalesce
        self._busy: dict[str, deque[PendingRow] | None] = {}
        self.parked = 0

    def enter(self, row: PendingRow) -> Job | None:
        """Take the lane of a row's session and return its job, or park the row when the session is busy."""
        lane = row.lane
        if lane not in self._busy:
            self._busy[lane] = None
            return Job((row,), row.update.patch)
        waiting = self._busy[lane]
        if waiting is None:
            waiting = self._busy[lane] = deque()
        waiting.append(row)
        self.parked += 1
        return None

    def leave(self, lane: str) -> bool:
        """Free a lane whose job is done; ``False`` when rows are parked in it, so that it must be kept."""
        if self._busy[lane]:
            return False
        del self._busy[lane]
        return True

    def next(self, lane: str) -> Job:
        """The next job of a lane that is kept: the row parked longest, or all of them merged."""
        waiting = self._busy[lane] or deque()
        count = len(waiting) if self._coalesce else 1
        rows = tuple(waiting.popleft() for _ in range(count))
        self.parked -= count
        patch = rows[0].update.patch
        for row in rows[1:]:
            patch = patch.merge(row.update.patch)
        return Job(rows, patch)
