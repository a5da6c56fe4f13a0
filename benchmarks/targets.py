"""The targets: each a ratio within one run, with the value that is good enough and the one to hope for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.cases import job
from benchmarks.jobs import Job
from benchmarks.ratios import Ratio

__all__ = ["EMPTY", "NUMBERS", "ROWS", "Checked", "Row"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One target.

    Attributes:
        case: Its number; some cases have several rows.
        name: What is compared with what.
        target: What the ratio must reach.
        stretch: What would be better still.
        at_least: The ratio must be this large, not this small.
        subject: What is measured over a socket, for rows that are.
        baseline: What that is divided by.
        figure: Which figure of theirs.
    """

    case: int
    name: str
    target: float
    stretch: float
    at_least: bool = False
    subject: Job | None = None
    baseline: Job | None = None
    figure: Literal["cpu", "wire"] = "cpu"

    def reaches(self, ratio: Ratio, bound: float) -> bool:
        """Whether a ratio is as good as a bound."""
        return ratio.median >= bound if self.at_least else ratio.median <= bound


EMPTY = job("aiohttp", "none", 10)
"""Bare aiohttp, which gets nothing back."""

ROWS: tuple[Row, ...] = (
    Row(
        case=1,
        name='update of an address, fields="none", above bare aiohttp',
        target=1.20,
        stretch=1.08,
        subject=job("client", "none", 10),
        baseline=EMPTY,
    ),
    Row(
        case=2,
        name="update, whole answer, 1 line, cart read, above bare aiohttp",
        target=1.45,
        stretch=1.24,
        subject=job("client", "all", 1),
        baseline=job("aiohttp", "all", 1),
    ),
    Row(
        case=2,
        name="update, whole answer, 10 lines, cart read, above bare aiohttp",
        target=1.55,
        stretch=1.35,
        subject=job("client", "all", 10),
        baseline=job("aiohttp", "all", 10),
    ),
    Row(
        case=3,
        name="update, whole answer, 100 lines, data not touched, above bare aiohttp",
        target=1.7,
        stretch=1.3,
        subject=job("client-unread", "all", 100),
        baseline=job("aiohttp", "all", 100),
    ),
    Row(
        case=4,
        name="case 1 on uvloop, above bare aiohttp on asyncio",
        target=1.10,
        stretch=0.95,
        subject=job("client-uvloop", "none", 10),
        baseline=EMPTY,
    ),
    # 2 us and 0.3 us where a call of bare aiohttp takes 76 us.
    Row(case=5, name="retry layer on a call that succeeds, of bare aiohttp", target=0.026, stretch=0.004),
    Row(case=6, name="diff and encode, address, shared, of one full dumps", target=0.25, stretch=0.13),
    Row(case=6, name="diff and encode, one line, shared, of one full dumps", target=4.5, stretch=1.0),
    Row(case=6, name="diff and encode, equal, not shared, of one full dumps", target=3.0, stretch=1.9),
    Row(case=7, name="bulk rows a second, of a bare worker pool", target=0.80, stretch=0.92, at_least=True),
    Row(case=8, name="memory of 1 000 000 bulk rows, of 10 000", target=1.2, stretch=1.02),
    Row(case=9, name="import briqpay_async on top of import aiohttp", target=0.40, stretch=0.32),
    Row(
        case=10,
        name="httpx + pydantic, full body, concurrency 10, above this client",
        target=5.0,
        stretch=8.0,
        at_least=True,
        subject=job("httpx", "all", 10, 10),
        baseline=job("client", "all", 10, 10),
    ),
    Row(
        case=11,
        name="bytes of an address edit, 100 lines, of full body and whole answer",
        target=0.03,
        stretch=0.01,
        subject=job("client", "none", 100, calls=200),
        baseline=job("client-whole", "all", 100, calls=200),
        figure="wire",
    ),
    Row(
        case=12,
        name="PATCH a second of the sandbox, of a fixed body from aiohttp.web",
        target=0.5,
        stretch=0.75,
        at_least=True,
    ),
    Row(
        case=13,
        name="two processes against one, same work",
        target=1.6,
        stretch=1.8,
        at_least=True,
    ),
)
NUMBERS = tuple(dict.fromkeys(row.case for row in ROWS))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A row and what was measured; ``None`` when it could not be."""

    row: Row
    ratio: Ratio | None

    @property
    def verdict(self) -> str:
        """``stretch``, ``met``, ``missed`` or ``not measured``."""
        if self.ratio is None:
            return "not measured"
        if self.row.reaches(self.ratio, self.row.stretch):
            return "stretch"
        return "met" if self.row.reaches(self.ratio, self.row.target) else "missed"

    def to_wire(self) -> dict[str, Any]:
        """As it is kept."""
        row = self.row
        return {
            "case": row.case,
            "name": row.name,
            "target": row.target,
            "stretch": row.stretch,
            "at_least": row.at_least,
            "ratio": self.ratio and asdict(self.ratio),
            "verdict": self.verdict,
        }
