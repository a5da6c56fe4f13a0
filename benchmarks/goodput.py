"""How much of the rate that a server admits a bulk run uses: ``python -m benchmarks.goodput``.

    --check        exit with 1 where a target is missed; three runs of each scenario, medians
    --runs N       runs of each scenario
    --only WORD    scenarios whose name has this word
    --pictures     draw the rate over time of each scenario into ``benchmarks/results/goodput``

Servers and clients have processes of their own. A bulk run is compared with the quota, or with a naive pool over
bare aiohttp, whose workers each wait for themselves: both run at the same time, each against a server of its own,
so that other load on the machine slows down both. The servers count all requests.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import attrs

from benchmarks.goodput_picture import draw
from benchmarks.goodput_server import BIN, Refusals
from benchmarks.process import ROOT, Child

_SETTLED = 2.0  # seconds: refusals before are how a rate is found
_FAIR_AFTER = 10.0  # seconds: shares of a quota are compared from there on
_MOST_REFUSED = 0.03  # beyond the server's own noise
_PICTURES = ROOT / "benchmarks" / "results" / "goodput"

Bins = list[list[int]]


@attrs.frozen(kw_only=True)
class Scenario:
    """A server and its clients.

    Attributes:
        name: Of the scenario.
        refusals: What the server does.
        least: Of the quota, or of the naive pool, that must be used; ``None`` where it is only shown.
        fair: Least share of a client, of the greatest, that must be; ``None`` where it is only shown.
        seconds: How long it takes.
        clients: The concurrency of each client.
    """

    name: str
    refusals: Refusals
    least: float | None = 0.8
    fair: float | None = None
    seconds: float = 4.0
    clients: tuple[int, ...] = (40,)


def _noise(share: float, retry_after: str) -> Scenario:
    told = f"Retry-After {retry_after}" if retry_after else "no Retry-After"
    return Scenario(
        name=f"{share:.0%} random 429, {told}",
        refusals=Refusals(noise=share, noise_retry_after=retry_after),
    )


SCENARIOS = (
    Scenario(name="none refused", refusals=Refusals(), least=None),
    *(_noise(share, retry_after) for share in (0.01, 0.03, 0.1) for retry_after in ("0.05", "")),
    Scenario(name="2% random 503", refusals=Refusals(noise=0.02, noise_status=503)),
    Scenario(
        name="2% random 503, Retry-After 1",
        refusals=Refusals(noise=0.02, noise_status=503, noise_retry_after="1"),
    ),
    Scenario(name="5 a second", refusals=Refusals(quota=5), least=0.95, seconds=22),
    Scenario(name="60 a second", refusals=Refusals(quota=60), least=0.95, seconds=6),
    Scenario(name="300 a second", refusals=Refusals(quota=300), least=0.95, seconds=6),
    Scenario(name="500 a second", refusals=Refusals(quota=500), least=0.95, seconds=6),
    Scenario(name="300 a second, 5% random 429", refusals=Refusals(quota=300, noise=0.05), least=None, seconds=12),
    Scenario(name="300 a second, 20 ms away", refusals=Refusals(quota=300, latency=0.02), least=None, seconds=6),
    Scenario(name="100 a second, 200 ms away", refusals=Refusals(quota=100, latency=0.2), least=None, seconds=6),
    Scenario(
        name="60 a second, whole seconds", refusals=Refusals(quota=60, burst=5, whole=True), least=0.85, seconds=6
    ),
    Scenario(name="300 a second, whole seconds", refusals=Refusals(quota=300, whole=True), least=0.85, seconds=6),
    Scenario(
        name="200, then 600 a second", refusals=Refusals(quota=200, later=600, changes=3), least=0.85, seconds=8
    ),
    Scenario(
        name="600, then 200 a second", refusals=Refusals(quota=600, later=200, changes=3), least=0.85, seconds=8
    ),
    Scenario(
        name="300 a second, three clients",
        refusals=Refusals(quota=300),
        least=0.9,
        fair=0.5,
        seconds=20,
        clients=(40, 40, 40),
    ),
    Scenario(
        name="300 a second, concurrency 40 and 10",
        refusals=Refusals(quota=300),
        least=None,
        seconds=15,
        clients=(40, 10),
    ),
)


@attrs.frozen(kw_only=True)
class Run:
    """The result of one run.

    Attributes:
        used: Of the quota, or of what the naive pool got.
        refused: Share of requests refused after the first two seconds, less the server's noise.
        fair: The least share of a client, of the greatest; 1 where there is one client.
        bins: Admitted and refused by each client, for each tenth of a second.
    """

    used: float
    refused: float
    fair: float
    bins: list[Bins]


def run(scenario: Scenario) -> Run:
    """Run a scenario once."""
    refusals, places = scenario.refusals, round(scenario.seconds / BIN)
    with ExitStack() as stack:
        bulk = _start(stack, scenario, "bulk", scenario.clients)
        naive = None if refusals.quota else _start(stack, scenario, "naive", scenario.clients)
        for client in bulk[1:] + (naive[1:] if naive else []):
            client.write_line("go")
        counts = [_counted(each, places) for each in (bulk, naive) if each is not None]
    clients = counts[0]
    admitted = [sum(bin_[0] for bin_ in bins) for bins in clients]
    if refusals.quota:
        ideal = refusals.burst + sum(refusals.quota_at(place * BIN) * BIN for place in range(places))
    else:
        ideal = sum(bin_[0] for bin_ in counts[1][0])
    settled = [bin_ for bins in clients for bin_ in bins[round(_SETTLED / BIN) :]]
    refused = sum(bin_[1] for bin_ in settled) / max(sum(map(sum, settled)), 1)
    late = [sum(bin_[0] for bin_ in bins[round(_FAIR_AFTER / BIN) :]) for bins in clients]
    fair = min(late) / max(*late, 1) if len(late) > 1 else 1.0
    return Run(used=sum(admitted) / max(ideal, 1), refused=refused - refusals.noise, fair=fair, bins=clients)


def _start(stack: ExitStack, scenario: Scenario, kind: str, concurrencies: Sequence[int]) -> list[Child]:
    """A server and clients that are ready to begin."""
    settings = {name: value for name, value in attrs.asdict(scenario.refusals).items() if value != float("inf")}
    server = stack.enter_context(Child("benchmarks.goodput_server", json.dumps(settings)))
    url = server.hear()
    clients = [
        stack.enter_context(
            Child("benchmarks.goodput_client", kind, url, str(scenario.seconds), str(concurrency), str(number))
        )
        for number, concurrency in enumerate(concurrencies)
    ]
    for client in clients:
        client.hear()
    return [server, *clients]


def _counted(processes: list[Child], places: int) -> list[Bins]:
    server, *clients = processes
    for client in clients:
        client.hear()
    server.write_line("counts")
    counts: dict[str, Bins] = server.hear()
    return [bins[:places] for _, bins in sorted(counts.items())]


def complaints(scenario: Scenario, runs: Sequence[Run]) -> list[str]:
    """Which targets the medians of some runs miss."""
    used, refused, fair = (median(getattr(each, name) for each in runs) for name in ("used", "refused", "fair"))
    found = []
    if scenario.least is not None and used < scenario.least:
        found.append(f"uses {used:.2f}, not {scenario.least}")
    if scenario.least is not None and refused > _MOST_REFUSED:
        found.append(f"{refused:.1%} refused, not {_MOST_REFUSED:.0%}")
    if scenario.fair is not None and fair < scenario.fair:
        found.append(f"least of greatest {fair:.2f}, not {scenario.fair}")
    return found


def main() -> int:
    """Run the scenarios, print the results, and return how many miss a target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--runs", type=int, default=None)
    parser.add_argument("--only", default="")
    parser.add_argument("--pictures", action="store_true")
    asked = parser.parse_args()
    count = asked.runs or (3 if asked.check else 1)
    missed = 0
    for scenario in SCENARIOS:
        if asked.only not in scenario.name:
            continue
        runs = [run(scenario) for _ in range(count)]
        found = complaints(scenario, runs)
        missed += bool(found)
        middle = sorted(runs, key=lambda each: each.used)[len(runs) // 2]
        against = "quota" if scenario.refusals.quota else "naive"
        print(
            f"{scenario.name:36} {middle.used:5.2f} of {against}"
            f" {median(each.refused for each in runs):6.1%} refused"
            + (
                f" {median(each.fair for each in runs):5.2f} least of greatest"
                if len(scenario.clients) > 1
                else ""
            )
            + ("   MISSED: " + "; ".join(found) if found else ""),
            flush=True,
        )
        if asked.pictures:
            _PICTURES.mkdir(parents=True, exist_ok=True)
            _file(scenario).write_text(draw(scenario.name, scenario.refusals, middle.bins), encoding="utf-8")
    return missed


def _file(scenario: Scenario) -> Path:
    name = "".join(letter if letter.isalnum() else "-" for letter in scenario.name.replace("%", " percent"))
    return _PICTURES / f"{'-'.join(filter(None, name.split('-')))}.svg"


if __name__ == "__main__":
    missed_targets = main()
    sys.exit(1 if "--check" in sys.argv and missed_targets else 0)
