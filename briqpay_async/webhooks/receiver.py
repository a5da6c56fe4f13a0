"""``WebhookReceiver``: from the raw request to a typed event, or the reason why it is none. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

import orjson

from briqpay_async.errors import ConfigurationError, WebhookMalformedError, WebhookSignatureError
from briqpay_async.webhooks.events import WebhookEvent, parse_event
from briqpay_async.webhooks.signature import HEADER, verify

__all__ = ["MAX_BODY", "WebhookReceiver"]

MAX_BODY: Final = 1024 * 1024
_HEADER_LENGTH: Final = len(HEADER)
_SHALLOW: Final = 200  # arrays and objects; with fewer, nothing can be nested too deeply


class WebhookReceiver:
    """Verifies and parses webhooks.

    Args:
        secrets: The webhook secrets of the backoffice. Several while one is replaced: a webhook signed with any of
            them is verified.
        max_age: How old a signature may be, in seconds.
        max_ahead: How far Briqpay's clock may be ahead of this one, in seconds.
        require_signature: Refuse webhooks without a signature. With ``False`` they become events that are not
            ``verified``: ask ``sessions.confirm`` whether they are true. A wrong signature is always refused.
        clock: Seconds since 1970.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    def __init__(
        self,
        *,
        secrets: tuple[str, ...] | list[str] = (),
        max_age: float = 300,
        max_ahead: float = 60,
        require_signature: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(secrets, tuple | list) or not all(
            isinstance(one, str) and one.strip() and _is_unicode(one) for one in secrets
        ):
            raise ConfigurationError("Give the webhook secrets as a tuple of texts that are not empty.")
        for name, value in (("max_age", max_age), ("max_ahead", max_ahead)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ConfigurationError(f"{name} must be a number of seconds, at least 0.")
        self._secrets = tuple(one.encode() for one in secrets)
        self._max_age_ms = max_age * 1000
        self._max_ahead_ms = max_ahead * 1000
        self._require_signature = require_signature
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._secrets)} secrets, require_signature={self._require_signature})"

    @property
    def requires_signature(self) -> bool:
        """Whether webhooks without a signature are refused."""
        return self._require_signature

    @property
    def is_configured(self) -> bool:
        """Whether webhooks can be accepted at all: there is a secret, or no signature is required."""
        return bool(self._secrets) or not self._require_signature

    def receive(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        """Verify and parse a webhook that came with ``POST``.

        Args:
            body: The raw bytes of the body. JSON that was parsed and written anew does not verify.
            headers: The headers of the request, names in any case.

        Raises:
            WebhookSignatureError: The signature is missing, malformed, wrong, too old or from the future.
            WebhookMalformedError: The body is no event, or longer than 1 MiB.
            ConfigurationError: There is no secret though signatures are required, or ``body`` is no bytes.
        """
        return self._receive(body, headers, unsigned=not self._require_signature)

    def receive_unsigned(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        """As ``receive``, but a webhook without a signature becomes an event that is not verified.

        Raises:
            WebhookSignatureError: There is a signature, and it is malformed, wrong, too old or from the future.
            WebhookMalformedError: The body is no event, or longer than 1 MiB.
            ConfigurationError: ``body`` is no bytes.
        """
        return self._receive(body, headers, unsigned=True)

    def receive_query(self, query: Mapping[str, str]) -> WebhookEvent:
        """Parse a webhook that came with ``GET``: it cannot be signed, so it is never verified.

        Args:
            query: The parameters of the query.

        Raises:
            WebhookMalformedError: They are no event.
        """
        if not _is_unicode("".join(map(str, (*query, *query.values())))):
            raise WebhookMalformedError("The webhook's query is not valid Unicode.")
        return parse_event(dict(query), verified=False)

    def _receive(self, body: bytes, headers: Mapping[str, str], *, unsigned: bool) -> WebhookEvent:
        if not isinstance(body, bytes | bytearray | memoryview):
            raise ConfigurationError(f"Pass the raw bytes of the body, not {type(body).__name__}.")
        if len(body) > MAX_BODY:
            raise WebhookMalformedError("The webhook is longer than 1 MiB.", too_large=True)
        header = _header(headers)
        if header is None and unsigned:
            return parse_event(_decode(bytes(body)), verified=False)
        if not self._secrets:
            if unsigned:  # there is nothing to check the signature with
                return parse_event(_decode(bytes(body)), verified=False)
            raise ConfigurationError("Give the webhook secret of the backoffice: WebhookReceiver(secrets=(...,)).")
        verify(
            header,
            bytes(body),
            self._secrets,
            now_ms=self._clock() * 1000,
            max_age_ms=self._max_age_ms,
            max_ahead_ms=self._max_ahead_ms,
        )
        return parse_event(_decode(bytes(body)), verified=True)


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded. An error of the codec would hold the whole text, which may be secret."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _header(headers: Mapping[str, str]) -> str | None:
    """The signature header: once, under any spelling of its name.

    Raises:
        WebhookSignatureError: It is there more than once, so that it is unclear which one counts.
        ConfigurationError: Names or values are bytes.
    """
    found = None
    for name, value in headers.items():
        if len(name) == _HEADER_LENGTH and name.lower() == HEADER:
            if found is not None:
                raise WebhookSignatureError(f"The webhook has several {HEADER} headers.", reason="malformed")
            found = value
    if not isinstance(found, str) and (found is not None or any(isinstance(name, bytes) for name in headers)):
        raise ConfigurationError("Pass the headers as texts, not as bytes.")
    return found


def _decode(body: bytes) -> object:
    try:
        document: object = orjson.loads(body)
        if body.count(b"[") + body.count(b"{") > _SHALLOW:
            orjson.dumps(document)  # it reads deeper than it writes, and an event has to be written to be kept
    except orjson.JSONDecodeError:
        reason = "The webhook is not valid JSON."
    except orjson.JSONEncodeError:
        reason = "The webhook is nested too deeply."
    else:
        return document
    # Not raised above: the error of the parser holds the whole body, and would stay attached as the context.
    raise WebhookMalformedError(reason)
