"""``RedisInboxStore``: webhooks that were handled, for receivers in several processes or on several machines."""

from __future__ import annotations

from datetime import timedelta

from briqpay_async.config import seconds
from briqpay_async.shared.connection import Connection, key_part
from briqpay_async.webhooks.inbox import Claim

__all__ = ["RedisInboxStore"]


class RedisInboxStore:
    """Claims on a Redis or Valkey server, for a ``WebhookInbox``.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``.
        account: Name of the Briqpay account, where several use one server.
        keep: Seconds that a handled event is remembered: longer than it may be sent again.

    Raises:
        ConfigurationError: An argument is invalid, or the extra ``redis`` is not installed.
    """

    def __init__(self, url: str, *, account: str = "default", keep: float | timedelta = 7 * 86_400) -> None:
        self._account = key_part("account", account)
        self._keep = seconds(keep)
        self._connection = Connection(url)

    async def claim(self, key: str, owner: str, lease: float) -> Claim:
        """Take an event for ``lease`` seconds, unless it is done or another owner's claim has not run out.

        Raises:
            SharedStateError: The server cannot be reached, or refuses.
        """
        return Claim(await self._connection.run("claim", self._key(key), f"by {owner}", int(lease * 1000)))

    async def done(self, key: str, owner: str) -> None:
        """Mark an event as handled, even when another process holds it now."""
        del owner
        await self._connection.run("done", self._key(key), int(self._keep * 1000))

    async def give_back(self, key: str, owner: str) -> None:
        """End a claim without handling, if it still is this owner's."""
        await self._connection.run("release", self._key(key), f"by {owner}")

    async def aclose(self) -> None:
        """Close idle connections. A later use opens new ones."""
        await self._connection.aclose()

    def _key(self, key: str) -> str:
        return f"briqpay:{{{self._account}}}:webhook:{key}"
