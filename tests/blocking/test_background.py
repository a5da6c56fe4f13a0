"""Processes that end, fork and are interrupted while calls are under way: whole programs, run to their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from support import shop

from briqpay_async import CallTimeoutError, ConfigurationError, Session, TransportError, WrongLoopError
from briqpay_async.blocking import BlockingBriqpayClient, background
from briqpay_async.sandbox.thread import ThreadedSandbox

BEGIN = """
import os, sys, threading, time
from briqpay_async.blocking import BlockingBriqpayClient, background
briqpay = BlockingBriqpayClient.from_env()
session_id = sys.argv[1]
"""


def _run(
    program: str, sandbox: ThreadedSandbox, session: Session, *flags: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-c", BEGIN + textwrap.dedent(program), str(session.session_id)],
        env={
            "BRIQPAY_USERNAME": sandbox.username,
            "BRIQPAY_SECRET": sandbox.secret,
            "BRIQPAY_BASE_URL": sandbox.url,
            "PATH": os.environ["PATH"],
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_program_that_leaves_the_client_open_ends_cleanly(threaded: ThreadedSandbox, session: Session) -> None:
    done = _run(
        """
        print(briqpay.sessions.read(session_id).session_id)
        """,
        threaded, session, "-W", "error",
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, session.session_id, "")


def test_a_program_ends_while_threads_still_call(threaded: ThreadedSandbox, session: Session) -> None:
    done = _run(
        """
        def work():
            while True:
                briqpay.sessions.read(session_id)
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        """,
        threaded, session,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_function_that_runs_at_exit_may_still_call(threaded: ThreadedSandbox, session: Session) -> None:
    done = _run(
        """
        import atexit
        atexit.register(lambda: print(briqpay.sessions.read(session_id).session_id))
        briqpay.sessions.read(session_id)
        """,
        threaded, session, "-W", "error",
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, session.session_id, "")


def test_a_call_after_the_loop_was_closed_at_exit_is_refused(threaded: ThreadedSandbox, session: Session) -> None:
    done = _run(
        """
        import atexit
        from briqpay_async import ConfigurationError
        def call():
            try:
                briqpay.sessions.read(session_id)
            except ConfigurationError as error:
                print(error)
        briqpay.sessions.read(session_id)
        atexit.unregister(background._end)
        atexit.register(call)
        atexit.register(background._end)
        """,
        threaded, session, "-W", "error",
    )  # fmt: skip
    assert done.stdout.startswith("The interpreter is exiting")
    assert (done.returncode, done.stderr) == (0, "")


def test_twenty_forks_with_threads_in_flight_none_of_which_hangs(
    threaded: ThreadedSandbox, session: Session
) -> None:
    done = _run(
        """
        stop = threading.Event()
        def work():
            while not stop.is_set():
                briqpay.sessions.read(session_id)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        bad = 0
        for number in range(20):
            pid = os.fork()
            if pid == 0:
                try:
                    with briqpay.sessions.edit(session_id) as builder:
                        builder.billing.update(city=f"City {number}")
                    os._exit(0)
                except BaseException as error:
                    print(repr(error), file=sys.stderr, flush=True)
                    os._exit(1)
            for _ in range(2000):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    break
                time.sleep(0.01)
            else:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
                status = -1
            bad += status != 0
        stop.set()
        for thread in threads:
            thread.join()
        print("bad", bad)
        """,
        threaded, session, "-W", "ignore::DeprecationWarning",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "bad 0\n", "")


def test_a_forked_child_that_ends_as_programs_do_says_nothing(threaded: ThreadedSandbox, session: Session) -> None:
    done = _run(
        """
        briqpay.sessions.read(session_id)
        pid = os.fork()
        if pid == 0:
            briqpay.sessions.read(session_id)
            sys.exit(0)
        _, status = os.waitpid(pid, 0)
        briqpay.sessions.read(session_id)
        sys.exit(status)
        """,
        threaded, session, "-W", "ignore::DeprecationWarning",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ctrl_c_cancels_the_call_and_the_session_is_free_again(
    blocking: BlockingBriqpayClient, threaded: ThreadedSandbox, session: Session
) -> None:
    fault = threaded.faults.add("latency", seconds=20)
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt), blocking.sessions.edit(session.session_id or ""):
        pass
    timer.join()
    threaded.faults.remove(fault)
    with blocking.sessions.edit(session.session_id or "", timeout=5) as builder:
        builder.cart.set_quantity("sku-1", 2)
    assert builder.session is not None


def test_a_deadline_is_kept(blocking: BlockingBriqpayClient, threaded: ThreadedSandbox, session: Session) -> None:
    threaded.faults.add("latency", seconds=5)
    with pytest.raises(CallTimeoutError):
        blocking.sessions.read(session.session_id or "", timeout=0.1)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> background.Background:
    """A loop beside that of the process, so that a test can end it."""
    return background.Background()


def test_calls_after_the_end_say_that_the_process_is_ending(other: background.Background) -> None:
    other.end()

    async def call() -> None: ...

    with pytest.raises(ConfigurationError, match="exiting"):
        other.run(call())


def test_a_call_that_the_end_cuts_off_may_have_been_sent(other: background.Background) -> None:
    begun = threading.Event()
    errors: list[BaseException] = []

    async def call() -> None:
        import asyncio

        begun.set()
        await asyncio.Event().wait()

    def work() -> None:
        try:
            other.run(call())
        except TransportError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    other.end()
    thread.join(10)
    assert [error.sent for error in errors if isinstance(error, TransportError)] == [None]


def test_connections_left_open_are_closed_at_the_end(
    other: background.Background, threaded: ThreadedSandbox
) -> None:
    from briqpay_async import BriqpayClient

    client = BriqpayClient(threaded.username, threaded.secret, base_url=threaded.url)
    other.clients.add(client)
    session = other.run(client.sessions.create(shop.new_session()))
    assert session.session_id
    other.end()
    with pytest.raises(ConfigurationError):
        other.run(client.sessions.read(session.session_id))


def test_a_missing_anyio_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anyio.from_thread", None)
    with pytest.raises(ConfigurationError, match=r"briqpay-async\[blocking\]"):
        background.Background()


async def test_the_loop_is_not_made_inside_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_current", None)
    with pytest.raises(WrongLoopError):
        background.background()
