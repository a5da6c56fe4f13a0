"""Calls over a real socket: this client against its peers.

``python -m benchmarks.wire`` compares everything, ``--case 1`` measures one case, ``--check`` all of them, and
fails where a target is missed. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cases import CONCURRENCY, SWEPT, Point, default_points, job, scaled, sweep
from benchmarks.check import check
from benchmarks.interleave import run_rounds
from benchmarks.jobs import Job
from benchmarks.ratios import Ratio
from benchmarks.registry import is_installed
from benchmarks.report import publish
from benchmarks.results_file import save
from benchmarks.server import LINES
from benchmarks.targets import NUMBERS, Checked

_tell = partial(print, file=sys.stderr, flush=True)


def compare(points: Sequence[Point], peers: Sequence[str], rounds: int, scale: float) -> list[dict[str, Any]]:
    """Ratios of all peers to bare aiohttp at each point: processor time, calls a second, bytes."""

    def at(point: Point, peer: str) -> Job:
        return scaled(job(peer, point.fields, point.lines, point.concurrency), scale)

    found = run_rounds([[at(point, peer) for peer in peers] for point in points], rounds, _tell)
    figures = []
    for point in points:
        bare = found[at(point, "aiohttp")]
        for peer in peers:
            own = found[at(point, peer)]
            cpu = Ratio.of([one.cpu for one in own], [one.cpu for one in bare])
            rate = Ratio.of([one.wall for one in bare], [one.wall for one in own])
            figures.append(
                {"peer": peer, "cpu": asdict(cpu), "rate": asdict(rate), "wire": round(own[0].wire)}
                | asdict(point)
            )
            print(f"{peer:14} {_name(point):40} cpu {cpu!s:24} calls/s {rate!s:24} {own[0].wire:8.0f} bytes")
    return figures


def _name(point: Point) -> str:
    return f"fields={point.fields}, {point.lines} lines, concurrency {point.concurrency}"


def _print_checked(rows: Sequence[Checked]) -> None:
    print(f"{'case':>4}  {'target':>8} {'stretch':>8}  {'measured':24} {'verdict':12} what")
    for one in rows:
        sign = ">=" if one.row.at_least else "<="
        measured = str(one.ratio) if one.ratio else "-"
        print(
            f"{one.row.case:4}  {sign} {one.row.target:<5g} {sign} {one.row.stretch:<5g}  {measured:24} "
            f"{one.verdict:12} {one.row.name}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (7)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of fewer calls: a first impression")
    parser.add_argument("--case", type=int, action="append", choices=NUMBERS, help="only this row of the targets")
    parser.add_argument("--check", action="store_true", help="measure the targets and fail where one is missed")
    parser.add_argument("--peer", action="append", choices=SWEPT, help="only these, and aiohttp")
    parser.add_argument("--fields", action="append", choices=("all", "none"))
    parser.add_argument("--lines", type=int, action="append", choices=LINES)
    parser.add_argument("--concurrency", type=int, action="append", choices=CONCURRENCY)
    parser.add_argument("--json", type=Path, help="also write the figures of this run here")
    return parser.parse_args()


def _points(options: argparse.Namespace) -> list[Point]:
    if options.fields or options.lines or options.concurrency:
        return sweep(
            tuple(options.fields or ("all", "none")),
            tuple(options.lines or LINES),
            tuple(options.concurrency or CONCURRENCY),
        )
    return default_points()


def _peers(wanted: Sequence[str]) -> list[str]:
    chosen = [peer for peer in SWEPT if peer in wanted or peer == "aiohttp"]
    for peer in chosen:
        if not is_installed(peer):
            _tell(f"{peer} is left out: it is not installed")
    return [peer for peer in chosen if is_installed(peer)]


def _main() -> int:
    options = _options()
    rounds, scale = (min(options.rounds, 3), 0.4) if options.quick else (options.rounds, 1.0)
    figures: Any
    if options.check or options.case:
        rows = check(options.case or NUMBERS, rounds, scale, _tell)
        _print_checked(rows)
        section, figures = "targets", [one.to_wire() for one in rows]
        whole = options.check and not options.case
        failed = options.check and any(one.verdict not in {"met", "stretch"} for one in rows)
    else:
        figures = compare(_points(options), _peers(options.peer or SWEPT), rounds, scale)
        section, failed = "wire", False
        whole = not (options.peer or options.fields or options.lines or options.concurrency)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if whole and not options.quick:
        save(section, figures)
        publish()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(_main())
