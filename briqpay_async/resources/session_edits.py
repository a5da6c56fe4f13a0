"""``sessions.edit``: read, change and send with the session kept, and what is sent when the API does not merge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, cast

from briqpay_async.config import seconds
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.errors import PatchNotAppliedError
from briqpay_async.models.session import Session
from briqpay_async.patch.echo_check import changed_elsewhere
from briqpay_async.patch.merging import lost_siblings, proves_replacing
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch
from briqpay_async.resources.base import Headers, Seconds
from briqpay_async.resources.session_endpoints import SessionCalls
from briqpay_async.transport.requests import session_path
from briqpay_async.transport.session_locks import Hold

if TYPE_CHECKING:
    from briqpay_async.patch.builder import PatchBuilder

__all__ = ["SessionEdits"]

_FIELD: Final = MergeDepth.FIELD  # looking up an enum's constant takes a call on Python 3.11
_SECTION: Final = MergeDepth.SECTION
_MOMENT: Final = 1e-6  # seconds, for a call whose deadline passed: it raises instead of sending


class SessionEdits(SessionCalls):
    """The single calls, and edits that are made of several of them."""

    @asynccontextmanager
    async def edit(
        self,
        session: Session | str,
        *,
        rebase: bool = False,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> AsyncIterator[PatchBuilder]:
        """Edit a session and send the difference when the block ends.

        From its beginning to its end the edit has the session for itself: updates, metadata, writers and other
        edits of this client wait for it, those of other sessions do not. Calls that the block makes on the same
        session are part of it: they are sent at once, and the edit is then applied to what they made of the
        session. So are calls of tasks that the block starts; a task that was started elsewhere waits until the
        block has ended, so do not wait for one in the block.

        Nothing is sent when nothing changed or when the block raises. If the API turns out to replace sections
        instead of merging them, the changed sections are sent once more as a whole, so that no member is lost, and
        later edits of this client send whole sections at once. Members that an earlier request of this client may
        have taken away, because its answer got lost, are part of the edit where the session lacks them.

        Args:
            session: The session's identifier: then it is read first. Or the session as last read: then the change
                is the difference to that, whatever was changed since.
            rebase: With a session as last read: when the block ends, the session is read again, and what the
                builder was asked for (``set_quantity``, ``add``, ``remove``, updates of sections) is done to what
                is there now. While the block runs, other updates do not wait for it.
            timeout: Deadline in seconds, once for waiting for the session and reading it, once for sending.
            headers: Extra request headers.

        Yields:
            A ``PatchBuilder``. After the block its ``session`` is the answered session, and ``changed_elsewhere``
            names what others changed meanwhile; hooks and the log get that too.

        Raises:
            EditConflictError: The session was read again, and a change does not fit what is there now;
                ``pointers`` names the places. Nothing was sent.
            ValidationError: The session has no identifier, or an edited value is one the API would refuse.
            UnpatchableChangeError: A member was set to ``None``.
            CallTimeoutError: Others kept the session for longer than the deadline; nothing was sent.
            PatchNotAppliedError: Sending whole sections did not help either.
        """
        from briqpay_async.patch.builder import PatchBuilder  # noqa: PLC0415 - loaded by the first edit

        session_id = check_session_id(session.session_id if isinstance(session, Session) else session)
        caller = self._caller
        length = caller.timeouts.call if timeout is None else seconds(timeout)
        if rebase and isinstance(session, Session):
            builder = PatchBuilder(session)
            yield builder
            if not builder.operations:
                builder.session = session
                return
            deadline = caller.shared.clock() + length
            async with caller.holding(session_id, length) as hold:
                fresh = await self._read_within(session_id, deadline, headers)
                seen = changed_elsewhere(builder.data, SessionPatch(), fresh)
                rebased = builder.rebased(fresh)
                self._put_back(session_id, fresh, rebased)
                await self._send_edit(hold, fresh, rebased, complete=True, timeout=timeout, headers=headers)
                self._report_elsewhere(session_id, builder, rebased, seen)
            return
        deadline = caller.shared.clock() + length
        async with caller.holding(session_id, length) as hold:
            complete = not isinstance(session, Session)
            if not isinstance(session, Session):
                session = await self._read_within(session_id, deadline, headers)
            applied = builder = PatchBuilder(session)
            if complete:
                self._put_back(session_id, session, builder)
            yield builder
            # Edits that tasks of the block began inside it end first, and none gets between the read and the send.
            async with caller.holding(hold, length) as last:
                if hold.entered:  # what the block called may have changed what was read
                    session = await self.read(session_id, timeout=timeout, headers=headers)
                    applied, complete = builder.rebased(session), True
                    self._put_back(session_id, session, applied)
                await self._send_edit(last, session, applied, complete=complete, timeout=timeout, headers=headers)
            self._report_elsewhere(session_id, builder, applied)

    async def _read_within(self, session_id: str, deadline: float, headers: Headers) -> Session:
        left = max(deadline - self._caller.shared.clock(), _MOMENT)
        return await self.read(session_id, timeout=left, headers=headers)

    async def _send_edit(
        self,
        hold: Hold,
        session: Session,
        builder: PatchBuilder,
        *,
        complete: bool,
        timeout: Seconds,
        headers: Headers,
    ) -> None:
        """Send what a builder collected, and note in it what came of that.

        Args:
            hold: The session, kept.
            session: What the builder began with.
            builder: The changes.
            complete: That session is all that there was.
            timeout: Deadline in seconds.
            headers: Extra request headers.
        """
        builder.session = session
        sent = await self._send_difference(
            hold, builder.build, complete=complete, timeout=timeout, headers=headers
        )
        if sent is None:
            return
        builder.session, patch = sent
        builder.changed_elsewhere = changed_elsewhere(
            builder.data, patch, builder.session, complete=complete, raw=builder.raw
        )

    def _put_back(self, session_id: str, session: Session, builder: PatchBuilder) -> None:
        """Have an edit put back what an earlier request, whose answer got lost, took away from a session."""
        if doubts := self._caller.shared.merging.doubts(session_id):
            for name, members in lost_siblings(doubts, session).items():
                getattr(builder, name).update(**members)

    def _report_elsewhere(
        self, session_id: str, builder: PatchBuilder, applied: PatchBuilder, seen: tuple[str, ...] = ()
    ) -> None:
        """Note the result in the builder of a block, and report changes that others made."""
        builder.session = applied.session
        builder.changed_elsewhere = tuple(dict.fromkeys((*seen, *applied.changed_elsewhere)))
        if builder.changed_elsewhere:
            self._caller.report_changed_elsewhere(session_path(session_id), builder.changed_elsewhere)

    async def _send_difference(
        self,
        hold: Hold,
        build: Callable[[MergeDepth], SessionPatch],
        *,
        complete: bool = True,
        timeout: Seconds,
        headers: Headers,
    ) -> tuple[Session, SessionPatch] | None:
        """Send a patch; once more with whole sections if the API turns out not to merge it.

        Args:
            hold: The session, kept.
            build: Makes the patch.
            complete: The state that the patch begins with is the session as it is now: then sections are sent
                whole where members are in doubt.
            timeout: Deadline in seconds of each request.
            headers: Extra request headers.

        Returns:
            The session as answered, and the patch that it answers; ``None`` where the patch changes nothing.
        """
        merging, session_id = self._caller.shared.merging, hold.session_id
        whole = merging.merges is False or (complete and bool(merging.doubts(session_id)))
        patch = build(_SECTION if whole else _FIELD)
        if patch.is_noop:
            return None
        try:
            session = await self._update(session_id, patch, hold=hold, timeout=timeout, headers=headers)
        except PatchNotAppliedError as error:
            if whole:
                raise
            replaced = proves_replacing(patch, error.pointers)
            patch = build(_SECTION)
            session = await self._update(session_id, patch, hold=hold, timeout=timeout, headers=headers)
            if replaced:
                merging.merges = False
        return cast("Session", session), patch
