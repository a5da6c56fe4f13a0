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

from briqpay_async import Address, CartItem, EditableData, Order, SessionPatch, structure, unstructure

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


def test_full_body(benchmark: Any) -> None:
    """The yardstick: all of it, encoded."""
    assert len(benchmark(orjson.dumps, WIRE)) > 10_000


@pytest.mark.parametrize(("after", "size"), [(MOVED, 50), (ONE_LINE, 16_000)], ids=["address", "one line"])
def test_edit_of_shared_states(benchmark: Any, after: EditableData, size: int) -> None:
    """The difference of two states that share all that did not change, encoded."""
    assert 0 < len(benchmark(lambda: SessionPatch.between(BEFORE, after).to_json())) < size


def test_equal_states_that_share_nothing(benchmark: Any) -> None:
    """Finding out that nothing changed, the hard way."""
    one, other = structure(WIRE, EditableData), structure(WIRE, EditableData)
    assert benchmark(lambda: SessionPatch.between(one, other).is_noop)
