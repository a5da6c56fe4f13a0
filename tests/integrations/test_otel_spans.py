"""A call is one span: when it begins and ends, what it has, and what it never has."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.shop import data, new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    CallTimeoutError,
    ConfigurationError,
    Decision,
    EditableData,
    Environment,
    FailureEvent,
    InvalidDataError,
    OutcomeUnknownError,
    ResponseDecodeError,
    RetryPolicy,
    ServerError,
    SessionNotFoundError,
    SessionPatch,
    TransportError,
    ValidationError,
)
from briqpay_async.integrations import otel
from briqpay_async.integrations.otel import OpenTelemetryHooks
from briqpay_async.sandbox import Sandbox
from briqpay_async.transport.hooks import AttemptEvent, ResponseEvent, RetryEvent

MOVE = SessionPatch.of(data=EditableData(billing=Address(city="Lund")))
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


@pytest.fixture
def hooks(provider: TracerProvider) -> OpenTelemetryHooks:
    return OpenTelemetryHooks(provider)


@pytest.fixture
async def briqpay(sandbox: Sandbox, hooks: OpenTelemetryHooks) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(
        sandbox.username,
        sandbox.secret,
        base_url=sandbox.url,
        retry=RetryPolicy(base=0.001, cap=0.002),
        hooks=[hooks],
    ) as running:
        yield running


@pytest.fixture
async def session_id(client: BriqpayClient) -> str:
    """A session, made by a client that is not traced."""
    return str((await client.sessions.create(new_session())).session_id)


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    """The attributes of a span without the identifier of the call, which must be there."""
    attributes: dict[str, object] = dict(span.attributes or {})
    assert attributes.pop("briqpay.call_id")
    return attributes


def events(span: ReadableSpan) -> list[tuple[str, dict[str, object]]]:
    return [(event.name, dict(event.attributes or {})) for event in span.events]


# --- one span a call -----------------------------------------------------------------------------------------


async def test_a_call_that_succeeds_is_one_client_span(
    briqpay: BriqpayClient, exporter: InMemorySpanExporter, session_id: str
) -> None:
    await briqpay.sessions.update(session_id, MOVE)

    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("PATCH /v3/session/{id}", trace.SpanKind.CLIENT)
    assert span.status.status_code is trace.StatusCode.UNSET
    assert attributes_of(span) == {
        "http.request.method": "PATCH",
        "url.template": "/v3/session/{id}",
        "http.response.status_code": 200,
    }
    assert events(span) == [("briqpay.attempt", {"briqpay.attempt": 1})]
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "briqpay_async"


async def test_a_retried_call_is_one_span_that_shows_each_attempt_and_why(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, session_id: str
) -> None:
    sandbox.faults.add("status", status=503, endpoint="patch", times=1)
    sandbox.faults.add("close_before_answer", endpoint="patch", times=1)

    await briqpay.sessions.update(session_id, MOVE)

    (span,) = exporter.get_finished_spans()
    assert attributes_of(span) == {
        "http.request.method": "PATCH",
        "url.template": "/v3/session/{id}",
        "http.request.resend_count": 2,
        "http.response.status_code": 200,
    }
    assert span.status.status_code is trace.StatusCode.UNSET
    seen = events(span)
    waits = [float(str(attributes.pop("briqpay.wait"))) for name, attributes in seen if name == "briqpay.retry"]
    assert all(0 <= wait <= 0.002 for wait in waits)
    assert seen == [
        ("briqpay.attempt", {"briqpay.attempt": 1}),
        (
            "briqpay.retry",
            {"briqpay.attempt": 1, "error.type": "ServerError", "http.response.status_code": 503},
        ),
        ("briqpay.attempt", {"briqpay.attempt": 2}),
        ("briqpay.retry", {"briqpay.attempt": 2, "error.type": "TransportError"}),
        ("briqpay.attempt", {"briqpay.attempt": 3}),
    ]


async def test_a_refused_call_ends_as_an_error_with_its_status(
    briqpay: BriqpayClient, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(SessionNotFoundError) as caught:
        await briqpay.sessions.read(UNKNOWN)

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description is None
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.template": "/v3/session/{id}",
        "http.response.status_code": 400,
        "error.type": "SessionNotFoundError",
        "briqpay.call_id": caught.value.call_id,
    }


async def test_a_call_that_used_up_its_attempts_shows_the_last_failure_only(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, session_id: str
) -> None:
    sandbox.faults.add("status", status=503, endpoint="read", times=3)
    sandbox.faults.add("reset_mid_body", endpoint="read")

    with pytest.raises(TransportError):
        await briqpay.sessions.read(session_id)

    (span,) = exporter.get_finished_spans()
    assert attributes_of(span) == {
        "http.request.method": "GET",
        "url.template": "/v3/session/{id}",
        "http.request.resend_count": 3,
        "error.type": "TransportError",
    }


async def test_an_unknown_outcome_has_its_own_name(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter
) -> None:
    sandbox.faults.add("apply_then_drop", endpoint="create")

    with pytest.raises(OutcomeUnknownError):
        await briqpay.sessions.create(new_session())

    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /v3/session"
    assert attributes_of(span)["error.type"] == "OutcomeUnknownError"


async def test_an_undecodable_answer_ends_the_span_like_any_other_answer(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, session_id: str
) -> None:
    sandbox.faults.add("malformed_json", endpoint="read")

    with pytest.raises(ResponseDecodeError):
        await briqpay.sessions.read(session_id)

    (span,) = exporter.get_finished_spans()
    assert attributes_of(span)["http.response.status_code"] == 200


async def test_a_patch_that_changes_nothing_makes_no_span(
    briqpay: BriqpayClient, exporter: InMemorySpanExporter, session_id: str
) -> None:
    await briqpay.sessions.update(session_id, SessionPatch())

    assert exporter.get_finished_spans() == ()


async def test_a_call_that_is_refused_before_it_is_sent_makes_no_span(
    briqpay: BriqpayClient, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(ValidationError):
        await briqpay.sessions.read("no-id")

    assert exporter.get_finished_spans() == ()


async def test_concurrent_calls_have_spans_of_their_own_below_their_own_parents(
    briqpay: BriqpayClient, provider: TracerProvider, exporter: InMemorySpanExporter, client: BriqpayClient
) -> None:
    ids = [str((await client.sessions.create(new_session())).session_id) for _ in range(5)]
    tracer = provider.get_tracer("the shop")

    async def handler(session_id: str) -> None:
        with tracer.start_as_current_span(session_id):
            await briqpay.sessions.update(session_id, MOVE)
            await briqpay.sessions.read(session_id)

    await asyncio.gather(*map(handler, ids))

    spans = exporter.get_finished_spans()
    parents = {span.context.span_id: span.name for span in spans if span.context and span.name in ids}
    calls = [(parents[span.parent.span_id], span.name) for span in spans if span.parent]
    assert sorted(calls) == sorted(
        (session_id, name) for session_id in ids for name in ("PATCH /v3/session/{id}", "GET /v3/session/{id}")
    )
    assert len({id_of(span) for span in spans if span.parent}) == 10


def id_of(span: ReadableSpan) -> object:
    return (span.attributes or {})["briqpay.call_id"]


# --- calls that do not end by themselves ----------------------------------------------------------------------


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - neither a server nor a span can be waited for
            await asyncio.sleep(0.001)


async def cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_call_ends_its_span_and_stays_cancelled(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, session_id: str
) -> None:
    sandbox.faults.add("latency", seconds=30, endpoint="read")
    before = len(sandbox.journal)
    task: asyncio.Task[object] = asyncio.create_task(briqpay.sessions.read(session_id))
    await until(lambda: len(sandbox.journal) > before)

    await cancelled(task)

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert attributes_of(span) == {
        "http.request.method": "GET",
        "url.template": "/v3/session/{id}",
        "error.type": "CancelledError",
    }


async def test_a_call_cancelled_while_it_waits_to_be_repeated_ends_its_span(
    briqpay: BriqpayClient,
    hooks: OpenTelemetryHooks,
    sandbox: Sandbox,
    exporter: InMemorySpanExporter,
    session_id: str,
) -> None:
    sandbox.faults.add("status", status=503, retry_after=30, endpoint="read")
    task: asyncio.Task[object] = asyncio.create_task(briqpay.sessions.read(session_id))
    await until(lambda: any(span.events[-1].name == "briqpay.retry" for span in open_spans(hooks)))

    await cancelled(task)

    (span,) = exporter.get_finished_spans()
    assert [name for name, _ in events(span)] == ["briqpay.attempt", "briqpay.retry"]
    assert attributes_of(span)["error.type"] == "CancelledError"


def open_spans(hooks: OpenTelemetryHooks) -> list[ReadableSpan]:
    return [span for span in hooks._open.values() if isinstance(span, ReadableSpan)]


async def test_a_call_that_fails_before_its_first_request_has_a_span_too(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, session_id: str
) -> None:
    sandbox.faults.add("latency", seconds=30, endpoint="patch")
    before = len(sandbox.journal)
    first: asyncio.Task[object] = asyncio.create_task(briqpay.sessions.update(session_id, MOVE))
    await until(lambda: len(sandbox.journal) > before)

    with pytest.raises(CallTimeoutError, match="Updates of this session"):
        await briqpay.sessions.update(session_id, MOVE, timeout=0.01)
    await cancelled(first)

    waited, sent = exporter.get_finished_spans()
    assert attributes_of(waited)["error.type"] == "CallTimeoutError"
    assert events(waited) == []
    assert attributes_of(sent)["error.type"] == "CancelledError"


WAYS_TO_FAIL: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "no body": ({"kind": "status", "status": 200, "body": "empty"}, ResponseDecodeError),
    "half a body": ({"kind": "truncated_json"}, ResponseDecodeError),
    "a refusal": ({"kind": "status", "status": 400}, InvalidDataError),
    "a proxy": ({"kind": "html_502"}, ServerError),
    "a reset": ({"kind": "reset_mid_body"}, TransportError),
    "silence": ({"kind": "latency", "seconds": 30}, CallTimeoutError),
}


@pytest.mark.parametrize("way", WAYS_TO_FAIL)
async def test_no_way_for_a_call_to_end_leaves_its_span_open(
    briqpay: BriqpayClient, hooks: OpenTelemetryHooks, sandbox: Sandbox, session_id: str, way: str
) -> None:
    fault, error = WAYS_TO_FAIL[way]
    sandbox.faults.add(**fault, endpoint="read")

    with pytest.raises(error):
        await briqpay.sessions.read(session_id, timeout=0.5 if way == "silence" else 20)

    assert open_spans(hooks) == []


# --- what a span has, and what it has not ------------------------------------------------------------------

Use = Callable[[BriqpayClient], Awaitable[object]]


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (lambda one: one.sessions.create(new_session()), "POST /v3/session"),
        (
            lambda one: one.sessions.update_metadata(UNKNOWN, references={"a": "b"}),
            "PATCH /v3/session/{id}/metadata",
        ),
        (lambda one: one.sessions.decide(UNKNOWN, Decision.allow()), "POST /v3/session/{id}/decision"),
        (lambda one: one.orders.cancel(UNKNOWN), "POST /v3/session/{id}/order/cancel"),
        (lambda one: one.orders.release_remaining(UNKNOWN), "POST /v3/session/{id}/order/release-remaining"),
        (
            lambda one: one.orders.update_references(UNKNOWN, {"a": "b"}),
            "PATCH /v3/session/{id}/order/update/references",
        ),
        (lambda one: one.tokens.read("tok-1"), "GET /v3/token/{id}"),
        (lambda one: one.tokens.deactivate("session"), "DELETE /v3/token/{id}"),
        (lambda one: one.hosted_pages.create(UNKNOWN), "POST /v3/hosted-page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_span_is_named_by_a_template_without_identifiers(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, use: Use, name: str
) -> None:
    sandbox.faults.add("status", status=400)

    with pytest.raises(InvalidDataError):
        await use(briqpay)

    assert exporter.get_finished_spans()[0].name == name


async def test_a_span_has_no_query_headers_body_identifiers_or_credentials(
    briqpay: BriqpayClient, sandbox: Sandbox, exporter: InMemorySpanExporter, session_id: str
) -> None:
    sandbox.faults.add("html_502", endpoint="patch", nth=1)
    patch = SessionPatch.of(data=data())

    await briqpay.sessions.update(session_id, patch, fields=["status"], headers={"X-Shop": "hidden-value"})

    shown = exporter.get_finished_spans()[0].to_json()
    hidden = ["hidden-value", "X-Shop", "ada@shop.example", "fields", session_id, sandbox.secret, "nginx"]
    assert [text for text in hidden if text in shown] == []


@pytest.mark.parametrize(
    ("base_url", "address", "port"),
    [
        (Environment.PLAYGROUND.base_url, "playground-api.briqpay.com", 443),
        ("http://127.0.0.1:8080", "127.0.0.1", 8080),
        ("http://localhost", "localhost", 80),
    ],
)
async def test_a_span_names_the_server_where_it_is_known(
    provider: TracerProvider, exporter: InMemorySpanExporter, base_url: str, address: str, port: int
) -> None:
    hooks = OpenTelemetryHooks(provider, base_url=base_url)

    hooks.on_failure(
        FailureEvent(
            call_id="1", method="GET", path="/v3/session", attempts=0, error="WrongLoopError", status=None
        )
    )

    attributes = exporter.get_finished_spans()[0].attributes or {}
    assert (attributes["server.address"], attributes["server.port"]) == (address, port)


# --- what is kept ---------------------------------------------------------------------------------------------


def attempt(number: int, attempt: int = 1) -> AttemptEvent:
    return AttemptEvent(call_id=str(number), method="GET", path="/v3/session/s", attempt=attempt)


def test_spans_that_never_end_are_bounded_and_the_oldest_goes_first(
    hooks: OpenTelemetryHooks, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otel, "_MOST_OPEN", 3)

    for number in range(5):
        hooks.on_attempt(attempt(number))

    spans = exporter.get_finished_spans()
    assert [id_of(span) for span in spans] == ["0", "1"]
    assert all((span.attributes or {})["briqpay.abandoned"] is True for span in spans)
    assert list(hooks._open) == ["2", "3", "4"]


def test_news_of_a_call_whose_span_is_gone_is_passed_over(
    hooks: OpenTelemetryHooks, exporter: InMemorySpanExporter
) -> None:
    common = {"call_id": "9", "method": "GET", "path": "/v3/session/s"}
    hooks.on_attempt(attempt(9, attempt=2))
    hooks.on_retry(RetryEvent(**common, attempt=1, wait=0.1, error="ServerError", status=503))
    hooks.on_response(ResponseEvent(**common, attempt=2, status=200, size=0, elapsed=0.1))
    hooks.on_failure(FailureEvent(**common, attempts=2, error="ServerError", status=503))

    assert exporter.get_finished_spans() == ()
    assert open_spans(hooks) == []


def test_a_span_that_is_sampled_out_is_not_kept() -> None:
    hooks = OpenTelemetryHooks(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))

    hooks.on_attempt(attempt(1))

    assert len(hooks._open) == 0


def test_without_a_provider_the_global_one_is_used() -> None:
    hooks = OpenTelemetryHooks()

    hooks.on_attempt(attempt(1))

    assert len(hooks._open) == 0  # none is set, so nothing is recorded


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(ConfigurationError, match=r"briqpay-async\[otel\]"):
        OpenTelemetryHooks()


def test_importing_the_integration_does_not_load_its_library() -> None:
    program = "import sys, briqpay_async.integrations.otel; print('opentelemetry' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "False\n"
