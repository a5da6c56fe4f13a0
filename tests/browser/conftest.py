"""A real browser. Each page is watched: it may log no error, and load nothing from another machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from browser.chromium import find_chromium
from browser.merchant_page import MerchantPage
from browser.threaded_shop import ThreadedShop

from briqpay_async import BriqpayClient, NewSession, Session
from briqpay_async.sandbox import Sandbox

T = TypeVar("T")
CHROMIUM = find_chromium()
HERE = {"127.0.0.1", "localhost"}
# Without a browser there is nothing to collect here; the summary says so in one line.
collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: the browser's library keeps a loop in this one."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


@pytest.fixture(scope="module")  # its library keeps a loop running in this thread, where other tests run theirs
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, emulator: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages: ``open_page(url, width=..., **options of the context)``. They close before the sandbox does."""
    del emulator
    complaints: list[str] = []
    contexts: list[Any] = []

    def watch(page: Any) -> None:
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: foreign(request.url))

    def foreign(url: str) -> None:
        if urlsplit(url).scheme in {"http", "https", "ws", "wss"} and urlsplit(url).hostname not in HERE:
            complaints.append(f"a request to {url}")

    def open_(url: str, *, width: int = 1200, height: int = 900, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.on("page", watch)
        page = context.new_page()
        page.complaints = complaints
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


@pytest.fixture
def serious_faults(axe: str) -> Callable[[Any], list[str]]:
    """Lists the serious and critical faults in the accessibility of a page or frame."""

    def look(frame: Any) -> list[str]:
        frame.evaluate(axe)
        found = frame.evaluate("async () => (await axe.run()).violations")
        return [
            f"{each['id']}: {node['html'][:120]}"
            for each in found
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]

    return look


@pytest.fixture
def emulator() -> Iterator[Any]:
    with Sandbox().in_thread() as running:
        yield running


@pytest.fixture
def new(emulator: Any) -> Callable[[NewSession], Session]:
    """Creates a session."""

    async def create(session: NewSession) -> Session:
        async with BriqpayClient(emulator.username, emulator.secret, base_url=emulator.url) as client:
            return await client.sessions.create(session)

    return lambda session: in_a_loop(create(session))


@pytest.fixture
def merchant(emulator: Any) -> Iterator[MerchantPage]:
    with MerchantPage(emulator) as running:
        yield running


@pytest.fixture
def shop() -> Iterator[ThreadedShop]:
    """`briqpay shop`; ask for it before pages are opened, so that they close before it ends."""
    running = ThreadedShop()
    yield running
    running.close()
