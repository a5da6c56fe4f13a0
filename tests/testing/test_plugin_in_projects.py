"""The pytest plugin in projects of users: one test file, no conftest, and the async plugins that they have."""

from __future__ import annotations

from pathlib import Path

import pytest
from testing.users_project import Run, run

SYNC = """
    def test_a_blocking_client_needs_nothing_else(briqpay_blocking_client, briqpay_sandbox):
        briqpay_sandbox.faults.add("status", endpoint="read", status=503, retry_after=20, times=2)
        session = briqpay_blocking_client.sessions.create(CART)
        assert briqpay_blocking_client.sessions.read(session.id).order.amount_inc_vat == 49_900
        assert [record.status for record in briqpay_sandbox.journal] == [201, 503, 503, 200]

    def test_a_client_serves_any_loop(briqpay_client, briqpay_sandbox):
        asyncio.run(briqpay_client.sessions.create(CART))
        asyncio.run(briqpay_client.sessions.create(CART))
        assert len(briqpay_sandbox.sessions) == 2
"""
ASYNC = """
    {marker}
    @pytest.mark.briqpay(merge="section", faults={{"rate_limit": {{"per_second": 0.1, "burst": 1}}}})
    async def test_an_edit_waits_for_a_slow_api_in_no_time(briqpay_client, briqpay_sandbox):
        session = await briqpay_client.sessions.create(CART)
        async with briqpay_client.sessions.edit(session) as builder:
            builder.cart.set_quantity("kettle", 3)
        assert briqpay_sandbox.switches.merge == "section"
        assert {{record.status for record in briqpay_sandbox.journal}} == {{200, 201, 429}}
        assert briqpay_sandbox.sessions[session.id]["data"]["order"]["amountIncVat"] == 149_700

    {marker}
    @pytest.mark.briqpay(faults={{"patch": {{"kind": "apply_then_drop", "times": 1}}}})
    async def test_each_test_has_a_sandbox_of_its_own(briqpay_client, briqpay_sandbox):
        assert (len(briqpay_sandbox.journal), briqpay_sandbox.switches.merge) == (0, "field")
        session = await briqpay_client.sessions.create(CART)
        async with briqpay_client.sessions.edit(session.id) as builder:
            builder.billing.update(city="Lund")
        assert len(briqpay_sandbox.effects_of(session.id, "patch")) == 2

    {marker}
    async def test_a_client_that_an_app_closes_stays_closed(briqpay_client):
        async with briqpay_client:
            await briqpay_client.sessions.create(CART)
"""


LOOPS = "asyncio_default_fixture_loop_scope=function"  # pytest-asyncio warns of a project that does not say


ODD = """
    from unittest.mock import patch

    class TestMethods:
        @pytest.mark.parametrize("quantity", [2, 3])
        async def test_a_method_with_parameters_and_defaults(self, quantity, briqpay_client, waits=False):
            session = await briqpay_client.sessions.create(CART)
            async with briqpay_client.sessions.edit(session.id) as builder:
                builder.cart.set_quantity("kettle", quantity)

    @patch("asyncio.sleep")
    async def test_a_decorator_gives_an_argument(sleep, briqpay_client):
        assert not sleep.called
"""


def passed(done: Run, count: int) -> bool:
    assert (done.status, done.counts) == (0, {"passed": count}), done.text
    return True


def test_sync_and_async_tests_need_no_async_plugin_and_run_under_xdist(tmp_path: Path) -> None:
    tests = ASYNC.format(marker="") + SYNC + ODD
    assert passed(run(tmp_path, tests, "-p", "no:asyncio", "-p", "no:anyio", "-n", "1"), 8)


def test_pytest_asyncio_runs_them_in_its_auto_mode(tmp_path: Path) -> None:
    fixture = """
    @pytest.fixture
    async def session(briqpay_client):
        yield await briqpay_client.sessions.create(CART)
        await briqpay_client.sessions.create(CART)

    async def test_an_async_fixture_shares_the_client(session, briqpay_client):
        assert (await briqpay_client.sessions.read(session.id)).id == session.id
"""
    tests = ASYNC.format(marker="") + SYNC + fixture
    assert passed(run(tmp_path, tests, "-p", "no:anyio", "-o", "asyncio_mode=auto", "-o", LOOPS), 6)


def test_pytest_asyncio_runs_them_in_its_strict_mode_and_in_one_loop_for_all(tmp_path: Path) -> None:
    tests = ASYNC.format(marker='@pytest.mark.asyncio(loop_scope="session")') + SYNC
    assert passed(run(tmp_path, tests, "-o", "asyncio_mode=strict", "-o", LOOPS), 5)


def test_anyio_runs_them(tmp_path: Path) -> None:
    backend = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""
    tests = backend + ASYNC.format(marker="@pytest.mark.anyio") + SYNC
    assert passed(run(tmp_path, tests, "-p", "no:asyncio"), 5)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of tests that fail."""
    tests = """
    @pytest.mark.briqpay(faults={"patch": "html_502"})
    async def test_that_fails(briqpay_client):
        session = await briqpay_client.sessions.create(CART)
        async with briqpay_client.sessions.edit(session.id) as builder:
            builder.cart.set_quantity("kettle", 3)

    @pytest.mark.briqpay(merge="sectoin")
    def test_with_a_wrong_value(): ...

    @pytest.mark.briqpay(mergge="section")
    def test_with_an_unknown_switch(): ...

    @pytest.mark.briqpay(faults={"apply_then_dorp": {}})
    def test_with_an_unknown_fault(briqpay_sandbox): ...

    @pytest.mark.briqpay("section")
    def test_with_a_nameless_switch(): ...

    @pytest.mark.briqpay(faults={"patch": {"status": 503}})
    def test_with_a_fault_of_no_kind(): ...

    @pytest.mark.briqpay(faults={"status": 3})
    def test_with_a_fault_of_no_options(): ...

    @pytest.mark.briqpay(faults=["status"])
    def test_with_a_list_of_faults(): ...

    @pytest.mark.briqpay(instant="no")
    def test_with_a_wrong_instant(): ...

    @pytest.mark.briqpay(merge="section")
    def test_without_a_sandbox(): ...
"""
    return run(tmp_path_factory.mktemp("failed"), tests, "-p", "no:asyncio", "-p", "no:anyio")


def test_a_failure_shows_what_the_sandbox_was_asked(failed: Run) -> None:
    shown = failed.text[failed.text.index("briqpay sandbox") :]
    lines = [line.strip() for line in shown.splitlines()[1:9]]
    assert lines[0] == "6 requests:"
    assert lines[1].startswith("1. POST /v3/session -> 201, ")
    assert lines[2].startswith('{"product":')
    assert lines[4].startswith("3. PATCH /v3/session/")
    assert lines[4].endswith(" ms, fault html_502")
    assert lines[5].startswith('{"data":{"order":')


@pytest.mark.parametrize(
    "message",
    [
        "merge must be one of field, section, not 'sectoin'.",
        "there is no switch 'mergge'; there are faults, instant, bad_credentials, ",
        "there is no fault or endpoint 'apply_then_dorp'; the faults are altered_captures, ",
        "give switches by name, such as merge='section'.",
        "faults['patch']: ",
        "faults['status'] must be options such as {'times': 1}, not 3.",
        "faults must be a dictionary, such as {'status': {'status': 503, 'times': 1}}.",
        "instant must be True or False, not 'no'.",
        "it does nothing for a test without briqpay_sandbox, or one of the fixtures that use it.",
    ],
)
def test_a_marker_with_wrong_arguments_is_an_error_without_a_traceback(failed: Run, message: str) -> None:
    assert failed.counts == {"failed": 1, "errors": 9}
    assert f"@pytest.mark.briqpay: {message}" in failed.text
    assert "briqpay_async/testing/plugin.py" not in failed.text


def test_a_project_that_does_not_use_the_plugin_loads_nothing_of_the_package(tmp_path: Path) -> None:
    tests = """
    import sys
    import pytest

    @pytest.mark.parametrize("number", [1, 2])
    def test_a_test_of_something_else(number):
        assert {"briqpay_async", "aiohttp", "attr"} & set(sys.modules) == set()
        assert "_briqpay_pytest" in sys.modules
"""
    assert passed(run(tmp_path, tests, "-p", "no:asyncio", "-p", "no:anyio", head=""), 2)
