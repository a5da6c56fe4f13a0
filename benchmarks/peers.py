"""The clients that are compared. Each does the same edit of a session, in the way it is meant to be used."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Self

import orjson

from benchmarks import payloads
from benchmarks.jobs import Job

__all__ = [
    "HEADERS",
    "SECRET",
    "USERNAME",
    "Aiohttp",
    "AwakeStreams",
    "Client",
    "Peer",
    "Streams",
    "UnreadClient",
    "UvloopClient",
    "WholeClient",
    "query",
]

USERNAME, SECRET = "merchant", "secret"
HEADERS = {
    "Accept": "application/json",
    "Authorization": f"Basic {base64.b64encode(f'{USERNAME}:{SECRET}'.encode()).decode()}",
    "Content-Type": "application/json",
}
READ_NAME = "Woollen jumper, pattern 0"


def query(job: Job) -> str:
    """The query that asks for what the job wants back."""
    return "?fields=none" if job.fields == "none" else ""


class Peer:
    """One client, open while the block runs.

    Attributes:
        needs: Modules beyond those of the library itself.
        uvloop: Whether it runs on uvloop.
        awake: Whether its process never sleeps while calls are under way.
    """

    needs: tuple[str, ...] = ()
    uvloop = False
    awake = False

    def __init__(self, job: Job) -> None:
        self.job = job
        self.ids = job.ids or tuple(payloads.session_ids(job.concurrency))

    async def call(self, lane: int, number: int) -> None:
        """Update the session of a lane for the ``number``-th time, and look at the answer."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the connections."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Streams(Peer):
    """asyncio streams and bytes made beforehand: what no client in Python on asyncio can undercut by much."""

    async def __aenter__(self) -> Self:
        host, port = self.job.url.removeprefix("http://").split(":")
        content = payloads.body()
        head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        self._requests = [
            f"PATCH /v3/session/{one}{query(self.job)} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
            for one in self.ids
        ]
        self._connections = [await asyncio.open_connection(host, int(port)) for _ in self.ids]
        return self

    async def call(self, lane: int, number: int) -> None:  # noqa: ARG002 - every request is the same
        """Write, read the head, read the body."""
        reader, writer = self._connections[lane]
        writer.write(self._requests[lane])
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 2")
        at = head.find(b"Content-Length: ")
        if at > 0:
            await reader.readexactly(int(head[at + 16 : head.index(b"\r\n", at)]))

    async def aclose(self) -> None:
        """Hang up."""
        for _, writer in self._connections:
            writer.close()


class AwakeStreams(Streams):
    """The same where servers are measured: to wake up a process that asks is part of no answer.

    It costs several microseconds on a virtual machine, and slow servers would pay it more often than fast ones.
    """

    awake = True


class Aiohttp(Peer):
    """aiohttp and nothing else: the body is made beforehand, the answer's bytes are not looked at."""

    async def __aenter__(self) -> Self:
        import aiohttp  # noqa: PLC0415 - only where it is measured
        from yarl import URL  # noqa: PLC0415

        self._body = payloads.body()
        self._urls = [URL(f"{self.job.url}/v3/session/{one}{query(self.job)}", encoded=True) for one in self.ids]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.job.concurrency), headers=HEADERS
        )
        return self

    async def call(self, lane: int, number: int) -> None:  # noqa: ARG002 - every request is the same
        """Send the bytes, read the bytes."""
        async with self._session.patch(self._urls[lane], data=self._body) as response:
            assert response.status < 300
            await response.read()

    async def aclose(self) -> None:
        """Close the pool."""
        await self._session.close()


class Client(Peer):
    """This client, with everything on that is on by default.

    Every call gets a state of its own, made beforehand: the difference is taken, checked and encoded in the call,
    and nothing that is kept on a value can be used twice.
    """

    touch = True

    async def __aenter__(self) -> Self:
        import attrs  # noqa: PLC0415 - only where it is measured

        from briqpay_async import BriqpayClient, Pool, Session, SessionPatch, structure  # noqa: PLC0415

        job = self.job
        before = structure(payloads.held(job.lines), Session).data
        after = structure(orjson.loads(payloads.answer(job.lines)), Session).data
        assert before
        assert after
        assert after.billing
        self._before = before
        self._after = [
            attrs.evolve(before, billing=attrs.evolve(after.billing)) for _ in range(job.warmup + job.calls)
        ]
        self._between: Callable[[Any, Any], Any] = SessionPatch.between
        assert self._between(before, self._after[0]).to_json() == payloads.body()
        self._client = BriqpayClient(USERNAME, SECRET, base_url=job.url, pool=Pool(size=max(job.concurrency, 1)))
        self._update = self._client.sessions.update
        self._fields = "none" if job.fields == "none" else None
        self._look = self.touch and job.fields == "all"
        return self

    async def call(self, lane: int, number: int) -> None:
        """Difference, PATCH, answer as a model."""
        session = await self._update(
            self.ids[lane], self._between(self._before, self._after[number]), self._fields
        )
        if self._look:
            assert session.data.order.cart[0].name == READ_NAME  # type: ignore[union-attr,index]

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.aclose()


class UnreadClient(Client):
    """This client; the answer comes as a model whose data is not read."""

    touch = False


class UvloopClient(Client):
    """This client on uvloop."""

    needs = ("uvloop",)
    uvloop = True


class WholeClient(Client):
    """This client, made to send everything: for the bytes that a difference saves."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        from briqpay_async import SessionPatch  # noqa: PLC0415 - only where it is measured

        def whole(_before: Any, after: Any) -> SessionPatch:
            return SessionPatch.of(data=after.editable())

        self._between = whole
        return self
