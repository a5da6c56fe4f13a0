"""``WebhookHandler``: a request for a webhook endpoint to the answer it gets, for any web framework.

The adapters in ``integrations`` do nothing but the mapping to their framework's requests and responses.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, Protocol, TypeAlias

from briqpay_async.errors import (
    BriqpayError,
    ConfigurationError,
    WebhookMalformedError,
    WebhookNotConfirmedError,
    WebhookSignatureError,
)
from briqpay_async.models.session import Session
from briqpay_async.webhooks.confirmed import as_shown
from briqpay_async.webhooks.events import WebhookEvent
from briqpay_async.webhooks.inbox import Claim, WebhookInbox
from briqpay_async.webhooks.receiver import MAX_BODY, WebhookReceiver

__all__ = ["Handle", "WebhookAnswer", "WebhookHandler"]

logger: Final = logging.getLogger("briqpay_async")

Handle: TypeAlias = Callable[[WebhookEvent], Awaitable[object] | None]
"""What the shop does about an event; a function or a coroutine function. An exception means: send it again."""

ReadBody: TypeAlias = Callable[[int], Awaitable[bytes | None]]
"""Reads the body of a request, or returns ``None`` when it is longer than the bytes given."""


class _Sessions(Protocol):
    async def confirm(self, event: WebhookEvent) -> Session: ...


class ConfirmingClient(Protocol):
    """What is needed of a ``BriqpayClient``: ``sessions.confirm``."""

    @property
    def sessions(self) -> _Sessions: ...


class WebhookAnswer(NamedTuple):
    """What the sender is answered. Anything but a 2xx makes Briqpay send the webhook again.

    Attributes:
        status: HTTP status.
        text: A short reason, without anything of the request in it.
    """

    status: int
    text: str


class WebhookHandler:
    """Takes webhooks: verifies, parses, confirms, claims, and has the shop handle each event once.

    Args:
        receiver: Verifies and parses.
        handle: What the shop does about an event.
        inbox: Keeps duplicates out; without it each delivery is handled.
        client: Confirms events that no signature proves: the session is read, and ``handle`` sees the event only
            if the session shows it, with references and amounts as the session has them. Without a client such
            events are refused, unless the receiver's ``require_signature`` is off.
        time_limit: Seconds that ``handle`` may take. Then it is cancelled and the claim given back. Keep it below
            the inbox's lease.

    Raises:
        ConfigurationError: ``time_limit`` is not positive, or not shorter than the inbox's lease.
    """

    def __init__(
        self,
        receiver: WebhookReceiver,
        handle: Handle,
        *,
        inbox: WebhookInbox | None = None,
        client: ConfirmingClient | None = None,
        time_limit: float = 30,
    ) -> None:
        if not 0 < time_limit < (inbox.lease if inbox is not None else float("inf")):
            raise ConfigurationError("time_limit must be positive, and shorter than the lease of the inbox.")
        self._receiver = receiver
        self._handle = handle
        self._inbox = inbox
        self._client = client
        self._time_limit = time_limit

    async def respond(
        self, method: str, headers: Mapping[str, str], query: Mapping[str, str], read: ReadBody
    ) -> WebhookAnswer:
        """Take one request.

        Args:
            method: HTTP method.
            headers: Headers of the request.
            query: Parameters of its query.
            read: Reads its body.

        Returns:
            200 when the event is handled or was before, 400 malformed, 401 not proven, 405 for another method, 413
            too large, 500 when ``handle`` raised or took too long, 503 when another delivery of the event is being
            handled, when it cannot be confirmed right now, or when no secret is configured.
        """
        if method not in ("GET", "POST"):
            return WebhookAnswer(405, "use POST or GET")
        try:
            event = await self._event(method, headers, query, read)
            if not event.verified and self._client is not None:
                return await self._confirm(event, self._client)
        except BriqpayError as error:
            return _refusal(error)
        return await self._take(event)

    async def _confirm(self, event: WebhookEvent, client: ConfirmingClient) -> WebhookAnswer:
        """Take an event that only the session proves.

        A delivery that was handled is not looked up again: what was true then need not be true any more, and a
        duplicate shall not cost a read. What is handled once is nevertheless the event as the session shows it.
        """
        if self._inbox is None:
            return await self._take(as_shown(event, await client.sessions.confirm(event)))
        try:
            async with self._inbox.claim(_Delivery(event.key)) as claim:
                if claim is not Claim.FRESH:
                    return _HANDLED_BEFORE if claim is Claim.DONE else _BEING_HANDLED
                answer = await self._take(as_shown(event, await client.sessions.confirm(event)))
                if answer.status != 200:
                    raise _NotHandled(answer)  # noqa: TRY301 - it leaves the claim
        except _NotHandled as error:
            return error.answer
        return answer

    async def _event(
        self, method: str, headers: Mapping[str, str], query: Mapping[str, str], read: ReadBody
    ) -> WebhookEvent:
        receiver, confirms = self._receiver, self._client is not None
        if method == "GET":
            event = receiver.receive_query(query)
            if confirms or not receiver.requires_signature:
                return event
            raise WebhookSignatureError("A webhook that comes with GET cannot be signed.", reason="missing")
        if not receiver.is_configured and not confirms:
            raise ConfigurationError("Give the receiver the webhook secret, or the endpoint a client.")
        body = await read(MAX_BODY)
        if body is None:
            raise WebhookMalformedError("The webhook is longer than 1 MiB.", too_large=True)
        return receiver.receive_unsigned(body, headers) if confirms else receiver.receive(body, headers)

    async def _take(self, event: WebhookEvent) -> WebhookAnswer:
        try:
            if self._inbox is None:
                await self._run(event)
                return _HANDLED
            async with self._inbox.claim(event) as claim:
                if claim is not Claim.FRESH:
                    return _HANDLED_BEFORE if claim is Claim.DONE else _BEING_HANDLED
                await self._run(event)
        except TimeoutError:
            logger.exception("handling a %s webhook failed or took longer than %g s", event.name, self._time_limit)
            return WebhookAnswer(500, "not handled in time")
        except Exception:
            logger.exception("handling a %s webhook failed", event.name)
            return WebhookAnswer(500, "not handled")
        return _HANDLED

    async def _run(self, event: WebhookEvent) -> None:
        async with asyncio.timeout(self._time_limit):
            result = self._handle(event)
            if inspect.isawaitable(result):
                await result


_HANDLED: Final = WebhookAnswer(200, "handled")
_HANDLED_BEFORE: Final = WebhookAnswer(200, "handled before")
_BEING_HANDLED: Final = WebhookAnswer(503, "being handled")


class _Delivery:
    """An unsigned delivery as the inbox knows it, beside the event that the session shows for it."""

    def __init__(self, key: str) -> None:
        self.key = hashlib.sha256(f"unsigned {key}".encode()).hexdigest()


class _NotHandled(Exception):  # noqa: N818 - it gives a claim back
    def __init__(self, answer: WebhookAnswer) -> None:
        super().__init__(answer.text)
        self.answer = answer


def _refusal(error: BriqpayError) -> WebhookAnswer:
    """The answer to a webhook that is not accepted, and a log record that says why."""
    if isinstance(error, WebhookMalformedError):
        answer = WebhookAnswer(413, "too large") if error.too_large else WebhookAnswer(400, error.message)
    elif isinstance(error, WebhookSignatureError):
        answer = WebhookAnswer(401, error.reason)
    elif isinstance(error, WebhookNotConfirmedError):
        answer = WebhookAnswer(401, "not confirmed")
    elif isinstance(error, ConfigurationError):
        answer = WebhookAnswer(503, "not configured")
    else:
        answer = WebhookAnswer(503, "cannot be confirmed right now")
    logger.warning("refused a webhook with %d: %s", answer.status, error.message)
    return answer
