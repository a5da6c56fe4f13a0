"""A transport that answers as a script says, and what a client puts around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from support.virtual_time import FakeTime

from briqpay_async import CallHooks, CallTimeoutError, RetryPolicy, Timeouts
from briqpay_async.resources.sessions import Sessions
from briqpay_async.transport.call import Caller, ClientState
from briqpay_async.transport.requests import Repeat, Request, Response
from briqpay_async.transport.retry import Budget

Step = Response | BaseException | tuple[float, Response | BaseException]


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def document(body: bytes = b"") -> Response:
    """An answer in JSON, or one without a body."""
    return answer(200 if body else 204, body, content_type="application/json")


def read(**changes: Any) -> Request:
    return Request(**{"method": "GET", "path": "/v3/session/s", **changes})


def update(lane: str = "s", **changes: Any) -> Request:
    return Request(**{"method": "PATCH", "path": f"/v3/session/{lane}", "body": b"{}", "lane": lane, **changes})


def create(**changes: Any) -> Request:
    return Request(**{"method": "POST", "path": "/v3/session", "body": b"{}", "repeat": Repeat.UNSAFE, **changes})


class FakeTransport:
    """Plays its steps in order, each maybe after some seconds; the last one again and again.

    A step without seconds does not suspend the sender. Without a time to pass, seconds pass at once.
    """

    def __init__(self, *steps: Step, time: FakeTime | None = None) -> None:
        self.time = time
        self.steps = list(steps or (document(),))
        self.requests: list[Request] = []
        self.times: list[float] = []
        self.seconds: list[float] = []
        self.under_way: dict[str | None, int] = {}
        self.most_in_a_lane = 0

    @property
    def sent(self) -> list[tuple[float, Request]]:
        """The requests, each with the time at which it came."""
        return list(zip(self.times, self.requests, strict=True))

    def forget(self) -> None:
        """Forget the requests so far."""
        self.requests.clear()
        self.times.clear()
        self.seconds.clear()

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        self.requests.append(request)
        self.times.append(0.0 if self.time is None else self.time.now)
        self.seconds.append(seconds)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        latency, outcome = step if isinstance(step, tuple) else (None, step)
        self.under_way[request.lane] = self.under_way.get(request.lane, 0) + 1
        if request.lane is not None:
            self.most_in_a_lane = max(self.most_in_a_lane, self.under_way[request.lane])
        try:
            if latency is not None:
                await (asyncio.sleep(0) if self.time is None else self.time.passes(min(latency, seconds)))
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
    transport = FakeTransport(*(steps or (answer(),)), time=time)
    made = Caller(
        transport=transport, timeouts=timeouts or Timeouts(), policy=retry, hooks=tuple(hooks), shared=shared
    )
    return made, transport


async def call(made: Caller, request: Request, timeout: float | None = None) -> Response:
    """Make a call, and return its whole answer."""
    return await made.call(request, lambda response: response, timeout)


def sessions_over(transport: FakeTransport) -> Sessions:
    """``briqpay.sessions`` as a client with default options has it."""
    policy = RetryPolicy()
    shared = ClientState(Budget(policy.budget))
    made = Caller(transport=transport, timeouts=Timeouts(), policy=policy, hooks=(), shared=shared)
    return Sessions(made, "warn")
