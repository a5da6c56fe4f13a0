"""``BriqpayClient``: settings in, resources out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, TypeVar, Unpack

from briqpay_async.config import (
    Environment,
    Pool,
    RateLimit,
    RetryPolicy,
    Timeouts,
    check_base_url,
    warn_if_readable,
)
from briqpay_async.errors import ConfigurationError
from briqpay_async.redaction import HiddenText, conceal
from briqpay_async.resources.base import CheckTotals
from briqpay_async.resources.hosted_pages import HostedPages
from briqpay_async.resources.orders import Orders
from briqpay_async.resources.sessions import Sessions
from briqpay_async.resources.tokens import Tokens
from briqpay_async.transport.aiohttp_transport import AiohttpTransport
from briqpay_async.transport.call import Caller, ClientState, Transport
from briqpay_async.transport.hooks import CallHooks
from briqpay_async.transport.rate_gate import ClientGate, RateGate
from briqpay_async.transport.retry import Budget
from briqpay_async.transport.session_locks import SessionLocks

if TYPE_CHECKING:
    import aiohttp

    from briqpay_async.shared.state import SharedState

__all__ = ["BriqpayClient", "ClientOptions"]

T = TypeVar("T")


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of ``BriqpayClient``, for functions that pass them on: ``**options: Unpack[...]``."""

    environment: Environment
    base_url: str | None
    timeouts: Timeouts
    retry: RetryPolicy
    pool: Pool
    http_session: aiohttp.ClientSession | None
    hooks: Sequence[CallHooks]
    check_totals: CheckTotals
    insecure_http: bool
    rate: RateLimit | None
    shared: SharedState | None


class BriqpayClient:
    """The client. Use it as an async context manager, one for each process and event loop.

    Example:
        >>> async with BriqpayClient(username, secret) as briqpay:
        ...     async with briqpay.sessions.edit(session_id) as builder:
        ...         builder.cart.set_quantity("sku-1", 3)

    Attributes:
        sessions: Checkout sessions.
        orders: Captures, refunds and cancellations of completed sessions.
        tokens: Stored payment methods.
        hosted_pages: Checkouts behind a link.
    """

    def __init__(
        self,
        username: str,
        secret: str,
        *,
        environment: Environment = Environment.PLAYGROUND,
        base_url: str | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        pool: Pool = Pool(),  # noqa: B008 - frozen
        http_session: aiohttp.ClientSession | None = None,
        hooks: Sequence[CallHooks] = (),
        check_totals: CheckTotals = "warn",
        insecure_http: bool = False,
        rate: RateLimit | None = None,
        shared: SharedState | None = None,
    ) -> None:
        """Make a client. Nothing is opened before the first call.

        Args:
            username: User name of the API key.
            secret: Secret of the API key.
            environment: ``PLAYGROUND``, or ``PRODUCTION`` when you say so.
            base_url: Another host, such as the sandbox; ``http://`` only to loopback, unless ``insecure_http``.
            timeouts: Seconds to wait.
            retry: When and how often to repeat.
            pool: Connections and the largest answer.
            http_session: An ``aiohttp.ClientSession`` of yours to use; it is never closed.
            hooks: Called for every attempt, answer and retry.
            check_totals: What to do about an order whose lines do not add up to its totals, before it is sent:
                ``"warn"`` logs it, ``"error"`` raises ``TotalsMismatchError``, ``"off"`` does not look.
            insecure_http: Accept a ``base_url`` with ``http://`` to any host, with a warning: credentials then
                travel unencrypted. For a sandbox on a network of your own, such as another container.
            rate: The quota of requests, where it is known: single calls and bulk runs keep to it together. It
                holds for this client and its copies; each process has its own.
            shared: State that several processes share, such as ``RedisState``: then updates of one session never
                overlap, whichever process makes them, and a rate that the state knows is kept by all together.
                It stays open when the client is closed, but for idle connections.

        Raises:
            ConfigurationError: A setting that cannot work.
        """
        # First of all: whatever fails from here on, tools that report local variables do not show them.
        username, secret = conceal(username), conceal(secret)  # type: ignore[assignment]
        base_url = HiddenText(base_url) if isinstance(base_url, str) else base_url
        url = _environment(environment).base_url if base_url is None else base_url
        self._base_url = check_base_url(url, insecure_http=insecure_http)
        warn_if_readable(self._base_url)
        transport = AiohttpTransport(
            base_url=self._base_url,
            username=_check_username(username),
            secret=_check_secret(secret),
            pool=pool,
            http_session=http_session,
        )
        self._wire(
            transport,
            ClientState(
                Budget(retry.budget),
                account=f"{self._base_url}\n{username}",
                locks=SessionLocks(None if shared is None else shared.leases(), transport.check_loop),
                gate=_gate(rate, shared),
            ),
            timeouts=timeouts,
            retry=retry,
            hooks=hooks,
            check_totals=check_totals,
        )
        self._owns_transport = True
        self._shared = shared

    def _wire(
        self,
        transport: Transport,
        shared: ClientState,
        *,
        timeouts: Timeouts,
        retry: RetryPolicy,
        hooks: Sequence[CallHooks],
        check_totals: CheckTotals,
    ) -> None:
        if check_totals not in {"warn", "error", "off"}:
            raise ConfigurationError("check_totals must be 'warn', 'error' or 'off'.")
        self._caller = Caller(
            transport=transport, timeouts=timeouts, policy=retry, hooks=tuple(hooks), shared=shared
        )
        self._check_totals = check_totals
        self.sessions = Sessions(self._caller, check_totals)
        self.orders = Orders(self._caller, check_totals)
        self.tokens = Tokens(self._caller)
        self.hosted_pages = HostedPages(self._caller)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Unpack[ClientOptions]) -> Self:
        """A client from ``BRIQPAY_USERNAME``, ``_SECRET``, ``_ENVIRONMENT``, ``_BASE_URL`` and ``_INSECURE_HTTP``.

        Args:
            environ: Where to look; the environment of the process when left out.
            options: Further arguments of the client; they win over the environment.

        Raises:
            ConfigurationError: A variable is missing or invalid; the message names it.
        """
        found = environ = _Variables(os.environ if environ is None else environ)  # type: ignore[assignment]
        missing = [name for name in ("BRIQPAY_USERNAME", "BRIQPAY_SECRET") if not found.get(name)]
        if missing:
            raise ConfigurationError(f"Set {' and '.join(missing)} in the environment.")
        name = found.get("BRIQPAY_ENVIRONMENT") or Environment.PLAYGROUND.value
        if name not in {environment.value for environment in Environment}:
            raise ConfigurationError("BRIQPAY_ENVIRONMENT must be playground or production.")
        options.setdefault("environment", Environment(name))
        if insecure := found.get("BRIQPAY_INSECURE_HTTP"):
            options.setdefault("insecure_http", _named("BRIQPAY_INSECURE_HTTP", _switch, insecure))
        if base_url := found.get("BRIQPAY_BASE_URL"):
            check = partial(check_base_url, insecure_http=options.get("insecure_http", False))
            options.setdefault("base_url", _named("BRIQPAY_BASE_URL", check, base_url))
        username = _named("BRIQPAY_USERNAME", _check_username, found.get("BRIQPAY_USERNAME"))
        secret = _named("BRIQPAY_SECRET", _check_secret, found.get("BRIQPAY_SECRET"))
        return cls(username, secret, **options)

    def with_options(
        self,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        hooks: Sequence[CallHooks] | None = None,
        check_totals: CheckTotals | None = None,
    ) -> Self:
        """A cheap copy with other options. It shares connections, order of updates, rate and retry budget.

        Closing the copy does nothing: the client it came from owns the connections.

        Args:
            timeouts: Seconds to wait.
            retry: When and how often to repeat; its ``budget`` is the original's.
            hooks: Called for every attempt, answer and retry.
            check_totals: What to do about orders that do not add up.
        """
        copy = object.__new__(type(self))
        copy._base_url = self._base_url
        copy._owns_transport = False
        copy._wire(
            self._caller.transport,
            self._caller.shared,
            timeouts=timeouts or self._caller.timeouts,
            retry=retry or self._caller.policy,
            hooks=self._caller.hooks if hooks is None else hooks,
            check_totals=check_totals or self._check_totals,
        )
        return copy

    async def aclose(self) -> None:
        """Close the connections. Closing again does nothing; a borrowed ``http_session`` stays open."""
        if self._owns_transport:
            await self._caller.transport.aclose()
            if self._shared is not None:
                await self._shared.aclose()

    def _forget_connections(self) -> None:
        """In a forked process: let go of the parent's connections."""
        if isinstance(self._caller.transport, AiohttpTransport):
            self._caller.transport.forget()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<BriqpayClient {getattr(self, '_base_url', 'that could not be made')}>"


