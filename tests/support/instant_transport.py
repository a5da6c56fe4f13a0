"""A transport that answers at once, and sessions over it: what a call costs beside the network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import attrs
import orjson
from support import shop

from briqpay_async import RetryPolicy, Session, SessionPatch, Timeouts, structure, unstructure
from briqpay_async.resources.sessions import Sessions
from briqpay_async.transport.call import Caller, ClientState
from briqpay_async.transport.requests import Request, Response
from briqpay_async.transport.retry import Budget

T = TypeVar("T")
SESSION_ID = "61c16f84-0000-4000-8000-000000000000"


class InstantTransport:
    """Gives the same answer to every request, and remembers the requests.

    It does not suspend the sender, unless it lets other tasks run first (an option).
    """

    def __init__(self, body: bytes = b"", *, suspends: bool = False) -> None:
        self.requests: list[Request] = []
        self._answer = Response(200 if body else 204, {"Content-Type": "application/json"}, body)
        self._suspends = suspends

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        self.requests.append(request)
        if self._suspends:
            await asyncio.sleep(0)
        return self._answer

    async def aclose(self) -> None:
        """Nothing to close."""


def sessions_over(transport: InstantTransport) -> Sessions:
    """``briqpay.sessions`` as a client with default options has it."""
    policy = RetryPolicy()
    caller = Caller(
        transport=transport,
        timeouts=Timeouts(),
        policy=policy,
        hooks=(),
        shared=ClientState(Budget(policy.budget)),
    )
    return Sessions(caller, "warn")


def in_one_step(call: Awaitable[T]) -> T:
    """The result of a call that never waits. No event loop runs, so it cannot have used one either."""
    try:
        next(call.__await__())
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the call waited for something")


def held(lines: int) -> Session:
    """A session of so many different lines as a shop holds it, all of it structured."""
    goods = [shop.line(f"sku-{number}", unit_price=10_000 + 100 * number) for number in range(lines)]
    wire = {
        "sessionId": SESSION_ID,
        "status": "started",
        "customerType": "consumer",
        "country": "SE",
        "htmlSnippet": '<div id="briqpay"></div>',
        "data": unstructure(shop.data(*goods)),
    }
    return structure(wire, Session)


def moved(session: Session, city: str = "Malmö") -> Session:
    """The same session, all that is equal shared, with another city in the billing address."""
    data = session.data
    return attrs.evolve(session, data=attrs.evolve(data, billing=attrs.evolve(data.billing, city=city)))


def move(lines: int = 1) -> SessionPatch:
    """The patch that moves the buyer."""
    before = held(lines)
    return SessionPatch.between(before, moved(before))


def answer(lines: int) -> bytes:
    """What the API answers to it when everything is asked for."""
    return orjson.dumps(unstructure(moved(held(lines))))
