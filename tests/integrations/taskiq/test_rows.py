"""Rows come out of the queue as they were put in."""

from __future__ import annotations

import pytest
from support.shop import data, line

from briqpay_async import Address, EditableData, SessionPatch, ValidationError
from briqpay_async.integrations.taskiq.rows import QueuedRow

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "patch",
    [
        SessionPatch.of(data=EditableData(billing=Address(city="Ystad"))),
        SessionPatch.of(data=EditableData(billing=Address(city="Ystad"), order=data(line("sku-1")).order)),
        SessionPatch.from_json(b'{"data":{"billing":{}},"modules":{"config":{"upsell":{"enabled":true}}}}'),
        SessionPatch(),
    ],
    ids=["one section", "an order", "modules", "nothing"],
)
def test_a_row_is_what_was_put(patch: SessionPatch) -> None:
    row = QueuedRow(NOBODY, patch, "night/1", 7, "key", 2)
    found = QueuedRow.decode(row.encode().decode())
    assert found == row
    assert found.patch.to_json() == patch.to_json()
    assert found.patch.changed == SessionPatch.from_json(patch.to_json()).changed


def test_the_sums_of_an_order_can_be_looked_at() -> None:
    patch = SessionPatch.of(data=EditableData(order=data(line("sku-1")).order))
    (part,) = QueuedRow.decode(QueuedRow(NOBODY, patch).encode().decode()).patch.parts
    assert part.after.check_totals() == ()


def test_rows_of_one_session_can_be_merged() -> None:
    one = QueuedRow(NOBODY, SessionPatch.of(data=EditableData(billing=Address(city="Ystad", zip="1"))))
    two = QueuedRow(NOBODY, SessionPatch.of(data=EditableData(billing=Address(city="Lund"))))
    first, second = (QueuedRow.decode(row.encode().decode()).patch for row in (one, two))
    assert first.merge(second).body == {"data": {"billing": {"city": "Lund", "zip": "1"}}}


@pytest.mark.parametrize(
    "row",
    [
        "",
        "7",
        "[]",
        '["id",7,"",0,null,0]',
        '["id",{"data":{"billing":7}},"",0,null,0]',
        '["id",{"x":1},"",0,null,0]',
    ],
)
def test_what_is_no_row_is_refused(row: str) -> None:
    with pytest.raises(ValidationError):
        QueuedRow.decode(row)
