"""Comparing and walking JSON values, without a line of the library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from support.create_payloads import CREATES, DECISIONS, HOSTED_PAGE, HOSTED_PAGE_CONFIG, METADATA, PATCHES
from support.session_payloads import (
    CAPTURE,
    CAPTURE_ANSWER,
    FRESH_SESSION,
    FULL_SESSION,
    HOOKS,
    LINES,
    ODD_SESSION,
    REFUND,
    REFUND_ANSWER,
    TOKEN,
    TRANSACTION,
)

import briqpay_async as bq

_OF_HOOK: dict[str, type[bq.Model]] = {
    "session_status": bq.SessionStatusHook,
    "order_status": bq.OrderStatusHook,
    "capture_status": bq.CaptureStatusHook,
    "refund_status": bq.RefundStatusHook,
    "module_ui_status": bq.OtherHook,
}

# Every kind of document of the API, with the model that reads or writes it.
DOCUMENTS: dict[str, tuple[type[bq.Model], dict[str, Any]]] = {
    **{f"create: {name}": (bq.NewSession, wire) for name, wire in CREATES.items()},
    **{f"patch data: {name}": (bq.EditableData, wire["data"]) for name, wire in PATCHES.items() if "data" in wire},
    **{f"patch modules: {name}": (bq.Modules, w["modules"]) for name, w in PATCHES.items() if "modules" in w},
    "metadata urls": (bq.Urls, METADATA["urls"]),
    **{f"decision: {name}": (bq.Decision, wire) for name, wire in DECISIONS.items()},
    "hosted page config": (bq.HostedPageConfig, HOSTED_PAGE_CONFIG),
    "hosted page": (bq.HostedPage, HOSTED_PAGE),
    "full session": (bq.Session, FULL_SESSION),
    "fresh session": (bq.Session, FRESH_SESSION),
    "odd session": (bq.Session, ODD_SESSION),
    "token": (bq.Token, TOKEN),
    "transaction": (bq.Transaction, TRANSACTION),
    "capture": (bq.Capture, CAPTURE),
    "capture answer": (bq.Capture, CAPTURE_ANSWER),
    "refund": (bq.Refund, REFUND),
    "refund answer": (bq.Refund, REFUND_ANSWER),
    **{
        f"line: {name}": (bq.SalesTaxItem if name == "sales tax" else bq.CartItem, wire)
        for name, wire in LINES.items()
    },
    **{f"hook: {name}": (_OF_HOOK[name], wire) for name, wire in HOOKS.items()},
}


def same(left: Any, right: Any) -> bool:
    """Equality for which ``1``, ``True`` and ``1.0`` differ, and text and its enum constant."""
    if left.__class__ is not right.__class__:
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def fresh(document: Any) -> Any:
    """A copy in which no two places are the same object."""
    return json.loads(json.dumps(document))


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at a path."""
    for step in path:
        document = document[step]
    return document


def changed(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of a document with another value at a path."""
    if not path:
        return value
    document = fresh(document)
    at(document, path[:-1])[path[-1]] = value
    return document


def paths(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document, its root first."""
    yield path
    entries: Any = ()
    if isinstance(document, dict):
        entries = document.items()
    elif isinstance(document, list):
        entries = enumerate(document)
    for step, entry in entries:
        yield from paths(entry, (*path, step))


def pointer(path: tuple[str | int, ...]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
