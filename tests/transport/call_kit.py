"""A transport that answers as a script says, and callers around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from support.virtual_time import FakeTime

from briqpay_async import CallHooks, CallTimeoutError, RetryPolicy, Timeouts
from briqpay_async.transport.call import Caller, ClientState
from briqpay_async.transport.requests import Repeat, Request, Response
from briqpay_async.transport.retry import Budget

Step = Response | BaseException | tuple[float, Response | BaseException]


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def read(**changes: Any) -> Request:
    return Request(**{"method": "GET", "path": "/v3/session/s", **changes})


def update(lane: str = "s", **changes: Any) -> Request:
    return Request(**{"method": "PATCH", "path": f"/v3/session/{lane}", "body": b"{}", "lane": lane, **changes})


def create(**changes: Any) -> Request:
    return Request(**{"method": "POST", "path": "/v3/session", "body": b"{}", "repeat": Repeat.UNSAFE, **changes})


class FakeTransport:
    """Plays its steps in order, each maybe after some seconds; the last one again and again."""

    def __init__(self, time: FakeTime, steps: Iterable[Step]) -> None:
        self.time = time
        self.steps = list(steps)
        self.sent: list[tuple[float, Request]] = []
        self.seconds: list[float] = []
        self.under_way: dict[str | None, int] = {}
        self.most_in_a_lane = 0

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        self.sent.append((self.time.now, request))
        self.seconds.append(seconds)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        latency, outcome = step if isinstance(step, tuple) else (0.0, step)
        self.under_way[request.lane] = self.under_way.get(request.lane, 0) + 1
        if request.lane is not None:
            self.most_in_a_lane = max(self.most_in_a_lane, self.under_way[request.lane])
        try:
            if latency:
                await self.time.passes(min(latency, seconds))
            if latency > seconds:
                raise CallTimeoutError(f"No whole answer came within {seconds} seconds.")
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        finally:
            self.under_way[request.lane] -= 1

    async def aclose(self) -> None:
        """Nothing to close."""


def caller(
    time: FakeTime,
    *steps: Step,
    hooks: Sequence[CallHooks] = (),
    timeouts: Timeouts | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    **policy: Any,
) -> tuple[Caller, FakeTransport]:
    retry = RetryPolicy(**policy)
    shared = ClientState(
        Budget(retry.budget), clock=time.clock, sleep=sleep or time.sleep, random=time.random, prefix="test"
    )
    transport = FakeTransport(time, steps or (answer(),))
    made = Caller(
        transport=transport, timeouts=timeouts or Timeouts(), policy=retry, hooks=tuple(hooks), shared=shared
    )
    return made, transport


async def call(made: Caller, request: Request, timeout: float | None = None) -> Response:
    """Make a call, and return its whole answer."""
    return await made.call(request, lambda response: response, timeout)
