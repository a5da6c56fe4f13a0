"""What the parts of one bulk run have in common."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from briqpay_async.bulk.gate import AdaptiveGate
from briqpay_async.bulk.journal_store import JournalStore
from briqpay_async.bulk.progress import Counts
from briqpay_async.bulk.recorder import OutcomeQueue, OutcomeRecorder

__all__ = ["RunContext"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RunContext:
    """One bulk run, as its reader, its senders and its workers see it.

    Attributes:
        gate: When an attempt may begin.
        store: The journal, if there is one.
        outcome_queue: Outcomes to be read.
        counts: How far the run is.
        recorder: Gives rows their outcomes.
        fail_fast: Whether any failed row ends the run.
        abandon: Ends the run with an error, once what is under way is done.
    """

    gate: AdaptiveGate
    store: JournalStore | None
    outcome_queue: OutcomeQueue
    counts: Counts
    recorder: OutcomeRecorder
    fail_fast: bool
    abandon: Callable[[BaseException], None]
