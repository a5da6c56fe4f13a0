"""What was asked of the sandbox: one record a request, in the order in which they arrived.

A record is opened when a request arrives and closed when its answer is ready or its socket is cut,
so while a request is under way it is visible with `finished` None. The journal is bounded: a
night's worth of bulk updates must not eat the memory. Bodies are kept for the newest few thousand, and
for fewer when they are large.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

import attrs

Json = dict[str, Any]

# How many bytes of bodies are kept together.
BODIES_LIMIT: Final = 256 * 2**20


@attrs.frozen
class JournalRecord:
    """One request.

    Attributes:
        sequence: Its place in the order of arrival, from 1; never reused, not even after a reset.
        method: The HTTP method.
        path: The path as sent, without the query.
        query: The raw query string, without the question mark.
        endpoint: What was asked for: `create`, `read`, `patch`, `metadata`, … or `unknown`.
        session_id: The session (or token) in the path, or the one a create made.
        body: The bytes of the request body; None once forgotten or when never read.
        body_length: How many bytes of body were read.
        status: The status answered; None when the socket was cut before a whole answer.
        fault: The faults applied, joined with `+`, or None.
        started: When it arrived, in seconds of the monotonic clock.
        finished: When the answer was ready or the socket was cut; None while under way.
        overlapped: Whether another PATCH of the same session was under way at the same time.
        after: The state of the session once the request was answered, kept as long as the body; it is
            never changed in place.
    """

    sequence: int
    method: str
    path: str
    query: str
    endpoint: str
    session_id: str | None
    body: bytes | None
    body_length: int
    status: int | None
    fault: str | None
    started: float
    finished: float | None
    overlapped: bool
    after: Json | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False)
class Entry:
    """The page of the journal that is still being written. For the server only."""

    sequence: int
    method: str
    path: str
    query: str
    endpoint: str
    session_id: str | None
    started: float
    body: bytes | None = None
    body_length: int = 0
    status: int | None = None
    fault: str | None = None
    finished: float | None = None
    overlapped: bool = False
    after: Json | None = None

    def record(self) -> JournalRecord:
        """Return the page as an immutable record."""
        return JournalRecord(
            sequence=self.sequence,
            method=self.method,
            path=self.path,
            query=self.query,
            endpoint=self.endpoint,
            session_id=self.session_id,
            body=self.body,
            body_length=self.body_length,
            status=self.status,
            fault=self.fault,
            started=self.started,
            finished=self.finished,
            overlapped=self.overlapped,
            after=self.after,
        )


class RequestLog(Sequence[JournalRecord]):
    """The newest requests, oldest first."""

    def __init__(self, limit: int, bodies: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._with_body: deque[Entry] = deque()
        self._bodies = bodies
        self._body_bytes = 0
        self._patching: dict[str, list[Entry]] = {}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> JournalRecord: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[JournalRecord, ...]: ...
    def __getitem__(self, index: int | slice) -> JournalRecord | tuple[JournalRecord, ...]:
        if isinstance(index, slice):
            return tuple(entry.record() for entry in tuple(self._entries)[index])
        return self._entries[index].record()

    def __iter__(self) -> Iterator[JournalRecord]:
        return (entry.record() for entry in tuple(self._entries))

    def of(self, session_id: str | None = None, endpoint: str | None = None) -> tuple[JournalRecord, ...]:
        """Return the records of one session, of one endpoint, or of both."""
        return tuple(
            entry.record()
            for entry in self._entries
            if (session_id is None or entry.session_id == session_id)
            and (endpoint is None or entry.endpoint == endpoint)
        )

    @property
    def sequence(self) -> int:
        """The number of the newest request; it never goes back."""
        return self._sequence

    @property
    def overlaps(self) -> tuple[JournalRecord, ...]:
        """The updates that were under way together with another update of the same session."""
        return tuple(entry.record() for entry in self._entries if entry.overlapped)

    def open(self, method: str, path: str, query: str, endpoint: str, session_id: str | None) -> Entry:
        """Begin the page of a request that has just arrived."""
        self._sequence = sequence = self._sequence + 1
        entry = Entry(sequence, method, path, query, endpoint, session_id, time.monotonic())
        self._entries.append(entry)
        if endpoint == "patch" and session_id is not None:
            others = self._patching.get(session_id)
            if others is None:
                self._patching[session_id] = [entry]
            else:
                others.append(entry)
                for each in others:
                    each.overlapped = True
        return entry

    def keep_body(self, entry: Entry, body: bytes) -> None:
        """Note the body of a request, once, and forget the oldest one kept."""
        if entry.body_length:
            return
        entry.body_length = len(body)
        if not self._bodies:
            return
        entry.body = body
        self._with_body.append(entry)
        self._body_bytes += len(body)
        while len(self._with_body) > self._bodies or self._body_bytes > BODIES_LIMIT:
            oldest = self._with_body.popleft()
            oldest.body = oldest.after = None
            self._body_bytes -= oldest.body_length

    def close(self, entry: Entry, status: int | None) -> None:
        """End the page of a request: answered with `status`, or cut when it is None."""
        if entry.finished is not None:
            return
        entry.finished = time.monotonic()
        entry.status = status
        session_id = entry.session_id
        if entry.endpoint == "patch" and session_id is not None:
            others = self._patching.get(session_id)
            if others is not None and entry in others:
                others.remove(entry)
                if not others:
                    del self._patching[session_id]

    def clear(self) -> None:
        """Forget every request; sequence numbers go on."""
        self._entries.clear()
        self._with_body.clear()
        self._body_bytes = 0
        self._patching.clear()
