"""What the pytest plugin does for a test that uses it: a sandbox, clients of it, and a report when it fails.

``pytest_entry`` has the fixtures themselves; this file is imported by the first test that asks for one.

Clients wait in no time, and the sandbox's rate limits and lagging reads follow their clock. What the sandbox does
by itself some seconds later keeps real time: ``apply_later``, webhooks, pending payments and decisions. So a call
that waits and then looks whether its lost capture was made after all (``repeat="after-check"``) finds what
``apply_later`` applies only in a test whose marker says ``instant=False``.
"""

# ruff: noqa: SLF001 - a client has no other way in to its transport, and needs none but for tests
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar

import attrs
import pytest

from briqpay_async.blocking.client import BlockingBriqpayClient
from briqpay_async.client import BriqpayClient
from briqpay_async.config import Pool
from briqpay_async.sandbox.faults.faults import Fault, make_fault
from briqpay_async.sandbox.faults.kinds import KINDS, WEBHOOK_EVENTS
from briqpay_async.sandbox.routes import ENDPOINTS
from briqpay_async.sandbox.server import Sandbox
from briqpay_async.sandbox.state.request_log import JournalRecord
from briqpay_async.sandbox.switches import SWITCHES, Switches
from briqpay_async.sandbox.thread import ThreadedSandbox
from briqpay_async.testing.instant import InstantTime, instant
from briqpay_async.testing.loop_transport import LoopTransport
from briqpay_async.transport.aiohttp_transport import AiohttpTransport

__all__ = [
    "Wishes",
    "add_requests",
    "blocking_client",
    "check_marker",
    "client",
    "environment",
    "sandbox",
    "wishes_of",
]

C = TypeVar("C", BriqpayClient, BlockingBriqpayClient)

_SHOWN: Final = 20  # requests
_SHOWN_OF_A_BODY: Final = 300  # characters
_OWN: Final = frozenset({"faults", "instant"})


@attrs.frozen
class Wishes:
    """What the markers of a test ask for.

    Attributes:
        switches: How its sandbox behaves.
        faults: What goes wrong.
        instant: Whether its clients wait in no time.
    """

    switches: Mapping[str, Any]
    faults: tuple[Fault, ...]
    instant: bool


@attrs.frozen
class _Stage:
    """What a test that uses the sandbox has."""

    sandbox: ThreadedSandbox
    now: InstantTime | None


_STAGE: Final = pytest.StashKey[_Stage]()


# --- the marker ------------------------------------------------------------------------------------------


def wishes_of(item: pytest.Item) -> Wishes:
    """Read ``@pytest.mark.briqpay`` of a test, its class and its module: the nearest wins, faults add up.

    Raises:
        pytest.fail.Exception: A marker asks for what there is not; the message names it.
    """
    switches: dict[str, Any] = {}
    faults: list[Fault] = []
    is_instant = True
    for marker in reversed(list(item.iter_markers("briqpay"))):
        if marker.args:
            _refuse("give switches by name, such as merge='section'")
        switches |= {name: value for name, value in marker.kwargs.items() if name not in _OWN}
        is_instant = marker.kwargs.get("instant", is_instant)
        faults += _faults(marker.kwargs.get("faults") or {})
    if not isinstance(is_instant, bool):
        _refuse(f"instant must be True or False, not {is_instant!r}")
    known = {switch.name for switch in SWITCHES}
    for name in switches:
        if name not in known:
            _refuse(f"there is no switch {name!r}; there are faults, instant, {', '.join(sorted(known))}")
    try:
        Switches(**switches)
    except ValueError as error:
        _refuse(str(error))
    return Wishes(switches, tuple(faults), is_instant)


def check_marker(item: pytest.Item) -> None:
    """Refuse a marker with wrong arguments, and one of a test that uses no sandbox.

    A marker of a class or module may be there for other tests.

    Raises:
        pytest.fail.Exception: The message says what to do.
    """
    wishes_of(item)
    is_its_own = any(marker.name == "briqpay" for marker in item.own_markers)
    if is_its_own and "briqpay_sandbox" not in getattr(item, "fixturenames", ()):
        _refuse("it does nothing for a test without briqpay_sandbox, or one of the fixtures that use it")


def _faults(wanted: Any) -> Iterator[Fault]:
    if not isinstance(wanted, Mapping):
        _refuse("faults must be a dictionary, such as {'status': {'status': 503, 'times': 1}}")
    endpoints = ENDPOINTS | WEBHOOK_EVENTS
    for name, values in wanted.items():
        if name not in KINDS and name not in endpoints:
            kinds, places = ", ".join(sorted(KINDS)), ", ".join(sorted(endpoints))
            _refuse(f"there is no fault or endpoint {name!r}; the faults are {kinds}; the endpoints are {places}")
        for value in values if isinstance(values, list | tuple) else (values,):
            options = {"kind": value} if isinstance(value, str) else value
            if not isinstance(options, Mapping):
                _refuse(f"faults[{name!r}] must be options such as {{'times': 1}}, not {value!r}")
            try:
                yield make_fault(**{"kind" if name in KINDS else "endpoint": name, **options})
            except (TypeError, ValueError) as error:
                _refuse(f"faults[{name!r}]: {error}")


