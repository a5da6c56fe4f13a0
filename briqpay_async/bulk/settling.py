"""How rows are settled: counted, entered in the journal, and put in the outbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from briqpay_async.bulk import ledger
from briqpay_async.bulk.lanes import Row
from briqpay_async.bulk.ledger import Entry, Mark
from briqpay_async.bulk.outbox import Outbox
from briqpay_async.bulk.outcomes import outcome
from briqpay_async.bulk.progress import Counts
from briqpay_async.bulk.rows import SessionUpdate, UpdateStatus
from briqpay_async.bulk.throttle import Tally
from briqpay_async.errors import BriqpayError
from briqpay_async.models.session import Session

__all__ = ["Sent", "Settling"]

# Looked up on an enumeration, each of these would cost as much as the rest of settling a row.
_APPLIED, _UNCHANGED, _FAILED, _SKIPPED = UpdateStatus


class Sent(NamedTuple):
    """What came of a job.

    Attributes:
        session: As answered.
        error: Why it failed.
        started: When it was sent first, on the run's clock.
        elapsed: Seconds until its outcome.
        in_flight: Updates under way when it was sent, itself included.
    """

    session: Session | None
    error: Exception | None
    started: float
    elapsed: float
    in_flight: int


class Settling:
    """Gives each row its one outcome."""

    def __init__(self, outbox: Outbox, counts: Counts, clock: Callable[[], float]) -> None:
        self._outbox = outbox
        self._counts = counts
        self._epoch = time.time() - clock()
        self._clock = clock

    def unchanged(self, index: int, update: SessionUpdate, mark: Mark | None) -> None:
        """A row whose patch changes nothing."""
        self._counts.unchanged += 1
        entry = None if mark is None else Entry(*mark, ledger.UNCHANGED, self._epoch + self._clock())
        self._outbox.put(outcome(index, update.session_id, update.key, _UNCHANGED), entry)

    def skipped(self, index: int, update: SessionUpdate) -> None:
        """A row that an earlier run has done."""
        self._counts.skipped += 1
        self._outbox.put(outcome(index, update.session_id, update.key, _SKIPPED))

    def refused(self, index: int, update: object, error: Exception) -> None:
        """A row that cannot be sent. It is not in the journal, so the next run looks at it again."""
        self._counts.failed += 1
        session_id, key = (update.session_id, update.key) if isinstance(update, SessionUpdate) else (None, None)
        self._outbox.put(outcome(index, session_id, key, _FAILED, None, error))

    def sent(self, rows: tuple[Row, ...], tally: Tally, sent: Sent) -> None:
        """The rows of a job. The last one counts what was sent for them all."""
        session, error, started, elapsed, in_flight = sent
        counts = self._counts
        if error is None:
            status = _APPLIED
            counts.applied += len(rows)
        else:
            status = _FAILED
            counts.failed += len(rows)
        attempts, bytes_sent = tally.attempts, tally.bytes_sent
        counts.bytes_sent += bytes_sent
        if attempts > 1:
            counts.retried += attempts - 1
        carrier = rows[-1]
        for row in rows:
            update = row.update
            told = (row.index, update.session_id, update.key, status, session, error)
            if row is carrier:
                settled = outcome(*told, attempts, elapsed, bytes_sent)
            else:
                settled = outcome(*told, 0, elapsed, 0, carrier.index)
            entry = None
            if row.mark is not None:
                entry = Entry(
                    *row.mark,
                    ledger.APPLIED if error is None else ledger.FAILED,
                    self._epoch + started,
                    elapsed,
                    settled.attempts,
                    settled.bytes_sent,
                    in_flight,
                    error.status if isinstance(error, BriqpayError) else None,
                    None if error is None else type(error).__name__,
                )
            self._outbox.put(settled, entry)
