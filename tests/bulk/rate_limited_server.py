"""A rate-limited server, a network and a bulk run's limiter, simulated event by event in virtual time."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from functools import partial

import attrs

from briqpay_async.bulk.concurrency import Limiter


@attrs.define
class Job:
    """A row on its way."""

    sent: float = 0.0
    attempts: int = 0


@attrs.define
class Simulation:
    """Sends as much as the limiter lets it, as ``Throttle`` and ``Sending`` do, and waits as the client does.

    Attributes:
        limiter: Under test.
        per_second: What the server's token bucket admits.
        burst: What the bucket holds.
        round_trip: Seconds that a request and its answer travel.
        retry_after: What a refusal says: ``seconds`` rounds up, ``exact`` does not, ``None`` says nothing.
        capacity: Requests per second that can be handled at all.
        late: Seconds by which a timer may be late.
        admitted: When answers came.
        refused: When refusals came.
        early: Requests that were made although a refusal had asked to wait.
    """

    limiter: Limiter
    per_second: float = 500.0
    burst: float = 10.0
    round_trip: float = 0.0005
    retry_after: str | None = "exact"
    capacity: float = 1500.0
    late: float = 0.0012
    admitted: list[float] = attrs.Factory(list)
    refused: list[float] = attrs.Factory(list)
    early: int = 0
    _now: float = 0.0
    _tokens: float = attrs.field(init=False)
    _filled: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = attrs.Factory(list)
    _order: itertools.count[int] = attrs.Factory(itertools.count)
    _queue: deque[Job] = attrs.Factory(deque)
    _under_way: int = 0
    _asleep: bool = False
    _waited: bool = False
    _busy_until: float = 0.0
    _asked_until: float = 0.0
    _cool_until: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._tokens = self.burst

    def run(self, until: float) -> Simulation:
        """Go on until this moment."""
        self._start()
        while self._events[0][0] < until:
            self._now, _, happens = heapq.heappop(self._events)
            happens()
        return self

    def share(self, since: float, until: float) -> float:
        """How much of the rate was reached."""
        return sum(since < at <= until for at in self.admitted) / (until - since) / self.per_second

    @property
    def refused_share(self) -> float:
        return len(self.refused) / (len(self.refused) + len(self.admitted))

    def _at(self, time: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), happens))

    def _irregular(self) -> float:
        """A number between 0 and 1, and another one next time."""
        return next(self._order) * 0.6180339887 % 1.0

    # --- the client --------------------------------------------------------------------------------------

    def _start(self) -> None:
        while self._under_way < self.limiter.window.limit:
            self._under_way += 1
            self._enter(Job())

    def _enter(self, job: Job) -> None:
        if self.limiter.paced:
            self._queue.append(job)
            self._turn()
        else:
            self._send(job)

    def _turn(self) -> None:
        while self._queue and not self._asleep:
            wait = self.limiter.wait(self._now)
            if wait > 0:
                self._asleep = self._waited = True
                self._at(self._now + wait + self.late * self._irregular(), self._wake)
                return
            self.limiter.took(self._now, waited=self._waited)
            self._waited = False
            self._send(self._queue.popleft())

    def _wake(self) -> None:
        self._asleep = False
        self._turn()

    def _send(self, job: Job) -> None:
        if self._now < self._cool_until:  # the client holds back whoever has had a turn, too
            self._at(self._cool_until, partial(self._send, job))
            return
        self.early += self._now < self._asked_until - 1e-9
        job.attempts += 1
        job.sent = self._now
        self._at(self._now + self.round_trip / 2, partial(self._arrive, job))

    def _succeed(self, job: Job) -> None:
        self._under_way -= 1
        self.admitted.append(self._now)
        self.limiter.answered(self._now, self._now - job.sent)
        self._start()

    def _be_refused(self, job: Job, retry_after: float | None) -> None:
        self.refused.append(self._now)
        self.limiter.refused(self._now, retry_after)
        if retry_after is not None:
            self._asked_until = max(self._asked_until, self._now + retry_after)
        again = self._now + (0.25 * self._irregular() if retry_after is None else retry_after)
        self._cool_until = max(self._cool_until, again)
        self._at(again, partial(self._enter, job))

    # --- the server --------------------------------------------------------------------------------------

    def _arrive(self, job: Job) -> None:
        self._busy_until = max(self._busy_until, self._now) + 1 / self.capacity
        self._at(self._busy_until, partial(self._serve, job))

    def _serve(self, job: Job) -> None:
        self._tokens = min(self.burst, self._tokens + (self._now - self._filled) * self.per_second)
        self._filled = self._now
        if self._tokens >= 1:
            self._tokens -= 1
            answer = partial(self._succeed, job)
        else:
            wait = (1 - self._tokens) / self.per_second
            retry_after = {"exact": round(wait, 3), "seconds": float(math.ceil(wait)), None: None}[
                self.retry_after
            ]
            answer = partial(self._be_refused, job, retry_after)
        self._at(self._now + self.round_trip / 2, answer)
