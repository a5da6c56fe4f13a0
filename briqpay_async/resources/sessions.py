"""Checkout sessions: create, read, update, edit."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Literal, cast, overload

import attrs
import orjson

from briqpay_async.bulk.engine import update_many
from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.bulk.rows import BulkProgress, SessionUpdate, UpdateOutcome
from briqpay_async.bulk.throttle import Throttle
from briqpay_async.call import Caller
from briqpay_async.config import seconds
from briqpay_async.converter import render
from briqpay_async.errors import (
    PatchNotAppliedError,
    ResponseDecodeError,
    TotalsMismatchError,
    ValidationError,
)
from briqpay_async.models.decision import Decision
from briqpay_async.models.order import Order
from briqpay_async.models.session import EditableData, NewSession, Session, Urls
from briqpay_async.patch.builder import PatchBuilder
from briqpay_async.patch.echo import not_applied
from briqpay_async.patch.patch import MergeDepth, SessionPatch
from briqpay_async.protocol import Fields, Repeat, check_headers, session_path
from briqpay_async.resources.base import Headers, Resource, Seconds, model_or_none
from briqpay_async.resources.writer import SessionWriter
from briqpay_async.validation import Problems, check, check_model, check_references, check_session_id

__all__ = ["CheckTotals", "Sessions"]

logger = logging.getLogger("briqpay_async")

CheckTotals = Literal["warn", "error", "off"]


class Sessions(Resource):
    """``briqpay.sessions``.

    All methods take ``timeout`` (seconds: the deadline of the whole call, retries and waits included) and
    ``headers`` (extra request headers). ``fields`` limits what is returned: ``None`` for everything, ``"none"``
    for nothing (an empty 204; the method returns ``None``), or names of top-level members (SEED).

    All methods raise ``ValidationError`` before anything is sent, ``APIError`` (see its subclasses) for an error
    the API answered, ``TransportError`` when no answer came, and ``ResponseDecodeError`` for an answer that no
    sense can be made of.
    """

    def __init__(self, caller: Caller, check_totals: CheckTotals) -> None:
        super().__init__(caller)
        self._check_totals = check_totals

    @overload
    async def create(  # type: ignore[overload-overlap]  # "none" is an Iterable[str] too
        self,
        new_session: NewSession,
        fields: Literal["none"],
        *,
        timeout: Seconds = ...,
        headers: Headers = ...,
    ) -> None: ...
    @overload
    async def create(
        self, new_session: NewSession, fields: Fields = ..., *, timeout: Seconds = ..., headers: Headers = ...
    ) -> Session: ...
    async def create(
        self,
        new_session: NewSession,
        fields: Fields = None,
        *,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Session | None:
        """Create a session: ``POST /v3/session``.

        It is not repeated when its answer is lost: a second session would be made.

        Args:
            new_session: Everything about the session. Amounts in minor units.
            fields: What to return.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: Something the API would refuse; ``problems`` names each place.
            TotalsMismatchError: The order does not add up and the client checks totals strictly.
            OutcomeUnknownError: The request was sent and no answer came.
            ResponseDecodeError: The answer names no session.
        """
        if not isinstance(new_session, NewSession):
            raise ValidationError(problems=(("", "must be a NewSession"),))
        check(new_session)
        if new_session.data is not None:
            self._check_order(new_session.data.order)
        response = await self._send(
            "POST",
            "/v3/session",
            orjson.dumps(render(new_session)),
            fields=fields,
            repeat=Repeat.UNSAFE,
            timeout=timeout,
            headers=headers,
        )
        session = model_or_none(response, Session, fields)
        if fields is None and session is not None and not session.session_id:
            raise ResponseDecodeError("the answer names no session", pointer="/sessionId", status=response.status)
        return session

    @overload
    async def read(  # type: ignore[overload-overlap]  # "none" is an Iterable[str] too
        self, session_id: str, fields: Literal["none"], *, timeout: Seconds = ..., headers: Headers = ...
    ) -> None: ...
    @overload
    async def read(
        self, session_id: str, fields: Fields = ..., *, timeout: Seconds = ..., headers: Headers = ...
    ) -> Session: ...
    async def read(
        self, session_id: str, fields: Fields = None, *, timeout: Seconds = None, headers: Headers = None
    ) -> Session | None:
        """Read an ongoing or completed session: ``GET /v3/session/{id}``.

        Args:
            session_id: UUID.
            fields: What to return; ``"none"`` only checks that the session exists.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: The identifier is not a UUID, or ``fields`` is malformed.
            SessionNotFoundError: There is no such session.
        """
        response = await self._send(
            "GET", session_path(check_session_id(session_id)), fields=fields, timeout=timeout, headers=headers
        )
        return model_or_none(response, Session, fields)

    async def update(
        self,
        session_id: str,
        patch: SessionPatch,
        fields: Fields = None,
        *,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Session | None:
        """Send a patch: ``PATCH /v3/session/{id}``. A patch that changes nothing makes no request.

        Updates of one session through one client never overlap: later ones wait. A lost answer is retried, because
        a patch sets absolute values.

        Args:
            session_id: UUID.
            patch: What to change.
            fields: What to return.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Returns:
            The session as answered; ``None`` with ``fields="none"`` or when the patch changes nothing.

        Raises:
            ValidationError: The identifier is not a UUID, or ``fields`` is malformed.
            TotalsMismatchError: The order does not add up and the client checks totals strictly.
            SessionCompletedError: The session is completed (SEED: it can no longer be updated).
            SessionNotFoundError: There is no such session.
            PatchNotAppliedError: The answer contains a patched section, and it is not as sent or has lost
                members; how the API merges is undocumented, see ``MergeDepth``.
        """
        path = session_path(check_session_id(session_id))
        if not isinstance(patch, SessionPatch):
            raise ValidationError(problems=(("", "patch must be a SessionPatch"),))
        if patch.is_noop:
            return None
        for part in patch.parts:
            if part.section.name == "order":
                self._check_order(part.after)
        response = await self._send(
            "PATCH", path, patch.to_json(), fields=fields, lane=session_id, timeout=timeout, headers=headers
        )
        session = model_or_none(response, Session, fields)
        if session is not None and (pointers := not_applied(patch, session)):
            raise PatchNotAppliedError(
                f"Send the section whole (MergeDepth.SECTION): the answer does not show {', '.join(pointers)}.",
                pointers=pointers,
                session=session,
                method="PATCH",
                path=path,
                status=response.status,
            )
        return session

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
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> AsyncGenerator[UpdateOutcome, None]:
        """Send any number of patches and yield what became of each row, in the order in which they are done.

        Rows are read as they are needed, so memory does not grow with their number, and whoever reads outcomes
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
            timeout: Deadline in seconds of each call. One that ends by a 429 is made again, up to 8 times.
            headers: Extra request headers of each call.

        Yields:
            One ``UpdateOutcome`` a row. What the iterable itself raises is raised after the outcomes of the rows
            before.

        Raises:
            ConfigurationError: An argument makes no sense (at once), the journal cannot be used, or the client is
                closed.
            ValidationError: ``fields`` or ``headers`` are malformed (at once).
            BriqpayError: The journal could not be written.

        Example:
            >>> rows = (SessionUpdate(row.session_id, row.patch) for row in read_rows())
            >>> async for outcome in briqpay.sessions.update_many(rows, journal=BulkJournal("run.db")):
            ...     if outcome.status == "failed":
            ...         print(outcome.index, outcome.error)
        """
        caller = self._caller
        throttle = Throttle(concurrency, caller.shared.clock, caller.shared.sleep)
        metered = attrs.evolve(caller, transport=throttle.around(caller.transport))
        return update_many(
            Sessions(metered, self._check_totals).update,
            updates,
            throttle,
            fields=fields,
            journal=journal,
            progress=progress,
            coalesce=coalesce,
            fail_fast=fail_fast,
            timeout=None if timeout is None else seconds(timeout),
            headers=check_headers(headers),
        )

    async def update_metadata(
        self,
        session_id: str,
        urls: Urls | None = None,
        references: Mapping[str, str] | None = None,
        fields: Fields = None,
        *,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Session | None:
        """Change urls and references: ``PATCH /v3/session/{id}/metadata`` (reference §B 4).

        Args:
            session_id: UUID.
            urls: Pages of the shop.
            references: The shop's references, each at most 512 characters.
            fields: What to return.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Returns:
            The session as answered, ``None`` with ``fields="none"``.

        Raises:
            ValidationError: The identifier is not a UUID, neither is given, or something the API would refuse.
            SessionNotFoundError: There is no such session.
        """
        path = session_path(check_session_id(session_id), "/metadata")
        problems: Problems = []
        body = {}
        if urls is not None:
            if isinstance(urls, Urls):
                check_model(urls, "/urls", problems)
                body["urls"] = render(urls)
            else:
                problems.append(("/urls", "must be of class Urls"))
        if references is not None:
            problems += check_references(references)
            body["references"] = references
        if urls is None and references is None:
            problems.append(("", "give urls or references"))
        if problems:
            raise ValidationError(problems=tuple(problems))
        response = await self._send(
            "PATCH",
            path,
            orjson.dumps(body, default=dict),
            fields=fields,
            lane=session_id,
            timeout=timeout,
            headers=headers,
        )
        return model_or_none(response, Session, fields)

    async def decide(
        self, session_id: str, decision: Decision, *, timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Allow or reject a purchase: ``POST /v3/session/{id}/decision`` (reference §C.6).

        Args:
            session_id: UUID.
            decision: ``Decision.allow()`` or ``Decision.reject(...)``.
            timeout: Deadline of the whole call in seconds; the checkout waits 10 (reference §H).
            headers: Extra request headers.

        Raises:
            ValidationError: The identifier is not a UUID, or a rejection lacks its type.
            OutcomeUnknownError: The request was sent and no answer came.
        """
        path = session_path(check_session_id(session_id), "/decision")
        check(decision)
        await self._send(
            "POST",
            path,
            orjson.dumps(render(decision)),
            repeat=Repeat.UNSAFE,
            lane=session_id,
            timeout=timeout,
            headers=headers,
        )

    @asynccontextmanager
    async def edit(
        self, session: Session | str, *, timeout: Seconds = None, headers: Headers = None
    ) -> AsyncIterator[PatchBuilder]:
        """Edit a session and send the difference when the block ends.

        Nothing is sent when nothing changed or when the block raises. If the API turns out to replace sections
        instead of merging them, the changed sections are sent once more as a whole, so that no member is lost.

        Args:
            session: The session as last read, or its identifier: then it is read first.
            timeout: Deadline of each call in seconds.
            headers: Extra request headers.

        Yields:
            A ``PatchBuilder``; its ``session`` is the answered session after the block.

        Raises:
            ValidationError: The session has no identifier, or an edited value is one the API would refuse.
            UnpatchableChangeError: A member was set to ``None``.
            PatchNotAppliedError: Sending whole sections did not help either.
        """
        if not isinstance(session, Session):
            session = await self.read(session, timeout=timeout, headers=headers)
        session_id = check_session_id(session.session_id)
        builder = PatchBuilder(session)
        yield builder
        patch = builder.build()
        if patch.is_noop:
            builder.session = session
        else:
            builder.session = await self._heal(
                session_id, patch, lambda: builder.build(MergeDepth.SECTION), timeout=timeout, headers=headers
            )

    def writer(self, session: Session, *, timeout: Seconds = None, headers: Headers = None) -> SessionWriter:
        """The writer of a session: ``await writer.put(desired)`` from a handler whose buyer clicks again and again.

        States that are put while a request is under way travel together in the next one; the latest wins. There is
        one writer for each session and client, held weakly: ask for it where you need it.

        Args:
            session: The session as last read; what it holds counts as acknowledged. Where a writer of this session
                exists already, that one is returned, and keeps its own state.
            timeout: Deadline of each request in seconds, for a writer that is made now.
            headers: Extra request headers, for a writer that is made now.

        Raises:
            ValidationError: The session has no identifier.
        """
        session_id = check_session_id(session.session_id)
        writer = self._caller.shared.writers.get(session_id)
        if writer is None:

            async def apply(before: EditableData, after: EditableData, patch: SessionPatch) -> Session:
                return await self._heal(
                    session_id,
                    patch,
                    lambda: SessionPatch.between(before, after, MergeDepth.SECTION),
                    timeout=timeout,
                    headers=headers,
                )

            writer = SessionWriter(session, apply)
            self._caller.shared.writers[session_id] = writer
        return writer

    async def _heal(
        self,
        session_id: str,
        patch: SessionPatch,
        whole: Callable[[], SessionPatch],
        *,
        timeout: Seconds,
        headers: Headers,
    ) -> Session:
        """Send a patch that changes something; once more with whole sections if the API did not merge it."""
        try:
            session = await self.update(session_id, patch, timeout=timeout, headers=headers)
        except PatchNotAppliedError:
            session = await self.update(session_id, whole(), timeout=timeout, headers=headers)
        return cast("Session", session)

    def _check_order(self, order: Order | None) -> None:
        if self._check_totals == "off" or order is None or not (found := order.check_totals()):
            return
        text = ", ".join(f"/data/order{one.pointer} is {one.declared}, lines give {one.computed}" for one in found)
        if self._check_totals == "error":
            raise TotalsMismatchError(f"The order does not add up: {text}.", discrepancies=found)
        logger.warning("the order does not add up, so the API may refuse it: %s", text)
