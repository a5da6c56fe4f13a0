"""Every error this library raises, as one tree under ``BriqpayError``.

Errors are plain data: they pickle, so they cross process pools and task queues, and they hold no live
object (no response, no connection). The context fields are the same on all of them, ``None`` where unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "APIError",
    "AuthenticationError",
    "BriqpayError",
    "CallTimeoutError",
    "CancelNotSupportedError",
    "CaptureNotAllowedError",
    "CartItemNotFoundError",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "EditConflictError",
    "InvalidDataError",
    "OutcomeUnknownError",
    "PatchNotAppliedError",
    "RateLimitedError",
    "ResponseDecodeError",
    "ServerError",
    "SessionCompletedError",
    "SessionInitializingError",
    "SessionNotFoundError",
    "SharedStateError",
    "TotalsMismatchError",
    "TransportError",
    "UnpatchableChangeError",
    "ValidationError",
    "WebhookError",
    "WebhookMalformedError",
    "WebhookNotConfirmedError",
    "WebhookSignatureError",
    "WrongLoopError",
]


class BriqpayError(Exception):
    """Base of every error of this library.

    Attributes:
        message: What went wrong, starting with what to do where there is something to do.
        status: HTTP status of the answer, ``None`` when there was none.
        code: Error code of the API, such as ``"INVALID_DATA"``.
        retry_after: Seconds that the server asked to wait, already parsed.
        headers: Headers of the answer that are safe to show, names in lower case.
        body: Text of an error answer that was not the documented JSON envelope.
        method: HTTP method of the call.
        path: Path of the call, without the query.
        attempts: Requests made for the call, the failed last one included.
        call_id: Identifier shared by all attempts of the call; hooks and log records carry the same one.
    """

    message: str
    status: int | None
    code: str | None
    retry_after: float | None
    headers: Mapping[str, str]
    body: str | None
    method: str | None
    path: str | None
    attempts: int
    call_id: str | None

    # One positional argument only: the default pickling of exceptions calls ``cls(*args)`` and then
    # restores ``__dict__``, so every subclass keeps its own data behind keywords with defaults.
    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        method: str | None = None,
        path: str | None = None,
        attempts: int = 0,
        call_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        self.body = body
        self.method = method
        self.path = path
        self.attempts = attempts
        self.call_id = call_id

    def __str__(self) -> str:
        where = f" [{self.method} {self.path}]" if self.method else ""
        what = " ".join(str(part) for part in (self.status, self.code) if part is not None)
        tried = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        call = f" (call {self.call_id})" if self.call_id else ""
        return f"{what + ': ' if what else ''}{self.message}{where}{tried}{call}"


class ConfigurationError(BriqpayError):
    """The client was given settings it cannot work with; raised before anything is sent."""


class WrongLoopError(BriqpayError):
    """The client was used from another event loop or process than the one it opened its connections in."""


class ValidationError(BriqpayError):
    """A value that the API would refuse; raised before anything is sent.

    Attributes:
        problems: Every problem found, as ``(JSON pointer, message)`` with names as on the wire,
            such as ``("/data/order/cart/1/unitPrice", "must be negative for a discount line")``.
    """

    problems: tuple[tuple[str, str], ...]

    def __init__(self, message: str = "", *, problems: tuple[tuple[str, str], ...] = (), **context: Any) -> None:
        if problems and not message:
            message = "; ".join(f"{pointer or '/'} {text}" for pointer, text in problems)
        super().__init__(message, **context)
        self.problems = problems


class _PointersError(BriqpayError):
    """An error about members of a document, named by JSON pointers."""

    pointers: tuple[str, ...]

    def __init__(self, message: str = "", *, pointers: tuple[str, ...] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.pointers = pointers


class UnpatchableChangeError(_PointersError):
    """A change that no PATCH can express, such as removing a member or changing the country.

    Attributes:
        pointers: JSON pointers of every such change.
    """


class EditConflictError(_PointersError):
    """A change that does not fit the session as it is now: others changed the same members.

    Raised before anything is sent, by ``sessions.edit(session, rebase=True)`` and ``PatchBuilder.rebased``.

    Attributes:
        pointers: JSON pointers of what is in the way; of a line that is gone, where it was.
    """


class TotalsMismatchError(BriqpayError):
    """The lines of an order do not add up to its declared totals; raised when totals are checked strictly.

    Attributes:
        discrepancies: What ``Order.check_totals()`` found.
    """

    discrepancies: tuple[Any, ...]

    def __init__(self, message: str = "", *, discrepancies: tuple[Any, ...] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.discrepancies = discrepancies


class SharedStateError(BriqpayError):
    """Shared state could not be reached, or refused, or a lease ran out: nothing more was sent."""


class TransportError(BriqpayError):
    """No usable answer came back.

    Attributes:
        sent: ``False`` when the request certainly never reached the server, ``True`` when it was written,
            ``None`` when that is not known.
    """

    sent: bool | None

    def __init__(self, message: str = "", *, sent: bool | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.sent = sent


class ConnectError(TransportError):
    """The connection was never made (DNS, TCP, TLS, pool): nothing was sent.

    Attributes:
        certificate: Whether it was the server's certificate that was refused; then the call was not repeated.
    """

    certificate: bool

    def __init__(self, message: str = "", *, certificate: bool = False, **context: Any) -> None:
        super().__init__(message, **context)
        self.certificate = certificate


class CallTimeoutError(TransportError, TimeoutError):
    """The call's deadline, or the time for one attempt, ran out. Also a ``TimeoutError``."""


