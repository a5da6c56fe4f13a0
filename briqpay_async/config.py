"""Settings of a client: frozen values, checked when they are made."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import attrs

from briqpay_async.errors import ConfigurationError
from briqpay_async.redaction import HiddenText

__all__ = ["Environment", "Pool", "RateLimit", "RetryPolicy", "Timeouts", "check_base_url", "warn_if_readable"]


class Environment(Enum):
    """The two environments of Briqpay. Production is never a default."""

    PLAYGROUND = "playground"
    PRODUCTION = "production"

    @property
    def base_url(self) -> str:
        """Scheme and host of the environment."""
        if self is Environment.PRODUCTION:
            return "https://api.briqpay.com"
        return "https://playground-api.briqpay.com"


_LONGEST = 1e9
_MOST_PER_SECOND = 1e6


def seconds(value: float | timedelta) -> float:
    """A duration as seconds.

    Raises:
        ConfigurationError: It is not a positive number of seconds, or more than a thousand million.
    """
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ConfigurationError(f"Give a duration in seconds or as a timedelta, not {type(value).__name__}.")
    if not 0 < number <= _LONGEST:
        raise ConfigurationError(f"A duration must be positive and at most {_LONGEST:.0f} seconds.")
    return float(number)


def _count(minimum: int) -> Callable[[Any, attrs.Attribute[int], int], None]:
    def check(_instance: Any, attribute: attrs.Attribute[int], value: int) -> None:
        if type(value) is not int or value < minimum:
            raise ConfigurationError(f"{attribute.name} must be an integer of at least {minimum}.")

    return check


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long to wait, in seconds (or as ``timedelta``).

    Attributes:
        connect: Opening one connection, TLS included.
        attempt: One request and its whole answer.
        call: One call with all its attempts and waits: the default deadline.

    Raises:
        ConfigurationError: A duration is not positive and finite.
    """

    connect: float = attrs.field(default=10.0, converter=seconds)
    attempt: float = attrs.field(default=30.0, converter=seconds)
    call: float = attrs.field(default=60.0, converter=seconds)


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When and how often a failed attempt is repeated: exponential back-off with full jitter.

    The wait before attempt ``n + 1`` is random between 0 and ``min(cap, base * 2 ** (n - 1))`` seconds.
    The budget keeps an outage from being multiplied: each retry takes tokens from a bucket shared by the
    whole client, a call that succeeds gives them back, and an empty bucket means no retries.

    Attributes:
        attempts: Most requests for one call, the first one included. 1 switches retries off.
        base: Upper bound of the first wait, in seconds.
        cap: Upper bound of every wait, in seconds.
        budget: Tokens in the full bucket.
        transient_cost: Tokens for repeating after a transport or server failure.
        throttled_cost: Tokens for repeating after the server asked to slow down.

    Raises:
        ConfigurationError: A number is out of range.
    """

    attempts: int = attrs.field(default=4, validator=_count(1))
    base: float = attrs.field(default=0.25, converter=seconds)
    cap: float = attrs.field(default=20.0, converter=seconds)
    budget: int = attrs.field(default=500, validator=_count(0))
    transient_cost: int = attrs.field(default=14, validator=_count(0))
    throttled_cost: int = attrs.field(default=5, validator=_count(0))


def _rate(_instance: Any, _attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST_PER_SECOND:
        raise ConfigurationError(
            f"per_second must be a number above 0 and at most {_MOST_PER_SECOND:.0f}: requests a second."
        )


@attrs.frozen
class RateLimit:
    """A quota of requests that is known, so that it need not be learned from refusals.

    Attributes:
        per_second: Requests a second, in the long run.
        burst: Most requests at once after a lull.

    Raises:
        ConfigurationError: A number is out of range.

    Example:
        >>> BriqpayClient(username, secret, rate=RateLimit(50, burst=10))
    """

    per_second: float = attrs.field(validator=_rate)
    burst: int = attrs.field(default=1, validator=_count(1))


@attrs.frozen(kw_only=True)
class Pool:
    """The connection pool.

    Attributes:
        size: Most connections open at once.
        keepalive: Seconds that an idle connection is kept.
        max_body: Most bytes of an answer's body that are read, after decompression.

    Raises:
        ConfigurationError: A number is out of range.
    """

    size: int = attrs.field(default=100, validator=_count(1))
    keepalive: float = attrs.field(default=15.0, converter=seconds)
    max_body: int = attrs.field(default=16 * 1024 * 1024, validator=_count(1))


def check_base_url(url: str, *, insecure_http: bool = False) -> str:
    """The URL without a trailing slash, if credentials may be sent to it.

    Args:
        url: Scheme and host.
        insecure_http: Whether plain ``http://`` is accepted to any host.

    Raises:
        ConfigurationError: It is not an absolute http(s) URL, carries a query or credentials of its own, or
            is plain ``http://`` to a host that is not loopback (Basic credentials would travel readable).
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"base_url must be text, not {type(url).__name__}.")
    url = HiddenText(url)  # a mistyped one may hold credentials, and local variables are reported with errors
    if not url.isprintable() or " " in url or "?" in url or "#" in url:
        raise ConfigurationError("base_url must not carry credentials, a query, a fragment or white space.")
    try:
        parts = _parts(url)
    except ValueError:
        parts = None
    if parts is None:  # raised out here, for the reason quotes the URL
        raise ConfigurationError("base_url is not a URL: look at its brackets and its port.")
    scheme, host, has_credentials = parts
    if scheme not in {"http", "https"} or not host:
        raise ConfigurationError("base_url must be an absolute URL such as https://api.briqpay.com.")
    if has_credentials:
        raise ConfigurationError("base_url must not carry credentials, a query, a fragment or white space.")
    if scheme == "http" and not _is_loopback(host) and not insecure_http:
        raise ConfigurationError(
            f"Use https:// for {host}: credentials are sent over http:// to loopback addresses only. "
            "For a sandbox on a network of your own, insecure_http=True or BRIQPAY_INSECURE_HTTP=1 allows it."
        )
    return url.rstrip("/").removesuffix("/v3")


def _parts(url: str) -> tuple[str, str | None, bool]:
    """Scheme and host of a URL, and whether it has a user name or a password. A bad port is a ``ValueError``."""
    parts = urlsplit(url)
    _port = parts.port
    return parts.scheme, parts.hostname, bool(parts.username or parts.password)


def warn_if_readable(base_url: str) -> None:
    """Warn of a base URL over which credentials travel readable to another machine."""
    parts = urlsplit(base_url)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        warnings.warn(
            f"insecure_http: credentials and personal data travel to {parts.hostname} unencrypted. Anyone on the "
            "network between can read them, use them and change what is sent. Use this only for a sandbox on a "
            "network of your own.",
            stacklevel=3,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
