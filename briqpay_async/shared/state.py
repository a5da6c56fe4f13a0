"""What a client asks of the state that it shares with others; and the state of one process."""

from __future__ import annotations

from typing import Protocol

from briqpay_async.config import RateLimit
from briqpay_async.errors import ConfigurationError
from briqpay_async.transport.rate_gate import ClientGate, RateGate
from briqpay_async.transport.session_locks import Leases

__all__ = ["MemoryState", "SharedState", "checked_rate"]


class SharedState(Protocol):
    """Where clients keep the order of sessions and the rate of requests together."""

    def leases(self) -> Leases | None:
        """Leases of sessions; ``None`` when the order within each client is enough."""

    def gate(self) -> RateGate | None:
        """The gate of a known rate; ``None`` when none is known."""

    async def aclose(self) -> None:
        """Close connections that are idle. A later use opens new ones."""


class MemoryState:
    """The state of this process alone: clients that are given the same one share a known rate.

    Args:
        rate: The quota of requests, where it is known.

    Raises:
        ConfigurationError: ``rate`` is no ``RateLimit``.
    """

    def __init__(self, rate: RateLimit | None = None) -> None:
        self._gate = None if checked_rate(rate) is None else ClientGate(rate)

    def leases(self) -> Leases | None:
        """None: each client keeps the order of its sessions."""
        return None

    def gate(self) -> RateGate | None:
        """The one gate of this state."""
        return self._gate

    async def aclose(self) -> None:
        """There is nothing to close."""


def checked_rate(rate: RateLimit | None) -> RateLimit | None:
    """The rate, if it is one.

    Raises:
        ConfigurationError: It is something else.
    """
    if rate is not None and not isinstance(rate, RateLimit):
        raise ConfigurationError("rate must be a RateLimit, such as RateLimit(50, burst=10).")
    return rate