class OutcomeUnknownError(TransportError):
    """A call that must not be made twice was sent, and whether it took effect is not known.

    Look at the session before you do it again. ``status`` is set where an answer came (408, 425, 5xx, or a 2xx
    whose body could not be read: then the call did take effect).

    Attributes:
        candidates: Captures or refunds that are new in the session and may be what this call made, when it could
            not be known whether they are. Empty when none was seen, which does not mean that none will appear.
    """

    candidates: tuple[Any, ...]

    def __init__(self, message: str = "", *, candidates: tuple[Any, ...] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.candidates = candidates


class ResponseDecodeError(BriqpayError):
    """An answer that is invalid JSON, or whose member has the wrong type.

    Attributes:
        pointer: JSON pointer of the offending member, ``""`` for the document as a whole.
    """

    pointer: str

    def __init__(self, message: str = "", *, pointer: str = "", **context: Any) -> None:
        super().__init__(message, **context)
        self.pointer = pointer


class PatchNotAppliedError(_PointersError):
    """The server answered an update with a state that is not what the patch asked for.

    Attributes:
        pointers: Members that did not come back as sent, or that disappeared.
        session: The session as the server returned it.
    """

    session: Any

    def __init__(self, message: str = "", *, session: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.session = session


class APIError(BriqpayError):
    """The API answered with an error status. Base of the more specific classes below."""


class InvalidDataError(APIError):
    """The API refused the data (400, ``INVALID_DATA``)."""


class AuthenticationError(APIError):
    """The credentials were refused (401, 403)."""


class SessionNotFoundError(APIError):
    """The session does not exist, or no longer does."""


class SessionCompletedError(APIError):
    """The session is completed, so it can no longer be updated (Briqpay docs, Update session)."""


class SessionInitializingError(APIError):
    """The session was created so recently that it does not accept calls yet; retried by the client."""


class CancelNotSupportedError(APIError):
    """The payment provider of this order does not support cancelling."""


class CaptureNotAllowedError(APIError):
    """The payment provider does not allow this capture (``CAPTURE_NOT_ALLOWED``), such as one of too much."""


class CartItemNotFoundError(APIError):
    """A captured or refunded line does not match a line of the session.

    Attributes:
        mismatch: Names of the members that do not match, as on the wire and in the order in which the message
            names them, such as ``("name", "reference")``; empty when it names none.
    """

    mismatch: tuple[str, ...]

    def __init__(self, message: str = "", *, mismatch: tuple[str, ...] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.mismatch = mismatch


class ConflictError(APIError):
    """The call conflicts with the state of the session (409)."""


class RateLimitedError(APIError):
    """Too many requests (429). ``retry_after`` says how many seconds to wait, when the server said so."""


class ServerError(APIError):
    """The API or something in front of it failed (5xx)."""


class WebhookError(BriqpayError):
    """A webhook that is not accepted. Its text holds neither secret, signature nor body."""


class WebhookSignatureError(WebhookError):
    """The signature does not prove that Briqpay sent the webhook just now.

    Attributes:
        reason: ``missing``, ``malformed``, ``mismatch``, ``too_old`` or ``in_the_future``.
    """

    reason: str

    def __init__(self, message: str = "", *, reason: str = "mismatch", **context: Any) -> None:
        super().__init__(message, **context)
        self.reason = reason


class WebhookMalformedError(WebhookError):
    """The webhook is signed or sent as it should be, but says nothing that could be an event.

    Attributes:
        pointer: JSON pointer of the member that is wrong; empty for the whole body.
        too_large: The body is longer than the receiver reads.
    """

    pointer: str
    too_large: bool

    def __init__(self, message: str = "", *, pointer: str = "", too_large: bool = False, **context: Any) -> None:
        super().__init__(message, **context)
        self.pointer = pointer
        self.too_large = too_large


class WebhookNotConfirmedError(WebhookError):
    """The session does not show what the event claims.

    It was forged, or is not true any more, or the API does not show it yet.

    Attributes:
        claimed: What the event says, such as ``order_approved_not_captured``.
        shown: What the session shows instead; ``None`` when it shows nothing of the kind.
    """

    claimed: str
    shown: str | None

    def __init__(self, message: str = "", *, claimed: str = "", shown: str | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.claimed = claimed
        self.shown = shown
