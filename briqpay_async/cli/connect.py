"""What the groups of commands share: a client out of the environment, and how options are written."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from cyclopts import Parameter

from briqpay_async.cli.exits import InputError, one_line
from briqpay_async.cli.output import narrated, say
from briqpay_async.client import BriqpayClient
from briqpay_async.config import RateLimit
from briqpay_async.errors import ConfigurationError
from briqpay_async.transport.requests import Fields

__all__ = ["File", "Flag", "Names", "Pairs", "call_api", "fields_of", "pairs_of", "rate_of"]

T = TypeVar("T")
# Without this a lone - is taken for an option.
File = Annotated[str, Parameter(allow_leading_hyphen=True)]
Flag = Annotated[bool, Parameter(negative="")]
Names = Annotated[list[str] | None, Parameter(negative="")]
Pairs = Annotated[list[str] | None, Parameter(negative="")]


def call_api(work: Callable[[BriqpayClient], Awaitable[T]]) -> T:
    """Do something with a client that the environment describes. What it logs and warns of goes to stderr."""

    async def connected() -> T:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client = BriqpayClient.from_env()
        for warning in caught:
            say(f"briqpay: {one_line(str(warning.message))}")
        async with client as briqpay:
            return await work(briqpay)

    with narrated():
        return asyncio.run(connected())


def fields_of(given: list[str] | None) -> Fields:
    """Return the names that several ``--fields`` options ask for; ``none`` alone asks for nothing."""
    if given is None:
        return None
    names = [name.strip() for text in given for name in text.split(",")]
    return "none" if names == ["none"] else names


def pairs_of(given: list[str] | None, option: str) -> dict[str, str]:
    """Return what options like ``--line sku=2`` say, by name.

    Raises:
        InputError: One has no ``=``, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in given or ():
        # The name may have a = of its own, as some article numbers do, so the last one parts them for --line.
        name, equals, value = text.rpartition("=") if option == "--line" else text.partition("=")
        if not equals or not name:
            raise InputError(f"{option} takes NAME=VALUE, not {text!r}")
        if name in pairs:
            raise InputError(f"{option} names {name!r} twice")
        pairs[name] = value
    return pairs


def rate_of(text: str) -> RateLimit:
    """Return the rate that an option like ``--rate 50/s`` names.

    Raises:
        InputError: It names none.
    """
    number = text.removesuffix("/s")
    try:
        return RateLimit(float(number))
    except (ValueError, ConfigurationError) as error:
        raise InputError(f"--rate must be requests a second such as 50/s, not {text}") from error
