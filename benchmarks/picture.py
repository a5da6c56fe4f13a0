"""A bar chart as SVG, readable on light and on dark backgrounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

__all__ = ["Bar", "draw"]

_LEFT, _WIDTH, _ROW, _TOP = 190, 420, 42, 58
_LOW = 0.05
_LEGEND = "concurrency 50, or a peer's best; logarithmic; upper bar: whole answer, lower bar: no answer"
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .small { font-size: 11px; fill: #666 }
  .whole { fill: #8a94a6 } .none { fill: #c3c9d3 }
  .own .whole { fill: #1f6feb } .own .none { fill: #79b0ff }
  .rule { stroke: #d0573f; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .small { fill: #aaa } .none { fill: #4d5562 } .own .none { fill: #1b4a94 }
  }
"""


class Bar(NamedTuple):
    """One peer.

    Attributes:
        name: Who.
        whole: Ratio when the whole session comes back.
        none: Ratio when nothing comes back.
        own: It is this client.
    """

    name: str
    whole: float
    none: float
    own: bool


def draw(bars: Sequence[Bar]) -> str:
    """The picture: processor time for a call on a logarithmic scale, bare aiohttp = 1."""
    high = max(2.0, *(max(bar.whole, bar.none) for bar in bars)) * 1.3

    def length(ratio: float) -> float:
        return _WIDTH * math.log(max(ratio, _LOW * 1.05) / _LOW) / math.log(high / _LOW)

    height = _TOP + _ROW * len(bars) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 60} {height}" role="img">',
        f"<title>Processor time for an update, bare aiohttp = 1</title><style>{_STYLE}</style>",
        '<text x="8" y="20">Processor time for an address edit of a 10-line session, bare aiohttp = 1</text>',
        f'<text class="small" x="8" y="38">{_LEGEND}</text>',
        f'<path class="rule" d="M{_LEFT + length(1):.0f} {_TOP - 8}V{height - 6}"/>',
    ]
    for index, bar in enumerate(bars):
        top = _TOP + _ROW * index
        parts.append(f'<g class="{"own" if bar.own else "other"}">')
        parts.append(f'<text x="{_LEFT - 8}" y="{top + 19}" text-anchor="end">{escape(bar.name)}</text>')
        for kind, ratio, offset in (("whole", bar.whole, 0), ("none", bar.none, 15)):
            width = length(ratio)
            parts.append(
                f'<rect class="{kind}" x="{_LEFT}" y="{top + offset}" width="{width:.0f}" height="13" rx="2"/>'
                f'<text class="small" x="{_LEFT + width + 5:.0f}" y="{top + offset + 11}">{ratio:.2f}</text>'
            )
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"
