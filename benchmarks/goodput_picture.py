"""The rate over time of a scenario as SVG, readable on light and on dark backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.goodput_server import BIN, Refusals

__all__ = ["draw"]

_LEFT, _TOP, _WIDTH, _HEIGHT = 44, 26, 440, 110
_TOGETHER = 2  # bins that make a point of a line
_COLOURS = ("#1f6feb", "#d0573f", "#3a9b5c")
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#666}"
    "polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}"
    ".refused{stroke:#d99a00;stroke-width:1}.quota{stroke:#888;stroke-dasharray:4 3;fill:none}"
)


def draw(name: str, refusals: Refusals, clients: Sequence[list[list[int]]]) -> str:
    """The picture of a run.

    Args:
        name: Of the scenario.
        refusals: What the server did.
        clients: Admitted and refused by each client, for each tenth of a second.
    """
    admitted = [_rates([bin_[0] for bin_ in bins]) for bins in clients]
    places = max(len(bins) for bins in clients)
    refused = _rates([sum(bins[place][1] for bins in clients if place < len(bins)) for place in range(places)])
    seconds = places * BIN
    highest = max(refusals.quota, refusals.later, *(max(rates) for rates in admitted)) * 1.15 or 1.0

    def line(rates: Sequence[float], style: str) -> str:
        step = _WIDTH * _TOGETHER * BIN / seconds
        points = " ".join(
            f"{_LEFT + place * step:.0f},{_TOP + _HEIGHT * (1 - min(rate / highest, 1)):.0f}"
            for place, rate in enumerate(rates)
        )
        return f'<polyline {style} points="{points}"/>'

    quota = [refusals.quota_at(place * BIN * _TOGETHER) for place in range(places // _TOGETHER)]
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 16} {_TOP + _HEIGHT + 24}" ',
            f'role="img"><title>{escape(name)}</title><style>{_STYLE}</style>',
            f'<text x="{_LEFT}" y="14">{escape(name)}: admitted a second; yellow: refused</text>',
            f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{highest:.0f}</text>',
            f'<text x="{_LEFT - 6}" y="{_TOP + _HEIGHT}" text-anchor="end">0</text>',
            f'<text x="{_LEFT + _WIDTH}" y="{_TOP + _HEIGHT + 16}" text-anchor="end">{seconds:.0f} s</text>',
            line(quota, 'class="quota"') if refusals.quota else "",
            line(refused, 'class="refused"'),
            *(line(rates, f'stroke="{_COLOURS[place % len(_COLOURS)]}"') for place, rates in enumerate(admitted)),
            "</svg>\n",
        ]
    )


def _rates(counts: Sequence[int]) -> list[float]:
    """Requests a second, of a few bins together."""
    return [
        sum(counts[place : place + _TOGETHER]) / (_TOGETHER * BIN)
        for place in range(0, len(counts) - _TOGETHER + 1, _TOGETHER)
    ] or [0.0]
