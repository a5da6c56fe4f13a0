"""OpenTelemetry: a span for each call, and metrics. Needs the extra ``otel``, which is loaded on use only.

Names follow the semantic conventions for HTTP clients where there is one; ``otel_metrics`` lists the metrics.
Spans and metrics have what hooks receive and no more: never a body, a header, a query, a credential or an
identifier in a path.

There is no ``PrometheusHooks``: ``opentelemetry-exporter-prometheus`` serves the same metrics for Prometheus.

Example:
    >>> from opentelemetry.exporter.prometheus import PrometheusMetricReader
    >>> from opentelemetry.sdk.metrics import MeterProvider
    >>> from prometheus_client import start_http_server
    >>> start_http_server(9464)  # where Prometheus looks
    >>> hooks = OpenTelemetryHooks(meter_provider=MeterProvider([PrometheusMetricReader()]))
    >>> briqpay = BriqpayClient(username, secret, hooks=[hooks])

Queries for a dashboard, in PromQL: the 95th percentile of a call, the share of calls that fail, and refusals of
the rate a minute. Alert on the second.

    histogram_quantile(0.95, sum by (le, url_template) (rate(briqpay_client_call_duration_seconds_bucket[5m])))
    sum(rate(briqpay_client_failures_total[5m])) / sum(rate(briqpay_client_call_duration_seconds_count[5m]))
    sum(rate(briqpay_client_refusals_total[1m])) * 60
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from briqpay_async.bulk.rows import BulkProgress
from briqpay_async.config import check_base_url
from briqpay_async.errors import ConfigurationError
from briqpay_async.integrations.otel_metrics import CallMetrics
from briqpay_async.transport.hooks import (
    AttemptEvent,
    CallHooks,
    ChangedElsewhereEvent,
    FailureEvent,
    ResponseEvent,
    RetryEvent,
)
from briqpay_async.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["OpenTelemetryHooks"]

_MOST_OPEN: Final = 10_000

# The parts of paths that are words of the API. Anything else is an identifier.
_WORDS: Final = frozenset(
    {
        "cancel",
        "capture",
        "decision",
        "hosted-page",
        "metadata",
        "order",
        "references",
        "refund",
        "release-remaining",
        "session",
        "token",
        "update",
        "v3",
    }
)


class OpenTelemetryHooks(CallHooks):
    """Makes one ``CLIENT`` span for each call, with an event for each attempt and each retry, and measures calls.

    The span is a child of the one that is current when the call makes its first request, and ends with the call:
    after an answer with status 2xx, after a failure, and when the call is cancelled. A call that fails before its
    first request has a span too. It is named by method and path template, such as ``PATCH /v3/session/{id}``, and
    ``briqpay.call_id`` is the identifier that errors and log records of the call carry.

    An answer with status 2xx that cannot be decoded ends the span well: the exchange worked, and the
    ``ResponseDecodeError`` is the caller's.

    One instance may serve any number of clients. At most 10 000 spans are open at once: beyond that the oldest one
    is ended, with ``briqpay.abandoned`` set.

    Example:
        >>> BriqpayClient(username, secret, hooks=[OpenTelemetryHooks()])
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        *,
        meter_provider: MeterProvider | None = None,
        base_url: str | None = None,
    ) -> None:
        """Make hooks.

        Args:
            tracer_provider: Where spans go; the global provider when left out.
            meter_provider: Where metrics go; the global provider when left out.
            base_url: The API that the client calls, such as ``Environment.PRODUCTION.base_url``: gives
                ``server.address`` and ``server.port``, which spans and metrics lack without it.

        Raises:
            ConfigurationError: opentelemetry-api is not installed, or ``base_url`` is one that no client takes.
        """
        try:
            from opentelemetry import metrics, trace  # noqa: PLC0415 - the library is optional
        except ImportError as error:
            raise ConfigurationError("Install the extra first: pip install 'briqpay-async[otel]'.") from error
        self._client = trace.SpanKind.CLIENT
        self._failed = trace.StatusCode.ERROR
        self._tracer = trace.get_tracer("briqpay_async", __version__, tracer_provider)
        self._server = {} if base_url is None else _server(check_base_url(base_url))
        self._metrics = CallMetrics(metrics.get_meter("briqpay_async", __version__, meter_provider), self._server)
        # By call. An ordered dictionary because its methods are atomic: clients of several threads may share it.
        self._open: OrderedDict[str, Span] = OrderedDict()

    def on_attempt(self, event: AttemptEvent) -> None:
        """Open the span of the call with its first attempt."""
        self._metrics.attempt(event, _template(event.path))
        span = self._start(event) if event.attempt == 1 else self._open.get(event.call_id)
        if span is None:
            return
        if event.attempt > 1:
            span.set_attribute("http.request.resend_count", event.attempt - 1)
        span.add_event("briqpay.attempt", {"briqpay.attempt": event.attempt})

    def on_response(self, event: ResponseEvent) -> None:
        """End the span with the answer that succeeds; any other ends with the retry or the failure."""
        self._metrics.response(event)
        if 200 <= event.status < 300:
            self._end(event.call_id, {"http.response.status_code": event.status})

    def on_retry(self, event: RetryEvent) -> None:
        """Note why another request is made, and when."""
        self._metrics.retry(event)
        span = self._open.get(event.call_id)
        if span is not None:
            attributes: dict[str, str | int | float] = {
                "briqpay.attempt": event.attempt,
                "briqpay.wait": event.wait,
                "error.type": event.error,
            }
            if event.status is not None:
                attributes["http.response.status_code"] = event.status
            span.add_event("briqpay.retry", attributes)

    def on_failure(self, event: FailureEvent) -> None:
        """End the span of a call that raises or is cancelled."""
        self._metrics.failure(event, _template(event.path))
        if event.attempts == 0:
            self._start(event)
        attributes: dict[str, str | int] = {"error.type": event.error}
        if event.status is not None:
            attributes["http.response.status_code"] = event.status
        self._end(event.call_id, attributes, failed=True)

    def on_changed_elsewhere(self, event: ChangedElsewhereEvent) -> None:  # noqa: ARG002 - it only counts
        """Count an edit during which others changed the session."""
        self._metrics.conflict()

    def bulk_progress(
        self, callback: Callable[[BulkProgress], object] | None = None
    ) -> Callable[[BulkProgress], object]:
        """Make the ``progress`` argument of one bulk run, to count its rows as they get their outcomes.

        Args:
            callback: A callback of yours that sees each snapshot too.

        Example:
            >>> async for outcome in briqpay.sessions.update_many(rows, progress=hooks.bulk_progress()): ...
        """
        before: BulkProgress | None = None

        def count(now: BulkProgress) -> None:
            nonlocal before
            self._metrics.rows(before, now)
            before = now
            if callback is not None:
                callback(now)

        return count

    def _start(self, event: AttemptEvent | FailureEvent) -> Span | None:
        template = _template(event.path)
        span = self._tracer.start_span(
            f"{event.method} {template}",
            kind=self._client,
            attributes={
                "http.request.method": event.method,
                "url.template": template,
                "briqpay.call_id": event.call_id,
                **self._server,
            },
        )
        if not span.is_recording():  # sampled out: there is nothing to keep
            return None
        self._open[event.call_id] = span
        if len(self._open) > _MOST_OPEN:
            _, oldest = self._open.popitem(last=False)
            oldest.set_attribute("briqpay.abandoned", True)
            oldest.end()
        return span

    def _end(self, call_id: str, attributes: Mapping[str, str | int], *, failed: bool = False) -> None:
        span = self._open.pop(call_id, None)
        if span is not None:
            span.set_attributes(attributes)
            if failed:
                span.set_status(self._failed)
            span.end()


def _template(path: str) -> str:
    return "/".join(part if part in _WORDS or not part else "{id}" for part in path.split("/"))


def _server(base_url: str) -> dict[str, str | int]:
    parts = urlsplit(base_url)
    return {
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
