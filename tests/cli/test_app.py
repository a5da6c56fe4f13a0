"""The command line as a whole: help, usage, and the table of exit statuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from briqpay_async.cli import app as application
from briqpay_async.cli import main
from briqpay_async.cli.app import make_app
from briqpay_async.cli.app import run as run_app
from briqpay_async.cli.exits import EXITS
from briqpay_async.cli.output import write_json
from briqpay_async.version import __version__

ROOT = Path(__file__).parents[2]


async def test_help_lists_commands_settings_and_exit_statuses(run: Any) -> None:
    result = await run("--help")

    assert result.status == 0
    words = " ".join(result.out.split())
    for text in ("session", "sandbox", "demo", "BRIQPAY_USERNAME", "BRIQPAY_SECRET", *EXITS.values()):
        assert text in words


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["session"], "update"),
        (["session", "update", "--help"], "--read-first"),
        (["sandbox", "--help"], "--merge"),
        (["demo", "--help"], "--bulk"),
        (["--version"], __version__),
        ([], "Usage: briqpay"),
    ],
)
async def test_every_command_explains_itself(run: Any, argv: list[str], text: str) -> None:
    result = await run(*argv)

    assert (result.status, result.err) == (0, "")
    assert text in result.out


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["sesion"], 'Unknown command "sesion"'),
        (["session", "reed", "x"], 'Did you mean "read"?'),
        (["demo", "--bulk", "many"], 'unable to convert "many" into int'),
        (["demo", "--bulk", "-1"], "bulk must be between 0 and 10000"),
        (["demo", "--merge", "both"], 'Choose from: "field", "section"'),
        (["sandbox", "--host", "0.0.0.0"], "use a loopback host"),  # noqa: S104 - it is refused
        (["sandbox", "--port", "99999999"], "port"),
    ],
)
async def test_wrong_usage_is_one_line_and_status_2(run: Any, argv: list[str], text: str) -> None:
    result = await run(*argv)

    assert (result.status, result.out) == (2, "")
    assert text in result.line


def test_arguments_of_the_process_are_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["briqpay", "--version"])

    assert main() == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("library", ["cyclopts", "rich"])
def test_a_missing_library_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], library: str
) -> None:
    for name in ("app", "output"):
        monkeypatch.delitem(sys.modules, f"briqpay_async.cli.{name}", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)

    assert main(["--version"]) == 2
    assert capsys.readouterr().err == (
        f"briqpay: {library} is missing. Install the command line: pip install 'briqpay-async[cli]'\n"
    )


def test_a_module_missing_for_another_reason_is_not_blamed_on_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "briqpay_async.cli.app")
    monkeypatch.setitem(sys.modules, "briqpay_async.cli.output", None)

    with pytest.raises(ModuleNotFoundError, match=r"briqpay_async\.cli\.output"):
        main(["--version"])


def test_importing_the_command_imports_neither_its_libraries_nor_the_sandbox() -> None:
    program = (
        "import sys, briqpay_async.cli;"
        "print(*sorted({'cyclopts', 'rich', 'briqpay_async.sandbox'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "\n"


# --- how a run ends -------------------------------------------------------------------------------------------


def app_that(action: Any) -> App:
    app = make_app(groups=())
    app.command(action, name="act")
    return app


def test_ctrl_c_ends_a_command_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> None:
        raise KeyboardInterrupt

    assert run_app(["act"], app_that(act)) == 130
    assert capsys.readouterr().err == "briqpay: interrupted\n"


def test_a_bug_is_one_line_unless_it_is_being_debugged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def act() -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.delenv("BRIQPAY_DEBUG", raising=False)
    assert run_app(["act"], app_that(act)) == 70
    assert capsys.readouterr().err == (
        "briqpay: unexpected RuntimeError: two lines (BRIQPAY_DEBUG=1 shows where)\n"
    )

    monkeypatch.setenv("BRIQPAY_DEBUG", "1")
    with pytest.raises(RuntimeError, match="two"):
        run_app(["act"], app_that(act))


def test_a_reader_that_stops_reading_is_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        status = run_app(["act"], app_that(lambda: write_json("unread")))
        pipe.write("still buffered\n")  # goes nowhere instead of failing when it is closed

    assert status == 141
    assert capsys.readouterr().err == ""


def test_a_full_disk_behind_stdout_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def isatty(self) -> bool:
            return False

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())

    assert run_app(["act"], app_that(lambda: write_json("too much"))) == 1
    assert capsys.readouterr().err == "briqpay: [Errno 28] No space left on device\n"


def test_a_group_of_commands_is_added_with_one_function() -> None:
    def register(app: App) -> None:
        app.command(lambda: 7, name="seven")

    assert run_app(["seven"], make_app((*application.GROUPS, register))) == 7
