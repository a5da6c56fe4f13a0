"""From files to a patch: what is compared strictly, what is left alone, and what cannot be sent."""

from __future__ import annotations

from typing import Any

import pytest

from briqpay_async.cli.state_patches import patch_between, patch_of
from briqpay_async.conversion.decode import structure
from briqpay_async.errors import UnpatchableChangeError
from briqpay_async.models.session import Session

BEFORE = {
    "sessionId": "c5674f4f-7e84-405c-a44b-c83736bb7209",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "status": "started",
    "clientToken": "old",
    "htmlSnippet": "<old>",
    "snippet": "<old>",
    "moduleStatus": {"payment": {"uiStatus": "visible"}},
    "customerType": "consumer",
    "country": "SE",
    "references": {"reference1": "42"},
    "unheardOf": 1,
    "data": {"billing": {"city": "Lund", "zip": "1"}, "shipping": {"city": "Lund"}},
}
LUND: dict[str, Any] = {"billing": {"city": "Lund", "zip": "1"}, "shipping": {"city": "Lund"}}


def state(wire: dict[str, Any]) -> Session:
    return structure(wire, Session)


@pytest.mark.parametrize("absent", ["error", "keep"])
@pytest.mark.parametrize(
    "after",
    [
        {"data": LUND},
        {"modules": {"config": {}}},
        {**BEFORE, "status": "modules_in_progress", "clientToken": "new", "moduleStatus": {}},
        {**BEFORE, "htmlSnippet": "<new>", "snippet": "<new>", "createdAt": "later"},
    ],
    ids=["only data", "only modules", "API moved on", "snippet moved on"],
)
def test_what_only_the_api_writes_or_after_does_not_state_is_no_change(after: dict[str, Any], absent: Any) -> None:
    assert patch_between(state(BEFORE), state(after), "field", absent).is_noop


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"country": "NO"}, "/country"),
        ({"customerType": "business"}, "/customerType"),
        ({"references": {"reference1": "43"}}, "/references"),
        ({"unheardOf": 2}, "/unheardOf"),
        ({"data": {"shipping": {"city": "Lund"}}}, "/data/billing"),
        ({"data": {**LUND, "billing": {"city": "Lund"}}}, "/data/billing/zip"),
    ],
)
def test_a_change_that_no_patch_can_make_is_an_error(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(UnpatchableChangeError) as caught:
        patch_between(state(BEFORE), state({**BEFORE, **change}), "field", "error")

    assert caught.value.pointers == (pointer,)


def test_keep_takes_after_for_a_part() -> None:
    after = state({"data": {"billing": {"city": "Ystad"}}})

    assert patch_between(state(BEFORE), after, "field", "keep").body == {"data": {"billing": {"city": "Ystad"}}}


def test_section_depth_sends_the_section_whole() -> None:
    after = state({"data": {"billing": {"city": "Ystad"}}})

    assert patch_between(state(BEFORE), after, "section", "keep").body == {
        "data": {"billing": {"city": "Ystad", "zip": "1"}}
    }


def test_everything_that_can_be_sent_is_sent_and_the_rest_is_named() -> None:
    patch, left_out = patch_of(
        state(
            {
                "status": "started",
                "unheardOf": 1,
                "data": {"billing": {"city": "Lund"}, "captures": [], "un/known": 1},
                "modules": {
                    "loadModules": ["payment"],
                    "more": 1,
                    "config": {"upsell": {"header": "More?"}, "terms": {}, "other": {}},
                },
            }
        )
    )

    assert patch.body == {
        "data": {"billing": {"city": "Lund"}},
        "modules": {"config": {"upsell": {"header": "More?"}}},
    }
    assert left_out == (
        "/status",
        "/unheardOf",
        "/data/captures",
        "/data/un~1known",
        "/modules/loadModules",
        "/modules/more",
        "/modules/config/terms",
        "/modules/config/other",
    )


def test_a_state_without_anything_to_send_makes_no_request() -> None:
    patch, left_out = patch_of(state({"status": "started"}))

    assert patch.is_noop
    assert left_out == ("/status",)
