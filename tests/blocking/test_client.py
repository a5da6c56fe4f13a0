"""A blocking client does what the async one does, from any thread, and says where it cannot."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import attrs
import pytest
from support import shop

from briqpay_async import (
    AttemptEvent,
    BriqpayClient,
    CallHooks,
    CallTimeoutError,
    ConfigurationError,
    EditableData,
    Session,
    SessionNotFoundError,
    SessionPatch,
    Timeouts,
    ValidationError,
    WrongLoopError,
)
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox.thread import ThreadedSandbox


def _city(name: str) -> SessionPatch:
    return SessionPatch.of(data=EditableData(billing=shop.address(city=name)))


def test_calls_return_what_awaited_ones_do(blocking: BlockingBriqpayClient, session: Session) -> None:
    updated = blocking.sessions.update(session.session_id or "", _city("Lund"))
    assert updated is not None
    assert updated.data.billing.city == "Lund"
    assert blocking.sessions.read(updated.session_id or "") == updated
    assert blocking.sessions.update(session.session_id or "", _city("Ystad"), fields="none") is None


def test_errors_are_those_of_the_async_client(blocking: BlockingBriqpayClient) -> None:
    with pytest.raises(SessionNotFoundError) as refused:
        blocking.sessions.read("00000000-0000-4000-8000-000000000000")
    assert refused.value.attempts == 1
    with pytest.raises(ValidationError):
        blocking.sessions.read("no identifier")
    with pytest.raises(TypeError):
        blocking.sessions.read()  # type: ignore[call-arg]


def test_an_edit_is_sent_when_its_block_ends(blocking: BlockingBriqpayClient, session: Session) -> None:
    with blocking.sessions.edit(session) as builder:
        builder.cart.set_quantity("sku-1", 4)
    assert builder.session is not None
    assert blocking.sessions.read(session.session_id or "").data.order.cart[0].quantity == 4


def test_an_edit_whose_block_raises_sends_nothing_and_lets_the_next_one_in(
    blocking: BlockingBriqpayClient, session: Session, threaded: ThreadedSandbox
) -> None:
    def fail() -> None:
        with blocking.sessions.edit(session.session_id or "") as builder:
            builder.cart.set_quantity("sku-1", 4)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert threaded.effects_of(session.session_id or "", "session_updated") == ()
    with blocking.sessions.edit(session.session_id or "", timeout=5) as builder:
        builder.cart.set_quantity("sku-1", 5)
    assert blocking.sessions.read(session.session_id or "").data.order.cart[0].quantity == 5


def test_a_call_inside_an_edit_finds_the_session_kept_for_it(
    blocking: BlockingBriqpayClient, session: Session
) -> None:
    session_id = session.session_id or ""
    with blocking.sessions.edit(session_id) as builder:
        assert blocking.sessions.update(session_id, _city("Lomma"), timeout=5) is not None
        builder.cart.set_quantity("sku-1", 4)
    found = blocking.sessions.read(session_id)
    assert (found.data.billing.city, found.data.order.cart[0].quantity) == ("Lomma", 4)
    with ThreadPoolExecutor(1) as pool, blocking.sessions.edit(session_id), pytest.raises(CallTimeoutError):
        pool.submit(blocking.sessions.update, session_id, _city("Malmo"), timeout=0.2).result()


def test_thirty_two_threads_share_a_client(blocking: BlockingBriqpayClient, session: Session) -> None:
    sessions = [blocking.sessions.create(shop.new_session()).session_id or "" for _ in range(8)]

    def work(number: int) -> str:
        session_id = sessions[number % 8]
        blocking.sessions.update(session_id, _city(f"City {number}"), fields="none")
        with blocking.sessions.edit(session_id) as builder:
            builder.billing.update(city=f"Town {number}")
        return blocking.sessions.read(session_id).data.billing.city or ""

    with ThreadPoolExecutor(32) as pool:
        assert all(city.startswith(("City", "Town")) for city in pool.map(work, range(64)))


def test_states_that_threads_put_travel_through_one_writer(
    blocking: BlockingBriqpayClient, session: Session
) -> None:
    writer = blocking.sessions.writer(session)
    with ThreadPoolExecutor(8) as pool:
        states = [EditableData(billing=shop.address(city=f"City {number}")) for number in range(20)]
        answered = list(pool.map(writer.put, states))
    assert len(answered) == 20
    stored = blocking.sessions.read(session.session_id or "")
    assert writer.session.data.billing.city == writer.acknowledged.billing.city == stored.data.billing.city


def test_a_copy_with_other_options_shares_the_connections(
    blocking: BlockingBriqpayClient, session: Session
) -> None:
    copy = blocking.with_options(timeouts=Timeouts(call=5.0))
    assert copy.sessions.read(session.session_id or "") == session
    copy.close()
    assert blocking.sessions.read(session.session_id or "") == session
    blocking.close()
    with pytest.raises(ConfigurationError, match="closed"):
        copy.sessions.read(session.session_id or "")


def test_wrong_settings_are_refused_before_the_first_call(threaded: ThreadedSandbox) -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        BlockingBriqpayClient("user", "")
    with pytest.raises(ConfigurationError, match="BRIQPAY_SECRET"):
        BlockingBriqpayClient.from_env({"BRIQPAY_USERNAME": "user"})
    with pytest.raises(ConfigurationError, match="check_totals"):
        BlockingBriqpayClient("user", "secret").with_options(check_totals="loudly")  # type: ignore[arg-type]


async def test_a_connection_pool_of_another_loop_is_refused() -> None:
    async with aiohttp.ClientSession() as http_session:
        with pytest.raises(ConfigurationError, match="http_session"):
            BlockingBriqpayClient("user", "secret", http_session=http_session)


def test_it_is_made_from_the_environment_as_it_was(threaded: ThreadedSandbox) -> None:
    environ = {
        "BRIQPAY_USERNAME": threaded.username,
        "BRIQPAY_SECRET": threaded.secret,
        "BRIQPAY_BASE_URL": threaded.url,
    }
    with BlockingBriqpayClient.from_env(environ) as briqpay:
        environ.clear()
        assert briqpay.sessions.create(shop.new_session()).session_id


def test_its_repr_names_the_host_and_not_the_secret() -> None:
    client = BlockingBriqpayClient("user", "hush-hush", base_url="http://127.0.0.1:1")
    assert repr(client) == "<BlockingBriqpayClient http://127.0.0.1:1>"


def test_closing_twice_or_before_the_first_call_does_nothing(threaded: ThreadedSandbox) -> None:
    client = BlockingBriqpayClient(threaded.username, threaded.secret, base_url=threaded.url)
    client.close()
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.sessions.create(shop.new_session())


async def test_a_call_inside_a_running_loop_is_refused_with_what_to_do(
    blocking: BlockingBriqpayClient, session: Session
) -> None:
    with pytest.raises(WrongLoopError, match=r"use BriqpayClient and await|asyncio\.to_thread"):
        blocking.sessions.read(session.session_id or "")
    with pytest.raises(WrongLoopError), blocking.sessions.edit(session):
        pass
    with pytest.raises(WrongLoopError):
        blocking.sessions.update_many([])
    assert await asyncio.to_thread(blocking.sessions.read, session.session_id or "") == session


def test_an_async_client_in_a_second_loop_says_which_client_to_use(
    threaded: ThreadedSandbox, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    client = BriqpayClient(threaded.username, threaded.secret, base_url=threaded.url)
    caplog.set_level(logging.CRITICAL, "asyncio")  # its connections are left open, which is what goes wrong here

    async def read() -> Session:
        return await client.sessions.read(session.session_id or "")

    with asyncio.Runner() as first:
        first.run(read())
        with pytest.raises(WrongLoopError, match="BlockingBriqpayClient"):
            asyncio.run(read())
        first.run(client.aclose())


def test_hooks_see_the_context_variables_of_the_thread_that_calls(
    threaded: ThreadedSandbox, session: Session
) -> None:
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    class Watch(CallHooks):
        def on_attempt(self, event: AttemptEvent) -> None:
            seen.append(request.get())

    with BlockingBriqpayClient(
        threaded.username, threaded.secret, base_url=threaded.url, hooks=[Watch()]
    ) as briqpay:
        request.set("checkout")
        briqpay.sessions.read(session.session_id or "")
    assert seen == ["checkout"]


def test_an_error_does_not_keep_what_it_met_alive(blocking: BlockingBriqpayClient) -> None:
    @attrs.define(eq=False, weakref_slot=True)
    class Canary:
        pass

    import weakref

    def fail() -> weakref.ref[Canary]:
        canary = Canary()
        with pytest.raises(ValidationError):
            blocking.sessions.read("no identifier")
        return weakref.ref(canary)

    gone = fail()
    gc.collect()
    assert gone() is None
