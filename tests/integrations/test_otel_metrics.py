"""What is measured of calls, by which names, and what Prometheus sees of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, generate_latest
from support.shop import data, line, new_session

from briqpay_async import (
    Address,
    AttemptEvent,
    BriqpayClient,
    BulkProgress,
    CallTimeoutError,
    ChangedElsewhereEvent,
    EditableData,
    InvalidDataError,
    ResponseEvent,
    RetryEvent,
    RetryPolicy,
    ServerError,
    SessionPatch,
    SessionUpdate,
)
from briqpay_async.integrations import otel, otel_metrics
from briqpay_async.integrations.otel import OpenTelemetryHooks
from briqpay_async.sandbox import Sandbox

MOVE = SessionPatch.of(data=EditableData(billing=Address(city="Lund")))
READ = {"http.request.method": "GET", "url.template": "/v3/session/{id}"}


class Metrics:
    """What a reader in memory has."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def points(self, name: str) -> list[Any]:
        collected = self.reader.get_metrics_data()
        metrics = [
            metric
            for resource in (collected.resource_metrics if collected else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        return [point for metric in metrics for point in metric.data.data_points]

    def counts(self, name: str, attribute: str) -> dict[Any, int]:
        """How often something was measured, by an attribute."""
        found: dict[Any, int] = {}
        for point in self.points(name):
            key = point.attributes.get(attribute)
            found[key] = found.get(key, 0) + (point.count if hasattr(point, "count") else point.value)
        return found


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    made = Metrics()
    yield made
    made.provider.shutdown()


@pytest.fixture
def hooks(metrics: Metrics) -> OpenTelemetryHooks:
    return OpenTelemetryHooks(meter_provider=metrics.provider)


@pytest.fixture
async def briqpay(sandbox: Sandbox, hooks: OpenTelemetryHooks) -> AsyncIterator[BriqpayClient]:
    retry = RetryPolicy(base=0.001, cap=0.002)
    async with BriqpayClient(
        sandbox.username, sandbox.secret, base_url=sandbox.url, retry=retry, hooks=[hooks]
    ) as running:
        yield running


@pytest.fixture
async def session_id(client: BriqpayClient) -> str:
    return (await client.sessions.create(new_session(data(line("sku-1"))))).id


async def test_requests_and_calls_are_measured_by_method_template_and_status(
    briqpay: BriqpayClient, sandbox: Sandbox, session_id: str, metrics: Metrics
) -> None:
    sandbox.faults.add("status", endpoint="read", status=503, retry_after=0, times=1)
    sandbox.faults.add("status", endpoint="read", status=429, retry_after=0, times=1)
    await briqpay.sessions.read(session_id)

    requests = metrics.points("http.client.request.duration")
    assert [dict(point.attributes) for point in requests] == [
        {**READ, "http.response.status_code": 503, "error.type": "503"},
        {**READ, "http.response.status_code": 429, "error.type": "429"},
        {**READ, "http.response.status_code": 200},
    ]
    assert requests[0].explicit_bounds[0] == 0.005
    (call,) = metrics.points("briqpay.client.call.duration")
    assert (dict(call.attributes), call.count) == (READ, 1)
    assert call.sum >= sum(point.sum for point in requests)
    assert metrics.counts("briqpay.client.retries", "error.type") == {"ServerError": 1, "RateLimitedError": 1}
    assert metrics.counts("briqpay.client.refusals", "url.template") == {"/v3/session/{id}": 1}
    assert metrics.points("briqpay.client.failures") == []
    assert metrics.counts("http.client.active_requests", "url.template") == {"/v3/session/{id}": 0}


async def test_failures_are_counted_by_their_error(
    briqpay: BriqpayClient, sandbox: Sandbox, session_id: str, metrics: Metrics
) -> None:
    sandbox.faults.add("status", endpoint="read", status=400, times=1)
    with pytest.raises(InvalidDataError):
        await briqpay.sessions.read(session_id)
    sandbox.faults.add("latency", endpoint="read", seconds=60)
    with pytest.raises(CallTimeoutError):
        await briqpay.sessions.read(session_id, timeout=0.5)

    by_error = {"InvalidDataError": 1, "CallTimeoutError": 1}
    assert metrics.counts("briqpay.client.failures", "error.type") == by_error
    assert metrics.counts("briqpay.client.call.duration", "error.type") == by_error
    assert metrics.counts("http.client.request.duration", "error.type") == {"400": 1, "CallTimeoutError": 1}
    assert metrics.counts("http.client.active_requests", "http.request.method") == {"GET": 0}


async def test_a_call_that_fails_before_its_first_request_is_counted(
    briqpay: BriqpayClient, session_id: str, metrics: Metrics
) -> None:
    async with briqpay.sessions.edit(session_id):
        with pytest.raises(CallTimeoutError):
            await asyncio.create_task(_late_update(briqpay, session_id))
    assert metrics.counts("briqpay.client.failures", "error.type") == {"CallTimeoutError": 1}
    assert metrics.counts("briqpay.client.call.duration", "error.type") == {None: 1}


async def _late_update(briqpay: BriqpayClient, session_id: str) -> None:
    from contextvars import Context

    call = briqpay.sessions.update(session_id, MOVE, timeout=0.02)
    await asyncio.create_task(call, context=Context())  # no part of the edit


async def test_requests_under_way_can_be_seen(
    briqpay: BriqpayClient, sandbox: Sandbox, session_id: str, metrics: Metrics
) -> None:
    sandbox.faults.add("latency", endpoint="read", seconds=30)
    call = asyncio.create_task(briqpay.sessions.read(session_id))
    while len(sandbox.journal) < 2:  # noqa: ASYNC110 - the sandbox has no event for it
        await asyncio.sleep(0.005)
    assert metrics.counts("http.client.active_requests", "http.request.method") == {"GET": 1}
    call.cancel()
    await asyncio.wait((call,))
    assert metrics.counts("http.client.active_requests", "http.request.method") == {"GET": 0}
    assert metrics.counts("briqpay.client.failures", "error.type") == {"CancelledError": 1}


async def test_rows_of_a_bulk_run_are_counted_by_what_became_of_them(
    briqpay: BriqpayClient, hooks: OpenTelemetryHooks, session_id: str, metrics: Metrics
) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    rows = [
        SessionUpdate(session_id, MOVE),
        SessionUpdate(unknown, MOVE),
        SessionUpdate(session_id, SessionPatch.of()),
    ]
    seen: list[BulkProgress] = []
    outcomes = [
        outcome async for outcome in briqpay.sessions.update_many(rows, progress=hooks.bulk_progress(seen.append))
    ]
    assert len(outcomes) == 3
    assert seen[-1].done == 3
    expected = {"applied": 1, "failed": 1, "unchanged": 1}
    assert metrics.counts("briqpay.client.bulk.rows", "briqpay.row.status") == expected
    async for _ in briqpay.sessions.update_many(rows[:1], progress=hooks.bulk_progress()):
        pass
    assert metrics.counts("briqpay.client.bulk.rows", "briqpay.row.status") == {**expected, "applied": 2}


def test_edits_that_met_others_are_counted(hooks: OpenTelemetryHooks, metrics: Metrics) -> None:
    hooks.on_changed_elsewhere(ChangedElsewhereEvent(path="/v3/session/s", pointers=("/data/order",)))
    assert [point.value for point in metrics.points("briqpay.client.edit.conflicts")] == [1]


def test_calls_that_never_end_are_bounded(
    hooks: OpenTelemetryHooks, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otel_metrics, "_MOST_OPEN", 2)
    common = {"method": "GET", "path": "/v3/session/s"}
    for number in range(4):
        hooks.on_attempt(AttemptEvent(call_id=str(number), attempt=1, **common))
    assert metrics.counts("http.client.active_requests", "http.request.method") == {"GET": 2}
    hooks.on_retry(RetryEvent(call_id="0", attempt=1, wait=0.1, error="ServerError", status=503, **common))
    hooks.on_response(ResponseEvent(call_id="0", attempt=2, status=200, size=0, elapsed=0.1, **common))
    assert metrics.points("briqpay.client.call.duration") == []
    hooks.on_retry(RetryEvent(call_id="3", attempt=1, wait=0.1, error="TransportError", status=None, **common))
    hooks.on_attempt(AttemptEvent(call_id="4", attempt=1, **common))  # the oldest one waits between two requests
    hooks.on_attempt(AttemptEvent(call_id="5", attempt=1, **common))
    assert metrics.counts("http.client.active_requests", "http.request.method") == {"GET": 2}


async def test_nothing_that_identifies_a_session_or_a_person_is_measured(
    briqpay: BriqpayClient, sandbox: Sandbox, session_id: str, metrics: Metrics
) -> None:
    sandbox.faults.add("status", endpoint="patch", status=503)
    with pytest.raises(ServerError):
        await briqpay.sessions.update(session_id, SessionPatch.of(data=data()))
    shown = str(metrics.reader.get_metrics_data())
    assert "briqpay.client.failures" in shown
    assert [text for text in (session_id, "ada@shop.example", sandbox.secret) if text in shown] == []


async def test_prometheus_has_what_the_queries_of_the_documentation_ask_for(
    sandbox: Sandbox, session_id: str
) -> None:
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    hooks = OpenTelemetryHooks(meter_provider=provider)
    try:
        async with BriqpayClient(
            sandbox.username, sandbox.secret, base_url=sandbox.url, hooks=[hooks], retry=RetryPolicy(base=0.001)
        ) as briqpay:
            sandbox.faults.add("status", endpoint="read", status=429, retry_after=0, times=1)
            await briqpay.sessions.read(session_id)
            sandbox.faults.add("status", endpoint="read", status=400)
            with pytest.raises(InvalidDataError):
                await briqpay.sessions.read(session_id)
        served = generate_latest(REGISTRY).decode()
    finally:
        provider.shutdown()
    asked = set(re.findall(r"briqpay_client_\w+", otel.__doc__ or ""))
    assert len(asked) == 4
    assert {name for name in asked if f"\n{name}{{" not in served} == set()
    assert 'url_template="/v3/session/{id}"' in served
