"""No script is without tests of its own."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path


def test_every_script_is_run_here() -> None:
    scripts = {
        each.name.removesuffix(".lua") for each in files("briqpay_async.shared").joinpath("scripts").iterdir()
    }
    here = Path(__file__).parent.glob("test_*.py")
    run = {name for file in here for name in re.findall(r'server\.run\(\s*"(\w+)"', file.read_text("utf-8"))}
    assert run == scripts
