from __future__ import annotations

import pytest

from briqpay_async.conversion import lazy


@pytest.fixture(autouse=True)
def no_shapes_learnt() -> None:
    """Tests before may have shown more shapes of answers than are remembered: counts must not depend on them."""
    lazy._lazy.cache_clear()
