"""The plugin that users get from an entry point, for the tests of this room."""

from __future__ import annotations

from briqpay_async.testing.pytest_entry import (
    briqpay_blocking_client,
    briqpay_client,
    briqpay_env,
    briqpay_sandbox,
    pytest_configure,
    pytest_pyfunc_call,
    pytest_runtest_makereport,
    pytest_runtest_setup,
)

__all__ = [
    "briqpay_blocking_client",
    "briqpay_client",
    "briqpay_env",
    "briqpay_sandbox",
    "pytest_configure",
    "pytest_pyfunc_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
]
