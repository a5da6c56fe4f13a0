"""Diff and encode of 100-line states, each next to ``orjson.dumps`` of the full body.

``python -m benchmarks.patch_ratios`` prints the same cases as ratios of one interleaved run; these are for looking
at one case, and for comparing two versions of the code::

    .venv/bin/pytest benchmarks/test_patch.py --no-cov
"""

from __future__ import annotations

from typing import Any

import attrs
import orjson
import pytest

from benchmarks import payloads
from briqpay_async import (
    Address,
    CartItem,
    EditableData,
    Order,
    Session,
    SessionPatch,
    structure,
    unstructure,
)

LINES = [
    CartItem(
        product_type="physical",
        reference=f"sku-{number}",
        name=f"Product {number}",
        quantity=2,
        quantity_unit="pc",
        unit_price=1200 + number,
        tax_rate=2500,
        discount_percentage=0,
    )
    for number in range(100)
]
ADDRESS = Address(
    street_address="Storgatan 1", zip="22222", city="Lund", first_name="Ada", email="ada@shop.example"
)
BEFORE = EditableData(order=Order.of("SEK", LINES), billing=ADDRESS, shipping=ADDRESS)
MOVED = attrs.evolve(BEFORE, billing=attrs.evolve(ADDRESS, city="Malmö"))
assert BEFORE.order is not None
ONE_LINE = attrs.evolve(
    BEFORE, order=BEFORE.order.with_cart([*LINES[:50], LINES[50].with_quantity(3), *LINES[51:]])
)
WIRE = unstructure(BEFORE)
HELD = structure(payloads.held(100), Session)
assert HELD.data is not None
assert HELD.data.billing is not None
HELD_MOVED = attrs.evolve(HELD, data=attrs.evolve(HELD.data, billing=attrs.evolve(HELD.data.billing, city="Lund")))


def test_full_body(benchmark: Any) -> None:
    """The yardstick: all of it, encoded."""
    assert len(benchmark(orjson.dumps, WIRE)) > 10_000


@pytest.mark.parametrize(
    ("before", "after", "size"),
    [
        (BEFORE, MOVED, 50),
        (HELD.data, HELD_MOVED.data, 50),
        (HELD, HELD_MOVED, 50),
        (BEFORE, ONE_LINE, 16_000),
    ],
    ids=["address", "address of SessionData", "address of Session", "one line"],
)
def test_edit_of_shared_states(benchmark: Any, before: Any, after: Any, size: int) -> None:
    """The difference of two states that share all that did not change, encoded."""
    assert 0 < len(benchmark(lambda: SessionPatch.between(before, after).to_json())) < size


@pytest.mark.parametrize(
    ("wire", "cls"), [(WIRE, EditableData), (payloads.held(100), Session)], ids=["EditableData", "Session"]
)
def test_equal_states_that_share_nothing(benchmark: Any, wire: Any, cls: Any) -> None:
    """Finding out that nothing changed, the hard way."""
    one, other = (structure(orjson.loads(orjson.dumps(wire)), cls) for _ in range(2))
    assert benchmark(lambda: SessionPatch.between(one, other).is_noop)


def test_cart_that_was_built_anew(benchmark: Any) -> None:
    """One quantity changed, in a cart whose lines were all made from the shop's own data again."""

    def rebuilt() -> tuple[tuple[EditableData], dict[str, Any]]:
        assert BEFORE.order is not None
        lines = [attrs.evolve(line) for line in LINES]  # each a new one, that remembers nothing
        lines[50] = lines[50].with_quantity(3)
        return (attrs.evolve(BEFORE, order=BEFORE.order.with_cart(lines)),), {}

    found = benchmark.pedantic(
        lambda after: SessionPatch.between(BEFORE, after).to_json(), setup=rebuilt, rounds=50
    )
    assert len(found) > 10_000
