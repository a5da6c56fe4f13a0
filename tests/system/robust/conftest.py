from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from system.robust.robust_wire import Wire

from briqpay_async import BriqpayClient


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Wire().running() as running:
        yield running


@pytest.fixture
async def briqpay(wire: Wire) -> AsyncIterator[BriqpayClient]:
    async with wire.client() as client:
        yield client
