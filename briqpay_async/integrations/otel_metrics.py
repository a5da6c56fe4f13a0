"""Metrics of calls by the OpenTelemetry API, named by its semantic conventions where those have a name.

| metric | kind, unit | attributes |
|---|---|---|
| ``http.client.request.duration`` | histogram, s | method, ``url.template``, status, ``error.type``, server |
| ``http.client.active_requests`` | up-down counter, {request} | method, ``url.template``, server |
| ``briqpay.client.call.duration`` | histogram, s | method, ``url.template``, ``error.type``, server |
| ``briqpay.client.retries`` | counter, {retry} | method, ``url.template``, ``error.type``, server |
| ``briqpay.client.refusals`` | counter, {refusal} | method, ``url.template``, server |
| ``briqpay.client.failures`` | counter, {call} | method, ``url.template``, ``error.type``, server |
| ``briqpay.client.edit.conflicts`` | counter, {edit} | |
| ``briqpay.client.bulk.rows`` | counter, {row} | ``briqpay.row.status`` |

A request is one attempt; a call is all of its attempts and the waits between them. A refusal is an answer 429. A
failure is a call that raises, or is cancelled, also before its first request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from briqpay_async.bulk.rows import BulkProgress
from briqpay_async.transport.hooks import AttemptEvent, FailureEvent, ResponseEvent, RetryEvent

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

__all__ = ["CallMetrics"]

# Seconds, as the semantic conventions advise, and on to the deadline of a call.
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0)
_MOST_OPEN: Final = 10_000
_ROWS: Final = ("applied", "unchanged", "failed", "skipped")

Attributes = dict[str, str | int]


@attrs.define(eq=False)
class _Open:
    """A call under way.

    Attributes:
        attributes: Of all that is measured of it.
        began: When its first request began.
        request_began: When the request under way began; ``None`` between requests.
    """

    attributes: Attributes
    began: float
    request_began: float | None = None


class CallMetrics:
    """Measures calls from the events that hooks receive."""

    def __init__(
        self, meter: Meter, server: Mapping[str, str | int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make the instruments.

        Args:
            meter: Makes them.
            server: Attributes of the API that is called.
            clock: Monotonic seconds.
        """
        self._server = server
        self._clock = clock
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._requests = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._active = meter.create_up_down_counter(
            "http.client.active_requests", "{request}", "Number of active HTTP requests."
        )
        self._calls = meter.create_histogram(
            "briqpay.client.call.duration",
            "s",
            "Duration of calls with all their attempts and waits.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._retries = meter.create_counter(
            "briqpay.client.retries", "{retry}", "Requests that repeat a failed one."
        )
        self._refusals = meter.create_counter(
            "briqpay.client.refusals", "{refusal}", "Requests that the API refused for their rate (429)."
        )
        self._failures = meter.create_counter("briqpay.client.failures", "{call}", "Calls that raise.")
        self._conflicts = meter.create_counter(
            "briqpay.client.edit.conflicts", "{edit}", "Edits during which others changed the session."
        )
        self._rows = meter.create_counter(
            "briqpay.client.bulk.rows", "{row}", "Rows of bulk runs with an outcome."
        )

    def attempt(self, event: AttemptEvent, template: str) -> None:
        """A request begins."""
        now = self._clock()
        call = self._open.get(event.call_id)
        if call is None:
            call = self._open[event.call_id] = _Open(self._of(event, template), now)
            if len(self._open) > _MOST_OPEN:
                self._forget(self._open.popitem(last=False)[1])
        call.request_began = now
        self._active.add(1, call.attributes)

    def response(self, event: ResponseEvent) -> None:
        """A request was answered; a 2xx ends its call."""
        call = self._open.get(event.call_id)
        if call is None:
            return
        status: Attributes = {"http.response.status_code": event.status}
        if event.status >= 400:
            status["error.type"] = str(event.status)
        self._end_request(call, status, event.elapsed)
        if event.status == 429:
            self._refusals.add(1, call.attributes)
        if 200 <= event.status < 300:
            del self._open[event.call_id]
            self._calls.record(self._clock() - call.began, call.attributes)

    def retry(self, event: RetryEvent) -> None:
        """A request failed, and another one will be made."""
        call = self._open.get(event.call_id)
        if call is not None:
            self._end_request(call, {"error.type": event.error})
            self._retries.add(1, {**call.attributes, "error.type": event.error})

    def failure(self, event: FailureEvent, template: str) -> None:
        """A call ends by raising, or by being cancelled."""
        attributes: Attributes = {**self._of(event, template), "error.type": event.error}
        self._failures.add(1, attributes)
        call = self._open.pop(event.call_id, None)
        if call is not None:
            self._end_request(call, {"error.type": event.error})
            self._calls.record(self._clock() - call.began, attributes)

    def conflict(self) -> None:
        """Others changed a session while it was edited."""
        self._conflicts.add(1)

    def rows(self, before: BulkProgress | None, now: BulkProgress) -> None:
        """A bulk run went on."""
        for name in _ROWS:
            more = getattr(now, name) - (0 if before is None else getattr(before, name))
            if more:
                self._rows.add(more, {"briqpay.row.status": name})

    def _of(self, event: AttemptEvent | FailureEvent, template: str) -> Attributes:
        return {"http.request.method": event.method, "url.template": template, **self._server}

    def _end_request(self, call: _Open, how: Attributes, elapsed: float | None = None) -> None:
        began, call.request_began = call.request_began, None
        if began is not None:
            self._active.add(-1, call.attributes)
            self._requests.record(
                self._clock() - began if elapsed is None else elapsed, {**call.attributes, **how}
            )

    def _forget(self, call: _Open) -> None:
        if call.request_began is not None:
            self._active.add(-1, call.attributes)
