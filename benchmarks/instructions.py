"""``python -m benchmarks.instructions``: processor instructions of a call, counted by valgrind's callgrind.

A count repeats to within one per cent whatever else the machine does, so it shows a change of a microsecond that
no clock here would. It leaves out the kernel's part, which clients hardly differ in: the ratios stand further from
1.00 than those of processor time. valgrind must be installed, and slows a process fiftyfold.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.cases import job
from benchmarks.jobs import Job
from benchmarks.process import ENVIRONMENT, ROOT, Server
from benchmarks.registry import PEERS

__all__ = ["instructions"]

_CASES = (
    ("update, fields none", job("client", "none", 10)),
    ("update, whole answer, 1 line", job("client", "all", 1)),
    ("update, whole answer, 10 lines", job("client", "all", 10)),
    ("update, 100 lines, data not touched", job("client-unread", "all", 100)),
)
_PATIENCE = 600.0
_TOTALS = re.compile(rb"^totals: (\d+)", re.MULTILINE)


def instructions(one: Job, calls: int) -> float:
    """Instructions of one call of a job that knows its server.

    Two processes make so many calls and twice as many; what they differ by are calls and nothing else.

    Raises:
        RuntimeError: valgrind is missing, or the process failed.
    """
    once, twice = (_run(one, calls * factor) for factor in (1, 2))
    return (twice - once) / calls


def _run(one: Job, calls: int) -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is not installed")
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts")
        command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={counts}", sys.executable]
        ran = subprocess.run(  # noqa: S603 - a module of this project
            [*command, "-m", "benchmarks.worker", one.to_json()],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | {"PYTHONHASHSEED": "0"},
            input=f"{calls}\n".encode(),
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(ran.stderr.decode(errors="replace"))
        found = _TOTALS.search(counts.read_bytes())
    assert found
    return int(found[1])


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400, help="how many calls are counted")
    parser.add_argument("--peer", choices=PEERS, help="count this one instead of the client's cases")
    parser.add_argument("--fields", choices=("all", "none"), default="none")
    parser.add_argument("--lines", type=int, default=10)
    options = parser.parse_args(arguments)
    cases: Sequence[tuple[str, Job]] = _CASES
    if options.peer:
        cases = [(f"{options.peer}, {options.lines} lines", job(options.peer, options.fields, options.lines))]
    bare: dict[tuple[str, int], float] = {}
    with Server() as server:
        for name, case in cases:
            one = replace(case, url=server.url(case.fields, case.lines), calls=2 * options.calls)
            place = case.fields, case.lines
            if place not in bare:
                bare[place] = instructions(replace(one, peer="aiohttp"), options.calls)
            count = instructions(one, options.calls)
            print(f"{count:9,.0f} instructions, {count / bare[place]:.3f} of bare aiohttp: {name}", flush=True)


if __name__ == "__main__":
    _main()
