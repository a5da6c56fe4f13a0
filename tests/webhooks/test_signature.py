"""Only what Briqpay signed, over these very bytes and not long ago, is verified."""

from __future__ import annotations

import base64
import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from webhooks.webhook_samples import NOW_MS, SECRET, body_of, payload, receiver, signed

from briqpay_async import ConfigurationError, WebhookError, WebhookMalformedError, WebhookSignatureError
from briqpay_async.webhooks import WebhookReceiver, sign

BODY = body_of(payload())


def reason(headers: dict[str, str], body: bytes = BODY, **options: Any) -> str:
    with pytest.raises(WebhookSignatureError) as raised:
        receiver(**options).receive(body, headers)
    return raised.value.reason


def test_the_signature_is_hmac_sha256_over_time_and_raw_body() -> None:
    mac = hmac.new(b"secret", b"1700000000000.{}", sha256).digest()
    assert sign(b"{}", "secret", 1_700_000_000_000) == f"t=1700000000000,s1={base64.b64encode(mac).decode()}"


def test_a_known_vector_verifies() -> None:
    body = b'{"event":"capture_status","status":"approved","sessionId":"test-session-123"}'
    header = "t=1700000000000,s1=LAI/Z3yQmhkjgAy5cNR/gMVfwO/AqsGoToz+IEJ6tW8="
    one = WebhookReceiver(secrets=("test-webhook-secret-12345",), clock=lambda: 1_700_000_000.0)
    assert one.receive(body, {"x-briq-signature": header}).verified


@pytest.mark.parametrize("name", ["x-briq-signature", "X-Briq-Signature", "X-BRIQ-SIGNATURE"])
def test_the_header_is_found_in_any_case(name: str) -> None:
    assert receiver().receive(BODY, {"Host": "shop", name: sign(BODY, SECRET, NOW_MS)}).verified


@pytest.mark.parametrize("age_ms", [0, 299_999, 300_000, -1, -60_000])
def test_a_signature_is_good_for_five_minutes_and_a_minute_ahead(age_ms: int) -> None:
    assert receiver().receive(BODY, signed(BODY, at_ms=NOW_MS - age_ms)).verified


@pytest.mark.parametrize(
    ("age_ms", "expected"), [(300_001, "too_old"), (10**12, "too_old"), (-60_001, "in_the_future")]
)
def test_older_and_later_signatures_are_refused(age_ms: int, expected: str) -> None:
    assert reason(signed(BODY, at_ms=NOW_MS - age_ms)) == expected


def test_each_of_several_secrets_verifies_while_one_is_replaced() -> None:
    both = receiver(secrets=("current", "next"))
    assert both.receive(BODY, signed(BODY, "current")).verified
    assert both.receive(BODY, signed(BODY, "next")).verified
    assert reason(signed(BODY, "previous"), secrets=("current", "next")) == "mismatch"


def test_json_that_was_written_anew_does_not_verify() -> None:
    spaced = BODY.replace(b":", b": ")
    assert reason(signed(BODY), spaced) == "mismatch"


GOOD = sign(BODY, SECRET, NOW_MS)
DIGEST = GOOD.partition("s1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        GOOD.replace(",", ", "),
        f" {GOOD}",
        f"{GOOD} ",
        f"s1={DIGEST},t={NOW_MS}",
        f"t={NOW_MS}",
        f"s1={DIGEST}",
        GOOD.rstrip("="),
        f"{GOOD}=",
        f"{GOOD},s1={DIGEST}",
        f"t={NOW_MS},s1={base64.b64decode(DIGEST).hex()}",
        GOOD.replace("t=", "t=+"),
        GOOD.replace("t=", "t=-"),
        GOOD.replace(str(NOW_MS), f"{NOW_MS}.0"),
        GOOD.replace(str(NOW_MS), "१८०००००००००००"),  # digits, but not these
        GOOD.replace(str(NOW_MS), "1" * 16),
        f"sha256={base64.b64decode(DIGEST).hex()}",
        f"t={NOW_MS},s1={DIGEST[:-2]}\n=",
    ],
)
def test_another_form_is_malformed(header: str) -> None:
    assert reason({"x-briq-signature": header}) == "malformed"


def test_a_signature_that_only_decodes_to_the_same_bytes_is_another_one() -> None:
    # The last character of 32 bytes in base64 has two bits that decoders ignore.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = alphabet[alphabet.index(DIGEST[-2]) ^ 1]
    assert reason({"x-briq-signature": f"t={NOW_MS},s1={DIGEST[:-2]}{twin}="}) == "mismatch"


