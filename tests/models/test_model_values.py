"""Models are values: frozen, slotted, keyword-only, hashable, picklable, equal when they say the same."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from support.session_payloads import FULL_SESSION, LINES
from support.wire_checks import DOCUMENTS, same

import briqpay_async as bq
from briqpay_async.conversion.validate import problems
from briqpay_async.models.base import NO_EXTRA, ReadOnlyDict, wire_names

MODELS = sorted(
    (value for value in vars(bq).values() if isinstance(value, type) and issubclass(value, bq.Model)),
    key=lambda cls: cls.__name__,
)


@pytest.mark.parametrize("cls", MODELS)
def test_a_model_can_be_made_of_nothing(cls: type[bq.Model]) -> None:
    model = cls()
    assert model.extra == {}
    assert set(bq.unstructure(model)) <= {"productType", "eventType"}


@pytest.mark.parametrize("cls", MODELS)
def test_a_model_is_frozen(cls: type[bq.Model]) -> None:
    for name in ("extra", *wire_names(cls)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(cls(), name, None)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(cls(), name)


@pytest.mark.parametrize("cls", MODELS)
def test_a_model_has_slots_and_no_room_for_more(cls: type[bq.Model]) -> None:
    assert not hasattr(cls(), "__dict__")


@pytest.mark.parametrize("cls", MODELS)
def test_the_members_of_a_model_are_given_by_name(cls: type[bq.Model]) -> None:
    parameters = inspect.signature(cls).parameters.values()
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("cls", MODELS)
def test_the_docstring_of_a_model_or_its_base_names_every_member(cls: type[bq.Model]) -> None:
    documented = "".join(base.__doc__ or "" for base in cls.__mro__ if issubclass(base, bq.Model))
    missing = [name for name in wire_names(cls) if f"{name}:" not in documented and name != "event_type"]
    assert missing == []


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_equal_models_have_equal_hashes(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    one, other = bq.structure(wire, cls), bq.structure(wire, cls)
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_model_is_equal_to_no_other_kind_of_thing(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    model = bq.structure(wire, cls)
    assert model != wire
    assert model != attrs.evolve(model, extra={"x": 1})


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_model_survives_pickling(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    model = bq.structure(wire | {"novel": {"deep": [1]}}, cls)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copied = pickle.loads(pickle.dumps(model, protocol))  # noqa: S301 - our own bytes
        assert type(copied) is type(model)
        assert copied == model
        assert hash(copied) == hash(model)
        assert same(bq.unstructure(copied), wire | {"novel": {"deep": [1]}})
        with pytest.raises(TypeError):
            copied.extra["x"] = 1


def test_a_checked_line_survives_pickling_as_a_checked_line() -> None:
    order = bq.structure(FULL_SESSION["data"]["order"], bq.Order)
    assert problems(order) == ()
    copied = pickle.loads(pickle.dumps(order))  # noqa: S301 - our own bytes
    assert copied == order
    assert copied.check_totals() == order.check_totals()
    assert problems(attrs.evolve(copied, cart=[attrs.evolve(copied.cart[0], quantity=0)])) != ()


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_a_model_can_be_copied(copier: Any) -> None:
    session = bq.structure(FULL_SESSION | {"novel": {"deep": [1]}}, bq.Session)
    assert copier(session) == session
    assert same(bq.unstructure(copier(session)), bq.unstructure(session))


# --- arrays ----------------------------------------------------------------------------------------------


def _array_members() -> list[tuple[type[bq.Model], str]]:
    return [
        (bq.Order, "cart"),
        (bq.Transaction, "cart"),
        (bq.Capture, "cart"),
        (bq.Refund, "cart"),
        (bq.SessionData, "transactions"),
        (bq.SessionData, "captures"),
        (bq.SessionData, "refunds"),
        (bq.Session, "hooks"),
        (bq.NewSession, "hooks"),
        (bq.SessionStatusHook, "statuses"),
        (bq.OtherHook, "statuses"),
        (bq.UpsellConfig, "custom_inputs"),
        (bq.CustomInput, "enum"),
        (bq.TermsConfig, "checkboxes"),
        (bq.Modules, "load_modules"),
        (bq.Decision, "soft_errors"),
        (bq.Token, "charge_sessions"),
    ]


@pytest.mark.parametrize(("cls", "name"), _array_members())
def test_a_list_becomes_a_tuple(cls: type[bq.Model], name: str) -> None:
    entries = ["one", "two"]
    for given in (entries, tuple(entries), iter(entries), dict.fromkeys(entries).keys()):
        assert getattr(cls(**{name: given}), name) == ("one", "two")
    entries.append("three")
    assert getattr(cls(**{name: entries}), name) == ("one", "two", "three")


@pytest.mark.parametrize(("cls", "name"), _array_members())
def test_what_is_no_list_is_left_for_the_check_to_name(cls: type[bq.Model], name: str) -> None:
    for given in ("text", b"bytes", {"a": 1}, 7, None):
        assert getattr(cls(**{name: given}), name) == given


def test_no_model_holds_a_list() -> None:
    def walk(value: Any) -> None:
        assert not isinstance(value, list | set)
        if isinstance(value, bq.Model):
            for name in wire_names(type(value)):
                if name not in {"payment_tags", "psp_order_management_ids"}:
                    walk(getattr(value, name))
        elif isinstance(value, tuple):
            for entry in value:
                walk(entry)

    walk(bq.structure(FULL_SESSION, bq.Session))


# --- extra -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda extra: extra.__setitem__("a", 2),
        lambda extra: extra.__delitem__("a"),
        lambda extra: extra.clear(),
        lambda extra: extra.pop("a"),
        lambda extra: extra.popitem(),
        lambda extra: extra.setdefault("b", 1),
        lambda extra: extra.update(b=1),
        lambda extra: extra.__ior__({"b": 1}),
    ],
    ids=["[]=", "del", "clear", "pop", "popitem", "setdefault", "update", "|="],
)
def test_extra_cannot_be_changed(change: Any) -> None:
    for extra in (bq.Address(extra={"a": 1}).extra, bq.structure({"a": 1}, bq.Address).extra):
        with pytest.raises(TypeError, match="read-only"):
            change(extra)
        assert extra == {"a": 1}


def test_extra_is_a_copy_of_what_is_given() -> None:
    mine = {"a": 1}
    address = bq.Address(extra=mine)
    mine["a"] = 2
    assert address.extra == {"a": 1}


@pytest.mark.parametrize("given", [{"a": 1}, MappingProxyType({"a": 1}), ReadOnlyDict({"a": 1})], ids=repr)
def test_any_mapping_serves_as_extra(given: Mapping[str, Any]) -> None:
    assert bq.Address(extra=given) == bq.Address(extra={"a": 1})


def test_models_without_unknown_members_share_one_empty_extra() -> None:
    assert bq.Address().extra is bq.structure({"city": "Oslo"}, bq.Address).extra is NO_EXTRA


def test_evolve_shares_what_it_does_not_change() -> None:
    session = bq.structure(FULL_SESSION, bq.Session)
    edited = attrs.evolve(session, country="SE")
    assert edited.data is session.data
    assert edited.hooks is session.hooks


def test_read_only_mappings_hash_by_their_names() -> None:
    assert hash(ReadOnlyDict({"a": [1], "b": 2})) == hash(ReadOnlyDict({"b": 3, "a": {}}))


# --- remembered forms ------------------------------------------------------------------------------------


def test_an_edited_line_is_written_anew() -> None:
    line = bq.structure(LINES["regular"], bq.CartItem)
    assert bq.unstructure(line)["quantity"] == 2
    assert bq.unstructure(attrs.evolve(line, quantity=5))["quantity"] == 5
    assert bq.unstructure(line)["quantity"] == 2


def test_what_a_line_remembers_is_no_part_of_its_value() -> None:
    fresh = bq.CartItem(
        product_type="physical", name="Telt", quantity=1, quantity_unit="st", unit_price=1, tax_rate=0
    )
    used = attrs.evolve(fresh)
    bq.unstructure(used)
    problems(used)
    used.amounts()
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert repr(used) == repr(fresh)


# --- CLEAR -----------------------------------------------------------------------------------------------


def test_clear_is_one_falsy_value_that_says_its_name() -> None:
    assert repr(bq.CLEAR) == "CLEAR"
    assert not bq.CLEAR
    assert isinstance(bq.CLEAR, bq.Clear)
    assert list(bq.Clear) == [bq.CLEAR]
    assert pickle.loads(pickle.dumps(bq.CLEAR)) is bq.CLEAR  # noqa: S301 - our own bytes
    assert copy.deepcopy(bq.CLEAR) is bq.CLEAR
    assert bq.Company(cin=bq.CLEAR) != bq.Company()
