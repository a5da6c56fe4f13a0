"""A million damaged webhooks: each is an event or a ``WebhookError``, and nothing that was damaged is verified.

python -m benchmarks.webhook_fuzz [COUNT] [SEED]

Half of them have a damaged body, a damaged header, or a header that comes twice; the other half are signed after
the damage, so that the parser sees them. It takes about a minute and a half.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson

from briqpay_async.errors import WebhookError, WebhookSignatureError
from briqpay_async.webhooks import HEADER, WebhookReceiver, sign

__all__ = ["run"]

COUNT: Final = 1_000_000
_SECRET: Final = "the secret of the backoffice"  # noqa: S105 (of this program alone)
_NOW: Final = 1_800_000_000
_SESSION: Final = "3d4e7a52-0f6b-4c7e-9a54-8f1f2f0c6b11"
_BODIES: Final = tuple(
    orjson.dumps({"event": name, "status": status, "sessionId": _SESSION, "reference1": "42", **members})
    for name, status, members in (
        ("session_status", "completed", {}),
        (
            "order_status",
            "order_pending",
            {"transaction": {"transactionId": "t", "amountIncVat": 12500, "pspId": "p"}},
        ),
        ("capture_status", "approved", {"captureId": "c", "autoCaptured": False, "capture": {"captureId": "c"}}),
        ("refund_status", "rejected", {"refundId": "r", "refund": {"refundId": "r", "amountIncVat": 1}}),
        ("module_ui_status", "completed", {"module": "payment", "more": [{"deep": [1, 2.5, None, True]}]}),
    )
)
# What damages a text in ways that bytes drawn at random hardly find.
_PIECES: Final = (
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"null",
        b"true",
        b"1e999",
        b"-0",
        b"\\ud800",
        b"\\u0000",
        b"\xed\xa0\x80",
    ),
    *(
        b"[" * 200,
        b'{"a":' * 200,
        b"9" * 40,
        "\u0663".encode(),
        "\u212a".encode(),
        b"\xff",
        b"\r\n",
        b"=",
        b",s1=",
        b"t=",
    ),
    *(
        b'"event":"order_status",',
        b'"status":[],',
        b'"transaction":',
        b'"capture":{"cart":[{}]},',
        b'"sessionId":{}',
    ),
)


def damaged(chance: random.Random, text: bytes) -> bytes:
    """A text with some bytes changed, doubled, removed or put in."""
    found = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0:
                found[place : place + 1] = chance.randbytes(1)
            case 1:
                found[place:place] = found[place : place + chance.randint(1, 30)]
            case 2:
                del found[place : place + chance.randint(1, 12)]
            case 3:
                found[place:place] = chance.choice(_PIECES)
            case _:
                found[place:place] = chance.randbytes(chance.randint(1, 6))
    return bytes(found)


def _webhook(chance: random.Random) -> tuple[bytes, Mapping[str, str], bool]:
    """A webhook, and whether its signature is right for its body."""
    body = chance.choice(_BODIES)
    at_ms = _NOW * 1000 - chance.randint(-30_000, 200_000)
    match chance.randrange(6):
        case 0:
            return damaged(chance, body), {HEADER: sign(body, _SECRET, at_ms)}, False
        case 1:
            header = damaged(chance, sign(body, _SECRET, at_ms).encode())
            return body, {HEADER: header.decode("latin-1")}, False
        case 2:
            header = damaged(chance, sign(body, _SECRET, at_ms).encode()).decode("utf-8", "surrogateescape")
            return body, {HEADER.upper(): header, HEADER: header}, False
        case _:
            body = damaged(chance, body)
            return body, {"X-Briq-Signature": sign(body, _SECRET, at_ms)}, True


def run(count: int, seed: int) -> Counter[str]:
    """Receive damaged webhooks, and count what became of them.

    Raises:
        AssertionError: A damaged webhook was verified, or one with a right signature was not.
        Exception: Anything else than a ``WebhookError`` came out, which is what this program looks for.
    """
    chance, ends = random.Random(seed), Counter[str]()  # noqa: S311 (repeatable)
    receiver = WebhookReceiver(secrets=(_SECRET, "the next one"), clock=lambda: _NOW)
    for _ in range(count):
        body, headers, right = _webhook(chance)
        try:
            event = receiver.receive(body, headers)
        except WebhookSignatureError as error:
            if right:
                raise AssertionError(f"refused a right signature: {error.reason}") from error
            ends[error.reason] += 1
        except WebhookError:
            ends["no event"] += 1
        else:
            if not (event.verified and len(event.key) == 64 and repr(event)):
                raise AssertionError("an event without a key")
            # Damage can undo itself: then the webhook is as it was signed.
            ends["event" if right else "undamaged"] += 1
            if not right and sign(body, _SECRET, int(headers[HEADER].split(",")[0][2:])) != headers[HEADER]:
                raise AssertionError("verified what was damaged")
    return ends


if __name__ == "__main__":
    begin = time.perf_counter()
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{sum(result.values())} webhooks in {time.perf_counter() - begin:.0f} s: {dict(result.most_common())}")
