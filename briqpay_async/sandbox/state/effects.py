"""What really took effect: the truth that a client's view of a failed call is compared with.

A request whose answer was lost on the way is in the journal without a status; whether it was
applied is recorded here.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, overload

import attrs

EFFECTS_LIMIT: Final = 1_000_000

_Row = tuple[str, str, int | None, str | None]


@attrs.frozen
class Effect:
    """One change of the state.

    Attributes:
        kind: `create`, `patch`, `metadata`, `pay` (the shop is asked), `decision`, `decision_timeout`,
            `complete`, `capture`, `refund`, `advance`, `cancel`, `release_remaining`, `references`,
            `token_deactivate` or `hosted_page`.
        session_id: The session (or token) that changed.
        sequence: The journal sequence number of the request that did it; None when it was done in
            process or through a control endpoint.
        made: The id of what came into being or was decided: a session, capture, refund or hosted page.
    """

    kind: str
    session_id: str
    sequence: int | None
    made: str | None = None


class Effects(Sequence[Effect]):
    """The newest changes of state, oldest first. Counts stay exact when old ones are forgotten."""

    def __init__(self, limit: int = EFFECTS_LIMIT) -> None:
        # Plain tuples, made into records when they are read: this is written on every update.
        self._all: deque[_Row] = deque()
        self._limit = limit
        self._of_session: dict[str, deque[_Row]] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> Effect: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Effect, ...]: ...
    def __getitem__(self, index: int | slice) -> Effect | tuple[Effect, ...]:
        if isinstance(index, slice):
            return tuple(Effect(*row) for row in tuple(self._all)[index])
        return Effect(*self._all[index])

    def __iter__(self) -> Iterator[Effect]:
        return (Effect(*row) for row in tuple(self._all))

    @property
    def counts(self) -> dict[str, int]:
        """How many changes of each kind there ever were since the last reset."""
        return dict(self._counts)

    def of(self, session_id: str, kind: str | None = None) -> tuple[Effect, ...]:
        """Return the changes of one session, all or those of one kind."""
        found = self._of_session.get(session_id, ())
        return tuple(Effect(*row) for row in found if kind is None or row[0] == kind)

    def add(self, kind: str, session_id: str, sequence: int | None, made: str | None = None) -> None:
        """Note a change that has just been made."""
        row = (kind, session_id, sequence, made)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._all.append(row)
        of_session = self._of_session.get(session_id)
        if of_session is None:
            of_session = self._of_session[session_id] = deque()
        of_session.append(row)
        if len(self._all) > self._limit:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        session_id = self._all.popleft()[1]
        of_session = self._of_session[session_id]
        of_session.popleft()  # one session's changes are in the same order, so the oldest is first here too
        if not of_session:
            del self._of_session[session_id]

    def clear(self) -> None:
        """Forget every change and start counting anew."""
        self._all.clear()
        self._of_session.clear()
        self._counts.clear()
