"""What is measured in one process, and what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Literal, Self

__all__ = ["Fields", "Job", "Result"]

Fields = Literal["all", "none"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One peer, one kind of call.

    Attributes:
        peer: A name of ``benchmarks.peers.PEERS``.
        fields: ``all`` for the whole session as an answer, ``none`` for an empty one.
        lines: Lines in the cart of the session.
        concurrency: Calls under way at once.
        calls: Calls that are timed; a few more come before them.
        core: Which core to stay on.
        url: Where the server is.
        ids: Sessions to update, where the server knows its sessions.
    """

    peer: str
    fields: Fields = "all"
    lines: int = 10
    concurrency: int = 50
    calls: int = 4000
    core: int = 0
    url: str = ""
    ids: tuple[str, ...] = ()

    @property
    def warmup(self) -> int:
        """Calls before the clock starts: connections open, caches fill."""
        return max(self.calls // 10, 2 * self.concurrency)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job of such a line."""
        members = json.loads(text)
        return cls(**members | {"ids": tuple(members["ids"])})


@dataclass(frozen=True, kw_only=True)
class Result:
    """Averages over the timed calls of a job.

    Attributes:
        cpu: Seconds of this process's processor time for a call, user and system.
        wall: Seconds of the clock for a call, so ``1 / wall`` calls a second.
        wire: Bytes of HTTP in both directions for a call.
    """

    cpu: float
    wall: float
    wire: float = 0.0

    @classmethod
    def mean(cls, turns: Sequence[Self]) -> Self:
        """The average of turns of the same number of calls."""
        return cls(
            cpu=fmean(turn.cpu for turn in turns),
            wall=fmean(turn.wall for turn in turns),
            wire=fmean(turn.wire for turn in turns),
        )
