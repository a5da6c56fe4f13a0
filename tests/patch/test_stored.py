"""A patch comes back from its bytes as it was, and anything else is refused with its place."""

from __future__ import annotations

import pytest
from hypothesis import given

from briqpay_async import (
    Address,
    EditableData,
    MergeDepth,
    Modules,
    ModulesConfig,
    Session,
    SessionPatch,
    UpsellConfig,
    ValidationError,
)
from briqpay_async.errors import BriqpayError
from briqpay_async.testing.strategies import edits, upsell_configs


@given(edits(max_lines=8))
def test_a_patch_survives_its_bytes(states: tuple[Session, Session]) -> None:
    for depth in MergeDepth:
        try:
            patch = SessionPatch.between(*states, depth)
        except BriqpayError:
            continue
        again = SessionPatch.from_json(patch.to_json())
        assert (again, again.to_json(), again.is_noop) == (patch, patch.to_json(), patch.is_noop)
        later = SessionPatch.of(data=EditableData(billing=Address(city="Lund")))
        assert again.merge(later).to_json() == patch.merge(later).to_json()
        assert later.merge(again).to_json() == later.merge(patch).to_json()


@given(upsell_configs())
def test_the_upsell_module_survives_its_bytes(upsell: UpsellConfig) -> None:
    patch = SessionPatch.of(modules=Modules(config=ModulesConfig(upsell=upsell)))
    assert SessionPatch.from_json(patch.to_json()).to_json() == patch.to_json()


def test_whitespace_does_not_make_another_patch() -> None:
    patch = SessionPatch.of(data=EditableData(billing=Address(city="Lund")))
    assert SessionPatch.from_json(b'{ "data": {"billing": {"city":\n"Lund"}}}') == patch


@pytest.mark.parametrize(
    ("body", "pointer", "text"),
    [
        (b"", "", "not JSON"),
        (b'{"data": ', "", "not JSON"),
        ('{"data": {}}', "", "bytes"),
        (None, "", "bytes"),
        (b"[]", "", "object"),
        (b'{"sessionId": "x"}', "", "'sessionId'"),
        (b'{"data": {}}', "/data", "empty"),
        (b'{"data": null}', "/data", "object"),
        (b'{"data": {"captures": []}}', "/data", "'captures'"),
        (b'{"data": {"billing": []}}', "/data/billing", "object"),
        (b'{"data": {"billing": {"city": {}}}}', "/data/billing/city", "text"),
        (b'{"data": {"order": {"cart": [{"quantity": "many"}]}}}', "/data/order/cart/0/quantity", "integer"),
        (b'{"modules": {"config": {"payment": {}}}}', "/modules/config", "'payment'"),
        (b'{"modules": {"config": {}}}', "/modules/config", "empty"),
        (b'{"data": {"billing": {"x": ' + b"[" * 1000 + b"]" * 1000 + b"}}}", "", "deeply"),
    ],
)
def test_anything_else_is_refused_with_its_place(body: bytes, pointer: str, text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SessionPatch.from_json(body)
    ((place, message),) = refused.value.problems
    assert place.startswith(pointer)
    assert text in message
