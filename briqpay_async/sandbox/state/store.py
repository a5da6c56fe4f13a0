"""The state of one sandbox, and one call made on it: what every endpoint is a function of."""

import random
import uuid
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import attrs
import orjson

from briqpay_async.sandbox.answers import Refusal, invalid
from briqpay_async.sandbox.state.effects import Effects
from briqpay_async.sandbox.state.orders import Stamp
from briqpay_async.sandbox.switches import Switches

Json = dict[str, Any]

# The words for "done" of captures and refunds, which the sources disagree on (reference §C.4).
_DONE: Final[dict[str, dict[str, str] | None]] = {
    "seed": {"capture": "captured", "refund": "refunded"},
    "plugins": {"capture": "approved", "refund": "approved"},
    "missing": None,
}


def utc_now() -> str:
    """Return the time as SEED writes it: `2023-04-12T13:16:08.647Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@attrs.define
class Core:
    """Everything a sandbox remembers, in memory.

    States are replaced and never changed in place, so a refused request leaves no trace and a state
    that a test has taken from `sessions` stays as it was.
    """

    username: str
    switches: Switches = attrs.field(factory=Switches)
    seed: int = 0
    sessions: dict[str, Json] = attrs.field(factory=dict, init=False)
    tokens: dict[str, Json] = attrs.field(factory=dict, init=False)
    pages: dict[str, Json] = attrs.field(factory=dict, init=False)
    initializing: dict[str, int] = attrs.field(factory=dict, init=False)
    effects: Effects = attrs.field(factory=Effects, init=False)
    _random: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 (ids that repeat with the seed)

    def new_id(self) -> str:
        """Return the next UUID; the same seed gives the same ids."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def stamp(self, operation: str) -> Stamp:
        """Return the mark for a new `capture` or `refund`, in the vocabulary chosen."""
        word = _DONE[self.switches.vocabulary]
        return Stamp(self.new_id(), utc_now(), None if word is None else word[operation])

    def reset(self) -> None:
        """Forget everything and begin the ids anew."""
        for memory in (self.sessions, self.tokens, self.pages, self.initializing):
            memory.clear()
        self.effects.clear()
        self._random.seed(self.seed)

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
        """Make the refusal of a session id that is not known (reference §E)."""
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


class Call(NamedTuple):
    """One request, off the wire and past the door.

    Attributes:
        target: The session or token id in the path; empty when the endpoint has none.
        fields: What `projection.parse_fields` made of the query.
        body: The bytes of the body.
        content_type: The header, or empty.
        sequence: Its number in the journal.
    """

    target: str
    fields: tuple[str, ...] | None
    body: bytes
    content_type: str
    sequence: int

    def json(self) -> Any:
        """Return the decoded body.

        Raises:
            Refusal: it is not declared as JSON or is not JSON.
        """
        if not self.content_type.startswith("application/json"):
            raise invalid("Content-Type must be application/json")
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise invalid("body is not valid JSON") from None
