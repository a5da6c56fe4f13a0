"""The mock of HTTP that these tests use, and the day it no longer needs help."""

from __future__ import annotations

import aiohttp
import pytest
from aioresponses import aioresponses

URL = "http://127.0.0.1:1/anything"


async def test_aioresponses_still_needs_its_shim_for_this_aiohttp() -> None:
    """Once this fails, remove the shim from tests/conftest.py and this test."""
    async with aiohttp.ClientSession() as session:
        with aioresponses() as mock:
            mock.get(URL, body="{}")
            with pytest.raises(TypeError, match="stream_writer"):
                await session.get(URL)


async def test_the_shimmed_mock_answers_like_a_server(http_mock: aioresponses) -> None:
    http_mock.get(URL, status=418, body=b"short and stout", headers={"X-Kettle": "on"})
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        assert (response.status, await response.read(), response.headers["X-Kettle"]) == (
            418,
            b"short and stout",
            "on",
        )