class _Variables:
    """Environment variables, kept out of the local variables that tools report with an error."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def get(self, name: str) -> str:
        """The variable, or nothing."""
        return HiddenText(self._source.get(name) or "")


def _environment(environment: Environment) -> Environment:
    if not isinstance(environment, Environment):
        raise ConfigurationError("environment must be Environment.PLAYGROUND or Environment.PRODUCTION.")
    return environment


def _gate(rate: RateLimit | None, shared: SharedState | None) -> RateGate:
    """The gate of a rate that all processes keep to, or else of this client's own."""
    common = None if shared is None else shared.gate()
    if common is None:
        return ClientGate(_rate(rate))
    if rate is not None:
        raise ConfigurationError("Give the rate to the shared state or to the client, not to both.")
    return common


def _rate(rate: RateLimit | None) -> RateLimit | None:
    if rate is not None and not isinstance(rate, RateLimit):
        raise ConfigurationError("rate must be a RateLimit, such as RateLimit(50, burst=10).")
    return rate


def _check_username(username: object) -> str:
    if isinstance(username, str) and ":" in username:
        raise ConfigurationError("The username has a colon, which Basic credentials cannot have.")
    return _check_credential("username", username)


def _check_secret(secret: object) -> str:
    return _check_credential("secret", secret)


def _check_credential(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"Give a {name}: the API takes Basic credentials.")
    if not value.isprintable():
        raise ConfigurationError(f"The {name} has characters that Basic credentials cannot have.")
    return value


def _switch(value: str) -> bool:
    if value not in {"0", "1"}:
        raise ConfigurationError("Give 1 or 0.")
    return value == "1"


def _named(variable: str, check: Callable[[str], T], value: str) -> T:
    try:
        return check(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable}: {error.message}") from None
