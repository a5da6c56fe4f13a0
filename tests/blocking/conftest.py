"""A sandbox in a thread, and a blocking client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import shop

from briqpay_async import RetryPolicy, Session
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox import Sandbox
from briqpay_async.sandbox.thread import ThreadedSandbox


@pytest.fixture
def threaded() -> Iterator[ThreadedSandbox]:
    with Sandbox().in_thread() as running:
        yield running


@pytest.fixture
def blocking(threaded: ThreadedSandbox) -> Iterator[BlockingBriqpayClient]:
    retry = RetryPolicy(base=0.001, cap=0.002)
    with BlockingBriqpayClient(threaded.username, threaded.secret, base_url=threaded.url, retry=retry) as running:
        yield running


@pytest.fixture
def session(blocking: BlockingBriqpayClient) -> Session:
    return blocking.sessions.create(shop.new_session())
