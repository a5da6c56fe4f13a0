"""`briqpay shop`: it serves on loopback, keeps other pages out, and ends cleanly."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from briqpay_async.cli.shop import command
from briqpay_async.cli.shop.app import Shop
from briqpay_async.cli.shop.command import running_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with running_shop() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def test_the_program_prints_where_it_is_and_ends_with_ctrl_c() -> None:
    program = [sys.executable, "-m", "briqpay_async.cli", "shop", "--port", "0", "--no-open"]
    process = subprocess.Popen(program, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(4)]
    assert re.fullmatch(r"The shop +http://127\.0\.0\.1:\d+/\n", lines[0])
    assert "Ctrl-C" in lines[3]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_browser_is_opened_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_browser(address: str) -> None:
        opened.append(address)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command.webbrowser, "open", open_browser)
    assert command.shop(port=0) == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", opened[0])


def test_a_port_that_is_taken_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        program = [sys.executable, "-m", "briqpay_async.cli", "shop", "--port", port, "--no-open"]
        done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"briqpay: cannot listen on 127.0.0.1:{port}")
    assert done.stderr.count("\n") == 1


async def test_a_click_sends_the_difference_and_says_how_long_it_is(
    shop: Shop, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{shop.address}/api/cart", json={"reference": "mug", "quantity": 1}) as answer:
        first = await answer.json()
    async with http.post(f"{shop.address}/api/cart", json={"reference": "mug", "quantity": 4}) as answer:
        second = await answer.json()
    assert first["session_id"] == second["session_id"]
    assert (second["lines"][0]["quantity"], second["total"]) == (4, 63_600)
    assert [click["title"] for click in second["clicks"]] == [
        "Stoneware mug: 4",
        "Stoneware mug: 1 (a new session)",
    ]
    assert second["clicks"][0]["body"]["data"]["order"]["cart"][0]["quantity"] == 4
    assert second["clicks"][0]["attempts"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b"null",
        b"{}",
        b'{"reference": "unknown", "quantity": 1}',
        b'{"reference": ["mug"], "quantity": 1}',
        b'{"reference": "mug", "quantity": -1}',
        b'{"reference": "mug", "quantity": 1.5}',
        b'{"reference": "mug", "quantity": true}',
        b'{"reference": "mug", "quantity": 1000}',
    ],
)
@pytest.mark.parametrize("path", ["cart", "decision", "settings", "orders/unknown/capture"])
async def test_odd_input_is_refused_or_changes_nothing(
    shop: Shop, http: aiohttp.ClientSession, path: str, body: bytes
) -> None:
    async with http.post(f"{shop.address}/api/{path}", data=body) as answer:
        assert answer.status < 500, await answer.text()
    assert dict(shop.sandbox.sessions) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ],
)
async def test_other_pages_can_do_nothing_here(
    shop: Shop, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    body = {"reference": "mug", "quantity": 1}
    async with http.post(f"{shop.address}/api/cart", json=body, headers=headers) as answer:
        assert answer.status == 403
    assert dict(shop.sandbox.sessions) == {}


async def test_a_visitor_cannot_decide_about_another_ones_order(shop: Shop, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{shop.address}/api/cart", json={"reference": "mug", "quantity": 1}) as answer:
        session_id = (await answer.json())["session_id"]
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.post(f"{shop.address}/api/decision", json={"session_id": session_id}) as answer,
    ):
        assert answer.status == 403
    assert "decision" not in shop.sandbox.sessions[session_id]


@pytest.mark.parametrize("name", ["..%2fapp.py", "app.py", "%2e%2e/app.py", "unknown.css", ".css"])
async def test_only_the_files_of_the_pages_are_served(shop: Shop, http: aiohttp.ClientSession, name: str) -> None:
    async with http.get(f"{shop.address}/web/{name}") as answer:
        assert answer.status == 404


async def test_an_order_that_is_not_known_waits_and_cannot_be_managed(
    shop: Shop, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{shop.address}/api/orders/unknown") as answer:
        shown: dict[str, Any] = await answer.json()
    assert shown["state"] == "waiting"
    async with http.post(f"{shop.address}/api/orders/unknown/capture", json={"lines": {"mug": 1}}) as answer:
        assert answer.status == 409
