"""A server that answers every request with the same bytes, so that the client is what takes the time.

``python -m benchmarks.server`` prints its ports as one line of JSON and runs until its standard input closes,
on the last core unless ``--roam`` is given.
One port answers an empty 204, one each a session with so many cart lines, and one answers how many bytes passed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import cast

from benchmarks import payloads
from benchmarks.process import loop_factory, pin

__all__ = ["LINES", "FixedAnswer", "http"]

LINES = (1, 10, 100)
_HEADERS = b"Date: Fri, 12 Apr 2024 13:16:08 GMT\r\nX-Request-Id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n"
_PATH = b"/v3/session/"


class Counters:
    """Bytes that passed all ports."""

    received = 0
    sent = 0


class FixedAnswer(asyncio.Protocol):
    """Just enough HTTP/1.1: bodies with a length, kept-alive and pipelined requests."""

    def __init__(self, answer: bytes, counters: Counters) -> None:
        self._answer = answer
        self._at = answer.find(payloads.session_ids(1)[0].encode())
        self._counters = counters
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole now."""
        self._counters.received += len(data)
        if self._pending:
            data = self._pending + data
        start, answers = 0, []
        while (end := _request_end(data, start)) is not None:
            answers.append(self._answer_to(data, start))
            start = end
        self._pending = data[start:]
        if answers:
            self._counters.sent += len(answers) * len(self._answer)
            self._transport.write(b"".join(answers))

    def _answer_to(self, data: bytes, start: int) -> bytes:
        """The fixed answer, about the session that was asked for: clients may look."""
        if self._at < 0:
            return self._answer
        at = data.index(_PATH, start) + len(_PATH)
        return self._answer[: self._at] + data[at : at + 36] + self._answer[self._at + 36 :]


def _request_end(data: bytes, start: int) -> int | None:
    """Where the request that begins at ``start`` ends, ``None`` while it is not all there."""
    head_end = data.find(b"\r\n\r\n", start)
    if head_end < 0:
        return None
    head = data[start:head_end].lower()
    at = head.find(b"\r\ncontent-length:")
    length = 0 if at < 0 else int(head[at + 17 :].split(b"\r\n", 1)[0])
    end = head_end + 4 + length
    return end if end <= len(data) else None


class TellCounters(asyncio.Protocol):
    """Writes the counters to each client that connects, and closes."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write and close."""
        text = json.dumps([self._counters.received, self._counters.sent])
        cast("asyncio.Transport", transport).write(text.encode())
        transport.close()


def http(content: bytes) -> bytes:
    """A whole answer with a JSON body, or an empty 204."""
    if not content:
        return b"HTTP/1.1 204 No Content\r\n" + _HEADERS + b"\r\n"
    length = b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n" % len(content)
    return b"HTTP/1.1 200 OK\r\n" + _HEADERS + length + b"\r\n" + content


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    counters = Counters()
    ports = {}

    async def listen(name: str, protocol: Callable[[], asyncio.Protocol]) -> None:
        server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
        ports[name] = server.sockets[0].getsockname()[1]

    contents = {"none": b""} | {str(lines): payloads.answer(lines) for lines in LINES}
    for name, content in contents.items():
        whole = http(content)
        await listen(name, lambda whole=whole: FixedAnswer(whole, counters))  # type: ignore[misc]
    await listen("counters", lambda: TellCounters(counters))
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    if "--roam" not in sys.argv:
        pin(-1)
    with asyncio.Runner(loop_factory=loop_factory(uvloop=None)) as runner:
        runner.run(_serve())
