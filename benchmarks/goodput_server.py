"""A server that refuses: ``python -m benchmarks.goodput_server SCENARIO`` prints its address.

``SCENARIO`` is the JSON of a ``Refusals``. At each line on its standard input it prints what it answered since its
first request, as JSON: for each client and each tenth of a second, requests admitted and refused.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections.abc import Callable
from typing import cast

import attrs

__all__ = ["BIN", "Refusals"]

BIN = 0.1  # seconds that answers are counted in
_PATH = b"/v3/session/"


@attrs.frozen(kw_only=True)
class Refusals:
    """What a server refuses, and how.

    Attributes:
        noise: Share of requests refused at random.
        noise_status: HTTP status of those.
        noise_retry_after: What those say.
        quota: Requests a second that a bucket admits; 0 without one.
        later: The quota after ``changes`` seconds, if it changes.
        changes: When.
        burst: What the bucket holds.
        whole: Whether the bucket's refusals name whole seconds.
        latency: Seconds that each answer takes.
    """

    noise: float = 0.0
    noise_status: int = 429
    noise_retry_after: str = ""
    quota: float = 0.0
    later: float = 0.0
    changes: float = math.inf
    burst: float = 10.0
    whole: bool = False
    latency: float = 0.0

    def quota_at(self, seconds: float) -> float:
        """The quota so many seconds after the first request."""
        return self.later if self.later and seconds >= self.changes else self.quota


class Judge:
    """Admits or refuses, and counts."""

    def __init__(self, refusals: Refusals) -> None:
        self.counts: dict[str, list[list[int]]] = {}
        self._refusals = refusals
        self._chance = random.Random(time.time_ns())  # noqa: S311 - noise
        self._began: float | None = None
        self._filled = 0.0
        self._tokens = refusals.burst

    def answer(self, client: str) -> bytes:
        """The answer to a request that came now."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        seconds = now - self._began
        answer = self._refusal(seconds)
        bins = self.counts.setdefault(client, [])
        place = int(seconds / BIN)
        while len(bins) <= place:
            bins.append([0, 0])
        bins[place][answer is not None] += 1
        return answer or b"HTTP/1.1 204 No Content\r\n\r\n"

    def _refusal(self, seconds: float) -> bytes | None:
        refusals = self._refusals
        if refusals.noise and self._chance.random() < refusals.noise:
            return _refusal(refusals.noise_status, refusals.noise_retry_after)
        quota = refusals.quota_at(seconds)
        if not quota:
            return None
        self._tokens = min(refusals.burst, self._tokens + (seconds - self._filled) * quota)
        self._filled = seconds
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        wait = (1 - self._tokens) / quota
        return _refusal(429, str(math.ceil(wait)) if refusals.whole else f"{wait:.3f}")


def _refusal(status: int, retry_after: str) -> bytes:
    header = f"Retry-After: {retry_after}\r\n" if retry_after else ""
    return f"HTTP/1.1 {status} Refused\r\n{header}Content-Length: 0\r\n\r\n".encode()


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1: one request at a time, with a body that has a length."""

    def __init__(self, answer: Callable[[str], bytes], latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer the request once it is whole."""
        data = self._pending + data
        head_end = data.find(b"\r\n\r\n")
        at = data.lower().find(b"\r\ncontent-length:", 0, head_end)
        length = int(data[at + 17 : data.index(b"\r\n", at + 17)]) if at >= 0 else 0
        if head_end < 0 or len(data) < head_end + 4 + length:
            self._pending = data
            return
        self._pending = b""
        client = data[data.index(_PATH) + len(_PATH) :][:8].decode()
        if self._latency:
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency / 2, self._judge_and_answer_later, client, loop)
        else:
            self._transport.write(self._answer(client))

    def _judge_and_answer_later(self, client: str, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._latency / 2, self._write, self._answer(client))

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(refusals: Refusals) -> None:
    loop = asyncio.get_running_loop()
    judge = Judge(refusals)
    server = await loop.create_server(
        lambda: Connection(judge.answer, refusals.latency), "127.0.0.1", 0, backlog=1024
    )
    print(json.dumps(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(judge.counts), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Refusals(**json.loads(sys.argv[1]))))
