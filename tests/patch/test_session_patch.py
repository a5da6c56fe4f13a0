"""``SessionPatch``: what it says of itself, what it refuses, and what authored patches may carry."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from support.shop import address, data, line

from briqpay_async import (
    CLEAR,
    Address,
    Capture,
    Company,
    EditableData,
    MergeDepth,
    Modules,
    ModulesConfig,
    Order,
    PaymentConfig,
    Session,
    SessionData,
    SessionPatch,
    Tokenization,
    UnpatchableChangeError,
    UpsellConfig,
    Urls,
    ValidationError,
)


def moved(state: EditableData, city: str = "Malmö") -> EditableData:
    return attrs.evolve(state, billing=attrs.evolve(state.billing or Address(), city=city))


def test_only_the_changed_member_is_sent() -> None:
    state = data()
    patch = SessionPatch.between(state, moved(state))
    assert patch.body == {"data": {"billing": {"city": "Malmö"}}}
    assert patch.to_json() == '{"data":{"billing":{"city":"Malmö"}}}'.encode()
    assert patch.changed == ("/data/billing/city",)
    assert patch.carried == ()


def test_section_depth_sends_the_changed_section_whole() -> None:
    state = data(billing=Address(city="Lund", zip="1", extra={"door": 7}))
    patch = SessionPatch.between(state, moved(state), MergeDepth.SECTION)
    assert patch.body == {"data": {"billing": {"city": "Malmö", "zip": "1", "door": 7}}}
    assert patch.changed == ("/data/billing/city",)
    assert set(patch.carried) == {"/data/billing/zip", "/data/billing/door"}


def test_a_changed_line_takes_the_whole_order_along() -> None:
    state = data()
    assert state.order is not None
    lines = [attrs.evolve((state.order.cart or ())[0], name="New"), *(state.order.cart or ())[1:]]
    patch = SessionPatch.between(state, attrs.evolve(state, order=attrs.evolve(state.order, cart=lines)))
    assert patch.changed == ("/data/order/cart/0/name",)
    assert {"/data/order/currency", "/data/order/amountIncVat", "/data/order/cart/1"} <= set(patch.carried)
    assert len(patch.body["data"]["order"]["cart"]) == 2


def test_a_removed_line_is_among_the_changes() -> None:
    state = data()
    assert state.order is not None
    shorter = attrs.evolve(state, order=state.order.with_cart((state.order.cart or ())[:1]))
    assert "/data/order/cart/1/name" in SessionPatch.between(state, shorter).changed


def test_the_body_is_a_new_copy_each_time() -> None:
    state = data()
    assert state.order is not None
    patch = SessionPatch.between(state, attrs.evolve(state, order=state.order.with_cart([line("x")])))
    before = patch.to_json()
    patch.body["data"]["order"]["cart"][0]["name"] = "changed"
    assert patch.to_json() == before
    assert patch.body["data"]["order"]["cart"][0]["name"] == "Product x"


def test_the_explanation_shows_amounts_and_hides_persons() -> None:
    state = data()
    assert state.order is not None
    after = attrs.evolve(
        moved(state, "Ystad"), order=state.order.with_cart([line("sku-1").with_quantity(3), line("sku-2")])
    )
    text = SessionPatch.between(state, after).explain()
    assert "/data/order/cart/0/quantity  1 -> 3  [changed]" in text
    assert "/data/billing/city  <hidden> -> <hidden>  [changed]" in text
    assert "/data/order/currency  [carried: order travels whole]" in text
    assert "Ystad" not in text
    assert "Lund" not in text


def test_the_explanation_of_nothing_says_so() -> None:
    assert "no request" in SessionPatch.between(data(), data()).explain()


def test_the_explanation_distinguishes_new_from_changed() -> None:
    text = SessionPatch.of(data=EditableData(order=Order.of("SEK", [line("a")]))).explain()
    assert "/data/order/currency  (absent) -> 'SEK'  [changed]" in text


def test_the_repr_names_members_and_no_values() -> None:
    state = data()
    assert repr(SessionPatch.between(state, moved(state))) == "<SessionPatch billing(city)>"
    assert repr(SessionPatch()) == "<SessionPatch nothing>"


def test_a_patch_equals_only_patches() -> None:
    assert SessionPatch() != {}
    assert SessionPatch() == SessionPatch.of()


def test_an_empty_section_that_was_absent_is_a_change() -> None:
    patch = SessionPatch.between(EditableData(), EditableData(company=Company()))
    assert patch.body == {"data": {"company": {}}}
    assert patch.changed == ("/data/company",)


def test_of_sends_everything_that_is_given() -> None:
    modules = Modules(config=ModulesConfig(upsell=UpsellConfig(hide_module=True)))
    patch = SessionPatch.of(data=EditableData(tokenization=Tokenization(token_id="t")), modules=modules)
    assert patch.body == {
        "data": {"tokenization": {"tokenId": "t"}},
        "modules": {"config": {"upsell": {"hideModule": True}}},
    }


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"data": SessionData(captures=[Capture()])}, "/data/captures"),
        ({"data": EditableData(extra={"config": {}})}, "/data/config"),
        ({"data": {"billing": {}}}, "/data"),
        ({"data": EditableData(billing=Company())}, "/data/billing"),  # type: ignore[arg-type]
        ({"data": EditableData(billing=Address(city=CLEAR))}, "/data/billing/city"),  # type: ignore[arg-type]
        ({"modules": Modules(load_modules=["payment"])}, "/modules/loadModules"),
        ({"modules": Modules(config=ModulesConfig(payment=PaymentConfig()))}, "/modules/config/payment"),
        ({"modules": Modules(extra={"payment": {}})}, "/modules/payment"),
        ({"modules": {}}, "/modules"),
        ({"modules": Modules(config=[])}, "/modules/config"),  # type: ignore[arg-type]
    ],
)
def test_of_refuses_what_a_patch_may_not_carry(given: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SessionPatch.of(**given)
    assert pointer in {place for place, _ in caught.value.problems}


MODULES = Modules(load_modules=["payment"], config=ModulesConfig(upsell=UpsellConfig(header="Hi")))
SESSION = Session(
    session_id="c5674f4f-7e84-405c-a44b-c83736bb7209",
    customer_type="business",
    country="SE",
    locale="sv-se",
    urls=Urls(redirect="https://shop.example/done"),
    references={"reference1": "1"},
    data=SessionData(
        billing=address(),
        company=Company(cin="1", vat_number="SE1"),
        extra={"unknown": 1},
    ),
    modules=MODULES,
    extra={"future": True},
)


def with_data(**changes: Any) -> Session:
    return attrs.evolve(SESSION, data=attrs.evolve(SESSION.data or SessionData(), **changes))


@pytest.mark.parametrize(
    ("after", "pointer", "advice"),
    [
        (attrs.evolve(SESSION, customer_type="consumer"), "/customerType", "create a new session"),
        (attrs.evolve(SESSION, country="NO"), "/country", "create a new session"),
        (attrs.evolve(SESSION, locale="nb-no"), "/locale", "create a new session"),
        (attrs.evolve(SESSION, urls=Urls(redirect="https://x.example")), "/urls", "update_metadata"),
        (attrs.evolve(SESSION, references={"reference1": "2"}), "/references", "update_metadata"),
        (attrs.evolve(SESSION, references=None), "/references", "update_metadata"),
        (attrs.evolve(SESSION, status="completed"), "/status", "No PATCH"),
        (attrs.evolve(SESSION, extra={"future": 1}), "/future", "No PATCH"),
        (attrs.evolve(SESSION, extra={}), "/future", "No PATCH"),
        (attrs.evolve(SESSION, modules=None), "/modules", "No PATCH"),
        (attrs.evolve(SESSION, modules=Modules(load_modules=["payment"])), "/modules/config", "No PATCH"),
        (
            attrs.evolve(SESSION, modules=attrs.evolve(MODULES, load_modules=None)),
            "/modules/loadModules",
            "No PATCH",
        ),
        (
            attrs.evolve(SESSION, modules=Modules(load_modules=["payment"], config=ModulesConfig(terms=None))),
            "/modules/config/upsell",
            "No PATCH",
        ),
        (with_data(captures=[Capture()]), "/data/captures", "No PATCH"),
        (with_data(billing=None), "/data/billing", "No PATCH"),
        (with_data(company=Company(cin="1", vat_number="SE2")), "/data/company/vatNumber", "No PATCH"),
        (with_data(company=Company(vat_number="SE1")), "/data/company/cin", "CLEAR"),
        (with_data(extra={"unknown": 2}), "/data/unknown", "No PATCH"),
    ],
)
def test_a_change_that_no_patch_can_express_is_named(after: Session, pointer: str, advice: str) -> None:
    with pytest.raises(UnpatchableChangeError, match=advice) as caught:
        SessionPatch.between(SESSION, after)
    assert caught.value.pointers == (pointer,)


def test_a_null_that_the_server_sent_can_be_filled_but_not_removed() -> None:
    before = EditableData(billing=Address(city="Lund", extra={"region": None}))
    filled = EditableData(billing=Address(city="Lund", region="Skåne"))
    assert SessionPatch.between(before, filled).body == {"data": {"billing": {"region": "Skåne"}}}
    with pytest.raises(UnpatchableChangeError, match="/data/billing/region"):
        SessionPatch.between(before, EditableData(billing=Address(city="Lund")))
    with pytest.raises(UnpatchableChangeError, match="/data/billing/region"):
        SessionPatch.between(EditableData(billing=Address(city="Lund")), before)


@pytest.mark.parametrize(
    ("before", "after"), [(data(), {"billing": {}}), ("x", data()), (None, data()), (data(), None)]
)
def test_states_are_models(before: Any, after: Any) -> None:
    with pytest.raises(ValidationError, match="must be a Session, SessionData or EditableData"):
        SessionPatch.between(before, after)


def test_a_section_of_the_wrong_class_is_named() -> None:
    with pytest.raises(ValidationError, match="/data/billing must be of class Address"):
        SessionPatch.between(data(), attrs.evolve(data(), billing=Company()))  # type: ignore[arg-type]


def test_a_section_of_the_other_customer_type_is_named_beside_every_other_problem() -> None:
    before = Session(customer_type="consumer", data=SessionData())
    after = attrs.evolve(before, data=SessionData(order=Order(currency="SEK"), company=Company(name="x")))
    with pytest.raises(ValidationError) as caught:
        SessionPatch.between(before, after)
    named = {pointer for pointer, _ in caught.value.problems}
    assert {"/data/order/cart", "/data/company"} <= named


def test_a_partial_state_keeps_what_it_leaves_out() -> None:
    before = SESSION
    after = Session(data=SessionData(billing=Address(city="Malmö", extra={"door": 7})))
    patch = SessionPatch.between(before, after, absent="keep")
    assert patch.body == {"data": {"billing": {"city": "Malmö", "door": 7}}}
    assert SessionPatch.between(before, Session(), absent="keep").is_noop
    partial = EditableData(company=Company(name="New"))
    assert SessionPatch.between(SESSION.data or SessionData(), partial, absent="keep").body == {
        "data": {"company": {"name": "New"}}
    }


def test_a_partial_state_may_be_data_where_the_base_is_a_session() -> None:
    patch = SessionPatch.between(SESSION, EditableData(billing=Address(city="Malmö")), absent="keep")
    assert patch.body == {"data": {"billing": {"city": "Malmö"}}}


def test_modules_are_compared_even_where_only_the_wanted_state_has_them() -> None:
    wanted = Session(modules=Modules(config=ModulesConfig(upsell=UpsellConfig(header="Hi"))))
    expected = {"modules": {"config": {"upsell": {"header": "Hi"}}}}
    assert SessionPatch.between(EditableData(), wanted).body == expected
    assert SessionPatch.between(data(), wanted, absent="keep").body == expected


def test_merging_with_nothing_changes_nothing() -> None:
    state = data()
    patch = SessionPatch.between(state, moved(state))
    assert patch.merge(SessionPatch()) == patch
    assert SessionPatch().merge(patch) == patch


def test_a_merged_patch_remembers_where_it_started() -> None:
    first = data()
    second = moved(first, "Ystad")
    third = moved(second, "Kivik")
    merged = SessionPatch.between(first, second).merge(SessionPatch.between(second, third))
    assert merged == SessionPatch.between(first, third)
    assert merged.changed == ("/data/billing/city",)


def test_merged_bytes_do_not_depend_on_which_member_came_first() -> None:
    state = EditableData(billing=Address(city="Lund", zip="1", extra={"b": 1}))
    one = SessionPatch.of(data=EditableData(billing=Address(zip="2", extra={"b": 2})))
    other = SessionPatch.of(data=EditableData(billing=Address(city="Ystad", extra={"a": 1})))
    assert one.merge(other).to_json() == other.merge(one).to_json()
    assert SessionPatch.between(state, state).merge(one) == one


def test_equal_carts_that_came_in_another_member_order_give_equal_bytes() -> None:
    from briqpay_async import structure, unstructure

    wire = unstructure(data())
    shuffled = wire | {"order": dict(reversed(wire["order"].items()))}
    shuffled["order"]["cart"] = [dict(reversed(item.items())) for item in wire["order"]["cart"]]
    one, other = structure(wire, EditableData), structure(shuffled, EditableData)
    assert SessionPatch.of(data=one).to_json() == SessionPatch.of(data=other).to_json()


def test_values_that_are_no_json_are_named_instead_of_sent() -> None:
    state = data(billing=Address(extra={"x": 1}))
    after = attrs.evolve(state, billing=Address(extra={"x": {1, 2}}))
    with pytest.raises(ValidationError, match="/data/billing/x is no JSON value"):
        SessionPatch.between(state, after)


def test_input_keys_stay_unique_across_an_edit() -> None:
    from briqpay_async import CustomInput

    before = Session(modules=Modules(config=ModulesConfig(upsell=UpsellConfig(header="x"))))
    twice = UpsellConfig(header="x", custom_inputs=[CustomInput(key="a"), CustomInput(key="a")])
    with pytest.raises(ValidationError, match="/modules/config/upsell/customInputs/1/key must be unique"):
        SessionPatch.between(before, Session(modules=Modules(config=ModulesConfig(upsell=twice))))
