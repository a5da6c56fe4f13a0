"""``briqpay session``: create, read, update and compare sessions, and decide about purchases."""

from __future__ import annotations

from typing import Any, Literal

from cyclopts import App

from briqpay_async.cli.connect import File, Flag, Names, Pairs, call_api, fields_of, pairs_of
from briqpay_async.cli.exits import InputError, NothingToSendError
from briqpay_async.cli.output import say, write_json
from briqpay_async.cli.state_files import STDIN, read_new_session, read_state
from briqpay_async.cli.state_patches import Absent, Depth, check_same_session, patch_between, patch_of
from briqpay_async.conversion.decode import unstructure
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.models.decision import Decision
from briqpay_async.models.session import Session, Urls
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.transport.requests import Fields

__all__ = ["register"]

_session = App(
    name="session", help="Create, read, update and compare checkout sessions, and decide about purchases."
)


def register(app: App) -> None:
    """Add this group of commands."""
    app.command(_session)


@_session.command
def create(file: File, /) -> None:
    """Create a session and print it.

    Args:
        file: The session to create as JSON; - reads stdin.
    """
    new_session = read_new_session(file)
    _print_session(call_api(lambda briqpay: briqpay.sessions.create(new_session)))


@_session.command
def read(session_id: str, /, *, fields: Names = None) -> None:
    """Read a session and print it.

    Args:
        session_id: The session's id, a UUID.
        fields: Names of what to return, such as data,status; none only checks that the session exists.
    """
    asked = fields_of(fields)
    session = call_api(lambda briqpay: briqpay.sessions.read(session_id, asked))
    if session is None:
        say(f"session {session_id} exists")
    _print_session(session)


@_session.command
def update(
    session_id: str,
    /,
    *,
    after: File,
    before: File | None = None,
    read_first: Flag = False,
    depth: Depth = "field",
    absent: Absent | None = None,
    dry_run: Flag = False,
    fields: Names = None,
) -> None:
    """Send what changed, say why each member travels, and print the session as answered.

    Without a change nothing is sent, and the session is printed as --before or --read-first has it.

    The files hold a whole session, {"data": {...}}, or only what stands in data; - reads stdin. With neither
    --before nor --read-first, everything in AFTER that can be sent is sent.

    Args:
        session_id: The session's id, a UUID.
        after: The state wanted.
        before: The state that the server has; members missing in AFTER are then an error.
        read_first: Read the state that the server has; members missing in AFTER are then kept.
        depth: What is sent of a changed section, its changed members or all of it (orders always travel whole).
        absent: What a member missing in AFTER means, instead of the above.
        dry_run: Print the body of the PATCH to stdout instead of sending it.
        fields: Names of what to return, such as data,status; none returns nothing.
    """
    check_session_id(session_id)
    asked = fields_of(fields)
    if before is not None and read_first:
        raise InputError("give --before or --read-first, not both")
    if absent is not None and before is None and not read_first:
        raise InputError("--absent needs something to compare with: add --before or --read-first")
    _check_one_stdin(before, after)
    wanted = read_state(after)
    check_same_session(session_id, wanted)
    known = _known(session_id, before, read_first=read_first)
    if known is None:
        patch = _everything(wanted, after)
    else:
        patch = patch_between(known, wanted, depth, absent or ("keep" if read_first else "error"))
    say(patch.explain())
    if dry_run:
        say(f"dry run: {_size(patch)} bytes are not sent")
        write_json(patch.body)
    elif patch.is_noop:
        if known is not None and asked != "none":
            write_json(_chosen(known, asked))
    else:
        say(f"PATCH /v3/session/{session_id} with {_size(patch)} bytes: {patch.to_json().decode()}")
        answer = call_api(lambda briqpay: briqpay.sessions.update(session_id, patch, asked))
        say("updated")
        _print_session(answer)


