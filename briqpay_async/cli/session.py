"""``briqpay session``: create, read, update and compare sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from cyclopts import App, Parameter

from briqpay_async.cli.exits import InputError
from briqpay_async.cli.output import narrated, say, write_json
from briqpay_async.cli.state_files import STDIN, read_new_session, read_state
from briqpay_async.cli.state_patches import Absent, Depth, check_same_session, patch_between, patch_of
from briqpay_async.client import BriqpayClient
from briqpay_async.conversion.decode import unstructure
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.models.session import Session
from briqpay_async.patch.session_patch import SessionPatch
from briqpay_async.transport.requests import Fields

__all__ = ["register"]

T = TypeVar("T")
# Without this a lone - is taken for an option.
File = Annotated[str, Parameter(allow_leading_hyphen=True)]
Flag = Annotated[bool, Parameter(negative="")]
Names = Annotated[list[str] | None, Parameter(negative="")]

_session = App(name="session", help="Create, read, update and compare checkout sessions.")


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
    _print_session(_call(lambda briqpay: briqpay.sessions.create(new_session)))


@_session.command
def read(session_id: str, /, *, fields: Names = None) -> None:
    """Read a session and print it.

    Args:
        session_id: The session's id, a UUID.
        fields: Names of what to return, such as data,status; none only checks that the session exists.
    """
    asked = _fields(fields)
    session = _call(lambda briqpay: briqpay.sessions.read(session_id, asked))
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
    asked = _fields(fields)
    if before is not None and read_first:
        raise InputError("give --before or --read-first, not both")
    if absent is not None and before is None and not read_first:
        raise InputError("--absent needs something to compare with: add --before or --read-first")
    _check_one_stdin(before, after)
    wanted = read_state(after)
    check_same_session(session_id, wanted)
    known = None
    if before is not None:
        known = read_state(before)
        check_same_session(session_id, known)
    elif read_first:
        known = _call(lambda briqpay: briqpay.sessions.read(session_id))
    if known is None:
        patch, left_out = patch_of(wanted)
        if left_out:
            say(f"not sent, because no PATCH can carry it: {', '.join(left_out)}")
    else:
        patch = patch_between(known, wanted, depth, absent or ("keep" if read_first else "error"))
    say(patch.explain())
    if dry_run:
        say(f"dry run: {_size(patch)} bytes are not sent")
        write_json(patch.body)
    elif not patch.is_noop:
        say(f"PATCH /v3/session/{session_id} with {_size(patch)} bytes: {patch.to_json().decode()}")
        answer = _call(lambda briqpay: briqpay.sessions.update(session_id, patch, asked))
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


def _check_one_stdin(before: str | None, after: str) -> None:
    if before == after == STDIN:
        raise InputError("only one of the files can be stdin")


def _fields(given: list[str] | None) -> Fields:
    if given is None:
        return None
    names = [name.strip() for text in given for name in text.split(",")]
    return "none" if names == ["none"] else names


def _size(patch: SessionPatch) -> int:
    return 0 if patch.is_noop else len(patch.to_json())


def _call(work: Callable[[BriqpayClient], Awaitable[T]]) -> T:
    """Do something with a client that the environment describes."""

    async def connected() -> T:
        async with BriqpayClient.from_env() as briqpay:
            return await work(briqpay)

    with narrated():
        return asyncio.run(connected())


def _print_session(session: Session | None) -> None:
    if session is not None:
        write_json(unstructure(session))
