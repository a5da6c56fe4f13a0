"""What hooks and the log are told of a call under way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import attrs

from briqpay_async.errors import BriqpayError
from briqpay_async.events import AttemptEvent, CallHooks, FailureEvent, ResponseEvent, RetryEvent
from briqpay_async.protocol import Request, Response

__all__ = ["Call", "Teller"]

Event: TypeAlias = AttemptEvent | ResponseEvent | RetryEvent | FailureEvent

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
        reached: As ``TransportError.sent``, for all of its requests that may have had an effect.
    """

    request: Request
    number: int
    deadline: float
    seconds: float
    started: float = 0.0
    attempts: int = 0
    reached: bool | None = False


@attrs.frozen(eq=False, repr=False)
class Teller:
    """Tells hooks and the log of what happens to calls.

    Attributes:
        hooks: Told of every attempt, answer, retry and failure.
        prefix: Makes the identifiers of calls unique beyond one client.
    """

    hooks: Sequence[CallHooks]
    prefix: str

    def call_id(self, call: Call) -> str:
        """What errors, events and log records of a call have in common."""
        return f"{self.prefix}-{call.number:x}"

    def attempt(self, call: Call) -> None:
        """A request is about to be made."""
        self._tell("on_attempt", AttemptEvent, call, attempt=call.attempts)

    def response(self, call: Call, response: Response, elapsed: float) -> None:
        """An answer came, so many seconds after its request."""
        self._tell(
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
        )
        self._tell("on_retry", RetryEvent, call, attempt=call.attempts, wait=wait, error=name, status=status)

    def failure(self, call: Call, error: BaseException) -> None:
        """The call ends by raising, or by being cancelled. An error of this library is told which call it ends."""
        status = None
        if isinstance(error, BriqpayError):
            error.method, error.path = call.request.method, call.request.shown_path
            error.attempts, error.call_id = call.attempts, self.call_id(call)
            status = error.status
        name = type(error).__name__
        self._tell("on_failure", FailureEvent, call, attempts=call.attempts, error=name, status=status)

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
        )

    def _tell(self, hook_name: str, event: Callable[..., Event], call: Call, **more: Any) -> None:
        if not self.hooks:
            return
        request = call.request
        made = event(call_id=self.call_id(call), method=request.method, path=request.shown_path, **more)
        for hook in self.hooks:
            try:
                getattr(hook, hook_name)(made)
            except Exception:  # a watcher must not break what it watches
                logger.exception("the hook %s.%s raised", type(hook).__name__, hook_name)
