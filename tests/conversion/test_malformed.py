"""A member of the wrong type is an error that names the place, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.create_payloads import CREATE_WITH_TERMS
from support.session_payloads import FULL_SESSION, TOKEN
from support.wire_checks import DOCUMENTS, at, changed, fresh, paths, pointer, same

import briqpay_async as bq

OPEN_MAPS = ("references", "pspMetadata", "fields", "pspSupportedOrderOperations", "pspOrderManagementIds")


def _refusal(wire: Any, cls: type[bq.Model]) -> bq.ResponseDecodeError:
    with pytest.raises(bq.ResponseDecodeError) as caught:
        bq.structure(wire, cls)
    return caught.value


@pytest.mark.parametrize("root", [None, "text", 7, 2.5, True, [], [{}]], ids=repr)
@pytest.mark.parametrize("cls", [bq.Session, bq.CartItem, bq.SalesTaxItem, bq.Token, bq.OtherHook])
def test_a_document_that_is_no_object_is_named_by_the_empty_pointer(root: Any, cls: type[bq.Model]) -> None:
    error = _refusal(root, cls)
    assert error.pointer == ""
    assert error.message == "/ must be an object"


def _objects_and_arrays(wire: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(path, kind, id=f"{pointer(path)} {kind.__name__}")
        for path in paths(wire)
        if path
        and (kind := type(at(wire, path))) in {dict, list}
        and not {"paymentTags", "value", "enum"} & {path[-1]}
        and path != ("moduleStatus", "terms")  # an unknown module
        and not any(open_map in path[:-1] for open_map in OPEN_MAPS)
    ]


@pytest.mark.parametrize(("path", "kind"), _objects_and_arrays(FULL_SESSION))
def test_anything_else_where_an_object_or_array_belongs_is_named(path: tuple[Any, ...], kind: type) -> None:
    for nonsense in ("text", 7, 0.5, False, [1] if kind is dict else {}):
        error = _refusal(changed(FULL_SESSION, path, nonsense), bq.Session)
        assert error.pointer == pointer(path)
        assert error.message == f"{pointer(path)} must be {'an object' if kind is dict else 'an array'}"


@pytest.mark.parametrize(
    ("path", "value", "wanted"),
    [
        (("status",), {"is": "completed"}, "text"),
        (("createdAt",), True, "text"),
        (("hooks", 3, "url"), [], "text"),
        (("hooks", 4, "method"), {}, "text"),
        (("modules", "loadModules", 1), {}, "text"),
        (("data", "company", "cin"), {}, "text"),
        (("data", "company", "vatValidation", "valid"), "yes", "true or false"),
        (("data", "company", "vatValidation", "valid"), 1, "true or false"),
        (("data", "billing", "city"), ["Oslo"], "text"),
        (("data", "order", "amountIncVat"), "190000", "an integer"),
        (("data", "order", "amountIncVat"), True, "an integer"),
        (("data", "order", "cart", 2, "quantity"), "1", "an integer"),
        (("data", "transactions", 0, "cart", 0, "unitPrice"), 1.5, "an integer"),
        (("data", "transactions", 0, "autoCaptureEnabled"), "no", "true or false"),
        (("data", "captures", 0, "autoCaptured"), 0, "true or false"),
        (("data", "refunds", 0, "status"), [], "text"),
        (("data", "terms", "letters", "value"), "true", "true or false"),
        (("data", "strongAuth", "output", "validateSigneeIsCompanySignatory"), "true", "true or false"),
    ],
    ids=lambda value: pointer(value) if isinstance(value, tuple) else None,
)
def test_a_value_of_the_wrong_kind_is_named(path: tuple[Any, ...], value: Any, wanted: str) -> None:
    error = _refusal(changed(FULL_SESSION, path, value), bq.Session)
    assert (error.pointer, error.message) == (pointer(path), f"{pointer(path)} must be {wanted}")


@pytest.mark.parametrize(
    ("wire", "cls", "place"),
    [
        (changed(CREATE_WITH_TERMS, ("data", "order", "cart"), {"0": {}}), bq.NewSession, "/data/order/cart"),
        (
            changed(CREATE_WITH_TERMS, ("modules", "config", "upsell", "customInputs", 1, "span"), "1"),
            bq.NewSession,
            "/modules/config/upsell/customInputs/1/span",
        ),
        (
            changed(CREATE_WITH_TERMS, ("modules", "config", "upsell", "customInputs", 0, "enum", 1), 5),
            bq.NewSession,
            "/modules/config/upsell/customInputs/0/enum/1",
        ),
        (
            changed(CREATE_WITH_TERMS, ("modules", "config", "terms", "checkboxes", 1), []),
            bq.NewSession,
            "/modules/config/terms/checkboxes/1",
        ),
        (
            changed(CREATE_WITH_TERMS, ("modules", "config", "order_note"), "x"),
            bq.NewSession,
            "/modules/config/order_note",
        ),
        (changed(TOKEN, ("chargeSessions", 0), "x"), bq.Token, "/chargeSessions/0"),
        (changed(TOKEN, ("data", "billing"), [1]), bq.Token, "/data/billing"),
        ({"softErrors": [{"message": True}]}, bq.Decision, "/softErrors/0/message"),
        ({"totalTaxAmount": "1"}, bq.SalesTaxItem, "/totalTaxAmount"),
        ({"cart": [None]}, bq.Order, "/cart/0"),
        ({"cart": [{"productType": "sales_tax", "totalTaxAmount": "1"}]}, bq.Order, "/cart/0/totalTaxAmount"),
        ({"cart": [{"productType": "physical", "unitPrice": "1"}]}, bq.Order, "/cart/0/unitPrice"),
        ({"orderNote": {"a/b~c": {"header": True}}}, bq.SessionData, "/orderNote/a~1b~0c/header"),
        ({"customForm1": {"": []}}, bq.SessionData, "/customForm1/"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_member_is_named_in_any_document(wire: Any, cls: type[bq.Model], place: str) -> None:
    assert _refusal(wire, cls).pointer == place


@pytest.mark.parametrize("tag", [[], {}, [["physical"]], True], ids=repr)
def test_a_tag_that_is_no_text_is_named_whatever_it_is(tag: Any) -> None:
    assert _refusal({"cart": [{"productType": tag}]}, bq.Order).pointer == "/cart/0/productType"
    assert _refusal({"hooks": [{"eventType": tag}]}, bq.Session).pointer == "/hooks/0/eventType"


def test_the_first_of_several_malformed_members_is_named() -> None:
    wire = {"data": {"billing": {"city": True}, "order": {"cart": 2}}}
    assert _refusal(wire, bq.Session).pointer in {"/data/billing/city", "/data/order/cart"}


def test_the_value_itself_is_not_in_the_message() -> None:
    error = _refusal({"billing": {"email": {"was": "kari@ull.example"}}}, bq.SessionData)
    assert "kari" not in str(error)


@given(data=st.data())
def test_nonsense_anywhere_is_a_named_error_or_comes_back(data: st.DataObject) -> None:
    # Of lines and hooks the array they stand in reads the tag; on their own some have it by default.
    whole = [name for name in DOCUMENTS if not name.startswith(("line", "hook"))]
    cls, wire = DOCUMENTS[data.draw(st.sampled_from(whole))]
    path = data.draw(st.sampled_from(list(paths(wire))))
    broken = changed(wire, path, data.draw(st.sampled_from([None, 0, 1.5, True, "x", [], [[]], {}, {"": {}}])))
    place: str | None = None
    try:
        back = bq.unstructure(bq.structure(broken, cls))
    except bq.ResponseDecodeError as error:
        place = error.pointer
    if place is None:
        assert same(back, broken)
    else:  # the changed place, or below it where an object was put in place of another
        assert f"{place}/".startswith(f"{pointer(path)}/")


# --- values that are no JSON -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "place"),
    [
        ({"city": object()}, "/city"),
        ({"x": {"y": [0, {1, 2}]}}, "/x/y/1"),
        ({"x/y": b"bytes"}, "/x~1y"),
        ({"x": {2: "two"}}, "/x"),
        ({7: "seven"}, ""),
    ],
    ids=["an object", "a set", "bytes", "a number for a name", "a number for a name at the top"],
)
def test_a_python_value_that_is_no_json_is_named(wire: Any, place: str) -> None:
    assert _refusal(wire, bq.Address).pointer == place


def test_a_model_holding_what_is_no_json_cannot_be_written() -> None:
    with pytest.raises(bq.BriqpayError, match="/value"):
        bq.unstructure(bq.FieldAnswer(value={"a": object()}))


# --- deep nesting ----------------------------------------------------------------------------------------


def _nested(depth: int, kind: type) -> Any:
    value: Any = {} if kind is dict else []
    for _ in range(depth):
        value = {"a": value} if kind is dict else [value]
    return value


@pytest.mark.parametrize("kind", [dict, list])
@pytest.mark.parametrize("depth", [300, 50_000])
@pytest.mark.parametrize(
    ("place", "cls"),
    [("x", bq.Session), ("data", bq.Session), ("pspMetadata", bq.SessionData), ("x", bq.CartItem)],
)
def test_deep_nesting_is_an_error_and_no_crash(depth: int, kind: type, place: str, cls: type[bq.Model]) -> None:
    error = _refusal({place: _nested(depth, kind)}, cls)
    assert error.pointer.startswith(f"/{place}")
    assert "nested too deeply" in error.message or error.pointer == f"/{place}"


@pytest.mark.parametrize("kind", [dict, list])
def test_nesting_that_people_use_is_no_error(kind: type) -> None:
    wire = {"x": _nested(90, kind)}
    assert same(bq.unstructure(bq.structure(wire, bq.Session)), wire)


# --- copies ----------------------------------------------------------------------------------------------


def _scribble(value: Any) -> None:
    """Change every object and array of a JSON value in place."""
    if isinstance(value, dict):
        for entry in list(value.values()):
            _scribble(entry)
        value.clear()
        value["scribble"] = [1]
    elif isinstance(value, list):
        for entry in value:
            _scribble(entry)
        value[:] = [{"scribble": 1}]


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_changing_what_was_read_changes_no_model(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    mine = fresh(wire) | {"unknown": {"deep": [{"er": 1}]}}
    expected = fresh(mine)
    model = bq.structure(mine, cls)
    _scribble(mine)
    assert same(bq.unstructure(model), expected)


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_changing_what_was_written_changes_no_model(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    mine = fresh(wire) | {"unknown": {"deep": [{"er": 1}]}}
    model = bq.structure(mine, cls)
    _scribble(bq.unstructure(model))
    assert same(bq.unstructure(model), mine)


def test_reading_does_not_change_what_is_read() -> None:
    mine = fresh(FULL_SESSION)
    bq.structure(mine, bq.Session)
    assert same(mine, FULL_SESSION)
