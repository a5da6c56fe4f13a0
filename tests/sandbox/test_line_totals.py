"""Captures and refunds add up, or are refused in the words of the live API."""

from typing import Any

import pytest
from sandbox.sandbox_samples import MUG, ORDER, TEA, Shop, message

from briqpay_async.sandbox import Sandbox
from briqpay_async.sandbox.rules.line_totals import WRONG_SUM, WRONG_TOTAL, WRONG_VAT, operation_total_problems

TOTALS = {"unitPriceIncVat": 10_000, "totalAmount": 20_000, "totalVatAmount": 4_000}
# Two of 19.12 with 19 % are 45.5056: 45.51 as a line, 2 * 22.75 = 45.50 unit by unit.
DRIFT = {**MUG, "quantity": 2, "unitPrice": 1912, "taxRate": 1900}
GERMAN = [{**MUG, "quantity": 1, "unitPrice": price, "taxRate": 1900} for price in (2872, 700)]
TAX = {"productType": "sales_tax", "name": "Tax", "totalTaxAmount": 825}


def problems(amount: int, *lines: dict[str, Any]) -> list[str]:
    return operation_total_problems({"amountIncVat": amount, "amountExVat": 0, "cart": list(lines)}, "order")


@pytest.mark.parametrize(
    ("amount", "lines"),
    [
        (20_000, [MUG]),
        (20_000, [{**MUG, **TOTALS}]),
        (4551, [DRIFT]),
        (4550, [DRIFT]),
        (4251, GERMAN),
        (20_825, [MUG, TAX]),
        (18_000, [{**MUG, "discountPercentage": 1000}]),
        (
            19_999,
            [
                {**MUG, "unitPriceIncVat": 9_999, "totalAmount": 19_998, "totalVatAmount": 3_998},
                {**TAX, "totalTaxAmount": 1},
            ],
        ),
        (-10_000, [{**MUG, "productType": "discount", "quantity": 1, "unitPrice": -8000}]),
        (5375, [{**MUG, "quantity": 4.3, "unitPrice": 1000}]),
        (3, [{**MUG, "quantity": 1, "unitPrice": 2, "taxRate": 2500}]),
        (2, [{**MUG, "quantity": 1, "unitPrice": 2, "taxRate": 2500}]),
    ],
)
def test_what_adds_up_in_one_way_of_rounding_is_accepted(amount: int, lines: list[dict[str, Any]]) -> None:
    assert problems(amount, *lines) == []


@pytest.mark.parametrize(
    ("amount", "lines", "expected"),
    [
        (20_001, [MUG], [WRONG_SUM]),
        (19_999, [MUG], [WRONG_SUM]),
        (4250, GERMAN, [WRONG_SUM]),
        (4552, [DRIFT], [WRONG_SUM]),
        (2_000_000, [MUG], [WRONG_SUM]),
        (20_000, [{**MUG, **TOTALS, "totalVatAmount": 4_003}], [f"order.cart.0 {WRONG_VAT}"]),
        (20_000, [{**MUG, **TOTALS, "unitPriceIncVat": 10_001}], [f"order.cart.0 {WRONG_TOTAL}"]),
        (25_000, [MUG, {**TEA, "totalAmount": 5_001}], [WRONG_SUM]),
    ],
)
def test_what_adds_up_in_no_way_is_refused(amount: int, lines: list[dict[str, Any]], expected: list[str]) -> None:
    assert problems(amount, *lines) == expected


@pytest.mark.parametrize("operation", ["capture", "refund"])
async def test_the_refusal_has_the_live_words(shop: Shop, box: Sandbox, operation: str) -> None:
    session_id = await shop.create()
    box.complete(session_id, "captured_full" if operation == "refund" else "order_approved_not_captured")
    body = {"data": {"order": {**ORDER, "amountIncVat": 24_999}}}
    path = f"/v3/session/{session_id}/order/{operation}"
    assert message(await shop.call("POST", path, body)) == f"400 INVALID_DATA: {WRONG_SUM}"
    box.change_switches(check_operation_totals=False)
    assert (await shop.call("POST", path, body))[0] == 201
