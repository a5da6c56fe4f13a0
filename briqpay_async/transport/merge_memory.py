"""What a client has learned of how the API takes sections, and which members may be gone because it is not known.

Until an answer has shown that the API merges, a patch whose answer got lost may have taken the members away that
it did not send. They are remembered, for the next edit of the session to put back what is missing then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["MergeMemory"]

_MOST: Final = 1024  # sessions; of others nothing is put back


class MergeMemory:
    """How the API takes sections, and the members in doubt, by session and section.

    Attributes:
        merges: The API keeps the members of a section that a patch does not send; ``None`` until answers show it.
        in_doubt: Members of some session may be gone.
    """

    def __init__(self) -> None:
        self.merges: bool | None = None
        self.in_doubt = False
        self._doubts: dict[str, dict[str, dict[str, Any]]] = {}

    def doubt(self, session_id: str, siblings: Mapping[str, Mapping[str, Any]]) -> None:
        """Remember members that a request may have taken away."""
        known = self._doubts.pop(session_id, {})
        for section, members in siblings.items():
            known[section] = {**known.get(section, {}), **members}
        if known:
            self._doubts[session_id] = known
            self.in_doubt = True
            if len(self._doubts) > _MOST:
                del self._doubts[next(iter(self._doubts))]

    def doubts(self, session_id: str) -> Mapping[str, Mapping[str, Any]]:
        """Members that may be gone, by section."""
        return self._doubts.get(session_id, {})

    def settle(self, session_id: str, sections: Iterable[str]) -> None:
        """Forget the doubts about sections that an answer has shown since."""
        if (known := self._doubts.get(session_id)) is None:
            return
        for section in sections:
            known.pop(section, None)
        if not known:
            del self._doubts[session_id]
            self.in_doubt = bool(self._doubts)
