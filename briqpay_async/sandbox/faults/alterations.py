"""Ways to show the captures and refunds of a session that differ from how they were made. Pure.

Each is one that a real API could have: a client that looks for its own capture must recognise it, or
say that it does not know.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

Json = dict[str, Any]
View = Callable[[Json], Json]


def _lines(change: Callable[[Json], Json]) -> View:
    """Make a change of one cart line into a change of a capture or refund."""
    return lambda made: {**made, "cart": [change(line) for line in made["cart"]]}


def _without(*names: str) -> View:
    return lambda document: {name: value for name, value in document.items() if name not in names}


def _price_with_vat(line: Json) -> Json:
    if "unitPrice" not in line:
        return line
    return {**line, "unitPrice": round(line["unitPrice"] * (10_000 + line["taxRate"]) / 10_000)}


# How captures and refunds can be shown differently from how they were sent.
ALTERATIONS: Final[dict[str, View]] = {
    "no_references": _lines(_without("reference")),
    "empty_cart": lambda made: {**made, "cart": []},
    "unit_price_with_vat": _lines(_price_with_vat),
    "lower_case_currency": lambda made: {**made, "currency": made["currency"].lower()},
    "no_capture_id": _without("captureId", "parentCaptureId"),
    "no_status": _without("status"),
}


def altered(session: Json, names: Sequence[str]) -> Json:
    """Return a session whose captures and refunds are shown in other ways, by name."""
    data = dict(session["data"])
    for section in ("captures", "refunds"):
        for name in names:
            if section in data:
                data[section] = [ALTERATIONS[name](made) for made in data[section]]
    return {**session, "data": data}
