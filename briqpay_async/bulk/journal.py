"""``BulkJournal``: what makes a bulk run resumable, and what can be read of it afterwards."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import attrs

from briqpay_async.bulk.journal_file import reading
from briqpay_async.bulk.journal_store import (
    APPLIED,
    COLUMNS,
    FAILED,
    UNCHANGED,
    JournalEntry,
    JournalStore,
    checksum,
)
from briqpay_async.bulk.rows import UpdateStatus
from briqpay_async.errors import ConfigurationError

__all__ = ["BulkJournal", "JournalRow", "JournalSummary"]

_STATUSES = {APPLIED: UpdateStatus.APPLIED, UNCHANGED: UpdateStatus.UNCHANGED, FAILED: UpdateStatus.FAILED}


@attrs.frozen(kw_only=True)
class JournalRow:
    """One row with an outcome, as it was last sent.

    Attributes:
        index: Position in the input.
        session_id: UUID.
        run: Which run sent it, from 1.
        status: ``applied``, ``unchanged`` or ``failed``.
        started: When its first request was made, in seconds since 1970.
        elapsed_s: Seconds from there to its outcome, repetitions and waits included.
        attempts: Requests made; 0 when none was needed, or when a later row of the session carried this one.
        bytes_sent: Bytes of their bodies.
        in_flight: Updates under way when it was sent, itself included.
        http_status: HTTP status of its failure, if there was an answer.
        error: Class name of its failure.
        again: Whether an earlier run had an outcome of it too.
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
        finished: Whether the last run has an outcome of every row of its input.
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
    and sent again, which does no harm because a patch sets absolute values. Rows that failed are tried again. The
    last row of a session in the input always has the last word: a row that was done is sent again where one before
    it is sent in this run, or was moved there. A row that differs from the one that was done in its place (or
    under its key) fails with a ``ConfigurationError``.

    An outcome is in the journal before it is yielded. What is written survives the death of the process; with
    ``flush=True`` it also survives a power cut, at the price of a disk flush for each group of rows.

    The file holds digests, session ids, counts and times. No patch, key, address or message is written. The
    digests are keyed with a random key of each journal, which is in the file: nothing can be looked up in a table,
    but a reader of the file can test a guess, such as a telephone number, against it. It is readable by its
    owner only; delete it when the run is done.

    One run at a time uses a journal: it holds ``run.db-lock`` beside it. Where a journal is deleted or replaced
    meanwhile, the run ends with a ``BriqpayError``.

    Attributes:
        path: The file. SQLite keeps a second one beside it, with ``-wal`` added to its name.
    """

    def __init__(self, path: str | os.PathLike[str], *, flush: bool = False) -> None:
        """Name a journal. The file is opened, and created if need be, when a run begins.

        Args:
            path: The file.
            flush: Flush the disk at each commit.

        Raises:
            ConfigurationError: The path is empty or ``":memory:"``.
        """
        if os.fspath(path) in {"", ":memory:"}:
            raise ConfigurationError("Name a file for the journal: one in memory could not be resumed.")
        self.path = Path(path)
        self._flush = flush

    def begin(self) -> JournalStore:
        """Open the file for a run.

        Raises:
            ConfigurationError: It is in use, damaged, no journal, or cannot be written.
        """
        return JournalStore(self.path, flush=self._flush)

    def rows(self) -> Iterator[JournalRow]:
        """Every row with an outcome, in the order in which they were sent, read one by one.

        Raises:
            ConfigurationError: There is no such file, a run is using it, it is damaged or no journal.
        """
        with reading(self.path) as connection:
            for *columns, expected, again in connection.execute(
                f"SELECT {COLUMNS}, checksum, again FROM rows ORDER BY started, position"  # noqa: S608 - ours
            ):
                if checksum(tuple(columns)) != expected:
                    raise ConfigurationError(f"Restore or remove the journal {self.path}: it is damaged (a row).")
                entry = JournalEntry(*columns)
                yield JournalRow(
                    index=entry.position,
                    session_id=str(uuid.UUID(bytes=entry.session)),
                    run=entry.run,
                    status=_STATUSES[entry.status],
                    started=entry.started,
                    elapsed_s=entry.elapsed,
                    attempts=entry.attempts,
                    bytes_sent=entry.bytes_sent,
                    in_flight=entry.in_flight,
                    http_status=entry.http_status,
                    error=entry.error,
                    again=bool(again),
                )

    def summary(self) -> JournalSummary:
        """Count what is in the journal.

        Raises:
            ConfigurationError: There is no such file, a run is using it, it is damaged or no journal.
        """
        with reading(self.path) as connection:
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
