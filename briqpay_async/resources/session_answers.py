"""What a session in an answer must be: the one that was asked for, and as it was sent."""

from __future__ import annotations

from briqpay_async.conversion.lazy import raw_member
from briqpay_async.errors import PatchNotAppliedError, ResponseDecodeError
from briqpay_async.models.session import Session
from briqpay_async.patch.echo_check import not_applied
from briqpay_async.patch.merging import proves_merging, shown_sections
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.transport.merge_memory import MergeMemory
from briqpay_async.transport.requests import Response
from briqpay_async.transport.responses import decode_model

__all__ = ["checked_echo", "checked_session"]


def checked_session(session_id: str, response: Response) -> Session:
    """The session in an answer, if it is the one that was asked for: a connection out of step answers others."""
    session = decode_model(response, Session)
    answered = raw_member(session, "session_id", "sessionId")
    if answered is not None and answered != session_id and answered.lower() != session_id:
        raise ResponseDecodeError(
            "the answer is about another session", pointer="/sessionId", status=response.status
        )
    return session


def checked_echo(session_id: str, patch: SessionPatch, merging: MergeMemory, response: Response) -> Session:
    """The answer to a patch, if it shows what was sent. What it shows of how the API merges is remembered."""
    session = checked_session(session_id, response)
    if pointers := not_applied(patch, session):
        raise PatchNotAppliedError(
            f"Send the section whole (MergeDepth.SECTION): the answer does not show {', '.join(pointers)}.",
            pointers=pointers,
            session=session,
            status=response.status,
        )
    if merging.merges is None and proves_merging(patch, session):
        merging.merges = True
    if merging.in_doubt:
        merging.settle(session_id, shown_sections(patch, session))
    return session
