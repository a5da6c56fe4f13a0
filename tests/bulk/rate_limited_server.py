"""A rate-limited server, a network and a bulk run's limiter, simulated event by event."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Any

import attrs

from briqpay_async.bulk.limiter import Limiter


@attrs.define
class Simulation:
    """Sends as much as the limiter lets it, for so many seconds.

    Attributes:
        limiter: Under test.
        per_second: What the server's token bucket admits.
        burst: What the bucket holds.
        round_trip: Seconds from request to answer.
        retry_after: What a refusal says: ``seconds`` rounds up, ``exact`` does not, ``None`` says nothing.
        capacity: Requests per second that the server can handle at all.
    """

    limiter: Limiter
    per_second: float = 500.0
    burst: float = 10.0
    round_trip: float = 0.002
    retry_after: str | None = "exact"
    capacity: float = 3000.0
    admitted: list[float] = attrs.Factory(list)
    refused: list[float] = attrs.Factory(list)
    _order: Any = attrs.Factory(itertools.count)

    def run(self, seconds: float) -> None:
        limiter = self.limiter
        now, cool_until, busy_until, filled, tokens = 0.0, 0.0, 0.0, 0.0, self.burst
        under_way = 0
        again: list[float] = []  # when refused requests may be repeated
        events: list[tuple[float, int, str, float]] = []
        while now < seconds:
            while now >= cool_until and not (limiter.paced and limiter.wait(now) > 0):
                if again and again[0] <= now:
                    heapq.heappop(again)
                elif under_way < limiter.window.limit:
                    under_way += 1
                else:
                    break
                limiter.took(now)
                busy_until = max(busy_until, now + self.round_trip / 2) + 1 / self.capacity
                heapq.heappush(events, (busy_until, next(self._order), "arrives", now))
            upcoming = [events[0][0]] if events else []
            if again or under_way < limiter.window.limit:
                upcoming.append(max(now + limiter.wait(now), cool_until, again[0] if again else now))
            now = max(now + 1e-4, min(upcoming))
            while events and events[0][0] <= now:
                at, _, what, sent = heapq.heappop(events)
                if what == "arrives":
                    tokens = min(self.burst, tokens + (at - filled) * self.per_second)
                    filled = at
                    admitted = tokens >= 1
                    tokens -= admitted
                    answer = "admitted" if admitted else "refused"
                    heapq.heappush(events, (at + self.round_trip / 2, next(self._order), answer, sent))
                elif what == "admitted":
                    under_way -= 1
                    self.admitted.append(at)
                    limiter.answered(at, at - sent)
                else:
                    self.refused.append(at)
                    pause = self._pause((1 - tokens) / self.per_second)
                    limiter.refused(at, pause)
                    cool_until = max(cool_until, at + (pause or 0.0))
                    heapq.heappush(again, at + (0.125 if pause is None else pause))

    def _pause(self, exact: float) -> float | None:
        return {"seconds": float(math.ceil(exact)), "exact": exact, None: None}[self.retry_after]

    def rate(self, since: float, until: float) -> float:
        return sum(since < at <= until for at in self.admitted) / (until - since)

    @property
    def refused_share(self) -> float:
        return len(self.refused) / (len(self.refused) + len(self.admitted))
