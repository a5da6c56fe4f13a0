"""What the API demands of a member beyond its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import attrs

__all__ = ["Limits", "member"]


@attrs.frozen(kw_only=True)
class Limits:
    """What the API demands of a member beyond its type.

    Attributes:
        wire: Name on the wire, where it is not the camelCase of the attribute's name.
        required: The member must be present when its object is sent.
        max_length: Most characters (or entries).
        min_length: Fewest characters (or entries).
        minimum: Smallest number.
        choices: The only numbers accepted.
        form: A check of the form of a text (see ``formats``): returns what it should be, ``None`` when it fits.
    """

    wire: str | None = None
    required: bool = False
    max_length: int | None = None
    min_length: int | None = None
    minimum: int | None = None
    choices: tuple[int, ...] | None = None
    form: Callable[[str], str | None] | None = None


NO_LIMITS: Final = Limits()


def member(
    *,
    default: Any = None,
    wire: str | None = None,
    required: bool = False,
    max_length: int | None = None,
    min_length: int | None = None,
    minimum: int | None = None,
    choices: tuple[int, ...] | None = None,
    form: Callable[[str], str | None] | None = None,
    converter: Callable[[Any], Any] | None = None,
    hashed: bool = True,
) -> Any:
    """An attribute that is absent by default, with its limits (see ``Limits``). Annotate it with its type."""
    limits = Limits(
        wire=wire,
        required=required,
        max_length=max_length,
        min_length=min_length,
        minimum=minimum,
        choices=choices,
        form=form,
    )
    return attrs.field(
        default=default, converter=converter, hash=None if hashed else False, metadata={"limits": limits}
    )


def limits_of(attribute: attrs.Attribute[Any]) -> Limits:
    """The limits declared for an attribute."""
    return cast("Limits", attribute.metadata.get("limits", NO_LIMITS))
