"""The pytest plugin, as pytest loads it: names and promises, and nothing of the package until a test uses it.

The wheel carries this file as ``_briqpay_pytest`` beside the package, because importing any part of a package
imports the package. What the fixtures do is in ``briqpay_async.testing.plugin``.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from briqpay_async.blocking import BlockingBriqpayClient
    from briqpay_async.client import BriqpayClient
    from briqpay_async.sandbox import ThreadedSandbox

MARKER: Final = (
    "briqpay(*, faults={}, instant=True, **switches): how the sandbox of this test behaves. Switches are those of "
    "briqpay_async.sandbox.Switches, as in merge='section'; faults are {kind: options} or {endpoint: kind or "
    "options}, as in faults={'apply_then_drop': {'endpoint': 'patch', 'times': 1}}. With instant=False clients "
    "really wait between attempts."
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for --strict-markers and --markers."""
    config.addinivalue_line("markers", MARKER)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker with wrong arguments, also where no fixture reads it."""
    if item.get_closest_marker("briqpay") is not None:
        from briqpay_async.testing import plugin  # noqa: PLC0415 - used at last

        plugin.check_marker(item)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test of the sandbox that no other plugin runs, in an event loop of its own."""
    if "briqpay_sandbox" not in pyfuncitem.fixturenames or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    import asyncio  # noqa: PLC0415 - used at last

    names = inspect.signature(pyfuncitem.obj).parameters  # some have defaults, or are filled in by a decorator
    asyncio.run(
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs})
    )
    return True


@pytest.hookimpl(hookwrapper=True)  # an older pytest knows no other kind, and must not break over this plugin
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Show with a failure what the sandbox was asked."""
    outcome = yield
    if "briqpay_sandbox" in getattr(item, "fixturenames", ()):
        from briqpay_async.testing import plugin  # noqa: PLC0415 - used at last

        plugin.add_requests(item, outcome.get_result())


@pytest.fixture
def briqpay_sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    """A sandbox for this test alone, in a thread of its own; ``@pytest.mark.briqpay(...)`` sets how it behaves."""
    from briqpay_async.testing import plugin  # noqa: PLC0415 - used at last

    yield from plugin.sandbox(request)


@pytest.fixture
def briqpay_client(request: pytest.FixtureRequest, briqpay_sandbox: ThreadedSandbox) -> Iterator[BriqpayClient]:
    """A client of ``briqpay_sandbox``, for async tests. It closes by itself as its event loop ends."""
    from briqpay_async.testing import plugin  # noqa: PLC0415 - used at last

    yield from plugin.client(request, briqpay_sandbox)


@pytest.fixture
def briqpay_blocking_client(
    request: pytest.FixtureRequest, briqpay_sandbox: ThreadedSandbox
) -> Iterator[BlockingBriqpayClient]:
    """A blocking client of ``briqpay_sandbox``, for tests without an event loop (extra ``blocking``)."""
    from briqpay_async.testing import plugin  # noqa: PLC0415 - used at last

    yield from plugin.blocking_client(request, briqpay_sandbox)


@pytest.fixture
def briqpay_env(
    request: pytest.FixtureRequest, briqpay_sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """The environment variables that lead ``from_env()`` of both clients to ``briqpay_sandbox``; they are set.

    Clients that ``from_env()`` makes in the test wait in no time, as those of the other fixtures do.
    """
    from briqpay_async.testing import plugin  # noqa: PLC0415 - used at last

    return plugin.environment(request, briqpay_sandbox, monkeypatch)
