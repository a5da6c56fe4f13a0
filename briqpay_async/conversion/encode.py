"""Models to JSON values: the outbound half of the converter.

Members come in a fixed order, declared ones first and unknown ones sorted, so that equal models render to equal
bytes. A cart line remembers its rendering: a cart travels whole, but its lines rarely change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from briqpay_async.conversion.json_values import canonical
from briqpay_async.models.base import Clear, Model, wire_names
from briqpay_async.models.cart import CartItem, SalesTaxItem

__all__ = ["CONVERTER", "SCALARS", "alternatives", "render", "render_lines"]

_PLAIN: Final = frozenset({str, int})

CONVERTER: Final = Converter(detailed_validation=False)
"""The only converter. ``converter.py`` teaches it the inbound half."""

SCALARS: Final = frozenset({str, int, float, bool})


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types of a union (or the one type), without ``None`` and ``Clear``."""
    members = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return tuple(kind for kind in members if kind not in {NoneType, Clear})


def render(value: Any) -> Any:
    """The JSON value of a model or of any attribute's value.

    Cart lines and open values are shared with the models, not copied: only read the result.
    """
    handler = _RENDERERS[value.__class__]
    return value if handler is None else handler(value)


def _unstructure_hook(annotation: Any) -> Callable[[Any], Any]:
    kinds = alternatives(annotation)
    if Clear not in get_args(annotation) and all(kind in SCALARS for kind in kinds):
        return CONVERTER.get_unstructure_hook(str)
    if any(get_origin(kind) is tuple and CartItem in get_args(get_args(kind)[0]) for kind in kinds):
        return _lines_or_anything
    return render


def _lines_or_anything(value: Any) -> Any:
    return render_lines(value) if value.__class__ is tuple else render(value)


def _renderer(cls: type[Model]) -> Callable[[Any], Any]:
    attrs.resolve_types(cls)
    names = wire_names(cls)
    overrides: dict[str, Any] = {
        attribute.name: override(
            rename=names[attribute.name],
            omit_if_default=attribute.default is None,
            unstruct_hook=_unstructure_hook(attribute.type),
        )
        for attribute in attrs.fields(cls)
        if attribute.name in names
    }
    build = make_dict_unstructure_fn(cls, CONVERTER, extra=override(omit=True), **overrides)

    def add_unknown(instance: Any, wire: dict[str, Any]) -> None:
        for name, entry in canonical(instance.extra).items():
            wire.setdefault(name, entry)

    def whole(instance: Any) -> Any:
        wire = build(instance)
        if instance.extra:
            add_unknown(instance, wire)
        return wire

    def line(instance: Any) -> Any:
        wire = instance._wire  # noqa: SLF001 - the converter is what fills it
        if wire is None:
            wire = build(instance)
            plain = _PLAIN.issuperset(map(type, wire.values()))
            if instance.extra:
                add_unknown(instance, wire)
            if plain:  # what is remembered can be compared with ``==``, which takes True, 1 and 1.0 for the same
                object.__setattr__(instance, "_wire", wire)
        return wire

    return line if cls in {CartItem, SalesTaxItem} else whole


def _null(_value: Any) -> None:
    return None


def _text_of(value: Any) -> Any:
    return value.value


_remembered = attrgetter("_wire")


def render_lines(lines: tuple[Any, ...]) -> list[Any]:
    """The JSON values of models, at the speed of C for cart lines that remember theirs."""
    try:
        wires = list(map(_remembered, lines))
    except AttributeError:
        return [render(entry) for entry in lines]
    if not all(wires):
        for index, wire in enumerate(wires):
            if not wire:
                wires[index] = render(lines[index])
    return wires


def _list_of(value: Any) -> list[Any]:
    return [render(entry) for entry in value]


def _object_of(value: Any) -> dict[str, Any]:
    return {name: render(entry) for name, entry in value.items()}


class _Renderers(dict[type, "Callable[[Any], Any] | None"]):
    """Renderer by class, made when first needed; ``None`` for what is JSON already."""

    def __missing__(self, cls: type) -> Callable[[Any], Any] | None:
        made: Callable[[Any], Any] | None = None
        if issubclass(cls, Model):
            made = _renderer(cls)
        elif issubclass(cls, Clear):
            made = _null
        elif issubclass(cls, Enum):
            made = _text_of
        elif issubclass(cls, list | tuple):
            made = _list_of
        elif issubclass(cls, Mapping):
            made = _object_of
        self[cls] = made
        return made


_RENDERERS = _Renderers()
