"""A sandbox with the defaults, as a plugin meets it."""

from collections.abc import AsyncIterator

import pytest

from briqpay_async.sandbox import Sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox
