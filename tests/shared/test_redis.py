"""Clients that share a server lose no update and keep a rate; without it nothing is sent."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.shop import data, line, new_session

from briqpay_async import BriqpayClient, ConfigurationError, RateLimitedError, SharedStateError
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import MemoryState, RateLimit, RedisInboxStore, RedisState
from briqpay_async.webhooks import Claim

NOWHERE = "redis://127.0.0.1:1"


def client(sandbox: Sandbox, shared: Any, **options: Any) -> BriqpayClient:
    return BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, shared=shared, **options)


EDITOR = """
import asyncio, sys
from briqpay_async import BriqpayClient
from briqpay_async.shared import RedisState
url, username, secret, redis, account, session_id, mine = sys.argv[1:]
async def main():
    state = RedisState(redis, account=account)
    async with BriqpayClient(username, secret, base_url=url, shared=state) as briqpay:
        for number in range(2, 52):
            async with briqpay.sessions.edit(session_id) as builder:
                builder.cart.set_quantity(mine, number)
            session = await briqpay.sessions.read(session_id)
            found = {line.reference: line.quantity for line in session.data.order.cart}
            assert found[mine] == number, (mine, number, found)
asyncio.run(main())
"""


async def test_two_processes_that_edit_one_cart_lose_nothing(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    async with client(sandbox, None) as briqpay:
        session = await briqpay.sessions.create(new_session(data(line("sku-1"), line("sku-2"))))
        arguments = [sandbox.url, sandbox.username, sandbox.secret, redis_url, account, str(session.session_id)]
        editors = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                EDITOR,
                *arguments,
                sku,
                cwd=Path(__file__).parents[2],
                stderr=subprocess.PIPE,
            )
            for sku in ("sku-1", "sku-2")
        ]
        ended = await asyncio.gather(*(editor.communicate() for editor in editors))
        assert [errors.decode() for _, errors in ended] == ["", ""]
        found = await briqpay.sessions.read(str(session.session_id))
    assert [one.quantity for one in found.data.order.cart] == [51, 51]


async def test_an_update_waits_for_the_edit_of_another_client(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    one = client(sandbox, RedisState(redis_url, account=account))
    two = client(sandbox, RedisState(redis_url, account=account))
    async with one, two:
        session = await one.sessions.create(new_session())
        session_id = str(session.session_id)
        async with one.sessions.edit(session_id) as builder:
            with pytest.raises(TimeoutError, match="session"):
                await two.sessions.update_metadata(session_id, references={"a": "b"}, timeout=0.2)
            builder.billing.update(city="Ystad")
        await two.sessions.update_metadata(session_id, references={"a": "b"})


async def test_a_lease_is_renewed_while_it_is_needed(sandbox: Sandbox, redis_url: str, account: str) -> None:
    one = client(sandbox, RedisState(redis_url, account=account, lease=1))
    two = client(sandbox, RedisState(redis_url, account=account))
    async with one, two:
        session_id = str((await one.sessions.create(new_session())).session_id)
        async with one.sessions.edit(session_id) as builder:
            with pytest.raises(TimeoutError):
                await two.sessions.update_metadata(session_id, references={"a": "b"}, timeout=1.5)
            builder.billing.update(city="Ystad")
        assert builder.session is not None


async def test_a_holder_whose_lease_ran_out_begins_no_request(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    async with client(sandbox, RedisState(redis_url, account=account, lease=0.2)) as briqpay:
        session_id = str((await briqpay.sessions.create(new_session())).session_id)
        with pytest.raises(SharedStateError, match="ran out"):  # noqa: PT012 - the end of the block raises
            async with briqpay.sessions.edit(session_id) as builder:
                builder.billing.update(city="Ystad")
                time.sleep(0.3)  # noqa: ASYNC251 - the process stands still, as when it is stopped
        assert (await briqpay.sessions.read(session_id)).data.billing.city == "Lund"


async def test_clients_of_several_states_keep_a_rate_together(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    states = [RedisState(redis_url, account=account, rate=RateLimit(100, burst=1)) for _ in range(3)]
    clients = [client(sandbox, state) for state in states]
    session_id = str((await clients[0].sessions.create(new_session())).session_id)
    started = time.monotonic()
    await asyncio.gather(*(one.sessions.read(session_id) for one in clients for _ in range(10)))
    assert time.monotonic() - started >= 0.29  # 30 turns, the first of which comes at once
    for one in clients:
        await one.aclose()


async def test_a_turn_that_would_come_after_the_deadline_is_refused_at_once(
    sandbox: Sandbox, redis_url: str, account: str
) -> None:
    states = [RedisState(redis_url, account=account, rate=RateLimit(0.01, burst=1)) for _ in range(2)]
    async with client(sandbox, states[0]) as one, client(sandbox, states[1]) as two:
        session_id = str((await one.sessions.create(new_session())).session_id)
        with pytest.raises(RateLimitedError) as caught:
            await two.sessions.read(session_id, timeout=20)
    assert caught.value.retry_after is not None
    assert 50 < caught.value.retry_after <= 104  # not all of the rate is used


async def test_a_missing_server_is_an_error_before_anything_is_sent(sandbox: Sandbox) -> None:
    async with client(sandbox, None) as plain:
        session_id = str((await plain.sessions.create(new_session())).session_id)
    before = len(sandbox.journal)
    async with client(sandbox, RedisState(NOWHERE)) as briqpay:
        with pytest.raises(
            SharedStateError, match=r"cannot be reached \(ConnectionError\)\. Nothing was sent"
        ) as caught:
            await briqpay.sessions.update_metadata(session_id, references={"a": "b"})
        assert type(caught.value) is SharedStateError
    async with client(sandbox, RedisState(NOWHERE, rate=RateLimit(50))) as briqpay:
        with pytest.raises(SharedStateError, match=r"Nothing was sent\."):
            await briqpay.sessions.read(session_id)
    with pytest.raises(
        SharedStateError, match=r"\(ConnectionError\)\. Does it run, and is its URL right\?"
    ) as caught:
        await RedisState(NOWHERE).check()
    assert "sent" not in str(caught.value)
    assert len(sandbox.journal) == before


async def test_a_process_may_go_on_alone_and_says_so_once(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    state = RedisState(NOWHERE, on_failure="local", rate=RateLimit(1000, burst=10))
    async with client(sandbox, state) as briqpay:
        session_id = str((await briqpay.sessions.create(new_session())).session_id)
        with caplog.at_level(logging.WARNING, "briqpay_async"):
            for _ in range(2):
                await briqpay.sessions.update_metadata(session_id, references={"a": "b"})
    assert caplog.text.count("goes on alone") == 1
    assert sandbox.sessions[session_id]["references"] == {"a": "b"}


async def test_clients_of_one_memory_state_share_its_rate(sandbox: Sandbox) -> None:
    state = MemoryState(RateLimit(0.01, burst=1))
    async with client(sandbox, state) as one, client(sandbox, state) as two:
        session_id = str((await one.sessions.create(new_session())).session_id)
        with pytest.raises(RateLimitedError):
            await two.sessions.read(session_id, timeout=10)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "http://host"}, "redis://"),
        ({"url": 4}, "redis://"),
        ({"account": "a{b}"}, "account"),
        ({"account": ""}, "account"),
        ({"rate": 50}, "RateLimit"),
        ({"lease": 0}, "positive"),
        ({"on_failure": "pray"}, "on_failure"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        RedisState(**({"url": NOWHERE} | arguments))


def test_one_rate_is_enough() -> None:
    with pytest.raises(ConfigurationError, match="both"):
        BriqpayClient("user", "secret", rate=RateLimit(1), shared=MemoryState(RateLimit(1)))
    with pytest.raises(ConfigurationError, match="RateLimit"):
        MemoryState(50)  # type: ignore[arg-type]


def test_a_state_does_not_show_its_password() -> None:
    state = RedisState("redis://user:hush-hush@127.0.0.1:1")
    assert "hush" not in repr(state) + repr(vars(vars(state)["_connection"]))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"briqpay-async\[redis\]"):
        RedisState(NOWHERE)


async def test_a_webhook_is_claimed_once_by_all_processes(redis_url: str, account: str) -> None:
    one, two = (RedisInboxStore(redis_url, account=account) for _ in range(2))
    assert await one.claim("event", "a", 60) is Claim.FRESH
    assert await two.claim("event", "b", 60) is Claim.BUSY
    await one.give_back("event", "a")
    assert await two.claim("event", "b", 60) is Claim.FRESH
    await two.done("event", "b")
    assert await one.claim("event", "c", 60) is Claim.DONE
    await one.aclose()
    await two.aclose()
