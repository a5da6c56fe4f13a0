"""What this library has never heard of survives: unknown members, unknown words, nulls, at every level."""

from __future__ import annotations

from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.session_payloads import FULL_SESSION, LINES, ODD_SESSION
from support.wire_checks import DOCUMENTS, at, changed, fresh, paths, pointer, same

import briqpay_async as bq
from briqpay_async.models.base import wire_names

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _model_objects(wire: Any) -> list[tuple[str | int, ...]]:
    """Paths of the objects of a document."""
    return [path for path in paths(wire) if isinstance(at(wire, path), dict)]


# --- unknown members -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_an_unknown_member_in_every_object_comes_back(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    stuffed = fresh(wire)
    for path in _model_objects(wire):
        target = at(stuffed, path)
        # Maps of answers hold objects and nothing else; there an object is the unknown entry.
        target["x-new"] = {"value": False, "deep": [None, 1, 1.0, "€"]}
    assert same(bq.unstructure(bq.structure(stuffed, cls)), stuffed)


@pytest.mark.parametrize(
    ("reach", "path"),
    [
        (lambda session: session, ()),
        (lambda session: session.product, ("product",)),
        (lambda session: session.urls, ("urls",)),
        (lambda session: session.hooks[1], ("hooks", 1)),
        (lambda session: session.module_status, ("moduleStatus",)),
        (lambda session: session.module_status.payment, ("moduleStatus", "payment")),
        (lambda session: session.modules, ("modules",)),
        (lambda session: session.modules.config, ("modules", "config")),
        (lambda session: session.modules.config.upsell, ("modules", "config", "upsell")),
        (lambda session: session.data, ("data",)),
        (lambda session: session.data.company, ("data", "company")),
        (lambda session: session.data.company.vat_validation, ("data", "company", "vatValidation")),
        (lambda session: session.data.consumer, ("data", "consumer")),
        (lambda session: session.data.billing, ("data", "billing")),
        (lambda session: session.data.shipping, ("data", "shipping")),
        (lambda session: session.data.order, ("data", "order")),
        (lambda session: session.data.order.cart[2], ("data", "order", "cart", 2)),
        (lambda session: session.data.transactions[0], ("data", "transactions", 0)),
        (lambda session: session.data.transactions[0].cart[0], ("data", "transactions", 0, "cart", 0)),
        (lambda session: session.data.captures[0], ("data", "captures", 0)),
        (lambda session: session.data.refunds[0], ("data", "refunds", 0)),
        (lambda session: session.data.order_note["note"], ("data", "orderNote", "note")),
        (lambda session: session.data.custom_form1["colour"], ("data", "customForm1", "colour")),
        (lambda session: session.data.terms["letters"], ("data", "terms", "letters")),
        (lambda session: session.data.strong_auth, ("data", "strongAuth")),
        (lambda session: session.data.strong_auth.output, ("data", "strongAuth", "output")),
        (lambda session: session.data.company_extra_data, ("data", "companyExtraData")),
        (lambda session: session.data.company_extra_data.output, ("data", "companyExtraData", "output")),
        (lambda session: session.data.tokenization, ("data", "tokenization")),
    ],
    ids=lambda value: pointer(value) if isinstance(value, tuple) else "",
)
def test_an_unknown_member_is_in_extra_and_survives_an_edit_of_its_siblings(
    reach: Any, path: tuple[Any, ...]
) -> None:
    wire = changed(FULL_SESSION, (*path, "novel"), {"by": ["wire", 2]})
    model = reach(bq.structure(wire, bq.Session))
    assert model.extra["novel"] == {"by": ["wire", 2]}

    sibling = next(name for name in wire_names(type(model)) if name != "product_type")
    edited = attrs.evolve(model, **{sibling: None})
    assert edited.extra == model.extra
    assert bq.unstructure(edited)["novel"] == {"by": ["wire", 2]}


@pytest.mark.parametrize(
    "name",
    [
        "extra",
        "_wire",
        "_valid",
        "_sums",
        "self",
        "street_address",
        "total_tax_amount",
        "",
        "a/b~c",
        "éè",
        "__class__",
    ],
)
def test_an_unknown_member_may_have_any_name(name: str) -> None:
    for wire, cls in (({name: 1, "city": "Oslo"}, bq.Address), (LINES["regular"] | {name: [1]}, bq.CartItem)):
        model = bq.structure(wire, cls)
        assert model.extra == {name: wire[name]}
        assert same(bq.unstructure(model), wire)


def test_a_known_member_wins_over_one_of_the_same_name_in_extra() -> None:
    address = bq.structure({"city": None, "zip": "0155"}, bq.Address)
    assert bq.unstructure(attrs.evolve(address, city="Oslo")) == {"city": "Oslo", "zip": "0155"}


def test_an_edited_line_keeps_its_unknown_members() -> None:
    line = bq.structure(LINES["of an unknown type"], bq.CartItem)
    assert same(bq.unstructure(attrs.evolve(line, quantity=7)), LINES["of an unknown type"] | {"quantity": 7})


