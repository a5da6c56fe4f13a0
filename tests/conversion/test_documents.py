"""Every document of the API is read into the model it belongs to and written back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from support.create_payloads import CREATES, DECISIONS, PATCHES
from support.wire_checks import DOCUMENTS, same

import briqpay_async as bq
from briqpay_async.conversion.validate import problems
from briqpay_async.models.base import wire_names


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_comes_back_exactly_as_it_was(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    assert same(bq.unstructure(bq.structure(wire, cls)), wire)


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_reading_what_was_written_gives_an_equal_model(cls: type[bq.Model], wire: dict[str, Any]) -> None:
    model = bq.structure(wire, cls)
    assert bq.structure(bq.unstructure(model), cls) == model


@pytest.mark.parametrize(("cls", "wire"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_order_of_members_does_not_matter_to_what_is_written(
    cls: type[bq.Model], wire: dict[str, Any]
) -> None:
    def reversed_members(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: reversed_members(value[name]) for name in reversed(value)}
        return [reversed_members(entry) for entry in value] if isinstance(value, list) else value

    def closed(value: Any) -> Any:  # open maps keep the order that they came in
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)

    there, back = bq.structure(wire, cls), bq.structure(reversed_members(wire), cls)
    assert there == back
    assert closed(bq.unstructure(there)) == closed(bq.unstructure(back))
    if cls in {bq.CartItem, bq.SalesTaxItem}:
        assert orjson.dumps(bq.unstructure(there)) == orjson.dumps(bq.unstructure(back))


def _every_model(value: Any) -> list[bq.Model]:
    if isinstance(value, bq.Model):
        below = [getattr(value, name) for name in wire_names(type(value))]
        return [value, *(found for entry in below for found in _every_model(entry))]
    if isinstance(value, Mapping):
        return [found for entry in value.values() for found in _every_model(entry)]
    return [found for entry in value for found in _every_model(entry)] if isinstance(value, tuple) else []


@pytest.mark.parametrize("wire", CREATES.values(), ids=CREATES)
def test_nothing_that_shops_send_is_refused(wire: dict[str, Any]) -> None:
    assert problems(bq.structure(wire, bq.NewSession)) == ()


@pytest.mark.parametrize("wire", DECISIONS.values(), ids=DECISIONS)
def test_no_decision_that_shops_send_is_refused(wire: dict[str, Any]) -> None:
    assert problems(bq.structure(wire, bq.Decision)) == ()


@pytest.mark.parametrize("wire", PATCHES.values(), ids=PATCHES)
def test_a_patch_written_by_hand_is_sent_as_written(wire: dict[str, Any]) -> None:
    data, modules = wire.get("data"), wire.get("modules")
    patch = bq.SessionPatch.of(
        data=None if data is None else bq.structure(data, bq.EditableData),
        modules=None if modules is None else bq.structure(modules, bq.Modules),
    )
    assert same(patch.body, wire)


def test_the_documents_cover_every_model() -> None:
    seen = {type(model) for cls, wire in DOCUMENTS.values() for model in _every_model(bq.structure(wire, cls))}
    public = {value for value in vars(bq).values() if isinstance(value, type) and issubclass(value, bq.Model)}
    assert public - seen == {bq.Model}
