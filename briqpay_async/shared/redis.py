"""``RedisState``: the order of sessions and the rate of requests, shared over Redis or Valkey."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Literal

from briqpay_async.config import RateLimit, seconds
from briqpay_async.errors import ConfigurationError, SharedStateError
from briqpay_async.shared.connection import Connection, UnreachableError, key_part
from briqpay_async.shared.queue import ShardQueue
from briqpay_async.shared.redis_gate import RedisGate
from briqpay_async.shared.redis_leases import RedisLeases
from briqpay_async.shared.state import checked_rate
from briqpay_async.transport.rate_gate import RateGate
from briqpay_async.transport.session_locks import Leases

__all__ = ["OnFailure", "RedisState"]

OnFailure = Literal["raise", "local"]

_SHARD_LEASE = 30.0  # seconds; a batch takes a few, and what a killed worker had waits for its end

logger = logging.getLogger("briqpay_async")


class RedisState:
    """State that all processes and machines share which name the same server and account.

    Updates of one session never overlap, whichever process makes them: whatever changes a session holds a lease
    of it, an edit from its read to its send. A lease is renewed while it is needed, and runs out when its holder
    dies.

    Give one to each client: ``BriqpayClient(..., shared=RedisState("redis://localhost"))``. It may be made before
    a fork, and be used in several event loops.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user, password and number of the database.
        account: Name of the Briqpay account, where several use one server.
        rate: The quota of requests of the account, where it is known: all processes keep to it together. They use
            97 % of it and half of its burst: requests do not arrive as evenly as they are sent.
        lease: Seconds after which the lease of a holder that died ends. Longer than a call takes.
        on_failure: What to do when the server cannot be reached: ``"raise"`` a ``SharedStateError`` before
            anything is sent, or go on alone (``"local"``), which the log says once.

    Raises:
        ConfigurationError: An argument is invalid, or the extra ``redis`` is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        account: str = "default",
        rate: RateLimit | None = None,
        lease: float | timedelta = 90,
        on_failure: OnFailure = "raise",
    ) -> None:
        if on_failure not in {"raise", "local"}:
            raise ConfigurationError("on_failure must be 'raise' or 'local'.")
        self._rate = checked_rate(rate)
        self._account = key_part("account", account)
        self._lease = seconds(lease)
        self._connection = Connection(url)
        self._local = on_failure == "local"
        self._told = False

    async def check(self) -> None:
        """Ask the server once, so that a wrong URL or password is found before anything begins.

        Raises:
            SharedStateError: It cannot be reached, or refuses.
        """
        try:
            await self._connection.run("queue_exists", f"briqpay:{{{self._account}}}:rate")
        except UnreachableError as error:
            raise SharedStateError(f"{error} Does it run, and is its URL right?") from error

    def leases(self) -> Leases:
        """Leases of sessions."""
        return RedisLeases(self._connection, self._account, self._lease, self._go_on_alone)

    def gate(self) -> RateGate | None:
        """The gate of the known rate."""
        if self._rate is None:
            return None
        return RedisGate(self._connection, f"briqpay:{{{self._account}}}:rate", self._rate, self._go_on_alone)

    def queue(self, *, shards: int, limit: int, keep: float, lease: float | None = None) -> ShardQueue:
        """A queue of rows, which ``BriqpayTasks`` uses.

        Args:
            shards: How many parts can be worked on at once.
            limit: Most rows in each.
            keep: Seconds after which rows expire.
            lease: Seconds after which the work of a holder that died goes to another.
        """
        lease = min(self._lease, _SHARD_LEASE) if lease is None else lease
        return ShardQueue(self._connection, self._account, shards=shards, limit=limit, keep=keep, lease=lease)

    def _go_on_alone(self, error: Exception) -> bool:
        """Whether to do without the server. The log says so once."""
        if self._local and not self._told:
            self._told = True
            logger.warning("this process goes on alone, without the order and rate of the others: %s", error)
        return self._local

    async def aclose(self) -> None:
        """Close idle connections. A later use opens new ones."""
        await self._connection.aclose()

    def __repr__(self) -> str:
        return f"<RedisState {self._account}>"