def test_unknown_members_have_one_order_whatever_order_they_came_in() -> None:
    there = bq.structure({"b": {"y": 1, "x": [{"q": 1, "p": 2}]}, "a": 2, "name": "Telt"}, bq.CartItem)
    back = bq.structure({"name": "Telt", "a": 2, "b": {"x": [{"p": 2, "q": 1}], "y": 1}}, bq.CartItem)
    made = bq.CartItem(name="Telt", extra={"b": {"y": 1, "x": ({"q": 1, "p": 2},)}, "a": 2})
    texts = {orjson.dumps(bq.unstructure(line)) for line in (there, back, made)}
    assert texts == {b'{"name":"Telt","a":2,"b":{"x":[{"p":2,"q":1}],"y":1}}'}


@given(data=st.data())
def test_any_json_in_any_object_comes_back(data: st.DataObject) -> None:
    cls, wire = data.draw(st.sampled_from(list(DOCUMENTS.values())))
    path = data.draw(st.sampled_from(_model_objects(wire)))
    answers = bool(path) and path[-1] in {"orderNote", "customForm1", "paymentAdditionalFields", "terms"}
    value = data.draw(st.dictionaries(st.just("other"), JSON) if answers else JSON)
    name = data.draw(st.text(max_size=8).filter(lambda name: name not in at(wire, path)).map("?".__add__))
    stuffed = changed(wire, (*path, name), value)
    assert same(bq.unstructure(bq.structure(stuffed, cls)), stuffed)


# --- unknown words ---------------------------------------------------------------------------------------

WORDS = {
    "status",
    "type",
    "intent",
    "customerType",
    "eventType",
    "method",
    "uiStatus",
    "orderStatus",
    "captureStatus",
    "refundStatus",
    "signeeIsCompanySignatory",
    "productType",
    "component",
    "decision",
    "rejectionType",
    "state",
}


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_of_unknown_words_is_read_and_comes_back(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    strange = fresh(wire)
    for path in paths(wire):
        if path and path[-1] in WORDS and isinstance(at(wire, path), str):
            at(strange, path[:-1])[path[-1]] = "unheard_of"
        elif path and path[-1] == "statuses":
            at(strange, path[:-1])["statuses"] = ["unheard_of"]
    assert same(bq.unstructure(bq.structure(strange, cls)), strange)


def test_an_unknown_word_is_plain_text() -> None:
    session = bq.structure({"status": "paused", "customerType": "robot"}, bq.Session)
    assert type(session.status) is str
    assert (session.status, session.customer_type) == ("paused", "robot")


def test_a_known_word_equals_its_text() -> None:
    session = bq.structure({"status": "completed"}, bq.Session)
    assert session == bq.Session(status="completed")
    assert type(bq.unstructure(session)["status"]) is str


def test_words_of_another_enumeration_are_not_borrowed() -> None:
    assert type(bq.structure({"status": "captured_full"}, bq.Session).status) is str


# --- nulls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_null_for_any_member_comes_back_as_a_null(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    refused: dict[str, str] = {}
    for path in paths(wire):
        if path and isinstance(path[-1], str):  # an entry of an array is no member
            with_null = changed(wire, path, None)
            try:
                kept = same(bq.unstructure(bq.structure(with_null, cls)), with_null)
            except bq.ResponseDecodeError as error:
                refused[pointer(path)] = error.message
            else:
                assert kept, pointer(path)
    assert refused == {}


def test_a_null_that_no_patch_can_send_is_kept_in_extra() -> None:
    address = bq.structure({"city": None, "zip": "0155"}, bq.Address)
    assert (address.city, address.zip, address.extra) == (None, "0155", {"city": None})


def test_an_unknown_null_is_kept_in_extra() -> None:
    assert bq.structure({"planet": None}, bq.Address).extra == {"planet": None}


@pytest.mark.parametrize("name", ["cin", "name"])
def test_only_the_two_nullable_members_read_null_as_clear(name: str) -> None:
    company = bq.structure({name: None}, bq.Company)
    assert getattr(company, name) is bq.CLEAR
    assert company.extra == {}
    assert attrs.evolve(company, **{name: "x"}) == bq.Company(**{name: "x"})


def test_the_company_number_of_an_address_is_not_nullable() -> None:
    assert bq.structure({"cin": None}, bq.Address) == bq.Address(extra={"cin": None})


@given(data=st.data())
def test_any_choice_of_nulls_comes_back(data: st.DataObject) -> None:
    wire = fresh(data.draw(st.sampled_from([FULL_SESSION, ODD_SESSION])))
    members = [path for path in paths(wire) if path and isinstance(path[-1], str)]
    for path in data.draw(st.lists(st.sampled_from(members), max_size=12)):
        try:
            at(wire, path[:-1])[path[-1]] = None
        except TypeError:
            continue  # its object is null by now
    assert same(bq.unstructure(bq.structure(wire, bq.Session)), wire)
