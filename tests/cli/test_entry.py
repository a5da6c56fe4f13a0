"""``briqpay`` as the shell starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import briqpay_async

ENTRY = Path(briqpay_async.__file__).parent / "cli" / "entry.py"
PRESS = """
import runpy, sys

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == "briqpay_async":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Press())
sys.exit(runpy.run_path(sys.argv[1])["main"]())
"""


def test_ctrl_c_while_the_package_loads_shows_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", PRESS, ENTRY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "briqpay: interrupted\n")


def test_the_program_of_the_shell_runs_the_command_line() -> None:
    program = Path(sys.executable).parent / "briqpay"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, briqpay_async.__version__, "")
