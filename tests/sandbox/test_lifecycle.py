"""Starting and stopping, in process and as a program."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from sandbox.sandbox_samples import Shop

from briqpay_async.sandbox import Sandbox, Switches, serve
from briqpay_async.sandbox.command import main
from briqpay_async.sandbox.switches import SwitchOptions

ROOT = Path(__file__).parents[2]


async def test_a_sandbox_listens_on_a_free_port_of_loopback() -> None:
    async with Sandbox() as first, Sandbox() as second:
        assert first.url.startswith("http://127.0.0.1:")
        assert first.url != second.url
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(first.url)


async def test_two_sandboxes_share_nothing(opened: Any) -> None:
    one, shop = await opened()
    other, _ = await opened()
    await shop.create()
    assert (len(one.sessions), len(other.sessions)) == (1, 0)


async def test_the_state_outlives_the_server(shop: Shop, box: Sandbox) -> None:
    session_id = await shop.create()
    await box.stop()
    await box.stop()
    assert session_id in box.sessions


async def test_a_sandbox_can_be_started_again_on_its_port(box: Sandbox, shop: Shop) -> None:
    session_id = await shop.create()
    url = box.url
    await box.stop()
    await box.start()
    assert box.url == url
    assert (await shop.read(session_id))["sessionId"] == session_id
    with pytest.raises(RuntimeError, match="running already"):
        await box.start()


async def test_a_port_that_is_taken_is_an_error_that_leaves_nothing_behind(box: Sandbox) -> None:
    taken = Sandbox(port=int(box.url.rsplit(":", 1)[1]))
    with pytest.raises(OSError, match="in use"):
        await taken.start()
    await taken.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::", ""])  # noqa: S104
def test_a_host_that_others_can_reach_is_refused_unless_allowed(host: str) -> None:
    with pytest.raises(ValueError, match="use a loopback host"):
        Sandbox(host=host)
    Sandbox(host=host, allow_remote=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "localhost", "::1"])
def test_loopback_has_several_names(host: str) -> None:
    Sandbox(host=host)


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    assert Sandbox(host="::1", port=5).url == "http://[::1]:5"


@pytest.mark.parametrize(
    "switches",
    [
        {"merge": "deep"},
        {"missing_session": "404"},
        {"bad_credentials": 418},
        {"vocabulary": "english"},
        {"references": "append"},
        {"initialization_pending": -1},
        {"journal_limit": 0},
        {"journal_bodies": -1},
    ],
)
def test_a_switch_that_cannot_be_is_refused(switches: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(switches))):
        Sandbox(**switches)


def test_an_unknown_switch_is_refused() -> None:
    with pytest.raises(TypeError, match="marge"):
        Sandbox(marge="field")


def test_every_switch_is_known_to_type_checkers() -> None:
    assert SwitchOptions.__annotations__.keys() == attrs.fields_dict(Switches).keys()


def test_the_switches_can_be_read() -> None:
    assert Sandbox(merge="section").switches == Switches(merge="section")


async def test_serve_runs_until_a_signal_stops_it() -> None:
    stop = asyncio.Event()
    announced: list[Sandbox] = []

    def announce(sandbox: Sandbox) -> None:
        announced.append(sandbox)
        stop.set()

    await asyncio.wait_for(serve(announce=announce, stop=stop, merge="section"), 30)
    assert announced[0].switches.merge == "section"


async def test_serve_prints_what_to_paste_into_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    stop = asyncio.Event()
    stop.set()
    await serve(stop=stop, username="me")
    printed = capsys.readouterr().out
    for line in (
        "export BRIQPAY_USERNAME=me\n",
        "export BRIQPAY_SECRET=sandbox-secret\n",
        "export BRIQPAY_BASE_URL=http://127.0.0.1:",
    ):
        assert line in printed


async def test_serve_says_how_other_machines_reach_it_when_they_may(capsys: pytest.CaptureFixture[str]) -> None:
    stop = asyncio.Event()
    stop.set()
    await serve(stop=stop, host="0.0.0.0", allow_remote=True)  # noqa: S104 (for a moment, under test)
    printed = capsys.readouterr().out
    assert "export BRIQPAY_BASE_URL=http://127.0.0.1:" in printed
    assert "Other machines and containers can reach it" in printed
    assert "BRIQPAY_INSECURE_HTTP=1" in printed


async def test_serve_leaves_signal_handlers_as_they_were() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    stop.set()
    await serve(announce=lambda _: None, stop=stop)
    assert not loop.remove_signal_handler(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_serve_works_where_loops_take_no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
    stop = asyncio.Event()
    stop.set()
    await serve(announce=lambda _: None, stop=stop)


def test_the_program_reports_what_is_wrong_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "0.0.0.0"]) == 1  # noqa: S104
    assert capsys.readouterr().err.startswith("briqpay sandbox: use a loopback host")
    with pytest.raises(SystemExit):
        main(["--merge", "deep"])


def test_a_keyboard_interrupt_ends_the_program_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(coroutine: Any) -> None:
        coroutine.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "run", interrupted)
    assert main(["--port", "0"]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_runs_until_a_signal_and_leaves_no_trace(number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-m", "briqpay_async.sandbox", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("Briqpay sandbox on http://127.0.0.1:")
        while "Ctrl-C" not in program.stdout.readline():
            pass
        program.send_signal(number)
        _, errors = program.communicate(timeout=60)
    assert (program.returncode, errors) == (0, "")
