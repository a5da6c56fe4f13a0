"""``BlockingBriqpayClient``: the async client, one for each process, driven from any thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from briqpay_async.blocking.background import Background, background, current, making
from briqpay_async.blocking.methods import same_arguments
from briqpay_async.blocking.resources import BlockingHostedPages, BlockingOrders, BlockingSessions, BlockingTokens
from briqpay_async.client import BriqpayClient
from briqpay_async.config import RetryPolicy, Timeouts
from briqpay_async.errors import ConfigurationError
from briqpay_async.redaction import conceal
from briqpay_async.resources.base import CheckTotals
from briqpay_async.transport.hooks import CallHooks

__all__ = ["BlockingBriqpayClient"]


class _Clients:
    """The async client of a process: made by the first call in it, and again in a process that was forked."""

    def __init__(self, make: Callable[[], BriqpayClient], settings: BriqpayClient) -> None:
        self._make = make
        self.settings = settings  # makes no call: it refuses wrong settings at once, and copies begin from it
        self._background: Background | None = None
        self._client: BriqpayClient
        self._of_parents: list[BriqpayClient] = []
        self._closed = False

    def get(self) -> BriqpayClient:
        """The client of this process.

        Raises:
            ConfigurationError: It is closed.
        """
        here = background()
        if self._background is here:
            return self._client
        with making():
            if self._background is not here:
                if self._closed:
                    raise ConfigurationError(
                        "This client is closed: make a new one, or move the call before close()."
                    )
                if self._background is not None:
                    self._of_parents.append(self._client)  # its connections are the parent's to close
                self._client = self._make()
                here.clients.add(self._client)
                self._background = here
            return self._client

    def adjust(self, step: Callable[[BriqpayClient], object]) -> None:
        """Do something to the client of this process, and to each that is made in another one later."""
        make = self._make

        def adjusted() -> BriqpayClient:
            client = make()
            step(client)
            return client

        with making():
            self._make = adjusted
            if self._background is not None:
                step(self._client)

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if self._background is not None and self._background is current():
            self._background.run(self._client.aclose())


class BlockingBriqpayClient:
    """The client for code without an event loop. One serves all threads, and processes that are forked from this.

    It has the constructor, resources, methods, arguments, results and errors of ``BriqpayClient``, without
    ``await``. Calls run in one event loop, in a thread of its own, that all blocking clients of a process share;
    it is made by the first call and closed when the process ends. Ctrl-C cancels the call that it interrupts.

    ``hooks`` are called in that thread, so they must not block. An ``http_session`` cannot be given: it would
    belong to another event loop.

    Example:
        >>> with BlockingBriqpayClient(username, secret) as briqpay:
        ...     with briqpay.sessions.edit(session_id) as builder:
        ...         builder.cart.set_quantity("sku-1", 3)

    Attributes:
        sessions: Checkout sessions.
        orders: Captures, refunds and cancellations of completed sessions.
        tokens: Stored payment methods.
        hosted_pages: Checkouts behind a link.
    """

    @same_arguments(BriqpayClient.__init__)
    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Make a client. Nothing is opened before the first call.

        Args:
            arguments: As of ``BriqpayClient``.
            options: As of ``BriqpayClient``.

        Raises:
            ConfigurationError: A setting that cannot work, or an ``http_session``.
        """
        # First of all: whatever fails from here on, tools that report local variables do not show them.
        arguments = tuple(map(conceal, arguments))
        options |= {name: conceal(options[name]) for name in ("username", "secret", "base_url") if name in options}
        if options.get("http_session") is not None:
            raise ConfigurationError(
                "An http_session belongs to an event loop of yours: use BriqpayClient there, or none here."
            )
        make = partial(BriqpayClient, *arguments, **options)
        self._wire(_Clients(make, make()), owned=True)

    def _wire(self, clients: _Clients, *, owned: bool) -> None:
        self._clients = clients
        self._owned = owned
        self.sessions = BlockingSessions(lambda: clients.get().sessions)
        self.orders = BlockingOrders(lambda: clients.get().orders)
        self.tokens = BlockingTokens(lambda: clients.get().tokens)
        self.hosted_pages = BlockingHostedPages(lambda: clients.get().hosted_pages)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Self:
        """A client from ``BRIQPAY_USERNAME``, ``_SECRET``, ``_ENVIRONMENT`` and ``_BASE_URL``.

        Args:
            environ: Where to look; the environment of the process when left out. It is read now, once.
            options: Further arguments of the client; they win over the environment.

        Raises:
            ConfigurationError: A variable is missing or invalid; the message names it.
        """
        made = object.__new__(cls)
        found = dict(os.environ if environ is None else environ)
        make = partial(BriqpayClient.from_env, found, **options)
        made._wire(_Clients(make, make()), owned=True)
        return made

    def with_options(
        self,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        hooks: Sequence[CallHooks] | None = None,
        check_totals: CheckTotals | None = None,
    ) -> Self:
        """A cheap copy with other options: see ``BriqpayClient.with_options``. Closing the copy does nothing."""
        clients = self._clients
        options: Any = {"timeouts": timeouts, "retry": retry, "hooks": hooks, "check_totals": check_totals}
        settings = clients.settings.with_options(**options)
        copy = object.__new__(type(self))
        copy._wire(_Clients(lambda: clients.get().with_options(**options), settings), owned=False)
        return copy

    def close(self) -> None:
        """Close the connections. Closing again does nothing."""
        if self._owned:
            self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._clients.settings).replace("BriqpayClient", "BlockingBriqpayClient")
