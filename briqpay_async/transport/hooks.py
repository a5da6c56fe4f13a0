"""What hooks see of a call: never a body, a header, a query, a credential or the identifier of a token."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import attrs

from briqpay_async.errors import BriqpayError
from briqpay_async.transport.requests import Request, Response
from briqpay_async.transport.session_locks import Hold

__all__ = [
    "AttemptEvent",
    "Call",
    "CallHooks",
    "ChangedElsewhereEvent",
    "FailureEvent",
    "HookDispatcher",
    "ResponseEvent",
    "RetryEvent",
]


@attrs.frozen(kw_only=True)
class AttemptEvent:
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


@attrs.frozen(kw_only=True)
class ResponseEvent:
    """An answer came back, whatever its status. A 2xx status ends the requests of the call.

    The call can still end by raising, when the answer cannot be decoded.

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


@attrs.frozen(kw_only=True)
class RetryEvent:
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


@attrs.frozen(kw_only=True)
class FailureEvent:
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


@attrs.frozen(kw_only=True)
class ChangedElsewhereEvent:
    """The answer to an edit shows changes of its session that the edit did not make.

    Attributes:
        path: Path of the session.
        pointers: JSON pointers of what is another than it was.
    """

    path: str
    pointers: tuple[str, ...]


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

    def on_changed_elsewhere(self, event: ChangedElsewhereEvent) -> None:
        """Called once for each edit, or state of a writer, whose answer shows changes of others."""


Event: TypeAlias = AttemptEvent | ResponseEvent | RetryEvent | FailureEvent | ChangedElsewhereEvent

logger: Final = logging.getLogger("briqpay_async")
logger.addHandler(logging.NullHandler())


@attrs.define(eq=False, repr=False)
class Call:
    """The state of one call under way.

    Attributes:
        request: What is sent.
        number: Of the call, among all of its client.
        deadline: When it has to end, on the client's clock.
        seconds: How long it has in all.
        started: When its last attempt began, on the client's clock.
        attempts: Requests made.
        sent: As ``TransportError.sent``, for all of its requests that may have had an effect.
        hold: Its place in the order of a session, where it had to wait for one or shares it with other processes.
    """

    request: Request
    number: int
    deadline: float
    seconds: float
    started: float = 0.0
    attempts: int = 0
    sent: bool | None = False
    hold: Hold | None = None


@attrs.frozen(eq=False, repr=False)
class HookDispatcher:
    """Calls the hooks and writes the log, at each event of a call.

    Attributes:
        hooks: Called for every attempt, answer, retry and failure.
        prefix: Makes the identifiers of calls unique beyond one client.
    """

    hooks: Sequence[CallHooks]
    prefix: str

    def call_id(self, call: Call) -> str:
        """What errors, events and log records of a call have in common."""
        return f"{self.prefix}-{call.number:x}"

    def attempt(self, call: Call) -> None:
        """A request is about to be made."""
        self._emit_for_call("on_attempt", AttemptEvent, call, attempt=call.attempts)

    def response(self, call: Call, response: Response, elapsed: float) -> None:
        """An answer came, so many seconds after its request."""
        self._emit_for_call(
            "on_response",
            ResponseEvent,
            call,
            attempt=call.attempts,
            status=response.status,
            size=len(response.body),
            elapsed=elapsed,
        )

    def retry(self, call: Call, error: BaseException | None, wait: float) -> None:
        """Another request will be made, in so many seconds."""
        name = type(error).__name__
        status = error.status if isinstance(error, BriqpayError) else None
        logger.info(
            "%s %s failed (%s%s), attempt %s; again in %.3f s (call %s)",
            call.request.method,
            call.request.shown_path,
            name,
            f" {status}" if status else "",
            call.attempts,
            wait,
            self.call_id(call),
            extra=self._extra(call, status, error=name, wait=wait),
        )
        self._emit_for_call(
            "on_retry", RetryEvent, call, attempt=call.attempts, wait=wait, error=name, status=status
        )

    def failure(self, call: Call, error: BaseException) -> None:
        """The call ends by raising, or by being cancelled. An error of this library gets the name of the call."""
        status = None
        if isinstance(error, BriqpayError):
            error.method, error.path = call.request.method, call.request.shown_path
            error.attempts, error.call_id = call.attempts, self.call_id(call)
            status = error.status
        name = type(error).__name__
        self._emit_for_call("on_failure", FailureEvent, call, attempts=call.attempts, error=name, status=status)

    def log_answer(self, call: Call, response: Response) -> None:
        """Note an answer in the log."""
        logger.debug(
            "%s %s -> %s, %s bytes, attempt %s (call %s)",
            call.request.method,
            call.request.shown_path,
            response.status,
            len(response.body),
            call.attempts,
            self.call_id(call),
            extra=self._extra(call, response.status),
        )

    def _extra(self, call: Call, status: int | None, **more: Any) -> dict[str, Any]:
        """What a log record has beside its text, for handlers that write JSON."""
        request = call.request
        return {
            "briqpay_call_id": self.call_id(call),
            "briqpay_session_id": _session_of(request.path),
            "briqpay_method": request.method,
            "briqpay_attempt": call.attempts,
            "briqpay_status": status,
            **{f"briqpay_{name}": value for name, value in more.items()},
        }

    def changed_elsewhere(self, path: str, pointers: tuple[str, ...]) -> None:
        """The answer to an edit shows changes of others."""
        logger.warning(
            "somebody else changed %s of %s",
            ", ".join(pointers),
            path,
            extra={"briqpay_session_id": _session_of(path), "briqpay_pointers": list(pointers)},
        )
        self._emit("on_changed_elsewhere", ChangedElsewhereEvent(path=path, pointers=pointers))

    def _emit_for_call(self, hook_name: str, event: Callable[..., Event], call: Call, **more: Any) -> None:
        if self.hooks:
            request = call.request
            made = event(call_id=self.call_id(call), method=request.method, path=request.shown_path, **more)
            self._emit(hook_name, made)

    def _emit(self, hook_name: str, made: Event) -> None:
        for hook in self.hooks:
            try:
                getattr(hook, hook_name)(made)
            except Exception:  # a watcher must not break what it watches
                logger.exception("the hook %s.%s raised", type(hook).__name__, hook_name)


def _session_of(path: str) -> str | None:
    """The session that a path names."""
    parts = path.split("/")
    return parts[3] if len(parts) > 3 and parts[2] == "session" else None
