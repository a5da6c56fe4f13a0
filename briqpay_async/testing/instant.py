"""Waits that cost no time: a clock that jumps over the pauses between attempts.

Example:
    >>> briqpay = instant(make_client_of_my_shop())
    >>> await briqpay.sessions.read(session_id)  # a 503 with Retry-After: 20 is repeated at once
"""

# ruff: noqa: SLF001 - a client has no other way in to its clock, and needs none but for tests
from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import attrs

from briqpay_async.blocking.client import BlockingBriqpayClient
from briqpay_async.client import BriqpayClient
from briqpay_async.config import Timeouts
from briqpay_async.transport.call import Transport
from briqpay_async.transport.rate_gate import ClientGate
from briqpay_async.transport.requests import Request, Response

__all__ = ["InstantTime", "instant"]

_LOOK: Final = 0.001  # seconds from one look at what is under way to the next
_TURNS: Final = 5  # of the event loop, in which whatever can go on does so before time jumps

C = TypeVar("C", BriqpayClient, BlockingBriqpayClient)


class InstantTime:
    """A clock that runs like any other, and jumps to the next one who wakes while no request is under way.

    Deadlines mean what they mean in earnest: a ``Retry-After`` that does not fit the deadline of a call is refused
    here too.
    """

    def __init__(self) -> None:
        self._jumped = 0.0
        self._under_way = 0
        self._wakers: list[float] = []

    def clock(self) -> float:
        """Monotonic seconds, with those that were jumped over."""
        return time.monotonic() + self._jumped

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock is so many seconds further."""
        wakes = self.clock() + seconds
        self._wakers.append(wakes)
        try:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            while (left := wakes - self.clock()) > 0:
                if not self._under_way and wakes <= min(self._wakers):
                    self._jumped += left
                else:
                    await asyncio.sleep(min(left, _LOOK))
        finally:
            self._wakers.remove(wakes)

    @contextmanager
    def request(self) -> Iterator[None]:
        """A block in which a request is under way."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


@attrs.frozen
class InstantTransport:
    """A transport that shows when its requests are under way."""

    _inner: Transport
    _time: InstantTime

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        """Make one request and read its whole answer."""
        with self._time.request():
            return await self._inner.send(request, timeouts, seconds)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._inner.aclose()


def instant(client: C, now: InstantTime | None = None) -> C:
    """Let a client wait in no time: between attempts, after a 429, for a known rate, between two looks.

    For tests of code that makes its own client. What takes time at the other end, such as an answer that is late,
    still does.

    Args:
        client: The client; its copies made by ``with_options`` afterwards wait in no time too.
        now: The clock that it shares with other clients; one of its own when left out.

    Returns:
        The same client.
    """
    now = InstantTime() if now is None else now
    if isinstance(client, BlockingBriqpayClient):
        client._clients.adjust(lambda inner: _speed_up(inner, now))
    else:
        _speed_up(client, now)
    return client


def _speed_up(client: BriqpayClient, now: InstantTime) -> None:
    caller = client._caller
    shared, gate = caller.shared, caller.shared.gate
    shared.clock, shared.sleep = now.clock, now.sleep
    if isinstance(gate, ClientGate):
        gate._clock, gate._sleep = now.clock, now.sleep
    client._wire(
        InstantTransport(caller.transport, now),
        shared,
        timeouts=caller.timeouts,
        retry=caller.policy,
        hooks=caller.hooks,
        check_totals=client._check_totals,
    )
