"""The fixtures that users get from an entry point, for the recipe of a user's tests."""

from __future__ import annotations

from briqpay_async.testing.pytest_entry import (
    briqpay_blocking_client,
    briqpay_client,
    briqpay_env,
    briqpay_sandbox,
    pytest_configure,
)

__all__ = ["briqpay_blocking_client", "briqpay_client", "briqpay_env", "briqpay_sandbox", "pytest_configure"]
