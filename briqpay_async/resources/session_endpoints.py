"""Single calls about checkout sessions: create, read, update, update metadata, decide."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, overload

import orjson

from briqpay_async.conversion.encode import render
from briqpay_async.conversion.validate import Problems, check, check_model, check_references, check_session_id
from briqpay_async.errors import (
    ResponseDecodeError,
    ValidationError,
)
from briqpay_async.models.decision import Decision
from briqpay_async.models.session import NewSession, Session, Urls
from briqpay_async.patch.merging import siblings
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.resources.base import (
    CheckTotals,
    Headers,
    Resource,
    Seconds,
    check_order,
    may_have_applied,
    model_or_none,
    no_content,
)
from briqpay_async.resources.session_answers import checked_echo, checked_session
from briqpay_async.transport.call import Caller
from briqpay_async.transport.requests import Fields, Repeat, Response, session_path
from briqpay_async.transport.session_locks import Hold

__all__ = ["SessionCalls"]


class SessionCalls(Resource):
    """The calls that ``briqpay.sessions`` is made of, one request each.

    All methods take ``timeout`` (seconds: the deadline of the whole call, retries and waits included) and
    ``headers`` (extra request headers). ``fields`` limits what is returned: ``None`` for everything, ``"none"``
    for nothing (an empty 204; the method returns ``None``), or names of top-level members.

    All methods raise ``ValidationError`` before anything is sent, ``APIError`` (see its subclasses) for an error
    the API answered, ``TransportError`` when no answer came, and ``ResponseDecodeError`` for an answer that is
    no JSON or has a member of the wrong type.
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

        It is not repeated when its answer is lost: a second session would be made. There is no way to look for the
        first one; a session that no buyer completes is deleted by Briqpay in time.

        Args:
            new_session: Everything about the session. Amounts in minor units.
            fields: What to return.
            timeout: Deadline of the whole call in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: Something the API would refuse; ``problems`` names each place.
            TotalsMismatchError: The order does not add up and the client checks totals strictly.
            OutcomeUnknownError: The request was sent, and no whole answer came, or an error status (408, 425, 5xx)
                that does not say how far it got.
            ResponseDecodeError: A session was made, but its answer cannot be decoded, or it names none.
        """
        if not isinstance(new_session, NewSession):
            raise ValidationError(problems=(("", "must be a NewSession"),))
        check(new_session)
        if new_session.data is not None:
            check_order(new_session.data.order, self._check_totals)
        decode = model_or_none(Session, fields)

        def named(response: Response) -> Session | None:
            session = decode(response)
            if fields is None and session is not None and not session.session_id:
                raise ResponseDecodeError(
                    "the answer names no session", pointer="/sessionId", status=response.status
                )
            return session

        session = await self._send(
            "POST",
            "/v3/session",
            orjson.dumps(render(new_session)),
            interpret=named,
            fields=fields,
            repeat=Repeat.UNSAFE,
            timeout=timeout,
            headers=headers,
        )
        if session is not None:
            history = self._caller.shared.history
            history.answered(session, history.now())
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
        session_id = check_session_id(session_id)
        asked = self._caller.shared.history.now()
        session = await self._send(
            "GET",
            session_path(session_id),
            interpret=no_content if fields == "none" else partial(checked_session, session_id),
            fields=fields,
            timeout=timeout,
            headers=headers,
        )
        if session is not None:
            self._note_answer(session_id, session, asked, fields)
        return session

    @overload
    async def update(
        self,
        session_id: str,
        patch: SessionPatch,
        fields: Literal["none"],
        *,
        timeout: Seconds = ...,
        headers: Headers = ...,
    ) -> None: ...
    @overload
    async def update(
        self,
        session_id: str,
        patch: SessionPatch,
        fields: Fields = ...,
        *,
        timeout: Seconds = ...,
        headers: Headers = ...,
    ) -> Session | None: ...
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
            SessionCompletedError: The session is completed (it can no longer be updated).
            SessionNotFoundError: There is no such session.
            PatchNotAppliedError: The answer contains a patched section, and it is not as sent or has lost
                members; how the API merges is undocumented, see ``MergeDepth``.
        """
        return await self._update(check_session_id(session_id), patch, fields, timeout=timeout, headers=headers)

    async def _update(
        self,
        session_id: str,
        patch: SessionPatch,
        fields: Fields = None,
        *,
        hold: Hold | None = None,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Session | None:
        """``update`` of a session whose identifier was checked, in its order or in a hold of it."""
        if not isinstance(patch, SessionPatch):
            raise ValidationError(problems=(("", "patch must be a SessionPatch"),))
        parts = patch.parts
        if not parts:
            return None
        for part in parts:
            if part.section.name == "order":
                check_order(part.after, self._check_totals)
        merging = self._caller.shared.merging
        try:
            session = await self._send(
                "PATCH",
                session_path(session_id),
                patch.to_json(),
                interpret=no_content if fields == "none" else partial(checked_echo, session_id, patch, merging),
                fields=fields,
                lane=session_id if hold is None else hold,
                timeout=timeout,
                headers=headers,
            )
        except BaseException as error:
            if self._note_failure(session_id, error) and not merging.merges:
                merging.doubt(session_id, siblings(patch))
            raise
        self._note_change(session_id, session, fields)
        return session

    def _note_change(self, session_id: str, session: Session | None, fields: Fields) -> None:
        """Note that a session was changed, and the state that its answer shows."""
        history = self._caller.shared.history
        history.changed(session_id)
        if session is not None:
            self._note_answer(session_id, session, history.now(), fields)

    def _note_failure(self, session_id: str, error: BaseException) -> bool:
        """Note that a session may have been changed by a call that failed; ``False`` if it surely was not."""
        changed = may_have_applied(error)
        if changed:
            self._caller.shared.history.changed(session_id)
        return changed

    def _note_answer(self, session_id: str, session: Session, asked: int, fields: Fields) -> None:
        """Note when the state of an answer was asked for; a writer of the session learns of it."""
        shared = self._caller.shared
        shared.history.answered(session, asked)
        if fields is None and (writer := shared.writers.get(session_id)) is not None and (known := writer()):
            known.take(session, asked)

    @overload
    async def update_metadata(  # type: ignore[overload-overlap]  # "none" is an Iterable[str] too
        self,
        session_id: str,
        urls: Urls | None = ...,
        references: Mapping[str, str] | None = ...,
        *,
        fields: Literal["none"],
        timeout: Seconds = ...,
        headers: Headers = ...,
    ) -> None: ...
    @overload
    async def update_metadata(
        self,
        session_id: str,
        urls: Urls | None = ...,
        references: Mapping[str, str] | None = ...,
        fields: Fields = ...,
        *,
        timeout: Seconds = ...,
        headers: Headers = ...,
    ) -> Session: ...
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
        """Change urls and references: ``PATCH /v3/session/{id}/metadata``.

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
        session_id = check_session_id(session_id)
        path = session_path(session_id, "/metadata")
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
        try:
            session = await self._send(
                "PATCH",
                path,
                orjson.dumps(body, default=dict),
                interpret=no_content if fields == "none" else partial(checked_session, session_id),
                fields=fields,
                lane=session_id,
                timeout=timeout,
                headers=headers,
            )
        except BaseException as error:
            self._note_failure(session_id, error)
            raise
        self._note_change(session_id, session, fields)
        return session

    async def decide(
        self, session_id: str, decision: Decision, *, timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Allow or reject a purchase: ``POST /v3/session/{id}/decision``.

        Args:
            session_id: UUID.
            decision: ``Decision.allow()`` or ``Decision.reject(...)``.
            timeout: Deadline of the whole call in seconds; the checkout waits 10.
            headers: Extra request headers.

        Raises:
            ValidationError: The identifier is not a UUID, or a rejection lacks its type.
            OutcomeUnknownError: The request was sent, and no answer came, or an error status (408, 425, 5xx) that
                does not say how far it got.
        """
        session_id = check_session_id(session_id)
        path = session_path(session_id, "/decision")
        if not isinstance(decision, Decision):
            raise ValidationError(problems=(("", "must be a Decision: Decision.allow() or Decision.reject(...)"),))
        check(decision)
        await self._send(
            "POST",
            path,
            orjson.dumps(render(decision)),
            interpret=no_content,
            repeat=Repeat.UNSAFE,
            lane=session_id,
            timeout=timeout,
            headers=headers,
        )
