"""The session that every benchmark updates, as plain JSON values: no client is needed to make it."""

from __future__ import annotations

import uuid
from typing import Any

import orjson

__all__ = ["EDIT", "answer", "body", "cart", "full_body", "held", "session_ids"]

Json = dict[str, Any]

EDIT: Json = {"streetAddress": "Nya gatan 12", "zip": "22738", "city": "Lund"}
"""The edit: a buyer corrects the street, the postal code and the city of the billing address."""

_STATUSES = {
    "order_status": ["order_pending", "order_rejected", "order_cancelled", "order_approved_not_captured"],
    "capture_status": ["pending", "approved", "rejected"],
    "refund_status": ["pending", "approved", "rejected"],
}


def session_ids(count: int) -> list[str]:
    """As many different session identifiers, the same ones every time."""
    return [str(uuid.UUID(int=(0x61C16F84 << 96) + (4 << 76) + (8 << 60) + number)) for number in range(count)]


def cart(lines: int) -> list[Json]:
    """Lines of goods that differ in every member a shop would vary."""
    return [
        {
            "productType": "physical",
            "reference": f"sku-{number:04}",
            "name": f"Woollen jumper, pattern {number}",
            "quantity": 1 + number % 3,
            "quantityUnit": "pc",
            "unitPrice": 10_000 + 100 * number,
            "taxRate": 2500,
            "discountPercentage": 0,
        }
        for number in range(lines)
    ]


def _address(**members: str) -> Json:
    return {
        "streetAddress": "Storgatan 1",
        "streetAddress2": "Lgh 1102",
        "zip": "21122",
        "city": "Malmö",
        "firstName": "Astrid",
        "lastName": "Lindqvist",
        "email": "astrid@shop.example",
        "phoneNumber": "+46700000000",
        "country": "SE",
    } | members


def _order(lines: int) -> Json:
    goods = cart(lines)
    ex = sum(line["unitPrice"] * line["quantity"] for line in goods)
    return {"currency": "SEK", "amountIncVat": ex * 5 // 4, "amountExVat": ex, "cart": goods}


def _session(lines: int, billing: Json) -> Json:
    return {
        "createdAt": "2024-04-12T13:16:08.647Z",
        "sessionId": session_ids(1)[0],
        "status": "started",
        "product": {"type": "payment", "intent": "payment_one_time"},
        "customerType": "consumer",
        "country": "SE",
        "locale": "sv-se",
        "urls": {"terms": "https://shop.example/terms", "redirect": "https://shop.example/done"},
        "references": {"reference1": "order-1001", "customerId": "c-77"},
        "hooks": [
            {"eventType": kind, "statuses": statuses, "method": "POST", "url": "https://shop.example/hooks"}
            for kind, statuses in _STATUSES.items()
        ],
        "htmlSnippet": '<div id="briqpay"></div>',
        "clientToken": "token." + "x" * 120,
        "moduleStatus": {
            "billing": {"uiStatus": "completed"},
            "shipping": {"uiStatus": "completed"},
            "payment": {"uiStatus": "visible", "orderStatus": "order_pending"},
        },
        "data": {
            "order": _order(lines),
            "consumer": {"identificationNumber": "197001011234", "name": "Astrid Lindqvist"},
            "billing": billing,
            "shipping": _address(),
        },
    }


def held(lines: int) -> Json:
    """The session as the shop last read it."""
    return _session(lines, _address())


def answer(lines: int) -> bytes:
    """The session as the API answers the edit."""
    return orjson.dumps(_session(lines, _address(**EDIT)))


def body() -> bytes:
    """The smallest PATCH body that carries the edit."""
    return orjson.dumps({"data": {"billing": EDIT}})


def full_body(lines: int) -> Json:
    """What a client without a diff sends for the edit: the order and both addresses."""
    data = _session(lines, _address(**EDIT))["data"]
    return {"data": {name: data[name] for name in ("order", "consumer", "billing", "shipping")}}
