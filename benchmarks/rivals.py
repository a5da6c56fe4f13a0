"""Peers from other houses: what a shop would otherwise write. All are optional, and send the whole body."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from benchmarks import payloads
from benchmarks.peers import HEADERS, READ_NAME, SECRET, Peer, query

__all__ = ["Httpx", "OpenAI", "Requests"]


class Httpx(Peer):
    """httpx and pydantic: models in, models out."""

    needs = ("httpx", "pydantic")

    async def __aenter__(self) -> Self:
        import httpx  # noqa: PLC0415 - optional

        from benchmarks.pydantic_models import Data, Session  # noqa: PLC0415

        self._answer = Session
        self._held = Data.model_validate(payloads.full_body(self.job.lines)["data"])
        self._client = httpx.AsyncClient(
            base_url=self.job.url,
            headers=HEADERS,
            limits=httpx.Limits(max_connections=self.job.concurrency),
            timeout=60.0,
        )
        return self

    async def call(self, lane: int, number: int) -> None:  # noqa: ARG002 - every request is the same
        """Dump the models, PATCH, validate the answer."""
        content = b'{"data":%b}' % self._held.model_dump_json(by_alias=True, exclude_none=True).encode()
        response = await self._client.patch(f"/v3/session/{self.ids[lane]}{query(self.job)}", content=content)
        response.raise_for_status()
        if response.content:
            assert self._answer.model_validate_json(response.content).data.order.cart[0].name == READ_NAME

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.aclose()


class Requests(Peer):
    """requests with dictionaries, a session for each thread."""

    needs = ("requests",)

    async def __aenter__(self) -> Self:
        import requests  # noqa: PLC0415 - optional

        self._held = payloads.full_body(self.job.lines)
        self._threads = ThreadPoolExecutor(self.job.concurrency)
        self._sessions = [requests.Session() for _ in self.ids]
        for session in self._sessions:
            session.headers.update(HEADERS)
        return self

    async def call(self, lane: int, number: int) -> None:  # noqa: ARG002 - every request is the same
        """Hand the call to a thread."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._send, lane)

    def _send(self, lane: int) -> None:
        url = f"{self.job.url}/v3/session/{self.ids[lane]}{query(self.job)}"
        response = self._sessions[lane].patch(url, json=self._held, timeout=60.0)
        response.raise_for_status()
        if response.content:
            assert response.json()["data"]["order"]["cart"][0]["name"] == READ_NAME

    async def aclose(self) -> None:
        """Close the pools."""
        for session in self._sessions:
            session.close()
        self._threads.shutdown()


class OpenAI(Peer):
    """The stack of the openai package, pointed at this API: the pattern of many generated clients."""

    needs = ("openai",)

    async def __aenter__(self) -> Self:
        import openai  # noqa: PLC0415 - optional

        from benchmarks.openai_models import Session  # noqa: PLC0415

        self._held = payloads.full_body(self.job.lines)
        self._answer: Any = Session if self.job.fields == "all" else type(None)
        self._client = openai.AsyncOpenAI(base_url=self.job.url, api_key=SECRET, timeout=60.0)
        return self

    async def call(self, lane: int, number: int) -> None:  # noqa: ARG002 - every request is the same
        """PATCH a dictionary, take a model."""
        session = await self._client.patch(
            f"/v3/session/{self.ids[lane]}{query(self.job)}", cast_to=self._answer, body=copy.copy(self._held)
        )
        if session is not None:
            assert session.data.order.cart[0].name == READ_NAME

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.close()
