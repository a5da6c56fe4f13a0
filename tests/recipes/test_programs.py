"""The recipes that are no web shops: from raw requests, the way into production, new prices at night."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from recipes.from_requests import ByHand, WithTheClient
from recipes.nightly_prices import Night, change_prices
from recipes.nightly_prices import main as change_prices_tonight
from recipes.rollout import Checkouts, RollOut, clients_from_env
from support.shop import data, line, new_session

from briqpay_async import BriqpayClient, BulkJournal, ConfigurationError, Environment, RateLimit
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox import Sandbox, ThreadedSandbox

# --- from raw requests -----------------------------------------------------------------------------------


@pytest.fixture
def by_hand(briqpay_sandbox: ThreadedSandbox) -> Iterator[ByHand]:
    made = ByHand(briqpay_sandbox.username, briqpay_sandbox.secret, briqpay_sandbox.url, pause=0.0)
    with made.http:
        yield made


@pytest.fixture
def with_the_client(briqpay_blocking_client: BlockingBriqpayClient) -> WithTheClient:
    return WithTheClient(briqpay_blocking_client)


@pytest.fixture
def session_id(briqpay_blocking_client: BlockingBriqpayClient) -> str:
    return briqpay_blocking_client.sessions.create(new_session(data(line("chair"), line("lamp")))).id


def test_both_ways_lead_to_the_same_cart_and_the_same_capture(
    by_hand: ByHand, with_the_client: WithTheClient, session_id: str, briqpay_sandbox: ThreadedSandbox
) -> None:
    by_hand.set_quantity(session_id, "lamp", 3)
    first = briqpay_sandbox.sessions[session_id]["data"]["order"]
    with_the_client.set_quantity(session_id, "lamp", 1)
    with_the_client.set_quantity(session_id, "lamp", 3)
    assert briqpay_sandbox.sessions[session_id]["data"]["order"] == first
    briqpay_sandbox.complete(session_id)
    assert with_the_client.capture(session_id) is not None
    (captured,) = briqpay_sandbox.sessions[session_id]["data"]["captures"]
    assert captured["amountIncVat"] == first["amountIncVat"]


def test_the_client_keeps_clicks_that_come_together(
    with_the_client: WithTheClient, session_id: str, briqpay_sandbox: ThreadedSandbox
) -> None:
    briqpay_sandbox.faults.add("latency", seconds=0.01)
    with ThreadPoolExecutor(2) as buyers:
        clicks = [(session_id, "chair", 2), (session_id, "lamp", 3)]
        list(buyers.map(lambda click: with_the_client.set_quantity(*click), clicks))
    cart = briqpay_sandbox.sessions[session_id]["data"]["order"]["cart"]
    assert [line["quantity"] for line in cart] == [2, 3]


def test_a_lost_answer_moves_money_twice_by_hand_and_once_with_the_client(
    by_hand: ByHand, with_the_client: WithTheClient, session_id: str, briqpay_sandbox: ThreadedSandbox
) -> None:
    briqpay_sandbox.complete(session_id)
    briqpay_sandbox.faults.add("apply_then_status", endpoint="capture", times=1)
    assert with_the_client.capture(session_id) is not None
    assert len(briqpay_sandbox.effects_of(session_id, "capture")) == 1

    other = with_the_client.briqpay.sessions.create(new_session(data(line("lamp", quantity=2)))).id
    briqpay_sandbox.complete(other)
    briqpay_sandbox.faults.add("apply_then_status", endpoint="capture", times=1)
    with pytest.raises(Exception, match="400"):  # the second capture, refused because the first one took all
        by_hand.capture(other)
    assert [record.endpoint for record in briqpay_sandbox.journal][-2:] == ["capture", "capture"]


def test_what_the_client_cannot_find_out_or_is_refused_is_reported(
    with_the_client: WithTheClient, session_id: str, briqpay_sandbox: ThreadedSandbox
) -> None:
    with pytest.raises(RuntimeError, match="refuses the capture"):
        with_the_client.capture(session_id)  # the buyer has not paid
    briqpay_sandbox.complete(session_id)
    briqpay_sandbox.faults.add("status", endpoint="capture", status=503)
    assert with_the_client.capture(session_id) is None
    assert [record.endpoint for record in briqpay_sandbox.journal].count(
        "capture"
    ) == 2  # the refused one, and this


def test_an_outage_ends_by_hand_too(by_hand: ByHand, session_id: str, briqpay_sandbox: ThreadedSandbox) -> None:
    briqpay_sandbox.faults.add("close_before_answer")
    with pytest.raises(RuntimeError, match="does not answer"):
        by_hand.set_quantity(session_id, "lamp", 2)


# --- from the playground to production -------------------------------------------------------------------


@pytest.fixture
async def environments() -> AsyncIterator[dict[Environment, Sandbox]]:
    async with Sandbox(seed=1) as playground, Sandbox(seed=2) as production:
        yield {Environment.PLAYGROUND: playground, Environment.PRODUCTION: production}


def test_a_share_of_the_buyers_pays_in_production_and_stays_there_while_it_grows() -> None:
    buyers = [f"buyer-{number}" for number in range(2000)]
    shares = [
        {buyer for buyer in buyers if RollOut(percent).environment(buyer) is Environment.PRODUCTION}
        for percent in (0, 1, 10, 50, 100)
    ]
    assert [len(share) for share in shares][:1] == [0]
    assert 100 < len(shares[2]) < 300
    assert len(shares[4]) == 2000
    assert all(smaller <= larger for smaller, larger in pairwise(shares))


async def test_a_checkout_stays_where_it_began(environments: dict[Environment, Sandbox]) -> None:
    clients = {
        environment: BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
        for environment, sandbox in environments.items()
    }
    checkouts = Checkouts(clients)
    all_in, staff = RollOut(100, frozenset({"ada"})), RollOut(0, frozenset({"ada"}))
    new = new_session(data(line("lamp")))
    try:
        bought = await checkouts.begin("bo", new, all_in)
        tried = await checkouts.begin("ada", new, all_in)
        assert await checkouts.begin("bo", new, staff) is None  # out again, within seconds
        assert (bought is None, tried is None) == (False, False)
        for session, environment in ((bought, Environment.PRODUCTION), (tried, Environment.PLAYGROUND)):
            assert session is not None
            async with checkouts.client(session.id).sessions.edit(session.id) as builder:
                builder.cart.set_quantity("lamp", 2)
            assert list(environments[environment].sessions) == [session.id]
    finally:
        for client in clients.values():
            await client.aclose()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLAYGROUND", "PRODUCTION"):
        monkeypatch.setenv(f"BRIQPAY_{name}_USERNAME", f"user-{name}")
        monkeypatch.setenv(f"BRIQPAY_{name}_SECRET", "secret")
    assert RollOut.from_env() == RollOut(0)
    monkeypatch.setenv("BRIQPAY_PERCENT", "5")
    monkeypatch.setenv("SHOP_STAFF", "ada,bo")
    assert RollOut.from_env() == RollOut(5, frozenset({"ada", "bo"}))
    assert {repr(client) for client in clients_from_env().values()} == {
        "<BriqpayClient https://playground-api.briqpay.com>",
        "<BriqpayClient https://api.briqpay.com>",
    }


# --- new prices at night ---------------------------------------------------------------------------------

CHECKOUTS = 120


@pytest.fixture
async def shop(sandbox: Sandbox, client: BriqpayClient, tmp_path: Path) -> AsyncIterator[Path]:
    """The database of a shop with open checkouts; the last of them is bought before the night."""
    path = tmp_path / "shop.db"
    database = sqlite3.connect(path)
    database.executescript("""
        CREATE TABLE products (sku PRIMARY KEY, name, new_price, tax_rate);
        CREATE TABLE carts (session_id, position, sku, quantity);
        INSERT INTO products VALUES ('chair', 'Chair', 70000, 2500), ('lamp', 'Lamp', 20000, 2500);
    """)
    for number in range(CHECKOUTS):
        session = await client.sessions.create(new_session(data(line("chair"), line("lamp"))))
        rows = [(session.id, 0, "chair", 1), (session.id, 1, "lamp", number + 1)]
        database.executemany("INSERT INTO carts VALUES (?, ?, ?, ?)", rows)
    sandbox.complete(session.id)
    database.commit()
    yield path
    database.close()


async def test_every_open_checkout_has_the_new_prices_after_two_nights(
    shop: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    made = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, rate=RateLimit(2000, burst=50))
    journal = BulkJournal(tmp_path / "run.journal")
    database = sqlite3.connect(shop)
    loop = asyncio.get_running_loop()
    try:
        async with made as briqpay:
            assert await change_prices(briqpay, database, journal, until=loop.time()) == Night()  # it is morning
            bad_night = sandbox.faults.add("status", endpoint="patch", status=400, every=3)
            first = await change_prices(briqpay, database, journal, until=loop.time() + 60)
            assert (first.done > 0, len(first.failed)) == (True, CHECKOUTS // 3)
            sandbox.faults.remove(bad_night)
            second = await change_prices(briqpay, database, journal, until=loop.time() + 60)
    finally:
        database.close()
    assert (second.done, second.bought, second.failed) == (CHECKOUTS - 1, 1, {})
    patches = [effect for effect in sandbox.effects if effect.kind == "patch"]
    assert len(patches) == len({effect.session_id for effect in patches}) == CHECKOUTS - 1
    orders = [session["data"]["order"]["amountIncVat"] for session in sandbox.sessions.values()]
    assert orders[:-1] == [87_500 + 25_000 * (number + 1) for number in range(CHECKOUTS - 1)]


async def test_the_program_says_how_the_night_went(
    shop: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("recipes.nightly_prices.RateLimit", lambda **_: RateLimit(2000, burst=50))
    with pytest.raises(ConfigurationError):
        await change_prices_tonight(str(shop), "winter-sale")
    monkeypatch.setenv("BRIQPAY_USERNAME", sandbox.username)
    monkeypatch.setenv("BRIQPAY_SECRET", sandbox.secret)
    monkeypatch.setenv("BRIQPAY_BASE_URL", sandbox.url)
    unlucky = next(iter(sandbox.sessions))
    sandbox.faults.add("status", endpoint="patch", session_id=unlucky, status=400)
    assert await change_prices_tonight(str(shop), "winter-sale") == 1
    out, err = capsys.readouterr()
    assert out == f"{CHECKOUTS - 2} done, 1 bought meanwhile, 1 failed\n"
    assert err.startswith(f"{unlucky}: 400 ")
    sandbox.faults.clear()
    assert await change_prices_tonight(str(shop), "winter-sale") == 0
