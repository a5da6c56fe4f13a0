"""What hooks are told of a call. Never a body, a header, a query, a credential or the identifier of a token."""

from __future__ import annotations

import attrs

from briqpay_async.values import Value

__all__ = ["AttemptEvent", "CallHooks", "FailureEvent", "ResponseEvent", "RetryEvent"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class AttemptEvent(Value):
    """A request is about to be made.

    Attributes:
        call_id: Shared by all attempts of one call.
        method: HTTP method.
        path: Path, without the query.
        attempt: 1 for the first request of the call.
    """

    call_id: str
    method: str
    path: str
    attempt: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ResponseEvent(Value):
    """An answer came back, whatever its status. A 2xx status ends the requests of the call.

    The call can still end by raising, when no sense can be made of the answer.

    Attributes:
        call_id: Shared by all attempts of one call.
        method: HTTP method.
        path: Path, without the query.
        attempt: Which request of the call was answered.
        status: HTTP status.
        size: Bytes of the answer's body.
        elapsed: Seconds from this request to its whole answer.
    """

    call_id: str
    method: str
    path: str
    attempt: int
    status: int
    size: int
    elapsed: float


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RetryEvent(Value):
    """A failed request will be repeated.

    Attributes:
        call_id: Shared by all attempts of one call.
        method: HTTP method.
        path: Path, without the query.
        attempt: Which request of the call failed.
        wait: Seconds until the next one.
        error: Class name of the failure.
        status: HTTP status of the failure, ``None`` when there was no answer.
    """

    call_id: str
    method: str
    path: str
    attempt: int
    wait: float
    error: str
    status: int | None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FailureEvent(Value):
    """The call ends by raising, or by being cancelled.

    Attributes:
        call_id: Shared by all attempts of one call.
        method: HTTP method.
        path: Path, without the query.
        attempts: Requests made.
        error: Class name of what is raised; ``CancelledError`` when the call was cancelled.
        status: HTTP status of the failure, ``None`` when there was no answer.
    """

    call_id: str
    method: str
    path: str
    attempts: int
    error: str
    status: int | None


class CallHooks:
    """Base class of hooks: override what you need. Hooks are synchronous and run inside the call.

    A hook that raises is logged and otherwise ignored: watching a call never breaks it.
    """

    def on_attempt(self, event: AttemptEvent) -> None:
        """Called before each request."""

    def on_response(self, event: ResponseEvent) -> None:
        """Called after each answer."""

    def on_retry(self, event: RetryEvent) -> None:
        """Called before each wait for another request."""

    def on_failure(self, event: FailureEvent) -> None:
        """Called once when the call ends by raising, or by being cancelled."""
