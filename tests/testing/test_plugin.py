"""The fixtures of the pytest plugin, and what they leave behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs
import pytest
from support.shop import data, line, new_session

from briqpay_async import BriqpayClient, ConfigurationError, OrderStatusHook, WrongLoopError
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.sandbox import ThreadedSandbox
from briqpay_async.testing.loop_transport import LoopTransport
from briqpay_async.testing.plugin import add_requests, check_marker, wishes_of
from briqpay_async.testing.pytest_entry import pytest_pyfunc_call
from briqpay_async.transport.aiohttp_transport import AiohttpTransport

CART = new_session(data(line("sku-1")))


def test_the_environment_leads_a_client_to_the_sandbox_and_it_waits_in_no_time(
    briqpay_env: Mapping[str, str], briqpay_sandbox: ThreadedSandbox
) -> None:
    assert {name: os.environ[name] for name in briqpay_env} == briqpay_env
    briqpay_sandbox.faults.add("status", endpoint="read", status=503, retry_after=25, times=2)

    async def create_and_read() -> str:
        async with BriqpayClient.from_env(check_totals="error") as briqpay:
            return (await briqpay.sessions.read((await briqpay.sessions.create(CART)).id)).id

    session_id = asyncio.run(create_and_read())
    briqpay_sandbox.faults.add("status", endpoint="read", status=503, retry_after=25, times=2)
    with BlockingBriqpayClient.from_env() as blocking:
        assert blocking.sessions.read(session_id).id == session_id


@pytest.mark.briqpay(instant=False)
@pytest.mark.usefixtures("briqpay_env")
def test_clients_of_the_environment_really_wait_if_they_are_asked_to() -> None:
    assert BriqpayClient.from_env()._caller.shared.sleep is asyncio.sleep


@pytest.mark.briqpay(check_totals=True, merge="section", faults={"read": ["html_502", {"kind": "latency"}]})
class TestMarkersOfATestAndItsClass:
    @pytest.mark.briqpay(merge="field", instant=False, faults={"webhook_twice": {"endpoint": "order_status"}})
    def test_the_nearest_wins_and_faults_add_up(
        self, request: pytest.FixtureRequest, briqpay_sandbox: ThreadedSandbox
    ) -> None:
        wishes = wishes_of(request.node)
        assert (wishes.switches, wishes.instant) == ({"check_totals": True, "merge": "field"}, False)
        assert [(fault.kind, fault.endpoint) for fault in briqpay_sandbox.faults] == [
            ("html_502", "read"),
            ("latency", "read"),
            ("webhook_twice", "order_status"),
        ]
        assert (briqpay_sandbox.switches.merge, briqpay_sandbox.switches.check_totals) == ("field", True)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        (pytest.mark.briqpay("section"), "give switches by name"),
        (pytest.mark.briqpay(mergge="section"), "there is no switch 'mergge'"),
        (pytest.mark.briqpay(merge="sectoin"), "merge must be one of field, section"),
        (pytest.mark.briqpay(instant=1), "instant must be True or False, not 1"),
        (pytest.mark.briqpay(faults=["status"]), "faults must be a dictionary"),
        (pytest.mark.briqpay(faults={"statsu": {}}), "there is no fault or endpoint 'statsu'"),
        (pytest.mark.briqpay(faults={"status": {"seconds": 1}}), r"faults\['status'\]: "),
        (pytest.mark.briqpay(faults={"patch": {"times": 1}}), r"faults\['patch'\]: "),
        (pytest.mark.briqpay(faults={"patch": 1}), r"faults\['patch'\] must be options"),
    ],
)
def test_a_marker_with_wrong_arguments_is_refused(
    request: pytest.FixtureRequest, marker: pytest.MarkDecorator, message: str
) -> None:
    request.node.add_marker(marker)
    with pytest.raises(pytest.fail.Exception, match=message):
        wishes_of(request.node)


@pytest.mark.briqpay(merge="section")
class TestMarkerOfAClass:
    def test_it_may_be_there_for_other_tests(self, request: pytest.FixtureRequest) -> None:
        check_marker(request.node)
        request.node.add_marker(pytest.mark.briqpay(merge="field"))
        with pytest.raises(pytest.fail.Exception, match="it does nothing for a test without briqpay_sandbox"):
            check_marker(request.node)


def test_an_async_test_that_no_other_plugin_runs_is_run(request: pytest.FixtureRequest) -> None:
    seen: list[str] = []

    async def body(briqpay_sandbox: str) -> None:
        seen.append(briqpay_sandbox)

    class Item:
        fixturenames: ClassVar = ["briqpay_sandbox", "autouse"]
        funcargs: ClassVar = {"briqpay_sandbox": "running", "autouse": None}
        obj: Callable[..., object] = staticmethod(body)

    item: Any = Item()
    assert pytest_pyfunc_call(item) is True
    assert seen == ["running"]
    item.fixturenames = ["autouse"]
    assert pytest_pyfunc_call(item) is None


@pytest.mark.briqpay(instant=False)
def test_clients_really_wait_if_they_are_asked_to(
    briqpay_client: BriqpayClient, briqpay_blocking_client: BlockingBriqpayClient
) -> None:
    assert briqpay_client._caller.shared.sleep is asyncio.sleep
    assert briqpay_blocking_client._clients.get()._caller.shared.sleep is asyncio.sleep


def test_money_of_a_sandbox_leaves_no_lock_files(
    briqpay_client: BriqpayClient, briqpay_sandbox: ThreadedSandbox
) -> None:
    async def buy() -> None:
        session = await briqpay_client.sessions.create(CART)
        briqpay_sandbox.complete(session.id)
        paid = await briqpay_client.sessions.read(session.id)
        await briqpay_client.orders.capture(session.id, paid.capturable_order())

    asyncio.run(buy())
    assert briqpay_client._caller.shared.turns._files is False


async def test_a_failure_of_a_test_shows_requests_and_webhooks(
    request: pytest.FixtureRequest, briqpay_client: BriqpayClient, briqpay_sandbox: ThreadedSandbox
) -> None:
    hook = OrderStatusHook(
        statuses=("order_approved_not_captured",), method="POST", url="http://127.0.0.1:9/webhooks"
    )
    session = await briqpay_client.sessions.create(attrs.evolve(CART, hooks=(hook,)))
    for _ in range(20):
        await briqpay_client.sessions.read(session.id, fields="none")
    briqpay_sandbox.complete(session.id)
    report = pytest.TestReport("a test", ("test_shop.py", 1, "a test"), {}, "failed", "it broke", "call")
    add_requests(request.node, report)
    ((title, text),) = report.sections
    lines = text.splitlines()
    assert (title, lines[0]) == ("briqpay sandbox", "21 requests, the last 20:")
    assert lines[1].startswith(f"  2. GET /v3/session/{session.id}?fields=none -> 204, ")
    assert lines[-2] == "1 webhooks:"
    assert "order_status order_approved_not_captured -> http://127.0.0.1:9/webhooks: waiting" in lines[-1]


def test_a_test_that_passes_is_reported_as_it_is(
    request: pytest.FixtureRequest, briqpay_sandbox: ThreadedSandbox
) -> None:
    report = pytest.TestReport("a test", ("test_shop.py", 1, "a test"), {}, "passed", None, "call")
    add_requests(request.node, report)
    assert report.sections == []


# --- the connections of a client in any loop -------------------------------------------------------------


def test_a_closed_client_is_closed_in_every_loop(briqpay_client: BriqpayClient) -> None:
    async def create_and_close() -> None:
        async with briqpay_client:
            await briqpay_client.sessions.create(CART)

    asyncio.run(create_and_close())
    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(briqpay_client.sessions.create(CART))


def test_another_framework_than_asyncio_is_refused_with_a_hint(briqpay_client: BriqpayClient) -> None:
    async def send() -> None:
        await briqpay_client._caller.transport.send(None, None, 1.0)  # type: ignore[arg-type]

    with pytest.raises(WrongLoopError, match="anyio_backend"):
        send().send(None)


def test_a_loop_that_is_only_closed_closes_the_connections(
    briqpay_client: BriqpayClient, briqpay_sandbox: ThreadedSandbox
) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(briqpay_client.sessions.create(CART))
    (pool,) = pools_of(briqpay_client)
    loop.close()
    assert (loop.is_closed(), pool._closed) == (True, True)
    loop.close()  # once more does no harm
    assert len(briqpay_sandbox.sessions) == 1


def test_a_loop_that_outlives_the_test_lets_go_of_the_connections(briqpay_client: BriqpayClient) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(briqpay_client.sessions.create(CART))
    (pool,) = pools_of(briqpay_client)
    connections_of(briqpay_client).end_test()
    assert (loop.is_closed(), pool._closed) == (False, True)
    loop.close()


def test_a_loop_that_was_closed_behind_its_back_is_forgotten(briqpay_client: BriqpayClient) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(briqpay_client.sessions.create(CART))
    (pool,) = pools_of(briqpay_client)
    assert pool._session is not None
    assert pool._session.connector is not None
    loop.run_until_complete(pool._session.connector.close())  # or its sockets would stay open: there is no loop
    type(loop).close(loop)
    connections_of(briqpay_client).end_test()
    connections_of(briqpay_client).end_test()
    assert pool._session is None


def connections_of(briqpay: BriqpayClient) -> LoopTransport:
    connections: Any = briqpay._caller.transport
    return connections._inner  # type: ignore[no-any-return]


def pools_of(briqpay: BriqpayClient) -> tuple[AiohttpTransport, ...]:
    return tuple(connections_of(briqpay)._pools.values())
