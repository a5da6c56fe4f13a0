"""The only converter: JSON values to models and back, exactly.

Inbound is lenient: unknown members go to ``extra``, unknown enum values stay text, any member may be missing.
``[]`` for an object (what PHP writes for an empty one) reads as absent and stays in ``extra``, a number for a text
reads as text, and ``1.0`` for an integer as ``1``: all seen in test data of Briqpay's own plugins.
Only a member of the wrong type (text where an object belongs) is an error, named by its JSON pointer.
Outbound members come in a fixed order, so that equal models render to equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import attrs
import orjson
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from briqpay_async.conversion.compiled import AbsentError, MemberReader, compile_constructor
from briqpay_async.conversion.encode import CONVERTER, SCALARS, alternatives, render
from briqpay_async.conversion.json_values import canonical, copy_json, escape
from briqpay_async.conversion.stand_ins import absent_as_array, is_optional, is_plain, json_class, stand_in_for
from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models.base import CLEAR, Clear, Model, ReadOnlyDict, per_class, wire_names
from briqpay_async.models.cart import CartItem, SalesTaxItem
from briqpay_async.models.webhook_subscriptions import (
    CaptureStatusHook,
    OrderStatusHook,
    OtherHook,
    RefundStatusHook,
    SessionStatusHook,
)

__all__ = [
    "MalformedError",
    "decode",
    "locate",
    "readers_of",
    "refuse_depth",
    "structure",
    "structure_hook",
    "structurer",
    "types_of",
    "unstructure",
]

M = TypeVar("M", bound=Model)
_CONSTRUCTORS: dict[type, Callable[..., Any]] = {}
Hook = Callable[[Any, Any], Any]

_NAMES = {str: "text", int: "an integer", float: "a number", bool: "true or false", dict: "an object"}
_TAGGED: dict[frozenset[type], tuple[str, Mapping[object, type], type]] = {
    frozenset({CartItem, SalesTaxItem}): ("productType", {"sales_tax": SalesTaxItem}, CartItem),
    frozenset({SessionStatusHook, OrderStatusHook, CaptureStatusHook, RefundStatusHook, OtherHook}): (
        "eventType",
        {
            "session_status": SessionStatusHook,
            "order_status": OrderStatusHook,
            "capture_status": CaptureStatusHook,
            "refund_status": RefundStatusHook,
        },
        OtherHook,
    ),
}


class MalformedError(ValueError):
    """A JSON value of the wrong kind; becomes a ``ResponseDecodeError`` once its place is known."""


def structure(wire: Any, cls: type[M]) -> M:
    """A model from a JSON value, such as ``structure({"city": "Lund"}, Address)``.

    ``unstructure(structure(wire, cls)) == wire`` for every JSON object, unknown members and ``null`` included.

    Args:
        wire: JSON object with camelCase members. It is copied, so changing it later changes no model.
        cls: Any model of this library.

    Raises:
        ResponseDecodeError: A member has the wrong type; ``pointer`` names it.
    """
    return decode(copy_json(wire, ""), cls)


def unstructure(model: Model) -> dict[str, Any]:
    """The JSON object of a model: camelCase members, absent ones left out, ``CLEAR`` as ``None``.

    Args:
        model: Any model of this library. It is not validated.

    Raises:
        ResponseDecodeError: A value in it is no JSON value, or is nested too deeply.
    """
    try:
        return cast("dict[str, Any]", copy_json(render(model), ""))
    except RecursionError:
        raise ResponseDecodeError("the document is nested too deeply") from None


def decode(wire: Any, cls: type[M]) -> M:
    """Like ``structure``, for a JSON value that the caller gives away: its parts may be kept, not copied.

    Raises:
        ResponseDecodeError: A member has the wrong type; ``pointer`` names it.
    """
    try:
        return cast("M", structure_hook(cls)(wire, cls))
    except MalformedError as error:
        pointer, text = locate(wire, cls, str(error))
        raise ResponseDecodeError(f"{pointer or '/'} {text}", pointer=pointer) from None
    except RecursionError:
        raise ResponseDecodeError("the document is nested too deeply") from None


def refuse_depth(wire: Any) -> None:
    """Refuse what is nested too deeply to be walked, or sent back.

    orjson reads 1024 levels and writes 254; nothing written in Python finds the depth as fast.

    Raises:
        MalformedError: It is.
    """
    try:
        orjson.dumps(wire)
    except orjson.JSONEncodeError:
        raise MalformedError("is nested too deeply") from None


def structure_hook(cls: Any) -> Hook:
    """Structures a JSON value as an annotation says; raises ``MalformedError``."""
    return CONVERTER.get_structure_hook(cls)


def _plain_hook(annotation: Any) -> Hook:
    """Text, numbers, booleans and open objects: kept as they are if they are of the right kind."""
    kinds = alternatives(annotation)
    classes = frozenset(cast("type", json_class(kind)) for kind in kinds)
    accepted = classes | {NoneType}
    stands_in = stand_in_for(classes)
    wanted = " or ".join(sorted({_NAMES[kind] for kind in classes}))
    known = _constants(kinds)
    null = CLEAR if Clear in get_args(annotation) else None

    def check(value: Any, _: Any) -> Any:
        if value.__class__ in accepted:
            return value
        return stand_in(value)

    def stand_in(value: Any) -> Any:
        """What a value of another class is read as."""
        if stands_in is not None and (value := stands_in(value)) is not None:
            return value[0]
        raise MalformedError(f"must be {wanted}")

    def check_known(value: Any, _: Any) -> Any:
        if value.__class__ in accepted:
            return known.get(value, value)
        return stand_in(value)

    def check_nullable(value: Any, _: Any) -> Any:
        if value.__class__ in accepted:
            return null if value is None else value
        return stand_in(value)

    if null is not None:
        return check_nullable
    return check_known if known else check


def _optional_hook(annotation: Any) -> Hook:
    kinds = alternatives(annotation)
    inner_type = kinds[0] if len(kinds) == 1 else Union[kinds]  # noqa: UP007 - built at run time
    inner = structure_hook(inner_type)
    is_absent = absent_as_array(annotation)

    def optional(value: Any, _: Any) -> Any:
        return None if value is None else inner(value, inner_type)

    def optional_object(value: Any, _: Any) -> Any:
        return None if value is None or is_absent(value) else inner(value, inner_type)  # type: ignore[misc]

    return optional if is_absent is None else optional_object


def _array_hook(annotation: Any) -> Hook:
    element_type = get_args(annotation)[0]
    element = structure_hook(element_type)

    def array(value: Any, _: Any) -> Any:
        if value.__class__ is not list:
            raise MalformedError("must be an array")
        return tuple([element(entry, element_type) for entry in value])

    return array


def _map_hook(annotation: Any) -> Hook:
    element_type = get_args(annotation)[1]
    element = structure_hook(element_type)

    def mapping(value: Any, _: Any) -> Any:
        if value.__class__ is not dict:
            raise MalformedError("must be an object")
        return {name: None if entry is None else element(entry, element_type) for name, entry in value.items()}

    return mapping


def _tagged_hook(annotation: Any) -> Hook:
    tag, by_name, other = _TAGGED[frozenset(get_args(annotation))]
    hooks = {name: _hook_of_present(cls) for name, cls in by_name.items()}
    fallback = _hook_of_present(other)

    def tagged(value: Any, _: Any) -> Any:
        if value.__class__ is not dict:
            raise MalformedError("must be an object")
        name = value.get(tag)
        return (hooks.get(name, fallback) if name.__class__ is str else fallback)(value, None)

    return tagged


def _model_hook(cls: Any) -> Hook:
    construct = _CONSTRUCTORS[cls] = compile_constructor(cls, readers_of(cls), structurer(cls))

    def model(value: Any, _: Any) -> Any:
        if value.__class__ is not dict:
            raise MalformedError("must be an object")
        return construct(value)

    return model


@per_class
def structurer(cls: Any) -> Callable[[dict[str, Any]], Any]:
    """Structures objects of a class, whatever their shape."""
    attrs.resolve_types(cls)
    names = wire_names(cls)
    known = frozenset(names.values())
    nullable = _nullable(cls)
    overrides: dict[str, Any] = {name: override(rename=wire) for name, wire in names.items()}
    build = make_dict_structure_fn(
        cls, CONVERTER, _cattrs_detailed_validation=False, extra=override(omit=True), **overrides
    )
    order = tuple(names.values())
    is_line = cls in {CartItem, SalesTaxItem}
    absences = _absences(cls)

    def generic(value: dict[str, Any]) -> Any:
        instance = build(value, cls)
        arrays = (
            [name for name in value.keys() & absences.keys() if absences[name](value[name])] if absences else []
        )
        if arrays or None in value.values() or not value.keys() <= known:
            extra = {
                name: entry
                for name, entry in value.items()
                if name not in known or name in arrays or (entry is None and name not in nullable)
            }
            if extra:
                object.__setattr__(instance, "extra", ReadOnlyDict(extra))
        if is_line:
            _keep_wire(instance, value, order)
        return instance

    return generic


def _absences(cls: type[Model]) -> dict[str, Callable[[Any], bool]]:
    """For members that may be an array in place of an absent value, by wire name: whether a value is that."""
    types = types_of(cls)
    found = {member: absent_as_array(types[name]) for name, member in wire_names(cls).items()}
    return {member: is_absent for member, is_absent in found.items() if is_absent is not None}


@per_class
def types_of(cls: type[Model]) -> Mapping[str, Any]:
    """The annotations of a class, by attribute."""
    attrs.resolve_types(cls)
    return {attribute.name: attribute.type for attribute in attrs.fields(cls)}


@per_class
def readers_of(cls: type[Model]) -> Mapping[str, MemberReader]:
    """How a constructor reads each member."""
    types = types_of(cls)
    return {name: _reader(types[name]) for name in wire_names(cls)}


def _reader(annotation: Any) -> MemberReader:
    """How a constructor reads a member whose kind is known to be right."""
    if annotation is Any:
        return MemberReader()
    kinds = alternatives(annotation)
    if is_plain(annotation):
        accepts = frozenset(cast("type", json_class(kind)) for kind in kinds) | {NoneType}
        return MemberReader(nullable=Clear in get_args(annotation), table=_constants(kinds), accepts=accepts)
    accepted = list if get_origin(kinds[0]) is tuple else dict
    return MemberReader(hook=_hook_of_present(annotation), accepts=frozenset({accepted, NoneType}))


def _hook_of_present(annotation: Any) -> Hook:
    """Structures a value that is there, and of the kind that the hook of its annotation would accept."""
    kinds = alternatives(annotation)
    hook = structure_hook(kinds[0] if len(kinds) == 1 else annotation)
    is_absent = absent_as_array(annotation)
    if (
        is_absent is not None and get_origin(kinds[0]) is tuple
    ):  # the class of an object is enough; of an array, its entries decide

        def array(value: Any, _: Any) -> Any:
            if is_absent(value):
                raise AbsentError
            return hook(value, None)

        return array
    return _CONSTRUCTORS.get(kinds[0], hook) if len(kinds) == 1 else hook


def _constants(kinds: tuple[Any, ...]) -> dict[Any, Any]:
    """The enum constants of an open enumeration by their text."""
    return {
        text: constant
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Enum)
        for text, constant in kind._value2member_map_.items()
    }


def _nullable(cls: type[Model]) -> frozenset[str]:
    names = wire_names(cls)
    return frozenset(
        names[attribute.name]
        for attribute in attrs.fields(cls)
        if attribute.name in names and Clear in get_args(attribute.type)
    )


def _keep_wire(line: CartItem | SalesTaxItem, wire: dict[str, Any], order: tuple[str, ...]) -> None:
    """Remember a line's wire form, in canonical member order, so that sending it again renders nothing."""
    if line.extra or tuple(wire) != tuple([name for name in order if name in wire]):
        wire = {name: wire[name] for name in order if name in wire and name not in line.extra} | canonical(
            line.extra
        )
    object.__setattr__(line, "_wire", wire)


