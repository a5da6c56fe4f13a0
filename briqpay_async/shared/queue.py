"""A queue of rows in shards, on a Redis server: rows leave it when what became of them is recorded.

Rows of one session are in one shard. A worker holds the lease of a shard, reads its first rows, and takes them out
when they are done. When it dies, the lease runs out, and the next holder begins with the same rows.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import attrs

from briqpay_async.errors import SharedStateError
from briqpay_async.shared.connection import Connection

__all__ = ["Batch", "ShardQueue"]

_ANNOUNCED = 600_000  # milliseconds that an announcement counts, unless it is found to be lost before
_ROWS = 500
_BYTES = 8_000_000
_LETTERS = 100_000
_RUNS = 2  # that are asked for beforehand

logger = logging.getLogger("briqpay_async")


@attrs.frozen
class Batch:
    """Rows that were read, and are still in the queue.

    Attributes:
        shard: Where they are.
        owner: Who holds the lease.
        taken_out: How many rows were ever taken out before.
        rows: The rows.
        looked: Runs of which is known whether they were cancelled when the rows were read, with the answer.
        until: When the lease ends unless it is renewed, in seconds of the event loop.
    """

    shard: int
    owner: str
    taken_out: str
    rows: tuple[str, ...]
    looked: Mapping[str, bool]
    until: float


class ShardQueue:
    """The queue.

    Args:
        connection: To the server.
        account: Name of the Briqpay account.
        shards: How many.
        lease: Seconds after which the shard of a holder that died goes to another.
        limit: Most rows in a shard.
        keep: Seconds after which rows, outcomes and dead letters expire.
    """

    def __init__(
        self, connection: Connection, account: str, *, shards: int, lease: float, limit: int, keep: float
    ) -> None:
        self.shards = shards
        self.lease = lease
        self.sweep = min(5.0, lease / 2)
        self._connection = connection
        self._account = account
        self._lease_ms = int(lease * 1000)
        self._limit = limit
        self._keep = keep
        self._keep_ms = int(keep * 1000)
        self._runs: deque[str] = deque(maxlen=_RUNS)  # that were met last
        self._dead = f"briqpay:{{{account}}}:dead"

    def shard_of(self, session_id: str) -> int:
        """The shard of a session, on every machine and in every version the same."""
        return zlib.crc32(session_id.lower().encode()) % self.shards

    def _keys(self, shard: int, *names: str) -> list[str]:
        place = f"briqpay:{{{self._account}:shard:{shard}/{self.shards}}}"
        return [f"{place}:{name}" for name in names]

    def _run_key(self, run: str, name: str) -> str:
        return f"briqpay:{{{self._account}:run:{run}}}:{name}"

    async def put(
        self, sender: str, number: int, rows: Mapping[int, Sequence[bytes]], *, patient: bool = False
    ) -> tuple[set[int], set[int]]:
        """Put rows into shards.

        Args:
            sender: Who puts them: a text of its own for each sender.
            number: Counts the sender's puts. To put again what was not answered, or found no room, give the same
                number within three minutes: what was put already is not put twice.
            rows: By shard.
            patient: Whether a server without memory counts as shards without room.

        Returns:
            Shards that had no room, and shards that are to be announced.

        Raises:
            SharedStateError: The server has no memory left, cannot be reached, or refuses.
        """
        answers = await self._connection.run_each(
            "queue_put",
            [
                (
                    self._keys(shard, "rows", "announced", f"put:{sender}"),
                    (self._limit, number, self._keep_ms, _ANNOUNCED, *some),
                )
                for shard, some in rows.items()
            ],
        )
        found = dict(zip(rows, answers, strict=True))
        if -1 in answers and not patient:
            raise SharedStateError(
                "The server of the shared state has no memory left for more rows (maxmemory): put them later."
            )
        return {shard for shard in found if found[shard] <= 0}, {shard for shard in found if found[shard] == 2}

    async def take(self, shard: int, owner: str) -> Batch | None:
        """The lease of a shard and its first rows; ``None`` when it is empty, or another owner has it."""
        until = asyncio.get_running_loop().time() + self.lease
        looked = tuple(self._runs)  # its rows may be of these: asked on the same trip
        found, *cancelled = await self._connection.run_all(
            [
                (
                    "queue_take",
                    self._keys(shard, "rows", "lease", "announced", "taken_out"),
                    (owner, self._lease_ms, _ROWS, _BYTES),
                ),
                *(("queue_exists", [self._run_key(run, "cancelled")], ()) for run in looked),
            ]
        )
        if len(found) <= 1:
            return None
        answers = {run: bool(answer) for run, answer in zip(looked, cancelled, strict=True)}
        return Batch(shard, owner, found[0], tuple(found[1:]), answers, until)

    async def renew(self, batch: Batch) -> None:
        """Put off the end of a lease, again and again, until cancelled."""
        (key,) = self._keys(batch.shard, "lease")
        while True:
            await asyncio.sleep(self.lease / 3)
            try:
                if not await self._connection.run("renew", key, batch.owner, self._lease_ms):
                    return
            except SharedStateError as error:
                logger.warning("the lease of shard %d could not be renewed: %s", batch.shard, error)

    async def finish(self, batch: Batch, left: Sequence[str | bytes], *, announce: bool) -> bool | None:
        """Take the rows of a batch out and end its lease.

        Args:
            batch: The batch.
            left: Rows to put back at the front.
            announce: Whether rows that are left shall be worked on at once.

        Returns:
            Whether the shard is to be announced; ``None`` when the lease had run out, and nothing was done.
        """
        answer = await self._connection.run(
            "queue_finish",
            self._keys(batch.shard, "rows", "lease", "announced", "taken_out"),
            batch.owner,
            batch.taken_out,
            len(batch.rows),
            _ANNOUNCED if announce else 0,
            self._keep_ms,
            *reversed(left),
        )
        return None if answer == "lost" else answer == "more"

    async def leave(self, batch: Batch) -> None:
        """End a lease, and leave the rows where they are."""
        await self._connection.run("release", self._keys(batch.shard, "lease")[0], batch.owner)

    async def idle_shards(self, owner: str) -> list[int]:
        """Shards with rows and no worker, whose announcement got lost: for one owner at a time."""
        key = f"briqpay:{{{self._account}}}:sweeper"
        if await self._connection.run("acquire", key, owner, int(self.sweep * 1500)):
            return []
        answers = await self._connection.run_each(
            "queue_idle",
            [
                (self._keys(shard, "rows", "lease", "announced"), (_ANNOUNCED, int(self.sweep * 1000)))
                for shard in range(self.shards)
            ],
        )
        return [shard for shard, idle in enumerate(answers) if idle]

    async def with_rows(self, shards: Iterable[int]) -> set[int]:
        """Which of these shards have rows."""
        asked = list(shards)
        answers = await self._connection.run_each(
            "queue_exists", [(self._keys(shard, "rows"), ()) for shard in asked]
        )
        return {shard for shard, found in zip(asked, answers, strict=True) if found}

    async def record(self, outcomes: Mapping[str, Sequence[bytes]]) -> None:
        """Add outcomes, by run."""
        if outcomes:
            await self._connection.run_each(
                "queue_record",
                [([self._run_key(run, "outcomes")], (self._keep_ms, *some)) for run, some in outcomes.items()],
            )

    async def outcomes(self, run: str, read: int) -> list[str]:
        """Outcomes of a run after those that were read, which are forgotten."""
        keys = [self._run_key(run, "outcomes"), self._run_key(run, "forgotten")]
        return list(await self._connection.run("queue_outcomes", keys, read, _ROWS, self._keep_ms))

    async def cancel(self, run: str) -> None:
        """Let rows of a run that were not begun be dropped."""
        await self._connection.run("done", self._run_key(run, "cancelled"), self._keep_ms)

    async def cancelled(self, batch: Batch, runs: Iterable[str]) -> set[str]:
        """Which of these runs, which rows of a batch belong to, are cancelled."""
        found = {run: batch.looked.get(run) for run in runs}
        asked = [run for run, answer in found.items() if answer is None]
        if asked:
            self._runs.extend(run for run in asked if run not in self._runs)
            answers = await self._connection.run_each(
                "queue_exists", [([self._run_key(run, "cancelled")], ()) for run in asked]
            )
            found.update(zip(asked, map(bool, answers), strict=True))
        return {run for run, answer in found.items() if answer}

    async def bury(self, letters: Sequence[bytes]) -> None:
        """Keep rows that failed for good."""
        if letters:
            now = time.time()
            await self._connection.run("queue_bury", self._dead, now, _LETTERS, now + self._keep, *letters)

    async def buried(self, skipped: int) -> list[str]:
        """Dead letters after the first so many."""
        return list(await self._connection.run("queue_buried", self._dead, time.time(), skipped, _ROWS))

    async def unbury(self, letters: Sequence[str]) -> int:
        """Remove dead letters, and say how many there were."""
        removed = 0
        for start in range(0, len(letters), _ROWS):
            removed += await self._connection.run("queue_unbury", self._dead, *letters[start : start + _ROWS])
        return removed
