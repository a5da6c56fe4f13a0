"""The state of one sandbox, and one request to its API: what every endpoint is a function of."""

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import attrs

from briqpay_async.sandbox.answers import Refusal, invalid
from briqpay_async.sandbox.rules.json_body import decode_json
from briqpay_async.sandbox.state.changes import Listener, status_changes, statuses_are_the_same
from briqpay_async.sandbox.state.effects import Effects
from briqpay_async.sandbox.state.history import History
from briqpay_async.sandbox.state.orders import OperationInfo
from briqpay_async.sandbox.state.timers import Timers
from briqpay_async.sandbox.switches import Switches

Json = dict[str, Any]

# The words for "done" of captures and refunds, which the sources disagree on.
_DONE: Final[dict[str, dict[str, str] | None]] = {
    "seed": {"capture": "captured", "refund": "refunded"},
    "plugins": {"capture": "approved", "refund": "approved"},
    "missing": None,
}


def utc_now() -> str:
    """Return the time as the Briqpay docs write it: `2023-04-12T13:16:08.647Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@attrs.define
class Store:
    """Everything a sandbox remembers, in memory: at most `session_limit` sessions, then the oldest go.

    States are replaced and never changed in place, so a refused request leaves no trace and a state
    that a test has taken from `sessions` stays as it was.
    """

    username: str
    switches: Switches = attrs.field(factory=Switches)
    seed: int = 0
    # Where the pages are, for the snippets and links that lead to them.
    address: str = "http://127.0.0.1"
    sessions: dict[str, Json] = attrs.field(factory=dict, init=False)
    tokens: dict[str, Json] = attrs.field(factory=dict, init=False)
    pages: dict[str, Json] = attrs.field(factory=dict, init=False)
    initializing: dict[str, int] = attrs.field(factory=dict, init=False)
    effects: Effects = attrs.field(factory=Effects, init=False)
    history: History = attrs.field(factory=lambda: History(time.monotonic), init=False)
    timers: Timers = attrs.field(factory=lambda: Timers(time.monotonic), init=False)
    # Each is given every status that changes, after the change; it must neither raise nor wait.
    listeners: list[Listener] = attrs.field(factory=list, init=False)
    _random: random.Random = attrs.field(init=False)
    _chances: random.Random = attrs.field(init=False)  # apart from the ids, which do not depend on switches

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 (ids that repeat with the seed)
        self._chances = random.Random(f"chances {self.seed}")  # noqa: S311 (as above)

    def new_id(self) -> str:
        """Return the next UUID; the same seed gives the same ids."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def begin_other_ids(self, start: int) -> None:
        """Make ids that differ from those of earlier starts; the first start has the ids of the seed."""
        if start > 1:
            self._random.seed(f"{self.seed} start {start}")

    def done_word(self, operation: str) -> str | None:
        """Return the status of a `capture` or `refund` that is done, in the vocabulary chosen."""
        words = _DONE[self.switches.vocabulary]
        return None if words is None else words[operation]

    def operation_info(self, operation: str, *, settled: bool = False) -> OperationInfo:
        """Return the mark for a new `capture` or `refund`: pending if a switch says so, and it is not settled."""
        pending = self.switches.pending_operations and not settled
        return OperationInfo(self.new_id(), utc_now(), "pending" if pending else self.done_word(operation))

    def chance(self) -> float:
        """Return the next random number from 0 to 1; the same seed gives the same numbers."""
        return self._chances.random()

    def reset(self) -> None:
        """Forget everything and begin the ids anew."""
        for memory in (self.sessions, self.tokens, self.pages, self.initializing):
            memory.clear()
        self.effects.clear()
        self.history.clear()
        self.timers.clear()
        self._chances.seed(f"chances {self.seed}")
        self._random.seed(self.seed)

    def save(self, session: Json, kind: str, sequence: int | None, made: str | None = None) -> None:
        """Put a state in the place of the one before it: every change of a session goes through here.

        Args:
            session: The new state. It is never changed again.
            kind: What was done, as `Effect.kind` names it.
            sequence: The request that did it, by its number in the journal; None if none did.
            made: The id of what came into being.
        """
        session_id: str = session["sessionId"]
        before = self.sessions.get(session_id)
        self.sessions[session_id] = session
        if before is None:
            self._forget_oldest()
        self.effects.add(kind, session_id, sequence, made)
        if self.history.on:
            self.history.note(before, session)
        if self.listeners and not statuses_are_the_same(before, session):
            for change in status_changes(before, session):
                for listener in self.listeners:
                    listener(change)

    def _forget_oldest(self) -> None:
        """Keep the memory bounded."""
        limit = self.switches.session_limit
        while len(self.sessions) > limit:
            session_id = next(iter(self.sessions))
            self.sessions.pop(session_id, None)
            self.initializing.pop(session_id, None)
            self.history.forget(session_id)

    def remember(self, memory: dict[str, Json], name: str, document: Json) -> None:
        """Put a token or hosted page into its memory, which holds as many as there may be sessions."""
        memory[name] = document
        if len(memory) > self.switches.session_limit:
            del memory[next(iter(memory))]

    def session(self, session_id: str) -> Json:
        """Return the state of a session that a request names.

        Raises:
            Refusal: it does not exist, or is not ready yet.
        """
        session = self.sessions.get(session_id)
        if session is None:
            raise self.missing_session()
        if self.initializing:
            self._count_initialization(session_id)
        return session

    def missing_session(self) -> Refusal:
        """Make the refusal of a session id that is not known."""
        if self.switches.missing_session == "not_found":
            return Refusal(404, "SESSION_NOT_FOUND", "Session not found")
        return invalid("Invalid sessionId - session does not exist.")

    def _count_initialization(self, session_id: str) -> None:
        left = self.initializing.get(session_id)
        if left is None:
            return
        if left == 1:
            del self.initializing[session_id]
        else:
            self.initializing[session_id] = left - 1
        raise Refusal(409, "SESSION_INITIALIZATION_PENDING", "Try again in a few seconds")


class ApiRequest(NamedTuple):
    """One request to the API, read and with its sender known.

    Attributes:
        target: The session or token id in the path; empty when the endpoint has none.
        fields: What `projection.parse_fields` made of the query.
        body: The bytes of the body.
        content_type: The header, or empty.
        sequence: Its number in the journal.
        view: What becomes of a session before it is shown; None for nothing.
    """

    target: str
    fields: tuple[str, ...] | None
    body: bytes
    content_type: str
    sequence: int
    view: Callable[[Json], Json] | None = None

    def json(self) -> Any:
        """Return the decoded body.

        Raises:
            Refusal: it is not declared as JSON, is not JSON, or is nested too deeply.
        """
        if not self.content_type.startswith("application/json"):
            raise invalid("Content-Type must be application/json")
        return decode_json(self.body)
