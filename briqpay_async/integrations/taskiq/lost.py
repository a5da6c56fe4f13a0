"""Rows that their server lost: it was restarted without its data, it evicted them, or they expired.

A run is not to wait for them for ever. A row leaves its shard only after its outcome is recorded: one that is in
no shard and has no outcome is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from briqpay_async.bulk.rows import UpdateOutcome, UpdateStatus
from briqpay_async.errors import SharedStateError
from briqpay_async.shared.queue import ShardQueue

__all__ = ["SeenRows", "Silence", "lost"]

_SILENCE = 5.0  # seconds without a sign of life after which it is looked whether any row is left
_PAUSE = 1.0  # seconds between two looks


class SeenRows:
    """Which rows have an outcome, a bit a row: outcomes may come twice."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def first(self, index: int) -> bool:
        """Whether this is the first outcome of a row."""
        place, bit = index >> 3, 1 << (index & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(max(place + 1 - len(self._bits), 4096)))
        if self._bits[place] & bit:
            return False
        self._bits[place] |= bit
        return True

    def missing(self, below: int) -> Iterator[int]:
        """Rows before a place that have no outcome, each of which has one from now on."""
        return (index for index in range(below) if self.first(index))


class Silence:
    """Notices that no outcome will come any more, since no shard has rows.

    Args:
        queue: Where the rows are.
    """

    def __init__(self, queue: ShardQueue) -> None:
        self._queue = queue
        self._shards: set[int] = set()  # that rows were put into
        self._not_empty: set[int] = set()  # those that were not seen empty in this silence
        self._next_look = 0.0

    def broken(self, shards: Iterable[int] = ()) -> None:
        """Outcomes have come, or rows were put into shards."""
        self._shards.update(shards)
        self._not_empty = set(self._shards)
        self._next_look = asyncio.get_running_loop().time() + _SILENCE

    async def looked(self) -> bool:
        """Look whether rows are left, if it is time to.

        Raises:
            SharedStateError: The server cannot be reached, or refuses.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._next_look:
            self._next_look = now + _PAUSE
            before = self._not_empty
            left = await self._queue.with_rows(before)
            if self._not_empty is before:  # or else rows were put meanwhile
                self._not_empty = left
        return self.is_final

    @property
    def is_final(self) -> bool:
        """Whether all shards were empty at some moment of this silence."""
        return bool(self._shards) and not self._not_empty


def lost(index: int) -> UpdateOutcome:
    """The outcome of a row that is lost."""
    error = SharedStateError(
        "The server of the queue has lost this row: put it again. The update may have been made. A server that is "
        "restarted needs AOF persistence, one that is full the policy noeviction, and rows expire after a time."
    )
    return UpdateOutcome(index, None, None, UpdateStatus.FAILED, None, error)
