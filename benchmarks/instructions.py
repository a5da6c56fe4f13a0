"""``python -m benchmarks.instructions``: processor instructions of a call, counted by valgrind's callgrind.

A count repeats to within one per cent whatever else the machine does, so it shows a change of a microsecond that
no clock here would. It leaves out what the kernel does for a call, which hardly differs between clients: so the
ratios stand further from 1.00 than those of processor time. valgrind must be installed. It makes a process some
fifty times slower: all cases take several minutes.
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
from benchmarks.registry import PEERS, is_installed
from benchmarks.server import LINES

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
    """Instructions of one call of a job.

    Two processes are counted, start and end included. One makes twice as many calls: they differ by those alone.

    Args:
        one: What to do, with the address of a server.
        calls: How many calls the shorter process makes, beyond those that warm it up.

    Raises:
        RuntimeError: The process failed.
        subprocess.TimeoutExpired: It took more than ten minutes.
    """
    once, twice = (_run(one, calls * factor) for factor in (1, 2))
    return (twice - once) / calls


def _run(one: Job, calls: int) -> int:
    """Instructions of a whole process that makes so many calls."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", sys.executable]
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
    if found is None:
        raise RuntimeError("callgrind wrote no totals")
    return int(found[1])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calls", type=int, default=400, help="how many calls make the difference (400)")
    parser.add_argument("--peer", choices=PEERS, help="count this one instead of the client's cases")
    parser.add_argument("--fields", choices=("all", "none"), help="with --peer: what it asks for (none)")
    parser.add_argument("--lines", type=int, choices=LINES, help="with --peer: lines of the session (10)")
    options = parser.parse_args(arguments)
    if options.calls < 1:
        parser.error("--calls must be positive")
    if options.peer is None and (options.fields or options.lines):
        parser.error("--fields and --lines need a --peer")
    if options.peer and not is_installed(options.peer):
        parser.error(f"{options.peer} is not installed")
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    return options


def _cases(options: argparse.Namespace) -> Sequence[tuple[str, Job]]:
    if options.peer is None:
        return _CASES
    fields, lines = options.fields or "none", options.lines or 10
    return [(f"{options.peer}, fields {fields}, lines {lines}", job(options.peer, fields, lines))]


def _main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    bare: dict[tuple[str, int], float] = {}
    with Server() as server:
        for name, case in _cases(options):
            # The calls of a job say how long it warms up, which is the same in both processes.
            one = replace(case, url=server.url(case.fields, case.lines), calls=2 * options.calls)
            place = case.fields, case.lines
            if place not in bare:
                bare[place] = instructions(replace(one, peer="aiohttp"), options.calls)
            count = instructions(one, options.calls)
            print(f"{count:9,.0f} instructions, {count / bare[place]:.3f} of bare aiohttp: {name}", flush=True)


if __name__ == "__main__":
    _main()
