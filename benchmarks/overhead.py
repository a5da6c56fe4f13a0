"""What the call layer adds to a call that succeeds at once."""

from __future__ import annotations

import asyncio
import time

from benchmarks.fakes import make_caller, make_request
from briqpay_async import Timeouts
from briqpay_async.resources.base import no_content

__all__ = ["retry_layer"]

_CALLS = 20_000


async def _difference() -> float:
    caller, request, timeouts = make_caller(), make_request(lane=False), Timeouts()
    send, call = caller.transport.send, caller.call
    begin = time.process_time()
    for _ in range(_CALLS):
        await send(request, timeouts, 30.0)
    middle = time.process_time()
    for _ in range(_CALLS):
        await call(request, no_content)
    end = time.process_time()
    return ((end - middle) - (middle - begin)) / _CALLS


def retry_layer(rounds: int = 7) -> list[float]:
    """Seconds of processor time that ``Caller.call`` adds to its transport, a figure a round."""
    return [asyncio.run(_difference()) for _ in range(rounds)]


if __name__ == "__main__":
    print([f"{1e6 * one:.2f} us" for one in retry_layer()])
