"""What a demo found out: values, and the one line that sums them up."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["BulkReport", "DemoReport", "EditReport"]


@attrs.frozen(kw_only=True)
class EditReport:
    """One edit of the first phase.

    Attributes:
        title: What the buyer did.
        where: Country, kind of customer and size of the cart.
        changed: JSON pointers of the members that changed.
        carried: JSON pointers of what travelled only because the API requires it.
        sent_bytes: Bytes of all PATCH bodies that the server received.
        full_bytes: Bytes of a PATCH of the whole ``data``, which Briqpay's own plugins would send.
        attempts: PATCH requests that the server received.
        milliseconds: From the edit to the last answer.
        problems: What does not match, or the error; empty when all is as intended.
    """

    title: str
    where: str
    changed: tuple[str, ...]
    carried: tuple[str, ...]
    sent_bytes: int
    full_bytes: int
    attempts: int
    milliseconds: float
    problems: tuple[str, ...]


@attrs.frozen(kw_only=True)
class BulkReport:
    """The second phase: many updates at once.

    Attributes:
        sessions: How many sessions were updated.
        updates: How many updates were made.
        unchanged: How many of them changed nothing, so that nothing was sent.
        workers: How many updates were under way at once at most.
        requests: PATCH requests that the server received.
        retries: How many requests were repeated, by reason.
        sent_bytes: Bytes of all PATCH bodies that the server received, repeated ones included.
        full_bytes: Bytes that sending the whole ``data`` once for each update would take.
        seconds: From the first update to the last.
        overlaps: Requests that met another update of the same session at the server.
        problems: What does not match, and errors; empty when all is as intended.
    """

    sessions: int
    updates: int
    unchanged: int
    workers: int
    requests: int
    retries: Mapping[str, int]
    sent_bytes: int
    full_bytes: int
    seconds: float
    overlaps: int
    problems: tuple[str, ...]

    @property
    def updates_per_second(self) -> float:
        """Throughput: the client, the server and the making of the patches in one process."""
        return self.updates / self.seconds if self.seconds else 0.0


@attrs.frozen(kw_only=True)
class DemoReport:
    """The whole demo.

    Attributes:
        seed: Of everything random in it.
        merge: How the server treated a section that was sent.
        edits: The first phase.
        bulk: The second phase, ``None`` when it was left out.
        seconds: The whole run.
    """

    seed: int
    merge: str
    edits: tuple[EditReport, ...]
    bulk: BulkReport | None
    seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that does not match."""
        of_edits = (f"{edit.title}: {problem}" for edit in self.edits for problem in edit.problems)
        return (*of_edits, *(self.bulk.problems if self.bulk else ()))

    @property
    def matched(self) -> bool:
        """Whether every state is the one intended."""
        return not self.problems

    def summary(self) -> str:
        """The run in one line."""
        sent = sum(edit.sent_bytes for edit in self.edits) + (self.bulk.sent_bytes if self.bulk else 0)
        full = sum(edit.full_bytes for edit in self.edits) + (self.bulk.full_bytes if self.bulk else 0)
        many = f" and {self.bulk.updates} concurrent updates" if self.bulk else ""
        verdict = "every state matched" if self.matched else f"FAILED, {len(self.problems)} things do not match"
        return (
            f"{len(self.edits)} edits{many}: {verdict}; "
            f"sent {sent:,} bytes instead of {full:,} ({percent(sent, full)}) in {self.seconds:.1f} s"
        )


def percent(part: int, whole: int) -> str:
    """A share as text."""
    return f"{100 * part / whole:.1f} %"
