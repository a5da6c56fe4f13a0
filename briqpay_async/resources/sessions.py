"""Checkout sessions: ``briqpay.sessions``, the single calls and what is built on them."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, cast
from weakref import ref

import attrs

from briqpay_async.bulk.rows import BulkProgress, SessionUpdate, UpdateOutcome
from briqpay_async.config import seconds
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.errors import (
    SessionNotFoundError,
    ValidationError,
    WebhookNotConfirmedError,
)
from briqpay_async.models.session import EditableData, Session
from briqpay_async.patch.echo_check import changed_elsewhere
from briqpay_async.patch.merging import lost_siblings
from briqpay_async.patch.sections import DATA_SECTIONS
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch
from briqpay_async.resources.base import Headers, Seconds
from briqpay_async.resources.session_edits import SessionEdits
from briqpay_async.resources.session_endpoints import SessionCalls
from briqpay_async.resources.session_writer import SessionWriter
from briqpay_async.transport.rate_gate import RateGate
from briqpay_async.transport.requests import Fields, check_headers, session_path
from briqpay_async.transport.session_locks import Hold

if TYPE_CHECKING:
    from briqpay_async.bulk.gate import AdaptiveGate
    from briqpay_async.bulk.journal import BulkJournal
    from briqpay_async.webhooks.events import WebhookEvent

__all__ = ["Sessions"]


class Sessions(SessionEdits):
    """``briqpay.sessions``: single calls (see ``SessionCalls``), edits, a writer, and bulk runs."""

    def writer(self, session: Session, *, timeout: Seconds = None, headers: Headers = None) -> SessionWriter:
        """The writer of a session: ``await writer.put(desired)`` from a handler whose buyer keeps clicking.

        States that are put while a request is under way travel together in the next one; the latest wins. There is
        one writer for each session and client, held weakly: ask for it where you need it.

        What this client changes otherwise, by ``edit`` or ``update``, is known to the writer, or read before its
        next request: it never answers with a state that the API does not have.

        Args:
            session: The session as last read. Where a writer of this session exists already, that one is returned;
                it takes the session if that is newer than what it knows. A session whose age is not known (made by
                ``attrs.evolve`` or ``pickle``) is read again before the next request.
            timeout: Deadline in seconds, once for waiting for the session and reading it, once for sending. For a
                writer that is made now.
            headers: Extra request headers, for a writer that is made now.

        Raises:
            ValidationError: The session has no identifier.
        """
        session_id = check_session_id(session.session_id)
        shared = self._caller.shared
        asked = shared.history.asked(session)
        known = shared.writers.get(session_id)
        writer = known() if known is not None else None
        if writer is None:
            length = self._caller.timeouts.call if timeout is None else seconds(timeout)
            calls = _WriterCalls(self, session_id, length, headers)
            moment = asked if asked is not None else 0 if shared.history.last_change(session_id) else calls.now()
            writer = SessionWriter(session, calls, moment)

            def forget(dead: ref[SessionWriter]) -> None:
                if shared.writers.get(session_id) is dead:
                    del shared.writers[session_id]

            shared.writers[session_id] = ref(writer, forget)
        else:
            writer.take(session, asked)
        return cast("SessionWriter", writer)

    async def confirm(self, event: WebhookEvent, *, timeout: Seconds = None, headers: Headers = None) -> Session:
        """Read the session of a webhook event and check that it shows what the event claims.

        For events that no signature proves (``event.verified`` is false): anybody could have sent them. An order
        captured since still confirms ``order_approved_not_captured``; one that was cancelled does not.

        What is confirmed is the status. Take references and amounts from the session: those of the event may be
        made up, even when the status is true.

        Args:
            event: The event.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Returns:
            The session as read.

        Raises:
            WebhookNotConfirmedError: The session shows something else, or does not exist. It may also not show
                yet what is true: let the webhook be sent again.
            BriqpayError: The session could not be read.
        """
        from briqpay_async.resources.confirm import check_event  # noqa: PLC0415 - webhooks load with their first use

        try:
            session = await self.read(event.session_id, timeout=timeout, headers=headers)
        except (SessionNotFoundError, ValidationError):
            reason = "Do not act on this webhook: there is no such session."
        else:
            check_event(event, session)
            return session
        raise WebhookNotConfirmedError(reason, claimed=event.status)

    def update_many(
        self,
        updates: Iterable[SessionUpdate] | AsyncIterable[SessionUpdate],
        concurrency: int | Literal["auto"] = 50,
        fields: Fields = "none",
        journal: BulkJournal | None = None,
        progress: Callable[[BulkProgress], object] | None = None,
        *,
        coalesce: bool = False,
        fail_fast: bool = False,
        until: float | None = None,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> AsyncGenerator[UpdateOutcome, None]:
        """Send any number of patches and yield what became of each row, in the order in which they are done.

        Rows are read as they are needed, so memory does not grow with their number, and reading outcomes
        slowly slows the sending down. Rows of one session are sent in their order, one after the other. A row that
        cannot be sent, or that the API refuses, is an outcome with an ``error`` and stops no other. Patches that
        change nothing make no request. When the API refuses the rate (429), the run finds out how fast it may go,
        and rows wait for their turn. Leaving the loop early cancels what is under way; ``contextlib.aclosing``
        around the call waits until nothing of it is left.

        Args:
            updates: Rows, read by this loop's thread; a generator that blocks, blocks the loop.
            concurrency: The most updates under way at once (fewer while the API is overloaded), or ``"auto"`` to
                stop where more of them only make each one slower, at most 100. The client's ``Pool.size`` bounds
                both.
            fields: What each outcome's ``session`` shall have.
            journal: Makes the run resumable; see ``BulkJournal``.
            progress: Called with a snapshot ten times a second, and once at the end.
            coalesce: Merge rows of one session that wait for each other into one request; later values win.
            fail_fast: At the first row that fails, start nothing more, yield what is under way, and raise its
                error. Rows that were read but not begun have no outcome then.
            until: No attempt begins after this moment, in seconds of the event loop's clock (``loop.time()``). The
                run ends then: rows that were not begun have no outcome, and one whose repetition would come later
                fails with the last error.
            timeout: Deadline in seconds of each call. One that ends by a 429 is made again, up to 8 times.
            headers: Extra request headers of each call.

        Yields:
            One ``UpdateOutcome`` a row. What the iterable itself raises is raised after the outcomes of the rows
            before.

        Raises:
            ConfigurationError: An argument is invalid (at once), the journal cannot be used, or the client is
                closed.
            ValidationError: ``fields`` or ``headers`` are malformed (at once).
            BriqpayError: The journal could not be written.

        Example:
            >>> rows = (SessionUpdate(row.session_id, row.patch) for row in read_rows())
            >>> async for outcome in briqpay.sessions.update_many(rows, journal=BulkJournal("run.db")):
            ...     if outcome.status == "failed":
            ...         print(outcome.index, outcome.error)
        """
        # A tenth of the package, and most programs make no bulk run: loaded by the first one.
        from briqpay_async.bulk.engine import update_many  # noqa: PLC0415

        return update_many(
            self._bind,
            updates,
            self._bulk_gate(concurrency, math.inf if until is None else until),
            fields=fields,
            journal=journal,
            progress=progress,
            coalesce=coalesce,
            fail_fast=fail_fast,
            timeout=None if timeout is None else seconds(timeout),
            headers=check_headers(headers),
        )

    def _bulk_gate(self, concurrency: int | str, until: float = math.inf) -> AdaptiveGate:
        """The gate of a bulk run, before that of the client."""
        from briqpay_async.bulk.gate import AdaptiveGate  # noqa: PLC0415 - see update_many

        shared = self._caller.shared
        return AdaptiveGate(concurrency, shared.clock, shared.sleep, behind=self._caller.gate, until=until)

    def _bind(self, gate: RateGate) -> Callable[..., Awaitable[Session | None]]:
        """``update`` of rows that were checked, whose attempts pass a gate."""
        return SessionCalls(attrs.evolve(self._caller, gate=gate), self._check_totals)._update  # noqa: SLF001


@attrs.frozen(eq=False, repr=False)
class _WriterCalls:
    """The calls of a writer, with the options that it was made with."""

    _sessions: Sessions
    _session_id: str
    _timeout: float
    _headers: Headers

    def now(self) -> int:
        return self._sessions._caller.shared.history.now()  # noqa: SLF001 - a part of it

    def is_inside(self) -> bool:
        return self._sessions._caller.shared.locks.around(self._session_id) is not None  # noqa: SLF001

    @asynccontextmanager
    async def begin(self, known: int) -> AsyncIterator[tuple[Hold, Session | None]]:
        sessions, session_id = self._sessions, self._session_id
        caller = sessions._caller  # noqa: SLF001
        deadline = caller.shared.clock() + self._timeout
        async with caller.holding(session_id, self._timeout) as hold:
            fresh = None
            if known < caller.shared.history.last_change(session_id):
                fresh = await sessions._read_within(session_id, deadline, self._headers)  # noqa: SLF001
            yield hold, fresh

    def in_doubt(self, session: Session) -> EditableData:
        doubts = self._sessions._caller.shared.merging.doubts(self._session_id)  # noqa: SLF001
        lost = lost_siblings(doubts, session) if doubts else {}
        known: Any = session.data or EditableData()
        sections: dict[str, Any] = {
            section.name: attrs.evolve(getattr(known, section.name) or section.model(), **lost[section.name])
            for section in DATA_SECTIONS
            if section.name in lost
        }
        return EditableData(**sections)

    async def send(
        self, hold: Hold, before: EditableData, build: Callable[[MergeDepth], SessionPatch]
    ) -> Session | None:
        sessions, session_id = self._sessions, self._session_id
        sent = await sessions._send_difference(  # noqa: SLF001
            hold, build, timeout=self._timeout, headers=self._headers
        )
        if sent is None:
            return None
        session, patch = sent
        if seen := changed_elsewhere(before, patch, session):
            sessions._caller.report_changed_elsewhere(session_path(session_id), seen)  # noqa: SLF001
        return session
