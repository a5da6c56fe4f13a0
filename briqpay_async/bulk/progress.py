"""How far a run is: counts, and the callback that gets them now and then."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import attrs

from briqpay_async.bulk.gate import AdaptiveGate
from briqpay_async.bulk.rows import BulkProgress

__all__ = ["Counts", "Reporter"]

logger = logging.getLogger("briqpay_async")

_INTERVAL = 0.1
_LATELY = 30  # intervals that the rate is taken over


@attrs.define
class Counts:
    """Counted while the run goes on.

    Attributes:
        applied: Rows that the API took.
        unchanged: Rows that needed no request.
        failed: Rows that failed.
        skipped: Rows that an earlier run has done.
        retried: Requests beyond the first one of each row.
        in_flight: Updates under way.
        bytes_sent: Bytes of all request bodies.
    """

    applied: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    retried: int = 0
    in_flight: int = 0
    bytes_sent: int = 0

    @property
    def sent(self) -> int:
        """Rows that needed a request and have an outcome."""
        return self.applied + self.failed

    @property
    def done(self) -> int:
        """Rows that have an outcome."""
        return self.applied + self.unchanged + self.failed + self.skipped


class Reporter:
    """Calls the progress callback ten times a second while the run goes on, and once when it is over."""

    def __init__(
        self,
        callback: Callable[[BulkProgress], object],
        counts: Counts,
        gate: AdaptiveGate,
    ) -> None:
        self._callback = callback
        self._counts = counts
        self._gate = gate
        self._limiter = gate.limiter
        self._clock = gate.clock
        self._sleep = gate.sleep
        self._started = self._clock()
        self._lately: deque[tuple[float, int]] = deque([(self._started, 0)], maxlen=_LATELY)
        self._task = asyncio.create_task(self._report())

    async def _report(self) -> None:
        while True:
            await self._sleep(_INTERVAL)
            now, done = self._clock(), self._counts.sent
            since, before = self._lately[0]
            self._lately.append((now, done))
            self._call_back(now, (done - before) / max(now - since, 1e-9))

    def _call_back(self, now: float, rate: float) -> None:
        counts, pace = self._counts, self._limiter.pace.rate
        snapshot = BulkProgress(
            done=counts.done,
            applied=counts.applied,
            unchanged=counts.unchanged,
            failed=counts.failed,
            skipped=counts.skipped,
            retried=counts.retried,
            in_flight=counts.in_flight,
            limit=self._limiter.window.limit,
            rate=rate,
            pace=pace,
            bytes_sent=counts.bytes_sent,
            elapsed_s=now - self._started,
            refused=self._limiter.pace.refusals,
            waited_s=self._gate.waited(now),
        )
        try:
            self._callback(snapshot)
        except Exception:  # a watcher must not break what it watches
            logger.exception("the progress callback raised")

    async def finish(self) -> None:
        """Stop, and report how it ended."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        now = self._clock()
        self._call_back(now, self._counts.sent / max(now - self._started, 1e-9))
