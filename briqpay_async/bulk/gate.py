"""Between a bulk run and the client's transport: attempts are counted, and refusals teach the limiter.

The client's own retries hide most refusals from whoever calls ``update``. Only a transport sees them all, so the
engine calls through a view of the client whose transport is wrapped here. The wrapper can also make a repeated
request wait for its turn, so that the end of a cool-down does not let everybody loose at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import attrs

from briqpay_async.bulk.concurrency import Limiter, make_limiter
from briqpay_async.config import Timeouts
from briqpay_async.errors import APIError, CallTimeoutError, RateLimitedError, TransportError
from briqpay_async.transport.call import Transport
from briqpay_async.transport.requests import Request, Response
from briqpay_async.transport.responses import parse_retry_after

__all__ = ["Tally", "Throttle"]

_OVERLOAD = frozenset({502, 503, 504})


@attrs.define
class Tally:
    """What one worker has sent for the job in its hands.

    Attributes:
        attempts: Requests made.
        bytes_sent: Bytes of their bodies.
        admitted: The worker has had its turn; the next request need not wait for one.
    """

    attempts: int = 0
    bytes_sent: int = 0
    admitted: bool = False


class Throttle:
    """A limiter with a clock: lets requests pass one by one when they must be paced.

    Attributes:
        limiter: Window and pace.
        tally: The tally of the running worker; each worker's task sets its own.
        metered: Whether a transport was wrapped, so that tallies are kept there.
    """

    def __init__(
        self,
        concurrency: int | str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Make a throttle.

        Args:
            concurrency: The most updates under way at once, or ``"auto"``.
            clock: Monotonic seconds.
            sleep: Waits for seconds.

        Raises:
            ConfigurationError: ``concurrency`` is neither a positive integer nor ``"auto"``.
        """
        self.limiter: Limiter = make_limiter(concurrency, clock())
        self.clock = clock
        self.sleep = sleep
        self.tally: ContextVar[Tally] = ContextVar("briqpay_bulk_tally")
        self.metered = False
        self._turnstile = asyncio.Lock()

    def around(self, transport: Transport) -> Transport:
        """A transport that makes its attempts through another one, and tells the limiter how they went."""
        self.metered = True
        return _Wire(transport, self)

    async def turn(self) -> None:
        """Wait until the next request may be made.

        Only whoever is first in the queue sleeps, and looks again afterwards: a refusal in the meantime changes
        when everybody's turn is.
        """
        async with self._turnstile:
            waited = False
            now = self.clock()
            while (wait := self.limiter.wait(now)) > 0:
                waited = True
                await self.sleep(wait)
                now = self.clock()
            self.limiter.took(now, waited=waited)

    def refused(self, error: APIError) -> None:
        """A whole call ended by the API's asking to slow down."""
        now = self.clock()
        if not self.metered and isinstance(error, RateLimitedError):
            self.limiter.refused(now, error.retry_after)
        self.limiter.pause(now, error.retry_after)


class _Wire:
    """The wrapped transport."""

    def __init__(self, transport: Transport, throttle: Throttle) -> None:
        self._transport = transport
        self._throttle = throttle
        self._limiter = throttle.limiter
        self._tally = throttle.tally

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        """Make one attempt; a repeated one waits for its turn first, within its time."""
        tally, limiter = self._tally.get(), self._limiter
        if tally.admitted:
            tally.admitted = False
        elif limiter.paced:
            seconds = await self._turn_within(seconds)
        tally.attempts += 1
        tally.bytes_sent += len(request.body or b"")
        try:
            response = await self._transport.send(request, timeouts, seconds)
        except TransportError:
            limiter.troubled(self._throttle.clock())
            raise
        if response.status == 429 or response.status in _OVERLOAD:
            now = self._throttle.clock()
            retry_after = parse_retry_after(response.headers.get("Retry-After"))
            if response.status == 429:
                limiter.refused(now, retry_after)
            else:
                limiter.troubled(now, retry_after)
        return response

    async def _turn_within(self, seconds: float) -> float:
        clock = self._throttle.clock
        started = clock()
        try:
            async with asyncio.timeout(seconds):
                await self._throttle.turn()
        except TimeoutError:
            raise CallTimeoutError(
                f"The pace that the API admits left no turn within {seconds:.3g} seconds.", sent=False
            ) from None
        return max(seconds - (clock() - started), 0.001)

    async def aclose(self) -> None:
        """Leave the transport open: it belongs to the client."""
