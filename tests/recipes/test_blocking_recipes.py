"""The recipes for code without an event loop, run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from recipes.flask_view import make_app
from support.shop import data, line, new_session

from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox import Sandbox
from briqpay_async.sandbox.thread import ThreadedSandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop() -> Iterator[ThreadedSandbox]:
    with Sandbox().in_thread() as running:
        yield running


@pytest.fixture
def briqpay(shop: ThreadedSandbox) -> Iterator[BlockingBriqpayClient]:
    with BlockingBriqpayClient(shop.username, shop.secret, base_url=shop.url) as running:
        yield running


def test_a_flask_view_changes_a_cart_for_many_buyers_at_once(briqpay: BlockingBriqpayClient) -> None:
    cart = data(*(line(f"sku-{number}") for number in range(6)))
    session_id = briqpay.sessions.create(new_session(cart)).session_id
    app = make_app(briqpay)

    def click(number: int) -> int:
        return app.test_client().put(f"/carts/{session_id}/sku-{number}/{number + 2}").status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(click, range(6))) == {200}
    found = briqpay.sessions.read(str(session_id)).data.order.cart
    assert [one.quantity for one in found] == [2, 3, 4, 5, 6, 7]


def test_a_flask_view_answers_what_the_api_refuses(briqpay: BlockingBriqpayClient) -> None:
    answer = make_app(briqpay).test_client().put("/carts/00000000-0000-4000-8000-000000000000/sku-1/2")
    assert answer.get_json() == {"error": "SessionNotFoundError"}


def test_a_pool_of_processes_shares_a_client_that_was_made_before(
    briqpay: BlockingBriqpayClient, shop: ThreadedSandbox
) -> None:
    sessions = [str(briqpay.sessions.create(new_session()).session_id) for _ in range(12)]
    done = subprocess.run(
        [sys.executable, "tests/recipes/process_pool.py", *sessions],
        cwd=ROOT,
        env={
            "BRIQPAY_USERNAME": shop.username,
            "BRIQPAY_SECRET": shop.secret,
            "BRIQPAY_BASE_URL": shop.url,
            "PATH": os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, sessions, "")
    assert {briqpay.sessions.read(one).data.billing.city for one in sessions} == {"Ystad"}
