"""What happened to sessions through one client, in order: enough to know whether a known state is the last.

A state is out of date when its session was changed after the state was asked for. Moments are counted, not timed,
so nothing here depends on a clock. A bounded number of sessions is remembered; of others the worst is assumed.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar
from weakref import ref

__all__ = ["SessionHistory"]

K = TypeVar("K")
V = TypeVar("V")

_GENERATION: Final = 1024


class _Recent(Generic[K, V]):
    """A mapping that forgets what was set longest ago, at least 1024 keys later."""

    def __init__(self) -> None:
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def set(self, key: K, value: V) -> bool:
        """Remember a value; ``True`` when others were forgotten."""
        young = self._young
        young[key] = value
        if len(young) < _GENERATION:
            return False
        self._old, self._young = young, {}
        return True

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        return self._old.get(key) if found is None else found


class SessionHistory:
    """When sessions were changed, and when the states that answers show were asked for."""

    def __init__(self) -> None:
        self._moment = 0
        self._begun = False  # before anybody asks for a state, only that there were changes is remembered
        self._rotated = 0  # when the older half of what is remembered was complete
        self._forgotten = 0  # sessions that are not remembered were not changed after this
        self._changes: _Recent[str, int] = _Recent()
        self._answers: _Recent[int, tuple[ref[Any], int]] = _Recent()

    def now(self) -> int:
        """The next moment."""
        self._begun = True
        self._moment += 1
        return self._moment

    def changed(self, session_id: str) -> None:
        """A request that may have changed the session was answered, or given up."""
        if not self._begun:
            self._moment = self._rotated = self._forgotten = 1
            return
        moment = self._moment = self._moment + 1
        if self._changes.set(session_id, moment):
            self._forgotten, self._rotated = self._rotated, moment

    def last_change(self, session_id: str) -> int:
        """The moment after which the session was not changed through this client."""
        found = self._changes.get(session_id)
        return self._forgotten if found is None else found

    def answered(self, state: object, asked: int) -> None:
        """Remember when a state was asked for, as long as the object lives."""
        self._answers.set(id(state), (ref(state), asked))

    def asked(self, state: object) -> int | None:
        """When a state was asked for; ``None`` for one that was not answered, or long ago."""
        found = self._answers.get(id(state))
        return found[1] if found is not None and found[0]() is state else None
