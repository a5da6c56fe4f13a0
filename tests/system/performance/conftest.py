from __future__ import annotations

import pytest

from briqpay_async.conversion import lazy as later


@pytest.fixture(autouse=True)
def no_shapes_learnt() -> None:
    """Tests before may have shown more shapes of answers than are remembered: counts must not depend on them."""
    later._later.cache_clear()
