"""What sessions looked like a moment ago, for reads that lag behind: a replica that is not up to date.

Nothing is remembered until a fault asks for it, so a sandbox without such a fault pays nothing.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import attrs

Json = dict[str, Any]

_MOST_STATES: Final = 1_000


@attrs.define(eq=False)
class _Past:
    """The states that one session has had, oldest first, each with the moment it came into force."""

    states: deque[tuple[float, Json]] = attrs.field(factory=lambda: deque(maxlen=_MOST_STATES))
    reads: int = 0


class History:
    """The states of each session since it was switched on.

    Args:
        clock: The time in seconds; it only goes forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.on = False
        self._clock = clock
        self._past: dict[str, _Past] = {}

    def note(self, before: Json | None, after: Json) -> None:
        """Remember that one state followed another just now."""
        session_id: str = after["sessionId"]
        past = self._past.get(session_id)
        if past is None:
            past = self._past[session_id] = _Past()
            if before is not None:
                past.states.append((float("-inf"), before))
        past.states.append((self._clock(), after))
        past.reads = 0

    def seconds_ago(self, session: Json, seconds: float) -> Json:
        """Return the state of a session some seconds ago: its first one, if it is younger than that."""
        past = self._past.get(session["sessionId"])
        if past is None:
            return session
        moments = [moment for moment, _ in past.states]
        place = bisect_right(moments, self._clock() - seconds)
        return past.states[max(place - 1, 0)][1]

    def reads_ago(self, session: Json, reads: int) -> Json:
        """Return the state before the newest change to the first `reads` reads after it, then the newest."""
        past = self._past.get(session["sessionId"])
        if past is None or len(past.states) < 2 or past.reads >= reads:
            return session
        past.reads += 1
        return past.states[-2][1]

    def forget(self, session_id: str) -> None:
        """Forget what one session looked like."""
        self._past.pop(session_id, None)

    def clear(self) -> None:
        """Forget everything and remember nothing more."""
        self.on = False
        self._past.clear()
