"""Is the server's state the one intended? A comparison of JSON that owes nothing to the client."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from briqpay_async.cli.demo.cart_math import Json

__all__ = ["differences", "mismatches"]

# What an update moves by itself; everything else stays as it was created.
_MOVES: Final = frozenset({"status", "moduleStatus"})
_SHOWN: Final = 5


def differences(wanted: Any, got: Any, pointer: str = "") -> Iterator[str]:
    """JSON pointers of everything in which two JSON values differ; ``1``, ``1.0`` and ``true`` are different."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for name in sorted(wanted.keys() | got.keys()):
            if name in wanted and name in got:
                yield from differences(wanted[name], got[name], f"{pointer}/{name}")
            else:
                yield f"{pointer}/{name}"
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for index, (one, other) in enumerate(zip(wanted, got, strict=True)):
            yield from differences(one, other, f"{pointer}/{index}")
    elif type(wanted) is not type(got) or wanted != got:
        yield pointer


def mismatches(created: Json, wanted: Json, stored: Json, read: Any) -> tuple[str, ...]:
    """What is wrong with a session after its update: the first few places, none when all is as intended.

    Args:
        created: The session as the server stored it before the update.
        wanted: The ``data`` intended.
        stored: The session as the server stores it now.
        read: The ``data`` that the client reads back.
    """
    intended = {**_still(created), "data": wanted}
    return (
        *(f"stored {pointer}" for pointer in islice(differences(intended, _still(stored)), _SHOWN)),
        *(f"read {pointer}" for pointer in islice(differences(wanted, read, "/data"), _SHOWN)),
    )


def _still(session: Json) -> Json:
    return {name: value for name, value in session.items() if name not in _MOVES}
