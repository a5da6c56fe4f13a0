"""What a patch of a 100-line session costs, against one ``orjson.dumps`` of the full body."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import attrs
import orjson

from benchmarks import payloads
from benchmarks.fakes import states
from benchmarks.ratios import Ratio
from briqpay_async import CartItem, Session, SessionData, SessionPatch, structure

__all__ = ["measure"]

_LINES = 100
_REPEATS = 200


def _seconds(work: Sequence[Callable[[], object]]) -> float:
    begin = time.process_time()
    for one in work:
        one()
    return (time.process_time() - begin) / len(work)


def _encode(before: SessionData, after: SessionData) -> Callable[[], bytes]:
    return lambda: SessionPatch.between(before, after).to_json()


def _address(before: SessionData, number: int) -> SessionData:
    assert before.billing
    return attrs.evolve(before, billing=attrs.evolve(before.billing, city=f"City {number}"))


def _line(before: SessionData, number: int) -> SessionData:
    assert before.order
    assert before.order.cart
    line = before.order.cart[number % _LINES]
    assert isinstance(line, CartItem)
    edited = line.with_quantity((line.quantity or 1) + 1)
    return attrs.evolve(
        before, order=before.order.with_cart(edited if one is line else one for one in before.order.cart)
    )


def measure(rounds: int = 7) -> dict[str, Ratio]:
    """Ratios by kind of change. Every state is used once, so that nothing it remembers is found again."""
    full = payloads.full_body(_LINES)
    found: dict[str, list[float]] = {"address, shared": [], "one line, shared": [], "equal, not shared": []}
    for _ in range(rounds):
        before, _after = states(_LINES)
        twins = [structure(payloads.held(_LINES), Session).data for _ in range(20)]
        dumps = _seconds([lambda: orjson.dumps(full)] * _REPEATS)
        SessionPatch.between(before, _line(before, 0)).to_json()  # a shop's held session was patched before
        for name, work in (
            ("address, shared", [_encode(before, _address(before, n)) for n in range(_REPEATS)]),
            ("one line, shared", [_encode(before, _line(before, n)) for n in range(_REPEATS)]),
            ("equal, not shared", [_encode(before, twin) for twin in twins if twin]),
        ):
            found[name].append(_seconds(work) / dumps)
    return {name: Ratio.from_rounds(ratios) for name, ratios in found.items()}


if __name__ == "__main__":
    for name, ratio in measure().items():
        print(f"{ratio}  {name}")
