"""The API without I/O: how a request is built, what an answer means. Functions of values only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from urllib.parse import quote

import attrs

from briqpay_async.errors import (
    ValidationError,
)
from briqpay_async.redaction import safe_path
from briqpay_async.transport.session_locks import Hold

__all__ = ["Fields", "Repeat", "Request", "Response", "check_headers", "fields_query", "session_path"]
Fields = Iterable[str] | None

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_RESERVED = frozenset(
    {"authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)


class Repeat(Enum):
    """May a request be sent again when it is not known whether the first one took effect?

    Attributes:
        SAFE: It sets absolute values or only reads: twice is as good as once.
        UNSAFE: It would move money, or make a second thing.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"


# Requests and answers are never changed, and not frozen: each call makes one of both, at half the cost.
@attrs.define(kw_only=True, eq=False)
class Request:
    """One request, ready to be sent any number of times. Its ``repr`` shows neither headers nor body.

    Attributes:
        method: HTTP method.
        path: Path, already percent-encoded.
        query: Query, already percent-encoded, without the question mark.
        body: JSON in UTF-8, or ``None``.
        headers: Headers beside those that every request has.
        repeat: Whether it may be repeated blindly.
        lane: The session whose order it keeps, by its identifier, or the hold of a session that it belongs to.
    """

    method: str
    path: str = attrs.field(repr=lambda path: repr(safe_path(path)))
    query: str = ""
    body: bytes | None = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    repeat: Repeat = Repeat.SAFE
    lane: str | Hold | None = None

    @property
    def shown_path(self) -> str:
        """The path as hooks, errors and log records show it: the identifier of a token is hidden."""
        return safe_path(self.path)


@attrs.define(eq=False)
class Response:
    """One whole answer. Its ``repr`` shows the status only.

    Attributes:
        status: HTTP status.
        headers: Headers; looked up without regard to case.
        body: The body, decompressed.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def session_path(session_id: str, suffix: str = "") -> str:
    """Path of a session, or of something below it. The identifier is checked already."""
    return f"/v3/session/{session_id}{suffix}"


def fields_query(fields: Fields) -> str:
    """The query that limits what is returned.

    Args:
        fields: ``None`` for everything, ``"none"`` for an empty 204, or names of top-level members (Briqpay docs).

    Raises:
        ValidationError: Anything else.
    """
    if fields is None:
        return ""
    if isinstance(fields, str):
        if fields == "none":
            return "fields=none"
        raise ValidationError(
            problems=(("/fields", f"must be None, 'none' or a list of names such as [{fields!r}]"),)
        )
    names = tuple(fields) if isinstance(fields, Iterable) else (fields,)
    bad = [name for name in names if not (isinstance(name, str) and _FIELD.fullmatch(name))]
    if bad or not names or "none" in names:
        raise ValidationError(
            problems=(
                ("/fields", f"must be names of top-level members, not {', '.join(map(repr, bad or names))}"),
            )
        )
    return f"fields={','.join(names)}"


def path_part(value: object, name: str) -> str:
    """An identifier as one part of a path.

    Raises:
        ValidationError: It is empty, no text, or has characters that no identifier has.
    """
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= 256
        or not value.isprintable()
        or "/" in value
        or value in {".", ".."}  # they need no escaping, and would be resolved to another resource
    ):
        raise ValidationError(problems=((f"/{name}", "must be an identifier: printable text without a slash"),))
    return quote(value, safe="")


def check_headers(headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Extra headers of one call.

    Raises:
        ValidationError: A name or value is not what HTTP allows (line breaks above all), or is the client's own.
    """
    if not headers:
        return None
    if not isinstance(headers, Mapping):
        raise ValidationError(problems=(("/headers", "must be a mapping from names to values"),))
    problems = [
        (f"/headers/{name}", "is not a header that can be given: a token that the client does not set itself")
        for name in headers
        if not (isinstance(name, str) and _TOKEN.fullmatch(name)) or name.lower() in _RESERVED
    ]
    problems += [
        (f"/headers/{name}", "must be printable text without line breaks")
        for name, value in headers.items()
        if not (isinstance(value, str) and value.replace("\t", " ").isprintable())
    ]
    if problems:
        raise ValidationError(problems=tuple(problems))
    return dict(headers)