def _refuse(message: str) -> NoReturn:
    pytest.fail(f"@pytest.mark.briqpay: {message}.", pytrace=False)


# --- fixtures --------------------------------------------------------------------------------------------


def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    """Run a sandbox for one test."""
    wishes = wishes_of(request.node)
    now = InstantTime() if wishes.instant else None
    clock = (
        time.monotonic if now is None else now.clock
    )  # a rate or a lag of the sandbox passes with the client's waits
    with Sandbox(clock=clock, **wishes.switches).in_thread() as running:
        for fault in wishes.faults:
            running.faults.arm(fault)
        request.node.stash[_STAGE] = _Stage(running, now)
        yield running


def client(request: pytest.FixtureRequest, running: ThreadedSandbox) -> Iterator[BriqpayClient]:
    """Make a client that may be used in any event loop, and closes by itself as the loop ends."""
    made = BriqpayClient(running.username, running.secret, base_url=running.url)
    caller = made._caller
    connections = LoopTransport(
        lambda: AiohttpTransport(
            base_url=running.url, username=running.username, secret=running.secret, pool=Pool()
        )
    )
    caller.shared.account = ""  # this client's alone: no lock files, and none of an earlier sandbox's
    made._wire(
        connections,
        caller.shared,
        timeouts=caller.timeouts,
        retry=caller.policy,
        hooks=(),
        check_totals=made._check_totals,
    )
    yield _waiting(request, made)
    connections.end_test()


def blocking_client(request: pytest.FixtureRequest, running: ThreadedSandbox) -> Iterator[BlockingBriqpayClient]:
    """Make a client for code without an event loop, and close it."""
    with BlockingBriqpayClient(running.username, running.secret, base_url=running.url) as made:
        yield _waiting(request, made)


def _waiting(request: pytest.FixtureRequest, made: C) -> C:
    """A client that waits as the test wants it."""
    now = request.node.stash[_STAGE].now
    return made if now is None else instant(made, now)


def environment(
    request: pytest.FixtureRequest, running: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """Set the environment variables of a sandbox for one test, in which ``from_env()`` gives impatient clients."""
    from_env: Callable[..., BriqpayClient] = vars(BriqpayClient)["from_env"].__func__

    def waiting_from_env(cls: type[BriqpayClient], *arguments: Any, **options: Any) -> BriqpayClient:
        return _waiting(request, from_env(cls, *arguments, **options))

    monkeypatch.setattr(BriqpayClient, "from_env", classmethod(waiting_from_env))
    variables = {
        "BRIQPAY_USERNAME": running.username,
        "BRIQPAY_SECRET": running.secret,
        "BRIQPAY_WEBHOOK_SECRET": running.webhook_secret,
        "BRIQPAY_BASE_URL": running.url,
        "BRIQPAY_ENVIRONMENT": "playground",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


# --- the report ------------------------------------------------------------------------------------------


def add_requests(item: pytest.Item, report: pytest.TestReport) -> None:
    """Show the sandbox's last requests of a test with its failure."""
    stage = item.stash.get(_STAGE, None)
    if stage is not None and report.failed:
        report.sections.append(("briqpay sandbox", "\n".join(_lines(stage.sandbox))))


def _lines(running: ThreadedSandbox) -> Iterator[str]:
    records, deliveries = tuple(running.journal), tuple(running.deliveries)
    yield f"{len(records)} requests" + (f", the last {_SHOWN}:" if len(records) > _SHOWN else ":")
    for record in records[-_SHOWN:]:
        yield from _request(record)
    if deliveries:
        yield f"{len(deliveries)} webhooks" + (f", the last {_SHOWN}:" if len(deliveries) > _SHOWN else ":")
    for delivery in deliveries[-_SHOWN:]:
        answers = ", ".join(str(attempt.status or attempt.error) for attempt in delivery.attempts) or "not sent"
        yield f"  {delivery.event} {delivery.status} -> {delivery.url}: {delivery.state} ({answers})"


def _request(record: JournalRecord) -> Iterator[str]:
    query = f"?{record.query}" if record.query else ""
    ended = "under way" if record.finished is None else f"{1000 * (record.finished - record.started):.0f} ms"
    answer = "no answer" if record.status is None else str(record.status)
    fault = f", fault {record.fault}" if record.fault else ""
    yield f"  {record.sequence}. {record.method} {record.path}{query} -> {answer}, {ended}{fault}"
    if record.body:
        text = record.body.decode("utf-8", "replace")
        yield f"     {text[:_SHOWN_OF_A_BODY]}{'…' if len(text) > _SHOWN_OF_A_BODY else ''}"
