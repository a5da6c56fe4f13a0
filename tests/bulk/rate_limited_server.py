"""Rate-limited and noisy servers, a network, and bulk runs, event by event in virtual time."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable
from functools import partial

import attrs

from briqpay_async.bulk.rate import AdaptiveRate


@attrs.define
class Server:
    """A token bucket, a share of refusals at random, or both.

    Attributes:
        quota: Requests per second that the bucket admits, at a time; ``None`` without a bucket.
        burst: What the bucket holds.
        noise: Share of requests that is refused whatever their rate.
        retry_after: What the bucket's refusals say: ``seconds`` rounds up, ``exact`` does not, ``None`` nothing.
        noise_retry_after: What the others say.
    """

    quota: Callable[[float], float] | None = None
    burst: float = 10.0
    noise: float = 0.0
    retry_after: str | None = "exact"
    noise_retry_after: float | None = 0.05
    _tokens: float = attrs.field(default=attrs.Factory(lambda self: self.burst, takes_self=True))
    _filled: float = 0.0
    _chance: random.Random = attrs.Factory(lambda: random.Random(1))  # noqa: S311 - repeats

    def serve(self, now: float) -> tuple[float | None] | None:
        """``None`` when the request is admitted, or what the refusal says."""
        if self._chance.random() < self.noise:
            return (self.noise_retry_after,)
        if self.quota is None:
            return None
        rate = self.quota(now)
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        wait = (1 - self._tokens) / rate
        exact = max(round(wait, 3), 0.001)
        return ({"exact": exact, "seconds": float(math.ceil(wait)), None: None}[self.retry_after],)


@attrs.define
class World:
    """The network, and the time."""

    server: Server
    capacity: float = 5000.0
    round_trip: float = 0.001
    now: float = 0.0
    chance: random.Random = attrs.Factory(lambda: random.Random(1))  # noqa: S311 - repeats
    _busy_until: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = attrs.Factory(list)
    _order: itertools.count[int] = attrs.Factory(itertools.count)

    def at(self, time: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), happens))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] < until:
            self.now, _, happens = heapq.heappop(self._events)
            happens()

    def request(self, back: Callable[[tuple[float | None] | None], None]) -> None:
        self.at(self.now + self.round_trip / 2, partial(self._arrive, back))

    def _arrive(self, back: Callable[[tuple[float | None] | None], None]) -> None:
        self._busy_until = max(self._busy_until, self.now) + 1 / self.capacity
        self.at(self._busy_until, partial(self._serve, back))

    def _serve(self, back: Callable[[tuple[float | None] | None], None]) -> None:
        self.at(self.now + self.round_trip / 2, partial(back, self.server.serve(self.now)))


@attrs.define(eq=False)
class Run:
    """One bulk run: workers that take turns. A row that is refused waits, and its worker takes another one.

    The workers of a naive pool wait with their rows.

    Attributes:
        world: Where it runs.
        workers: How many.
        pace: Under test; ``None`` for a naive pool.
        late: Seconds by which a timer may be late.
        idle: From when to when there is nothing to send.
        admitted: When answers came.
        refused: When refusals came.
    """

    world: World
    workers: int = 40
    pace: AdaptiveRate | None = None
    late: float = 0.0012
    idle: tuple[float, float] = (0.0, 0.0)
    admitted: list[float] = attrs.Factory(list)
    refused: list[float] = attrs.Factory(list)
    _queue: deque[int] = attrs.Factory(deque)
    _returning: deque[int] = attrs.Factory(deque)
    _in_flight: int = 0
    _aside: int = 0
    _asleep: bool = False

    def begin(self) -> None:
        if self.idle[0] < self.world.now < self.idle[1]:
            return
        while self._in_flight < self.workers and (self._returning or self._aside <= 10 * self.workers):
            self._in_flight += 1
            self._queue.append(self._returning.popleft() if self._returning else 0)
            self._turn()

    def _turn(self) -> None:
        world, pace = self.world, self.pace
        while self._queue and not self._asleep:
            if pace is not None:
                if (wait := pace.wait(world.now)) > 0:
                    self._asleep = True
                    world.at(world.now + wait + self.late * world.chance.random(), self._wake)
                    return
                pace.on_sent(world.now)
            world.request(partial(self._back, self._queue.popleft()))

    def _wake(self) -> None:
        self._asleep = False
        self._turn()

    def _back(self, refusals: int, refusal: tuple[float | None] | None) -> None:
        world, pace = self.world, self.pace
        if refusal is None:
            self.admitted.append(world.now)
            if pace is not None:
                pace.answered(world.now)
        else:
            (retry_after,) = refusal
            self.refused.append(world.now)
            if pace is not None:
                pace.refused(world.now, retry_after)
            wait = retry_after or 0.25 * world.chance.random() * min(8, 2**refusals)
            world.at(world.now + wait, partial(self._come_back, refusals + 1))
            if pace is None:
                return
            self._aside += 1
        self._in_flight -= 1
        self.begin()

    def _come_back(self, refusals: int) -> None:
        if self.pace is None:
            self._in_flight -= 1
        else:
            self._aside -= 1
        self._returning.append(refusals)
        self.begin()

    def refused_share(self, since: float) -> float:
        refused, admitted = (sum(at > since for at in times) for times in (self.refused, self.admitted))
        return refused / max(refused + admitted, 1)


def simulate(
    server: Server,
    seconds: float,
    *,
    workers: int = 40,
    naive: bool = False,
    idle: tuple[float, float] = (0.0, 0.0),
    **world: float,
) -> Run:
    """One run against a server, for so many seconds."""
    (run,) = together(server, seconds, (0.0,), workers=workers, naive=naive, idle=idle, **world)
    return run


def together(
    server: Server,
    seconds: float,
    begins: tuple[float, ...],
    *,
    workers: int = 40,
    naive: bool = False,
    idle: tuple[float, float] = (0.0, 0.0),
    seed: int = 1,
    **world: float,
) -> list[Run]:
    """Runs of processes of their own against one server, that begin at these times."""
    place = World(server, chance=random.Random(seed), **world)  # noqa: S311 - repeats
    runs = [
        Run(place, workers, None if naive else AdaptiveRate(random=place.chance.random), idle=idle) for _ in begins
    ]
    for run, begin in zip(runs, begins, strict=True):
        place.at(begin, run.begin)
        place.at(idle[1], run.begin)
    place.run(seconds)
    return runs
