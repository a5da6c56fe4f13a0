"""What a PATCH does to a session, in both readings of the documentation."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.sandbox_samples import ABSENT, ADDRESS, BUSINESS, MUG, ORDER, SESSION, TEA, bent

from briqpay_async.sandbox.state.apply_patch import apply_metadata, apply_patch
from briqpay_async.sandbox.state.new_session import new_session

UPSELL = {"header": "Card?", "customInputs": [{"key": "a"}, {"key": "b"}]}


def session(body: dict = SESSION) -> dict:
    return new_session(body, session_id="s", created_at="now", username="me")


@pytest.mark.parametrize("merge", ["field", "section"])
def test_sections_that_are_not_sent_stay(merge: str) -> None:
    before = session(BUSINESS)
    after = apply_patch(before, {"data": {"shipping": {"city": "Lund"}}}, merge)
    assert after["data"] == {**before["data"], "shipping": {"city": "Lund"}}


def test_field_merge_keeps_the_siblings_of_a_member() -> None:
    after = apply_patch(session(), {"data": {"billing": {"city": "Lund"}}}, "field")
    assert after["data"]["billing"] == {**ADDRESS, "city": "Lund"}


def test_section_merge_drops_the_siblings_of_a_member() -> None:
    after = apply_patch(session(), {"data": {"billing": {"city": "Lund"}}}, "section")
    assert after["data"]["billing"] == {"city": "Lund"}


def test_an_explicit_null_is_stored() -> None:
    after = apply_patch(session(BUSINESS), {"data": {"company": {"name": None}}}, "field")
    assert after["data"]["company"] == {"cin": "5566778899", "name": None}


@pytest.mark.parametrize(("merge", "kept"), [("field", True), ("section", False)])
def test_a_cart_is_replaced_whole_and_unknown_members_of_the_order_depend_on_the_reading(
    merge: str, kept: bool
) -> None:
    before = session(bent(SESSION, "data/order/campaign", "spring"))
    after = apply_patch(before, {"data": {"order": {**ORDER, "cart": [TEA]}}}, merge)
    assert after["data"]["order"]["cart"] == [TEA]
    assert ("campaign" in after["data"]["order"]) is kept


@pytest.mark.parametrize(("merge", "header"), [("field", {"header": "Card?"}), ("section", {})])
def test_upsell_follows_the_same_reading_and_its_inputs_are_replaced_whole(merge: str, header: dict) -> None:
    before = session({**SESSION, "modules": {"loadModules": ["upsell"], "config": {"upsell": UPSELL}}})
    body = {"modules": {"config": {"upsell": {"customInputs": [{"key": "c"}]}}}}
    after = apply_patch(before, body, merge)
    assert after["modules"] == {
        "loadModules": ["upsell"],
        "config": {"upsell": {**header, "customInputs": [{"key": "c"}]}},
    }


def test_upsell_can_be_configured_on_a_session_created_without_modules() -> None:
    after = apply_patch(session(), {"modules": {"config": {"upsell": UPSELL}}}, "field")
    assert after["modules"] == {"config": {"upsell": UPSELL}}
    assert "modules" not in apply_patch(session(), {"modules": {"config": {}}}, "field")


def test_the_first_patch_brings_the_buyer_into_the_modules() -> None:
    after = apply_patch(session(), {}, "field")
    assert after["status"] == "modules_in_progress"
    assert after["moduleStatus"]["payment"]["uiStatus"] == "visible_required"


def test_a_module_is_completed_once_its_data_is_there() -> None:
    begun = apply_patch(session(), {}, "field")
    assert begun["moduleStatus"]["shipping"]["uiStatus"] == "visible_optional"
    after = apply_patch(begun, {"data": {"shipping": ADDRESS}}, "field")
    assert after["moduleStatus"]["shipping"]["uiStatus"] == "completed"


_TEXT = st.dictionaries(st.sampled_from(["city", "zip", "note"]), st.text(max_size=3))
_BODIES = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries(
            {}, optional={"billing": _TEXT, "shipping": _TEXT, "order": st.just({**ORDER, "cart": [MUG]})}
        ),
        "modules": st.fixed_dictionaries(
            {},
            optional={
                "config": st.fixed_dictionaries(
                    {}, optional={"upsell": st.sampled_from([{}, UPSELL, {"footer": "x"}])}
                )
            },
        ),
    },
)


@given(_BODIES, _BODIES, st.sampled_from(["field", "section"]))
def test_a_patch_never_changes_the_state_it_starts_from_and_repeating_it_changes_nothing(
    first: dict, second: dict, merge: str
) -> None:
    start = apply_patch(session(), first, merge)
    frozen = copy.deepcopy(start)
    after = apply_patch(start, second, merge)
    assert start == frozen
    assert apply_patch(after, second, merge) == after


def test_references_replace_the_old_ones_or_are_merged_into_them() -> None:
    before = session()
    new = {"quoteId": "7"}
    assert apply_metadata(before, None, new, "replace")["references"] == new
    assert apply_metadata(before, None, new, "merge")["references"] == {"reference1": "1001", "quoteId": "7"}
    bare = session(bent(SESSION, "references", ABSENT))
    assert apply_metadata(bare, None, new, "merge")["references"] == new


def test_addresses_are_replaced_as_a_unit() -> None:
    urls = {"redirect": "https://other.example"}
    after = apply_metadata(session(), urls, None, "merge")
    assert after["urls"] == urls
    assert after["references"] == SESSION["references"]
