"""What receiving a 2 kB webhook costs, against one HMAC-SHA256 of it and one ``orjson.loads``.

python -m benchmarks.webhook_ratio [ROUNDS]

The target is less than 5. A round measures both, one after the other, and the median of the rounds counts.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
import time
from collections.abc import Callable
from typing import Final

import orjson

from benchmarks.ratios import Ratio
from briqpay_async.webhooks import HEADER, WebhookReceiver, sign

__all__ = ["TARGET", "measure"]

TARGET: Final = 5.0
_CALLS: Final = 2_000
_SECRET: Final = "the secret of the backoffice"  # noqa: S105 (of this program alone)
_NOW: Final = 1_800_000_000
_TRANSACTION: Final = {
    "transactionId": "0b8ab4cc-2bd5-4a3f-8f02-5a35ba57ff0a",
    "status": "approved",
    "amountIncVat": 12500,
    "amountExVat": 10000,
    "currency": "SEK",
    "createdAt": "2026-11-24T12:00:00.000Z",
    "expiresAt": "2026-12-24T12:00:00.000Z",
    "reservationId": "7fd3f2c1",
    "secondaryReservationId": "9a0b1c2d",
    "pspId": "d1a5a3a0-3d64-4f3a-8d5c-0d7b5c3a7b11",
    "pspDisplayName": "Invoice",
    "pspIntegrationName": "Invoice, 30 days",
    "autoCaptureEnabled": False,
    "pspOrderManagementIds": {"capture": {"apiTransactionId": "3d4e7a52-0f6b-4c7e-9a54-8f1f2f0c6b11"}},
}
_EVENT: Final = {
    "event": "order_status",
    "status": "order_approved_not_captured",
    "sessionId": "3d4e7a52-0f6b-4c7e-9a54-8f1f2f0c6b11",
    **{f"reference{number}": "a reference of the shop, forty letters wide" for number in range(1, 24)},
    "transaction": _TRANSACTION,
}


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    for _ in range(_CALLS):
        work()
    return time.process_time() - begin


def measure(rounds: int = 15) -> Ratio:
    """The ratio of ``receive`` to the two steps that nothing can do without."""
    body, at_ms = orjson.dumps(_EVENT), _NOW * 1000
    headers = {
        "Host": "shop.example",
        "Accept": "*/*",
        "User-Agent": "axios/1.7.2",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        HEADER: sign(body, _SECRET, at_ms),
    }
    receiver = WebhookReceiver(secrets=(_SECRET,), clock=lambda: _NOW)
    key, signed = _SECRET.encode(), b"%d.%b" % (at_ms, body)

    def least() -> None:
        hmac.new(key, signed, hashlib.sha256).digest()
        orjson.loads(body)

    pairs = [(_seconds(lambda: receiver.receive(body, headers)), _seconds(least)) for _ in range(rounds)]
    return Ratio.of([one for one, _ in pairs], [other for _, other in pairs])


if __name__ == "__main__":
    size = len(orjson.dumps(_EVENT))
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    print(f"receive of {size} bytes: {found} of one HMAC and one orjson.loads (less than {TARGET})")
    sys.exit(found.median >= TARGET)
