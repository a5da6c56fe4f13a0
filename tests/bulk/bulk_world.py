"""A small world for bulk runs: rows, and an API in memory that takes its time on a clock of its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from support.virtual_time import FakeTime

from briqpay_async import Address, BriqpayError, EditableData, Session, SessionPatch, SessionUpdate, UpdateOutcome
from briqpay_async.bulk.engine import update_many
from briqpay_async.bulk.gate import AdaptiveGate
from briqpay_async.transport.rate_gate import RateGate, asks_to_slow_down

NOOP = SessionPatch()


def session_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def patch(city: str = "Lund", **members: Any) -> SessionPatch:
    return SessionPatch.of(data=EditableData(billing=Address(city=city, **members)))


def row(session: int = 0, city: str = "Lund", key: str | None = None) -> SessionUpdate:
    return SessionUpdate(session_id(session), patch(city), key)


def rows(count: int, sessions: int | None = None) -> list[SessionUpdate]:
    return [row(number % (sessions or count), f"City {number}") for number in range(count)]


class FakeApi:
    """Applies patches to addresses, and remembers what was under way together."""

    def __init__(self, time: FakeTime, seconds: Callable[[str, SessionPatch], float] = lambda *_: 0.01) -> None:
        self.time = time
        self.seconds = seconds
        self.calls: list[tuple[str, str]] = []
        self.options: list[dict[str, Any]] = []
        self.state: dict[str, dict[str, Any]] = {}
        self.under_way: set[str] = set()
        self.most_under_way = 0
        self.overlapped = False
        self.failures: dict[str, list[Exception]] = {}
        self.held: set[str] = set()  # cities that are under way for ever

    def fail(self, city: str, *errors: Exception) -> None:
        """Let the next calls that set this city raise these errors."""
        self.failures[city] = list(errors)

    async def update(self, session: str, patch: SessionPatch, **options: Any) -> Session | None:
        city = patch.body["data"]["billing"]["city"]
        self.calls.append((session, city))
        self.options.append(options)
        self.overlapped |= session in self.under_way
        self.under_way.add(session)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        try:
            await self.time.sleep(self.seconds(session, patch))
            if city in self.held:
                await asyncio.Event().wait()
        finally:
            self.under_way.discard(session)
        if self.failures.get(city):
            raise self.failures[city].pop(0)
        self.state.setdefault(session, {}).update(patch.body["data"]["billing"])
        return Session(session_id=session)

    def bind(self, gate: RateGate) -> Any:
        """Calls that pass a gate, as the client makes them."""

        async def update(session: str, patch: SessionPatch, **options: Any) -> Session | None:
            await gate.wait(self.time.clock() + 60)
            started = self.time.clock()
            try:
                answer = await self.update(session, patch, **options)
            except BriqpayError as error:
                now = self.time.clock()
                if asks_to_slow_down(error.status or 0, error.retry_after):
                    gate.refused(now, error.retry_after)
                elif error.status is None or error.status >= 500:
                    gate.failed(now)
                else:
                    gate.answered(now, now - started)
                raise
            gate.answered(self.time.clock(), self.time.clock() - started)
            return answer

        return update

    def gate(self, concurrency: int | str = 10, **options: Any) -> AdaptiveGate:
        return AdaptiveGate(concurrency, self.time.clock, self.time.sleep, **options)

    def run(self, updates: Any, concurrency: int | str = 10, until: float = math.inf, **options: Any) -> Any:
        return update_many(self.bind, updates, self.gate(concurrency, until=until), **options)

    async def outcomes(self, updates: Any, concurrency: int | str = 10, **options: Any) -> list[UpdateOutcome]:
        return [outcome async for outcome in self.run(updates, concurrency, **options)]


async def read(run: AsyncIterator[UpdateOutcome], into: list[UpdateOutcome]) -> None:
    """Read outcomes until there are no more, or until the run raises."""
    async for outcome in run:
        into.append(outcome)  # noqa: PERF401 - a comprehension would lose them when the run raises


def statuses(outcomes: Iterable[UpdateOutcome]) -> dict[int, str]:
    """Status by index; fails when a row has two outcomes."""
    found: dict[int, str] = {}
    for outcome in outcomes:
        assert outcome.index not in found
        found[outcome.index] = str(outcome.status)
    return found
