"""Memory does not grow with the number of rows."""

from __future__ import annotations

import tracemalloc

from bulk.bulk_world import NOOP, patch, session_id

from briqpay_async import SessionUpdate
from briqpay_async.bulk.engine import update_many
from briqpay_async.bulk.gate import AdaptiveGate


async def _nothing(*_: object, **__: object) -> None:
    """An API that takes everything at once."""


async def _peak(count: int) -> int:
    """Bytes at most in use during a run, beyond those before."""
    gate = AdaptiveGate(50, lambda: 0.0, _nothing)
    changed = patch()
    made = (SessionUpdate(session_id(number % 5000), NOOP if number % 2 else changed) for number in range(count))
    tracemalloc.start()
    async for _ in update_many(lambda _: _nothing, made, gate):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


async def test_twenty_times_the_rows_take_no_more_memory() -> None:
    await _peak(1_000)  # whatever is made once and kept

    few, many = await _peak(1_000), await _peak(20_000)

    assert many < 1.2 * few + 10_000