def locate(wire: Any, annotation: Any, text: str) -> tuple[str, str]:
    """Where below ``wire`` a value is malformed, found by trying its parts: only runs once something is."""
    kinds = alternatives(annotation)
    for name, entry, part_type in _parts(wire, kinds):
        try:
            structure_hook(part_type)(entry, part_type)
        except MalformedError as error:
            below, reason = locate(entry, part_type, str(error))
            return f"/{escape(name)}{below}", reason
    return "", text


def _parts(wire: Any, kinds: tuple[Any, ...]) -> list[tuple[str, Any, Any]]:
    kind = kinds[0]
    if isinstance(wire, dict) and frozenset(kinds) in _TAGGED:
        tag, by_name, other = _TAGGED[frozenset(kinds)]
        name = wire.get(tag)
        kind = by_name.get(name, other) if isinstance(name, str) else other
    if isinstance(wire, dict) and isinstance(kind, type) and issubclass(kind, Model):
        types = {attribute.name: attribute.type for attribute in attrs.fields(kind)}
        return [
            (name, wire[name], types[attribute]) for attribute, name in wire_names(kind).items() if name in wire
        ]
    if isinstance(wire, dict) and get_origin(kind) is Mapping:
        return [(name, entry, get_args(kind)[1]) for name, entry in wire.items()]
    if isinstance(wire, list) and get_origin(kind) is tuple:
        return [(str(index), entry, get_args(kind)[0]) for index, entry in enumerate(wire)]
    return []


def _has_origin(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) == origin


def _learn_to_structure(converter: Converter) -> None:
    # Later registrations are asked first; what is registered for a class is asked before any factory.
    converter.register_structure_hook_factory(is_optional, _optional_hook)
    converter.register_structure_hook_factory(_has_origin(tuple), _array_hook)
    converter.register_structure_hook_factory(_has_origin(Mapping), _map_hook)
    converter.register_structure_hook_factory(lambda kind: frozenset(get_args(kind)) in _TAGGED, _tagged_hook)
    converter.register_structure_hook_factory(
        lambda kind: isinstance(kind, type) and issubclass(kind, Model), _model_hook
    )
    converter.register_structure_hook_factory(is_plain, _plain_hook)
    for kind in SCALARS:
        converter.register_structure_hook(kind, _plain_hook(kind))


_learn_to_structure(CONVERTER)