def test_two_headers_are_malformed_because_it_is_unclear_which_one_counts() -> None:
    assert reason({"x-briq-signature": GOOD, "X-Briq-Signature": GOOD}) == "malformed"


def test_a_missing_signature_is_distinguished_from_a_wrong_one() -> None:
    assert reason({}) == "missing"


def test_without_a_required_signature_an_unsigned_webhook_is_not_verified_and_a_wrong_one_is_refused() -> None:
    open_ = receiver(require_signature=False)
    assert not open_.receive(BODY, {}).verified
    assert open_.receive(BODY, signed(BODY)).verified
    assert reason(signed(BODY, "other"), require_signature=False) == "mismatch"


def test_without_a_secret_nothing_is_accepted_unless_no_signature_is_required() -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        receiver(secrets=()).receive(BODY, signed(BODY))
    assert not receiver(secrets=(), require_signature=False).receive(BODY, signed(BODY)).verified


@given(data=st.data())
@example(data=None)
def test_no_change_of_body_header_time_or_secret_is_accepted(data: st.DataObject | None) -> None:
    if data is None:
        return
    body = data.draw(st.one_of(st.binary(max_size=80), st.just(BODY)), "body")
    secret = data.draw(st.sampled_from([SECRET, SECRET + " ", SECRET.upper(), "other"]), "secret")
    at_ms = data.draw(st.one_of(st.just(NOW_MS), st.integers(0, 10**15 - 1)), "time")
    header = data.draw(
        st.one_of(st.just(sign(body, secret, at_ms)), st.just(GOOD), st.text(max_size=90)), "header"
    )
    allowed = (
        secret == SECRET and NOW_MS - 300_000 <= at_ms <= NOW_MS + 60_000 and header == sign(body, SECRET, at_ms)
    )
    assume(not allowed and (header, body) != (GOOD, BODY))
    with pytest.raises(WebhookError):
        receiver().receive(body, {"x-briq-signature": header})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(document=VALUES)
def test_signed_nonsense_is_malformed_or_an_event_and_nothing_else(document: Any) -> None:
    body = json.dumps(document).encode()
    try:
        event = receiver().receive(body, signed(body))
    except WebhookMalformedError:
        return
    assert event.verified


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'"\\ud800"', b"null", b"[]", b"3"])
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(WebhookMalformedError):
        receiver().receive(body, signed(body))


def test_a_body_over_a_mebibyte_is_refused_before_it_is_looked_at() -> None:
    body = b" " * (1024 * 1024 + 1)
    with pytest.raises(WebhookMalformedError) as raised:
        receiver().receive(body, signed(body))
    assert raised.value.too_large


@pytest.mark.parametrize("body", ["text", {"event": "order_status"}, None])
def test_a_parsed_body_is_refused_with_a_hint(body: Any) -> None:
    with pytest.raises(ConfigurationError, match="raw bytes"):
        receiver().receive(body, {})


def test_errors_and_reprs_show_neither_secret_nor_signature_nor_body() -> None:
    body = body_of(payload(note="ada@shop.example"))
    for headers in (signed(body, "wrong"), {"x-briq-signature": "t=1,s1=" + "A" * 43}, signed(body, at_ms=1)):
        with pytest.raises(WebhookSignatureError) as raised:
            receiver().receive(body, headers)
        shown = f"{raised.value} {raised.value!r} {raised.value.__dict__}"
        assert all(hidden not in shown for hidden in (SECRET, "ada@", *headers.values()))
    assert SECRET not in repr(receiver())
    assert "ada@" not in repr(receiver().receive(body, signed(body)))


@pytest.mark.parametrize(
    "options",
    [
        {"secrets": "a text"},
        {"secrets": ("",)},
        {"secrets": (" ",)},
        {"secrets": (b"bytes",)},
        {"max_age": -1},
        {"max_age": float("nan")},
        {"max_age": float("inf")},
        {"max_ahead": True},
        {"max_ahead": "60"},
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        WebhookReceiver(**options)


@pytest.mark.parametrize("headers", [{"X-Briq-Signature": b"t=1,s1=x"}, {b"x-briq-signature": b"t=1,s1=x"}])
def test_headers_in_bytes_are_refused_with_a_hint(headers: Any) -> None:
    with pytest.raises(ConfigurationError, match="headers as texts"):
        receiver().receive(b"{}", headers)


def test_a_secret_that_is_no_unicode_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        receiver(secrets=("hidden\udcff",))
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
