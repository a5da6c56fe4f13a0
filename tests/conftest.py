"""What the whole suite shares: a sandbox on a real socket, a client of it, time that tests move, an HTTP mock."""

from __future__ import annotations

import gc
import inspect
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core as aioresponses_core
import pytest
from aioresponses import aioresponses
from browser.chromium import find_chromium
from hypothesis import settings
from support.virtual_time import FakeTime

from briqpay_async import BriqpayClient, RetryPolicy
from briqpay_async.sandbox import Sandbox

# A suite that was started in the background ignores Ctrl-C, and so do the programs it starts; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Programs that tests start may keep their bytecode, or each of a hundred would compile the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The suite takes a few examples of each law; CI tries a few hundred of every law besides, new ones each time.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=20)
settings.register_profile("few-hundred", deadline=None, max_examples=300)
settings.register_profile("ten-thousand", deadline=None, max_examples=10_000)
settings.load_profile("suite")

# aiohttp 3.14 asks responses for this argument, and aioresponses 0.7.9 does not know it.
SHIM_NEEDED = "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters


class _ShimmedResponse(aiohttp.ClientResponse):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, stream_writer=Mock(output_size=0), **options)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--interleavings", type=int, default=100, help="seeded interleavings of edits to play")


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Locks of orders go into a folder of this run, and not into the one that programs of this user share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def http_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """aioresponses, made to work with the aiohttp that is installed."""
    if SHIM_NEEDED:
        monkeypatch.setattr(aioresponses_core, "ClientResponse", _ShimmedResponse)
    with aioresponses() as mock:
        yield mock


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[BriqpayClient]:
    """A client of the sandbox whose retries hardly wait."""
    retry = RetryPolicy(base=0.001, cap=0.002)
    async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, retry=retry) as running:
        yield running


def pytest_collection_finish() -> None:
    """What has been collected stays: the garbage collector need not look at thousands of tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line what was left out."""
    if find_chromium() is None:
        terminalreporter.write_line("The tests in a browser were left out: there is no Chromium on this machine.")
