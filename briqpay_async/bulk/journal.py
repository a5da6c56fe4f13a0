"""``BulkJournal``: what makes a bulk run resumable, and what can be read of it afterwards."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs

from briqpay_async.bulk.journal_store import APPLIED, FAILED, UNCHANGED, Ledger, connect, explained
from briqpay_async.bulk.rows import UpdateStatus

__all__ = ["BulkJournal", "JournalRow", "JournalSummary"]

_STATUSES = {APPLIED: UpdateStatus.APPLIED, UNCHANGED: UpdateStatus.UNCHANGED, FAILED: UpdateStatus.FAILED}
_COLUMNS = (
    "position, session, run, status, started, elapsed, attempts, bytes_sent, in_flight, http_status, error, again"
)


@attrs.frozen(kw_only=True)
class JournalRow:
    """One settled row, as it was last sent.

    Attributes:
        index: Position in the input.
        session_id: UUID.
        run: Which run settled it, from 1.
        status: ``applied``, ``unchanged`` or ``failed``.
        started: When its first request was made, in seconds since 1970.
        elapsed_s: Seconds from there to its outcome, repetitions and waits included.
        attempts: Requests made; 0 when none was needed, or when a later row of the session carried this one.
        bytes_sent: Bytes of their bodies.
        in_flight: Updates under way when it was sent, itself included.
        http_status: HTTP status of its failure, if there was an answer.
        error: Class name of its failure.
        again: Whether an earlier run had settled it too.
    """

    index: int
    session_id: str
    run: int
    status: UpdateStatus
    started: float
    elapsed_s: float
    attempts: int
    bytes_sent: int
    in_flight: int
    http_status: int | None
    error: str | None
    again: bool


@attrs.frozen(kw_only=True)
class JournalSummary:
    """A journal in a few numbers.

    Attributes:
        applied: Rows that the API took.
        unchanged: Rows that needed no request.
        failed: Rows that failed when they were last tried.
        requests: Requests made for the rows as they were last sent.
        bytes_sent: Bytes of their bodies.
        runs: Runs begun.
        finished: Whether the last run has settled every row of its input.
    """

    applied: int
    unchanged: int
    failed: int
    requests: int
    bytes_sent: int
    runs: int
    finished: bool


class BulkJournal:
    """A file that makes ``update_many`` resumable: run it again with the same rows and the same journal.

    Rows whose outcome is in the journal are ``skipped``. Rows that were under way when the run ended are in doubt
    and sent again, which does no harm because a patch sets absolute values. Rows that failed are tried again, and
    so are applied rows of the same session that came after them, so that the order of values stays right. A row
    that differs from the one that was done in its place (or under its key) fails with a ``ConfigurationError``.

    An outcome is in the journal before it is yielded. What is written survives the death of the process; with
    ``flush=True`` it also survives a power cut, at the price of a disk flush for each group of rows.

    The file holds digests, session ids, counts and times. No patch, key, address or message is written.

    Attributes:
        path: The file. SQLite keeps a second one beside it, with ``-wal`` added to its name.
    """

    def __init__(self, path: str | os.PathLike[str], *, flush: bool = False) -> None:
        """Name a journal. The file is opened, and created if need be, when a run begins.

        Args:
            path: The file.
            flush: Flush the disk at each commit.
        """
        self.path = Path(path)
        self._flush = flush

    def begin(self) -> Ledger:
        """Open the file for a run.

        Raises:
            ConfigurationError: It is in use, damaged, no journal, or cannot be written.
        """
        return Ledger(self.path, flush=self._flush)

    def rows(self) -> Iterator[JournalRow]:
        """Every settled row in the order in which they were sent, read one by one.

        Raises:
            ConfigurationError: There is no such file, a run is using it, it is damaged or no journal.
        """
        with closing(connect(self.path, create=False)) as connection, explained(self.path):
            for position, session, run, status, *numbers, again in connection.execute(
                f"SELECT {_COLUMNS} FROM rows ORDER BY started, position"  # noqa: S608 - the columns are ours
            ):
                started, elapsed, attempts, bytes_sent, in_flight, http_status, error = numbers
                yield JournalRow(
                    index=position,
                    session_id=str(uuid.UUID(bytes=session)),
                    run=run,
                    status=_STATUSES[status],
                    started=started,
                    elapsed_s=elapsed,
                    attempts=attempts,
                    bytes_sent=bytes_sent,
                    in_flight=in_flight,
                    http_status=http_status,
                    error=error,
                    again=bool(again),
                )

    def summary(self) -> JournalSummary:
        """Count what is in the journal.

        Raises:
            ConfigurationError: There is no such file, a run is using it, it is damaged or no journal.
        """
        with closing(connect(self.path, create=False)) as connection, explained(self.path):
            counts = dict(connection.execute("SELECT status, count(*) FROM rows GROUP BY status"))
            requests, bytes_sent = connection.execute(
                "SELECT total(attempts), total(bytes_sent) FROM rows"
            ).fetchone()
            runs, ended = connection.execute(
                "SELECT count(*), (SELECT ended FROM runs ORDER BY run DESC LIMIT 1) FROM runs"
            ).fetchone()
        return JournalSummary(
            applied=counts.get(APPLIED, 0),
            unchanged=counts.get(UNCHANGED, 0),
            failed=counts.get(FAILED, 0),
            requests=int(requests),
            bytes_sent=int(bytes_sent),
            runs=runs,
            finished=ended is not None,
        )

    def __repr__(self) -> str:
        return f"<BulkJournal {self.path}>"
