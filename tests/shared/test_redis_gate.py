"""The turns that a shared gate asks for."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest

from briqpay_async.shared import RateLimit
from briqpay_async.shared.connection import Connection
from briqpay_async.shared.redis_gate import RedisGate


class Turns:
    """A server that gives each turn at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def run(self, script: str, key: str, *arguments: Any) -> list[int]:
        self.asked.append((script, key, *arguments))
        return [0] * (1 + arguments[2])


@pytest.mark.parametrize(("burst", "at_once"), [(1, 1), (2, 1), (11, 6)])
async def test_turns_leave_room_for_requests_that_arrive_unevenly(burst: int, at_once: int) -> None:
    server = Turns()
    gate = RedisGate(cast("Connection", server), "rate", RateLimit(100, burst=burst), lambda _: False)
    await gate.wait(math.inf)
    ((_, _, interval, tolerance, *_),) = server.asked
    assert interval == pytest.approx(1e6 / 97)
    assert tolerance == pytest.approx((at_once - 1) * interval)
