"""A server on which a test runs one script at a time."""

from __future__ import annotations

from typing import Any

from briqpay_async.shared.connection import Connection

__all__ = ["HOUR", "Server"]

HOUR = 3_600_000
"""Milliseconds that no test takes."""


class Server:
    """The part of a server that belongs to one test.

    Attributes:
        keys: Reads and changes keys directly, as time and other programs do.
    """

    def __init__(self, connection: Connection, keys: Any, account: str) -> None:
        self._connection = connection
        self.keys = keys
        self._account = account

    def name(self, key: str) -> str:
        """The full name of a key."""
        return f"{{{self._account}}}:{key}"

    async def run(self, script: str, names: str, *arguments: str | bytes | float) -> Any:
        """Run a script on keys, whose names have blanks between them."""
        return await self._connection.run(script, [self.name(each) for each in names.split()], *arguments)

    async def get(self, key: str) -> Any:
        return await self.keys.get(self.name(key))

    async def set(self, key: str, value: str | int) -> None:
        await self.keys.set(self.name(key), value)

    async def list(self, key: str) -> list[str]:
        return list(await self.keys.lrange(self.name(key), 0, -1))

    async def push(self, key: str, *values: str) -> None:
        await self.keys.rpush(self.name(key), *values)

    async def expire(self, key: str) -> None:
        """Let the time of a key run out now."""
        assert await self.keys.pttl(self.name(key)) > 0, f"{key} would stay for ever"
        await self.keys.pexpire(self.name(key), 0)

    async def left(self) -> dict[str, int]:
        """All keys of this test, with the hours until each expires, rounded up; 0 for one that never does."""
        found = {}
        async for key in self.keys.scan_iter(f"{{{self._account}}}:*"):
            milliseconds = await self.keys.pttl(key)
            found[key.partition(":")[2]] = 0 if milliseconds == -1 else -(-milliseconds // HOUR)
        return found
