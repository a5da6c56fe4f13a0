"""``briqpay sandbox``: it says how to reach it, serves, and ends cleanly."""

from __future__ import annotations

import asyncio
import io
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.shop import new_session

from briqpay_async import (
    Address,
    BriqpayClient,
    EditableData,
    PatchNotAppliedError,
    SessionPatch,
)
from briqpay_async.cli import main

ROOT = Path(__file__).parents[2]


class _InterruptingStream(io.StringIO):
    """Presses Ctrl-C as soon as it reads how to stop."""

    def write(self, text: str) -> int:
        written = super().write(text)
        if "Ctrl-C" in text:
            signal.raise_signal(signal.SIGINT)
        return written


def test_the_sandbox_prints_how_to_reach_it_and_ends_with_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    out = _InterruptingStream()
    monkeypatch.setattr(sys, "stdout", out)

    command = ["sandbox", "--username", "me", "--secret", "mine", "--webhook-secret", "ours"]
    status = main([*command, "--merge", "section", "--seed", "7"])

    assert status == 0
    url = re.search(r"Briqpay sandbox on (http://127\.0\.0\.1:\d+)\n", out.getvalue())
    assert url is not None
    for line in (
        "export BRIQPAY_USERNAME=me",
        "export BRIQPAY_SECRET=mine",
        f"export BRIQPAY_BASE_URL={url.group(1)}",
        "export BRIQPAY_ENVIRONMENT=playground",
        "export BRIQPAY_WEBHOOK_SECRET=ours",
    ):
        assert f"{line}\n" in out.getvalue()


async def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status = await asyncio.to_thread(main, ["sandbox", "--port", str(port)])

    assert status == 1
    err = capsys.readouterr().err
    assert err.startswith(f"briqpay: cannot listen on 127.0.0.1:{port}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--host", "0.0.0.0"], "use a loopback host, or pass allow_remote=True"),  # noqa: S104 (refused)
        (["--state", "{tmp}/nowhere/sandbox.db"], "nowhere/sandbox.db: No such file or directory"),
        (["--state", "{tmp}/other.db"], "is not a state file of the sandbox"),
        (["--port", "-1"], "port must be"),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, argv: list[str], message: str
) -> None:
    (tmp_path / "other.db").write_text("something else" * 100)

    status = main(["sandbox", *(argument.replace("{tmp}", str(tmp_path)) for argument in argv)])

    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_a_sandbox_process_serves_the_client_until_it_is_interrupted() -> None:
    command = ["sandbox", "--username", "me", "--secret", "mine", "--merge", "section"]
    with subprocess.Popen(
        [sys.executable, "-m", "briqpay_async.cli", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            printed = []
            for line in process.stdout:
                printed.append(line)
                if "Ctrl-C" in line:
                    break
            asyncio.run(_use(dict(re.findall(r"export (\w+)=(\S+)", "".join(printed)))))
            process.send_signal(signal.SIGINT)
            status = process.wait(timeout=60)
            err = process.stderr.read()
        finally:
            if process.poll() is None:
                process.kill()

    assert (status, err) == (0, "")


async def _use(environment: dict[str, str]) -> None:
    """Use a sandbox by what it printed: it must be one that replaces sections."""
    before = EditableData(billing=Address(city="Lund", zip="1"))
    patch = SessionPatch.between(before, EditableData(billing=Address(city="Ystad", zip="1")))
    async with BriqpayClient.from_env(environment) as briqpay:
        session = await briqpay.sessions.create(new_session(before))
        with pytest.raises(PatchNotAppliedError):
            await briqpay.sessions.update(str(session.session_id), patch)
