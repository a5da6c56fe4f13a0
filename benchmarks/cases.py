"""Jobs of comparable length, and the points at which all peers meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from benchmarks.jobs import Fields, Job
from benchmarks.server import LINES

__all__ = [
    "CONCURRENCY",
    "SWEPT",
    "Point",
    "default_points",
    "job",
    "scaled",
    "sweep",
]

CONCURRENCY = (1, 10, 50, 200)
SWEPT = ("streams", "aiohttp", "client", "client-uvloop", "httpx", "requests", "openai")
# About so many times longer than aiohttp they take for a call: they make fewer calls in the same time.
_SLOW = {"httpx": 8, "requests": 7, "openai": 12}
_CALLS = 4000


def job(peer: str, fields: Fields, lines: int, concurrency: int = 50, calls: int = _CALLS) -> Job:
    """A job that takes about as long as any other."""
    fewer = _SLOW.get(peer, 1)
    if peer == "httpx" and concurrency > 10:
        fewer *= concurrency // 10
    if fields == "all" and lines == max(LINES):
        fewer *= 2
    return Job(
        peer=peer,
        fields=fields,
        lines=lines,
        concurrency=concurrency,
        calls=max(calls // fewer, 8 * concurrency, 50),
    )


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where all peers meet."""

    fields: Fields
    lines: int
    concurrency: int


def sweep(fields: tuple[Fields, ...], lines: tuple[int, ...], concurrency: tuple[int, ...]) -> list[Point]:
    """All combinations."""
    return [Point(fields=f, lines=n, concurrency=c) for f, n, c in product(fields, lines, concurrency)]


def default_points() -> list[Point]:
    """Every concurrency with 10 lines, and every cart size at concurrency 50."""
    both: tuple[Fields, ...] = ("all", "none")
    return list(dict.fromkeys(sweep(both, (10,), CONCURRENCY) + sweep(both, LINES, (50,))))


def scaled(one: Job, factor: float) -> Job:
    """The same job with more or fewer calls."""
    return replace(one, calls=max(int(one.calls * factor), 8 * one.concurrency))
