"""What goes into a bulk run and what comes out of it: frozen values."""

from __future__ import annotations

from enum import StrEnum

import attrs

from briqpay_async.models.session import Session
from briqpay_async.patch.session_patch import SessionPatch

__all__ = ["BulkProgress", "SessionUpdate", "UpdateOutcome", "UpdateStatus"]


@attrs.frozen
class SessionUpdate:
    """One row of a bulk run. It is checked when its turn comes, not when it is made.

    Attributes:
        session_id: UUID.
        patch: What to change.
        key: Identifies the row in a journal, so that rows may move between runs; unique within a run. Without
            it, the row's position does, so a resumed run needs the same rows in the same order. Only a digest of
            it is written down.
    """

    session_id: str
    patch: SessionPatch
    key: str | None = None


class UpdateStatus(StrEnum):
    """What became of a row.

    Attributes:
        APPLIED: The API took the update.
        UNCHANGED: The patch changes nothing, so no request was made.
        FAILED: It was not applied, or that is not known; ``error`` says why.
        SKIPPED: The journal says that an earlier run has done it.
    """

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen(weakref_slot=False)
class UpdateOutcome:
    """What became of one row. Every row that was read has exactly one.

    Attributes:
        index: Position of the row in the input, from 0.
        session_id: As in the row; ``None`` when the row is no ``SessionUpdate``.
        key: As in the row.
        status: What became of it.
        session: The session as answered; ``None`` with ``fields="none"`` and whenever no request was made.
        error: Why it failed: a ``BriqpayError``, unless something unforeseen was raised.
        attempts: Requests made for it, repetitions included.
        elapsed_s: Seconds from its first request to its outcome, waits between attempts included.
        bytes_sent: Bytes of all request bodies made for it.
        coalesced_into: Index of the later row of the same session whose request carried this one too. That row
            counts the attempts and bytes.
    """

    index: int
    session_id: str | None
    key: str | None
    status: UpdateStatus
    session: Session | None = None
    error: Exception | None = None
    attempts: int = 0
    elapsed_s: float = 0.0
    bytes_sent: int = 0
    coalesced_into: int | None = None


@attrs.frozen(kw_only=True)
class BulkProgress:
    """How far a bulk run is.

    Attributes:
        done: Rows that have an outcome.
        applied: Rows that the API took.
        unchanged: Rows that needed no request.
        failed: Rows that failed.
        skipped: Rows that an earlier run has done.
        retried: Requests beyond the first one of each row.
        in_flight: Updates under way.
        limit: How many may be under way at once right now.
        rate: Rows sent per second, lately; over the whole run in the last snapshot. Rows that were skipped or
            unchanged are not sent.
        pace: Requests per second that the API seems to admit; ``None`` while it has refused none.
        bytes_sent: Bytes of all request bodies.
        elapsed_s: Seconds since the run began.
        refused: Requests that the API refused for their rate.
        waited_s: Seconds in which rows waited for the rate that it admits.
    """

    done: int
    applied: int
    unchanged: int
    failed: int
    skipped: int
    retried: int
    in_flight: int
    limit: int
    rate: float
    pace: float | None
    bytes_sent: int
    elapsed_s: float
    refused: int = 0
    waited_s: float = 0.0
