"""The signature of a webhook: HMAC-SHA256 over its time and its raw bytes. Pure.

The header is ``x-briq-signature: t=<unix milliseconds>,s1=<base64>``, and ``s1`` signs ``t + "." + body`` (seen in
Briqpay's commercetools connector 1.0.29). Only the raw bytes verify: JSON parsed and written anew differs.
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Sequence
from typing import Final

from briqpay_async.errors import WebhookSignatureError

__all__ = ["HEADER", "sign", "verify"]

HEADER: Final = "x-briq-signature"
# 32 bytes in padded standard base64. ``[0-9]`` and not ``\d``, which knows the digits of all scripts.
_HEADER_FORM: Final = re.compile(r"t=([0-9]{1,15}),s1=([A-Za-z0-9+/]{43}=)")


def sign(body: bytes, secret: str, at_ms: int) -> str:
    """Make the signature header of a webhook, as Briqpay sends it.

    Args:
        body: The raw bytes of the body.
        secret: The webhook secret of the merchant.
        at_ms: When it is sent, in milliseconds since 1970.
    """
    return f"t={at_ms},s1={_digest(body, secret.encode(), str(at_ms))}"


def _digest(body: bytes, secret: bytes, at_ms: str) -> str:
    mac = hmac.digest(secret, at_ms.encode() + b"." + body, "sha256")
    return binascii.b2a_base64(mac, newline=False).decode()


def verify(
    header: str | None,
    body: bytes,
    secrets: Sequence[bytes],
    *,
    now_ms: float,
    max_age_ms: float,
    max_ahead_ms: float,
) -> None:
    """Check that one of the secrets signed this body, and when.

    Args:
        header: The value of ``x-briq-signature``; ``None`` when there is none.
        body: The raw bytes of the body.
        secrets: Any of them may have signed: two while a secret is replaced.
        now_ms: The time, in milliseconds since 1970.
        max_age_ms: How old a signature may be, in milliseconds.
        max_ahead_ms: How far the sender's clock may be ahead, in milliseconds.

    Raises:
        WebhookSignatureError: It is missing, malformed, signed with another secret or over another body, too old,
            or from the future; ``reason`` says which.
    """
    if header is None:
        raise WebhookSignatureError(f"The webhook has no {HEADER} header.", reason="missing")
    form = _HEADER_FORM.fullmatch(header)
    if form is None:
        raise WebhookSignatureError(
            f"The {HEADER} header is not t=<milliseconds>,s1=<base64>.", reason="malformed"
        )
    at_ms, given = form.groups()
    # Every secret is tried, and each comparison takes the same time wherever the texts differ.
    matches = [hmac.compare_digest(_digest(body, secret, at_ms), given) for secret in secrets]
    if not any(matches):
        raise WebhookSignatureError(
            "The signature belongs to another secret, or to other bytes: pass the raw body.", reason="mismatch"
        )
    age = now_ms - int(at_ms)
    if age > max_age_ms:
        raise WebhookSignatureError(f"The webhook was signed {age / 1000:.0f} seconds ago.", reason="too_old")
    if age < -max_ahead_ms:
        raise WebhookSignatureError(
            f"The webhook was signed {-age / 1000:.0f} seconds ahead of this clock.", reason="in_the_future"
        )
