"""Figures as they are read: the tables in README.md between two markers, and the picture beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import CONCURRENCY, SWEPT
from benchmarks.picture import Bar, draw
from benchmarks.ratios import Ratio
from benchmarks.results_file import LATEST, load
from benchmarks.server import LINES

__all__ = ["publish"]

Figures = Sequence[Mapping[str, Any]]

_README = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- results -->", "<!-- end of results -->"
_NAMES = {
    "streams": "raw asyncio streams",
    "aiohttp": "bare aiohttp",
    "client": "this client",
    "client-uvloop": "this client on uvloop",
    "httpx": "httpx + pydantic",
    "requests": "requests in threads",
    "openai": "openai's base client",
}
# A pool that is so much dearer at one concurrency than at another has collapsed there.
_COLLAPSED = 1.5


def publish() -> None:
    """Write the results into README.md, and draw the picture."""
    document = load()
    if "wire" in document:
        LATEST.with_name("wire.svg").write_text(draw(list(_bars(document["wire"]["figures"]))))
    before, rest = _README.read_text().split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    results = "\n".join(_results(document))
    _README.write_text(f"{before}{_BEGIN}\n{results}\n{_END}{after}")


def _results(document: Mapping[str, Any]) -> Iterator[str]:
    if "targets" in document:
        yield from _targets(document["targets"]["figures"])
    if "wire" in document:
        yield from _wire(document["wire"]["figures"])
    if "memory" in document:
        yield from _memory(document["memory"]["figures"])
    for section, found in sorted(document.items()):
        yield (
            f"\n`{section}` was taken with " + ", ".join(f"{k} {v}" for k, v in found["taken_with"].items()) + "."
        )


def _targets(rows: Figures) -> Iterator[str]:
    yield "\n### Targets\n"
    yield "| case | what | target | stretch | measured: median (middle half) | verdict |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        sign = ">=" if row["at_least"] else "<="
        measured = Ratio(**row["ratio"]) if row["ratio"] else "-"
        yield (
            f"| {row['case']} | {row['name']} | {sign} {row['target']} | {sign} {row['stretch']} "
            f"| {measured} | {row['verdict']} |"
        )


def _wire(figures: Figures) -> Iterator[str]:
    for fields, text in (("all", "the whole session comes back"), ("none", 'nothing comes back, `fields="none"`')):
        for title, columns in (
            (f"10 lines, {text}, by concurrency", [{"lines": 10, "concurrency": one} for one in CONCURRENCY]),
            (f"concurrency 50, {text}, by lines in the cart", [{"lines": n, "concurrency": 50} for n in LINES]),
        ):
            yield f"\n### Processor time of an address edit: {title}\n"
            yield f"| bare aiohttp = 1.00 | {' | '.join(str(next(_varied(columns, one))) for one in columns)} |"
            yield "|---" * (len(columns) + 1) + "|"
            for peer in SWEPT:
                cells = [_find(figures, peer, {"fields": fields, **one}) for one in columns]
                if any(cells):
                    texts = [str(Ratio(**one["cpu"])) if one else "" for one in cells]
                    yield f"| {_NAMES[peer]} | {' | '.join(texts)} |"
    yield "\n### Calls a second and bytes in both directions: 10 lines, concurrency 50\n"
    yield "| bare aiohttp = 1.00 | calls, whole answer | bytes | calls, no answer | bytes |\n|---|---|---|---|---|"
    for peer in SWEPT:
        found = [_at(figures, peer, fields, 50) for fields in ("all", "none")]
        if any(found):
            texts = [f"{Ratio(**one['rate'])} | {one['wire']}" if one else " | " for one in found]
            yield f"| {_NAMES[peer]} | {' | '.join(texts)} |"
    yield from _collapses(figures)


def _collapses(figures: Figures) -> Iterator[str]:
    for peer in SWEPT:
        worst, best = _at(figures, peer, "all", 50), _best(figures, peer, "all")
        if worst and best and worst["cpu"]["median"] > _COLLAPSED * best["cpu"]["median"]:
            yield (
                f"\nThe pool of {_NAMES[peer]} collapses under concurrency: {worst['cpu']['median']:.1f} at 50, "
                f"and {best['cpu']['median']:.1f} at {best['concurrency']}, its best."
            )


def _memory(figures: Mapping[str, float]) -> Iterator[str]:
    yield "\n### Memory that is kept\n"
    yield "| lines in the cart; dictionary of the same answer = 1.00 | " + " | ".join(map(str, LINES)) + " |"
    yield "|---" * (len(LINES) + 1) + "|"
    for name in ("bytes of an answer", "Session as answered", "Session whose data was read"):
        ratios = [figures[f"{name}, {n} lines"] / figures[f"dictionary, {n} lines"] for n in LINES]
        yield f"| {name} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |"
    ratio = figures["BriqpayClient, not yet connected"] / figures["aiohttp.ClientSession"]
    yield f"\nA client that has not connected yet keeps {ratio:.2f} of what an `aiohttp.ClientSession` keeps."


def _bars(figures: Figures) -> Iterator[Bar]:
    """Ratios at concurrency 50, or where a peer is best if it collapses there."""
    for peer in SWEPT:
        shown = []
        for fields in ("all", "none"):
            here, best = _at(figures, peer, fields, 50), _best(figures, peer, fields)
            if here and best:
                collapsed = here["cpu"]["median"] > _COLLAPSED * best["cpu"]["median"]
                shown.append(best if collapsed else here)
        if len(shown) == 2:
            whole, none = shown
            places = {one["concurrency"] for one in shown if one["concurrency"] != 50}
            note = f" (at {', '.join(str(one) for one in sorted(places))})" if places else ""
            yield Bar(_NAMES[peer] + note, whole["cpu"]["median"], none["cpu"]["median"], own="client" in peer)


def _at(figures: Figures, peer: str, fields: str, concurrency: int) -> Mapping[str, Any] | None:
    return _find(figures, peer, {"fields": fields, "lines": 10, "concurrency": concurrency})


def _best(figures: Figures, peer: str, fields: str) -> Mapping[str, Any] | None:
    """The concurrency, 10 or more, at which a peer comes closest to bare aiohttp."""
    found = [one for at in CONCURRENCY if at > 1 and (one := _at(figures, peer, fields, at))]
    return min(found, key=lambda one: float(one["cpu"]["median"])) if found else None


def _find(figures: Figures, peer: str, wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next(
        (
            one
            for one in figures
            if one["peer"] == peer and all(one[name] == value for name, value in wanted.items())
        ),
        None,
    )


def _varied(columns: Sequence[Mapping[str, int]], column: Mapping[str, int]) -> Iterator[int]:
    """The member of a column that differs between the columns."""
    return (value for name, value in column.items() if len({one[name] for one in columns}) > 1)


if __name__ == "__main__":
    publish()
