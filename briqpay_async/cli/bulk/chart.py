"""The picture of a bulk run, written by hand: one small drawing does not justify a plotting dependency.

It has no background of its own. Its colours are of middle lightness, so that it can be read on white and on black.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import floor, log10
from typing import Final

import attrs

from briqpay_async.cli.bulk.statistics import Statistics, percentile

__all__ = ["draw"]

_COLUMNS: Final = 60
_WIDTH, _PANEL, _LEFT, _TOP, _GAP = 720, 110, 64, 44, 52
_GREY: Final = "#7d8590"
_BLUE, _GREEN, _ORANGE, _RED = "#3b82f6", "#22a06b", "#d97706", "#e5484d"

_Line = tuple[str, str, Sequence[float | None]]


@attrs.frozen
class _Panel:
    """One diagram: what it shows, and its lines by name and colour."""

    title: str
    lines: tuple[_Line, ...]


def draw(statistics: Statistics) -> str:
    """An SVG document of throughput, latency percentiles and concurrency over a run."""
    panels = _panels(statistics)
    height = _TOP + len(panels) * (_PANEL + _GAP)
    title = f"{len(statistics.began):,} rows in {statistics.seconds:,.1f} s"
    body = "".join(
        _drawn(panel, _TOP + number * (_PANEL + _GAP), statistics.seconds) for number, panel in enumerate(panels)
    )
    heading = _text(_LEFT, 20, title, "font-size='14'")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 24} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{_GREY}">\n<title>Bulk run: {title}</title>\n'
        f"{heading}{body}</svg>\n"
    )


def _panels(statistics: Statistics) -> tuple[_Panel, ...]:
    width = max(statistics.seconds, 1e-9) / _COLUMNS
    done = [0] * _COLUMNS
    took: list[list[float]] = [[] for _ in done]
    at_once: list[list[float]] = [[] for _ in done]
    rows = zip(statistics.began, statistics.took, statistics.in_flight, strict=True)
    for began, seconds, in_flight in rows:
        column = min(int((began + seconds) / width), _COLUMNS - 1)
        done[column] += 1
        if in_flight:
            took[column].append(seconds * 1000)
            at_once[column].append(in_flight)
    for values in took:
        values.sort()
    percentiles = tuple(
        (f"p{percent}", colour, [percentile(values, percent) if values else None for values in took])
        for percent, colour in ((50, _GREEN), (95, _ORANGE), (99, _RED))
    )
    means = [sum(values) / len(values) if values else None for values in at_once]
    return (
        _Panel("rows per second", (("", _BLUE, [count / width for count in done]),)),
        _Panel("latency in ms", percentiles),
        _Panel("updates under way", (("", _BLUE, means),)),
    )


def _drawn(panel: _Panel, top: float, seconds: float) -> str:
    bottom = top + _PANEL
    highest = _round_up(max((value or 0 for _, _, values in panel.lines for value in values), default=0))
    parts = [_text(_LEFT, top - 8, panel.title)]
    for part in (0.0, 0.5, 1.0):
        y = bottom - part * _PANEL
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GREY}" '
            f'stroke-opacity="{0.25 if part else 0.8}"/>\n{_text(_LEFT - 6, y + 4, f"{highest * part:,g}", _END)}'
        )
        x = _LEFT + part * _WIDTH
        parts.append(_text(x, bottom + 16, f"{seconds * part:,.3g} s", "text-anchor='middle'"))
    for number, (name, colour, values) in enumerate(panel.lines):
        if name:
            x = _LEFT + _WIDTH - 40 * (len(panel.lines) - 1 - number)
            parts.append(_text(x, top - 8, name, f"fill='{colour}' text-anchor='end'"))
        parts += [
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round" '
            f'stroke-linecap="round" points="{points}"/>\n'
            for points in _lines(values, bottom, highest)
        ]
    return "".join(parts)


_END: Final = "text-anchor='end'"


def _lines(values: Sequence[float | None], bottom: float, highest: float) -> list[str]:
    """The points of a line, in several pieces where values are missing in between."""
    step = _WIDTH / len(values)
    pieces = groupby(enumerate(values), key=lambda place: place[1] is not None)
    lines = []
    for present, piece in pieces:
        if present:
            points = [(place * step, bottom - (value or 0) / highest * _PANEL) for place, value in piece]
            points.append((points[-1][0] + step, points[-1][1]))  # so that a single value can be seen
            lines.append(" ".join(f"{_LEFT + x:.1f},{y:.1f}" for x, y in points))
    return lines


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 10, 20, ... so that the axis has round numbers."""
    if value <= 0:
        return 1.0
    power = float(10 ** floor(log10(value)))
    return next(factor * power for factor in (1, 2, 4, 5, 10) if factor * power >= value)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{text}</text>\n'