@_session.command
def diff(before: File, after: File, /, *, depth: Depth = "field", absent: Absent = "error") -> None:
    """Print the body of the PATCH between two states, and why each member travels. Nothing is sent.

    Args:
        before: The state as it is; - reads stdin.
        after: The state wanted; - reads stdin.
        depth: What is sent of a changed section, its changed members or all of it (orders always travel whole).
        absent: What a member missing in AFTER means, a removal (an error, no PATCH can do it) or nothing.
    """
    _check_one_stdin(before, after)
    known, wanted = read_state(before), read_state(after)
    if known.session_id is not None:
        check_same_session(known.session_id, wanted)
    patch = patch_between(known, wanted, depth, absent)
    say(patch.explain())
    write_json(patch.body)


@_session.command
def decide(
    session_id: str,
    decision: Literal["allow", "reject"],
    /,
    *,
    rejection: Literal["notify_user", "reject_session_with_error"] | None = None,
    message: str | None = None,
    hint: Names = None,
) -> None:
    """Allow a purchase that waits for the shop's decision, or reject it. Nothing is printed to stdout.

    Args:
        session_id: The session's id, a UUID.
        decision: Whether the purchase may go on.
        rejection: notify_user lets the buyer try again, reject_session_with_error ends the session; needed for
            a rejection.
        message: What the buyer reads about a rejection.
        hint: What the buyer can do about it; may be given several times.
    """
    if decision == "allow":
        if rejection is not None or message is not None or hint:
            raise InputError("--rejection, --message and --hint belong to a rejection")
        verdict = Decision.allow()
    elif rejection is None:
        raise InputError("a rejection needs --rejection notify_user or --rejection reject_session_with_error")
    else:
        verdict = Decision.reject(rejection, hard_error=message, soft_errors=hint or ())
    call_api(lambda briqpay: briqpay.sessions.decide(session_id, verdict))
    say(f"decided: {decision}")


@_session.command
def metadata(
    session_id: str,
    /,
    *,
    reference: Pairs = None,
    redirect: str | None = None,
    terms: str | None = None,
    fields: Names = None,
) -> None:
    """Set the references and addresses of a session, also of a completed one, and print it as answered.

    The references given probably take the place of all that there are: give every one that is to stay.

    Args:
        session_id: The session's id, a UUID.
        reference: NAME=VALUE; may be given several times.
        redirect: Where the buyer goes afterwards; needed for new addresses.
        terms: The terms of the shop.
        fields: Names of what to return, such as references; none returns nothing.
    """
    references = pairs_of(reference, "--reference") or None
    urls = None if redirect is None and terms is None else Urls(redirect=redirect, terms=terms)
    if references is None and urls is None:
        raise InputError("give --reference NAME=VALUE, --redirect or --terms")
    asked = fields_of(fields)
    answer = call_api(lambda briqpay: briqpay.sessions.update_metadata(session_id, urls, references, asked))
    say("updated")
    _print_session(answer)


def _known(session_id: str, before: str | None, *, read_first: bool) -> Session | None:
    """The state that the server has, as a file or the server itself says; ``None`` when neither is asked."""
    if read_first:
        return call_api(lambda briqpay: briqpay.sessions.read(session_id))
    if before is None:
        return None
    known = read_state(before)
    check_same_session(session_id, known)
    return known


def _everything(wanted: Session, source: str) -> SessionPatch:
    """The patch that sends all that can be sent of a state. What cannot is said."""
    patch, left_out = patch_of(wanted)
    if left_out:
        say(f"not sent, because no PATCH can carry it: {', '.join(left_out)}")
        if patch.is_noop:
            raise NothingToSendError(f"{source} has nothing that a PATCH can carry")
    return patch


def _check_one_stdin(before: str | None, after: str) -> None:
    if before == after == STDIN:
        raise InputError("only one of the files can be stdin")


def _chosen(session: Session, asked: Fields) -> Any:
    """A session as the API would answer it with ``fields``."""
    whole = unstructure(session)
    return whole if asked is None else {name: whole[name] for name in asked if name in whole}


def _size(patch: SessionPatch) -> int:
    return 0 if patch.is_noop else len(patch.to_json())


def _print_session(session: Session | None) -> None:
    if session is not None:
        write_json(unstructure(session))
