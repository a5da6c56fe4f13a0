"""Any bytes as an answer: a decode error or a model that is written back exactly, never anything else."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.shop import address, data
from system.robust.robust_answers import SEEDS, check_answer, check_decoding, check_error, exactly
from system.robust.robust_wire import Wire, http, says

from briqpay_async import (
    Address,
    BriqpayClient,
    BriqpayError,
    Capture,
    HostedPage,
    Order,
    Refund,
    ResponseDecodeError,
    Session,
    SessionPatch,
    Token,
)
from briqpay_async.models.base import Model
from briqpay_async.transport.requests import Response
from briqpay_async.transport.responses import decode_model, parse_retry_after

MODELS: tuple[type[Model], ...] = (Session, Capture, Refund, Token, HostedPage, Order)
PATCH = SessionPatch.of(data=data(billing=address(city="Malmö")))
WORDS = sorted({word for seed in SEEDS for word in seed.decode().replace('"', " ").split() if word.isalpha()})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from([*WORDS, "sales_tax", "discount", "", -0.0, 1.0, 2**64 - 1]),
)
names = st.one_of(st.sampled_from([*WORDS, "", "extra", "_wire", "__class__", "a/b~"]), st.text(max_size=5))
json_values = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(names, below, max_size=5), max_leaves=12
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [place for name in value for place in places(value[name], (*path, name))]
    elif isinstance(value, list):
        found += [place for index in range(len(value)) for place in places(value[index], (*path, index))]
    return found


@st.composite
def changed_documents(draw: st.DrawFn) -> bytes:
    """An answer as it could be, with a few of its values replaced, added or left out."""
    document = orjson.loads(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(document)[1:] or [("x",)]))
        parent = document
        for step in path:
            parent = parent[step]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "remove" and isinstance(parent, dict):
            parent.pop(last, None)
        elif change == "add" and isinstance(parent, dict):
            parent[draw(names)] = draw(json_values)
        else:
            parent[last] = draw(json_values)
    return orjson.dumps(document)


PIECES = [b'"', b"{", b"[", b"\\ud800", b"1e999", b"-", b"\xff"]


@st.composite
def changed_bytes(draw: st.DrawFn) -> bytes:
    """An answer of which some bytes were lost, doubled, or replaced on the way."""
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 12))
        body[start:end] = draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"[", b"\\ud800", b"1e999", b"-"])
        )
    return bytes(body)


def nested(depth: int, inner: bytes = b"1") -> bytes:
    return b'{"a":' * depth + inner + b"}" * depth


LINE = (
    b'{"productType":"physical","reference":"sku","name":"Te","quantity":1,"quantityUnit":"st","unitPrice":1000,'
    b'"taxRate":2500%s}'
)
ORDER = b'{"currency":"SEK","amountIncVat":1250,"amountExVat":1000,"cart":[%s]%s}'
SESSION = b'{"sessionId":"c5674f4f-7e84-405c-a44b-c83736bb7209"%s}'
DEEP: dict[str, bytes] = {
    "unknown": SESSION % b',"x":%s',
    "data": SESSION % b',"data":{"x":%s}',
    "a member of any JSON": SESSION % b',"data":{"pspMetadata":{"a":%s}}',
    "a section": SESSION % b',"data":{"billing":{"city":"Ystad","x":%s}}',
    "the order": SESSION % (b',"data":{"order":' + (ORDER % (LINE % b"", b',"x":%s')) + b"}"),
    "a line": SESSION % (b',"data":{"order":' + (ORDER % (LINE % b',"x":%s', b"")) + b"}"),
    "a module": SESSION % b',"modules":{"config":{"upsell":{"x":%s}}}',
}

# Bodies that once broke something, or nearly.
FOUND: tuple[bytes, ...] = (
    b'{"data":{"refunds":{}}}',
    b'{"data":{"order":{"cart":{}}}}',
    b'{"data":{"order":5},"modules":{"config":[]}}',
    b'{"data":{"billing":null,"company":{"cin":null,"name":null}}}',
    b'{"data":{"paymentTags":[[[]]]},"extra":{"extra":{}}}',
)


@given(st.one_of(st.binary(max_size=60), changed_bytes()))
def test_any_bytes_are_a_decode_error_or_come_back_exactly(body: bytes) -> None:
    check_answer(body, PATCH)


@given(changed_documents())
@example(FOUND[0])
@example(FOUND[1])
@example(FOUND[2])
@example(FOUND[3])
@example(FOUND[4])
def test_any_document_is_a_decode_error_or_comes_back_exactly(body: bytes) -> None:
    check_answer(body, PATCH)
    for cls in MODELS[1:]:
        check_decoding(body, cls)


@given(json_values)
def test_any_json_is_a_decode_error_or_comes_back_exactly_in_every_model(value: Any) -> None:
    for cls in MODELS:
        check_decoding(orjson.dumps(value), cls)
    check_answer(orjson.dumps({"data": value}), PATCH)
    check_answer(orjson.dumps({"data": {"order": value, "billing": value}, "modules": value}), PATCH)


@given(st.one_of(changed_bytes(), changed_documents(), st.binary(max_size=60)), st.integers(0, 999))
def test_any_error_answer_is_an_api_error_that_can_be_shown_kept_and_sent(body: bytes, status: int) -> None:
    check_error(body, status)


@pytest.mark.parametrize("template", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("depth", [98, 150, 189, 205, 400, 900, 1100])
def test_depth_anywhere_in_an_answer_breaks_nothing(template: bytes, depth: int) -> None:
    for inner in (nested(depth), b"[" * depth + b"]" * depth):
        check_decoding(template % inner, Session)
        check_error(template % inner, 500)


@pytest.mark.parametrize("template", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("depth", [98, 150, 189, 300, 900])
async def test_an_answer_of_any_depth_can_be_edited_and_compared_or_is_refused(
    wire: Wire, briqpay: BriqpayClient, template: bytes, depth: int
) -> None:
    wire.always = says(http(template % nested(depth)))
    session_id = "c5674f4f-7e84-405c-a44b-c83736bb7209"
    with contextlib.suppress(BriqpayError):
        async with briqpay.sessions.edit(session_id) as builder:
            builder.billing.update(city="Lund")
            builder.upsell.update(header="Mer")
            if b"cart" in template:
                builder.cart.set_quantity("sku", 3)
    with contextlib.suppress(BriqpayError):
        await briqpay.sessions.update(session_id, PATCH)
    with contextlib.suppress(ResponseDecodeError):
        once, again = await briqpay.sessions.read(session_id), await briqpay.sessions.read(session_id)
        assert SessionPatch.between(once, again).is_noop


@pytest.mark.parametrize("template", DEEP.values(), ids=DEEP)
def test_a_document_that_is_deep_but_not_too_deep_is_understood_and_comes_back(template: bytes) -> None:
    body = template % nested(150)
    session = check_decoding(body, Session)
    assert session is not None
    assert session.data is None or session.data.extra is not None


def test_a_huge_message_of_an_error_is_cut_off() -> None:
    for error in ({"code": "C", "message": "m" * 10**6}, "m" * 10**6, {"code": "C" * 10**6, "message": "m"}):
        check_error(orjson.dumps({"error": error}), 500)


def test_line_breaks_in_the_message_of_an_error_stay_inside_its_text() -> None:
    error = check_error(orjson.dumps({"error": {"code": "A", "message": "a\r\nfake log line\x1b[31m"}}), 400)
    assert "fake log line" in error.message


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\w{3}, \d{1,5} \w{3} \d{1,30} \d+:\d+:\d+ [+-]?\w{1,8}")))
def test_no_retry_after_breaks_an_answer(text: str) -> None:
    wait = parse_retry_after(text)
    assert wait is None or 0 <= wait < float("inf")


def test_the_last_of_two_members_of_one_name_counts_as_in_every_reader() -> None:
    body = b'{"data":{"order":5},"country":"SE","country":"NO","data":{"billing":{"city":"a","city":"b"}}}'
    session = decode_model(Response(200, {}, body), Session)
    assert session.country == "NO"
    assert session.data is not None
    assert session.data.billing == Address(city="b")


def test_a_malformed_member_is_named_at_the_latest_when_it_is_read() -> None:
    body = b'{"data":{"order":{"amountIncVat":1.5}}}'
    session = decode_model(Response(200, {}, body), Session)
    assert session.data is not None
    assert session.data.order is not None
    for _ in range(2):
        with pytest.raises(ResponseDecodeError) as caught:
            assert session.data.order.amount_inc_vat
        assert caught.value.pointer == "/data/order/amountIncVat"


def test_the_comparison_of_json_values_distinguishes_kinds() -> None:
    values = [0, -0.0, 0.0, False, None, "", [], {}, [0], [False], {"a": 0}, {"a": 0.0}, {"a": None}]
    for number, one in enumerate(values):
        assert [exactly(one, other) for other in values] == [index == number for index in range(len(values))]
