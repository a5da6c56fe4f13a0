"""``briqpay completion``: shells complete the commands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from briqpay_async.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_the_script_is_printed(run: Any, shell: str) -> None:
    result = await run("completion", shell)

    assert (result.status, result.err) == (0, "")
    for word in ("session", "update", "read-first", "sandbox", "deliveries"):
        assert word in result.out


def test_the_script_completes_commands_in_bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    main(["completion", "bash"])
    (tmp_path / "completion").write_text(capsys.readouterr().out)
    ask = 'source "$1"; COMP_WORDS=(briqpay session u); COMP_CWORD=2; _briqpay; echo "${COMPREPLY[@]}"'

    asked = subprocess.run([bash, "-c", ask, "bash", tmp_path / "completion"], capture_output=True, check=True)

    assert asked.stdout == b"update\n"


async def test_the_script_is_installed_where_the_shell_looks(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    result = await run("completion", "bash", "--install")

    installed = tmp_path / ".local/share/bash-completion/completions/briqpay"
    assert (result.status, result.out) == (0, "")
    assert result.line == f"installed {installed}; it works in each bash that is started from now on"
    assert "_briqpay" in installed.read_text()
    assert str(installed) in (tmp_path / ".bashrc").read_text()
