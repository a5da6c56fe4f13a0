"""What is read becomes jobs: rows are checked, and those that need no request are settled at once."""

from __future__ import annotations

from briqpay_async.bulk.lanes import Job, Lanes, Row
from briqpay_async.bulk.ledger import Ledger, Mark, Standing
from briqpay_async.bulk.outbox import Outbox
from briqpay_async.bulk.rows import SessionUpdate
from briqpay_async.bulk.settling import Settling
from briqpay_async.bulk.source import NOTHING, Source
from briqpay_async.errors import BriqpayError, ConfigurationError, ValidationError
from briqpay_async.patch.patch import SessionPatch
from briqpay_async.validation import check_session_id

__all__ = ["Intake"]

_LOOK_AHEAD = 2_000


class Intake:
    """Reads rows for whichever worker asks."""

    def __init__(
        self,
        source: Source,
        lanes: Lanes,
        ledger: Ledger | None,
        settling: Settling,
        outbox: Outbox,
        *,
        fail_fast: bool,
    ) -> None:
        self.source = source
        self._lanes = lanes
        self._ledger = ledger
        self._settling = settling
        self._outbox = outbox
        self._fail_fast = fail_fast
        self._index = 0

    @property
    def open(self) -> bool:
        """Whether reading may find a job: there may be a row, and few enough are parked behind busy sessions."""
        return self.source.ready and self._lanes.parked < _LOOK_AHEAD

    def next(self) -> Job | None:
        """The next job whose session is free, or ``None`` when there is none at the moment.

        Raises:
            BriqpayError: A row cannot be sent, and rows shall fail fast; or the journal cannot be read.
        """
        outbox = self._outbox
        while self.open and outbox.unread < outbox.bound:
            update = self.source.take()
            if update is NOTHING:
                break
            index, self._index = self._index, self._index + 1
            row = self._row(index, update)
            if row is not None and (job := self._lanes.enter(row)) is not None:
                return job
        return None

    def _row(self, index: int, update: object) -> Row | None:
        """A row that needs a request; any other is settled here."""
        try:
            known, session_id = _checked(update)
        except ValidationError as error:
            self._refuse(index, update, error)
            return None
        mark: Mark | None = None
        if self._ledger is not None:
            mark = self._ledger.mark(index, known.key, session_id, known.patch.to_json())
            standing = self._ledger.find(mark)
            if standing is Standing.DONE:
                self._settling.skipped(index, known)
                return None
            if standing is not Standing.OPEN:
                self._refuse(index, update, ConfigurationError(_complaint(standing, index, known.key)))
                return None
        if known.patch.is_noop:
            self._settling.unchanged(index, known, mark)
            return None
        return Row(index, known, session_id, mark)

    def _refuse(self, index: int, update: object, error: BriqpayError) -> None:
        self._settling.refused(index, update, error)
        if self._fail_fast:
            raise error


def _checked(update: object) -> tuple[SessionUpdate, str]:
    """A row and its session, in the one spelling that requests and their order go by.

    Raises:
        ValidationError: It is no row, or no request can be made of it.
    """
    if not isinstance(update, SessionUpdate):
        raise ValidationError(problems=(("", f"must be a SessionUpdate, not {type(update).__name__}"),))
    if not isinstance(update.patch, SessionPatch):
        raise ValidationError(problems=(("/patch", f"must be a SessionPatch, not {type(update.patch).__name__}"),))
    if update.key is not None and not isinstance(update.key, str):
        raise ValidationError(problems=(("/key", "must be text"),))
    return update, check_session_id(update.session_id)


def _complaint(standing: Standing, index: int, key: str | None) -> str:
    name = f"row {index}" if key is None else f"row {index} (key {key!r})"
    if standing is Standing.TWICE:
        return f"Give each row a key of its own: an earlier row of this run has the key of {name}."
    return (
        f"Use a new journal for new rows: {name} is not what the journal says was done under its "
        f"{'position' if key is None else 'key'}."
    )
