"""What a soak run proves: functions of what the client got and what the server saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

__all__ = ["Report", "Sample", "Story", "failures", "lines"]

_MIB = 2**20
# What a run may keep from its tenth per cent on: a few pages that the allocator does not give back.
_SPARE_BYTES = 12 * _MIB
_SPARE_BLOCKS = 0.05


@attrs.define
class Story:
    """What the client got about the updates of one session, which write 1, then 2, and so on.

    Attributes:
        made: How many updates were made.
        ended: How many of them ended.
        acknowledged: The largest value that was acknowledged.
        doubtful: Values whose update raised although it may have been applied.
        disordered: Updates acknowledged after a later one was.
    """

    made: int = 0
    ended: int = 0
    acknowledged: int = 0
    doubtful: set[int] = attrs.Factory(set)
    disordered: int = 0

    def acknowledge(self, value: int) -> None:
        """The server took a value: whatever was in doubt before is overwritten."""
        if value < self.acknowledged:
            self.disordered += 1
            return
        self.acknowledged = value
        self.doubtful = {one for one in self.doubtful if one > value}

    def possible(self) -> set[int]:
        """Values that the server may hold."""
        return {self.acknowledged, *self.doubtful}


@attrs.frozen
class Sample:
    """What the client's process holds at one moment.

    Attributes:
        share: How much of the run is over, from 0 to 1.
        files: Open file descriptors.
        resident: Bytes of memory that the process has.
        blocks: Blocks that Python has allocated, after a collection.
    """

    share: float
    files: int
    resident: int
    blocks: int


@attrs.frozen(kw_only=True)
class Report:
    """A whole run.

    Attributes:
        stories: By session.
        raised: Errors by class.
        lost: Updates that ended with something that is no error of the client.
        retries: Requests beyond the first of each update.
        seen: What the server saw.
        samples: At 10, 50 and 100 %.
        before: Open file descriptors before the client was made.
        after: The same after it was closed.
        connections: Most connections that it may have open.
        left: SessionLocks, writers and tasks that remained.
        elapsed: Seconds.
    """

    stories: Mapping[str, Story]
    raised: Counter[str]
    lost: Sequence[str]
    retries: int
    seen: Mapping[str, Any]
    samples: Sequence[Sample]
    before: int
    after: int
    connections: int
    left: int
    elapsed: float

    @property
    def made(self) -> int:
        """Updates that were made."""
        return sum(story.made for story in self.stories.values())

    @property
    def acknowledged(self) -> int:
        """Updates that succeeded."""
        return sum(story.ended for story in self.stories.values()) - self.raised.total() - len(self.lost)


def failures(report: Report) -> Iterator[str]:
    """Whatever the run disproves; nothing when all is well."""
    seen = report.seen
    for session_id, story in report.stories.items():
        if story.ended != story.made:
            yield f"{story.made - story.ended} updates of {session_id} never ended"
        if story.disordered:
            yield f"{story.disordered} updates of {session_id} were acknowledged out of order"
        held = int(seen["held"].get(session_id, -1))
        if held not in story.possible():
            yield f"{session_id} holds {held}, though it can only be one of {sorted(story.possible())}"
    yield from (f"an update ended with {text}" for text in report.lost)
    if seen["overlaps"]:
        yield f"{seen['overlaps']} updates overlapped another one of their session"
    if seen["requests"] != report.made + report.retries:
        yield f"the server saw {seen['requests']} requests, the client made {report.made + report.retries}"
    if seen["applied"] < report.acknowledged:
        yield f"{report.acknowledged} updates were acknowledged and only {seen['applied']} applied"
    if report.left:
        yield f"{report.left} lanes, writers or tasks remained"
    yield from _growth(report)


def _growth(report: Report) -> Iterator[str]:
    first, last = report.samples[0], report.samples[-1]
    for sample in report.samples:
        if sample.files > report.before + report.connections + 2:
            yield f"{sample.files} file descriptors were open at {sample.share:.0%}"
    if report.after != report.before:
        yield f"{report.after - report.before} file descriptors stayed open"
    if last.resident > first.resident + _SPARE_BYTES:
        yield f"the process grew by {(last.resident - first.resident) / _MIB:.1f} MiB"
    if last.blocks > first.blocks * (1 + _SPARE_BLOCKS):
        yield f"{last.blocks - first.blocks} allocated blocks were kept"


def lines(report: Report) -> Iterator[str]:
    """The figures as text."""
    seen = report.seen
    yield f"updates       {report.made} over {len(report.stories)} sessions in {report.elapsed:.1f} s"
    yield f"acknowledged  {report.acknowledged}"
    raised = ", ".join(f"{name} {count}" for name, count in report.raised.most_common()) or "none"
    yield f"raised        {report.raised.total()} ({raised})"
    yield f"requests      {seen['requests']}, {report.retries} of them retries, {seen['applied']} applied"
    faults = ", ".join(f"{name} {count}" for name, count in sorted(seen["faults"].items()))
    yield f"faults        {sum(seen['faults'].values())} ({faults})"
    yield f"overlaps      {seen['overlaps']}"
    for sample in report.samples:
        yield (
            f"at {sample.share:4.0%}       {sample.files} file descriptors, {sample.resident / _MIB:.1f} MiB, "
            f"{sample.blocks} blocks"
        )
    yield f"afterwards    {report.after} file descriptors ({report.before} before)"
