"""Two readings of what the API does with a PATCH, written for the tests alone, over plain JSON values."""

from __future__ import annotations

import copy
from typing import Any

import orjson

REQUIRED = {"order": {"currency", "amountIncVat", "amountExVat", "cart"}, "tokenization": {"tokenId"}}


def apply(state: dict[str, Any], body: dict[str, Any], reading: str) -> dict[str, Any]:
    """The state after a PATCH: ``field`` merges the members of a section, ``section`` replaces it."""
    after = copy.deepcopy(state)
    for name, section in body.get("data", {}).items():
        _put(after.setdefault("data", {}), name, section, reading)
    upsell = body.get("modules", {}).get("config", {}).get("upsell")
    if upsell is not None:
        _put(after.setdefault("modules", {}).setdefault("config", {}), "upsell", upsell, reading)
    return after


def _put(parent: dict[str, Any], name: str, section: dict[str, Any], reading: str) -> None:
    if reading == "field" and name in parent:
        parent[name] = {**parent[name], **copy.deepcopy(section)}
    else:
        parent[name] = copy.deepcopy(section)


def exactly(value: Any) -> bytes:
    """A JSON value as text in which ``true``, ``1`` and ``1.0`` differ, whatever the order of members."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def follows_schema(body: dict[str, Any]) -> bool:
    """Whether every section that is present has the members that "Update session" of Briqpay's docs requires."""
    data = body.get("data", {})
    return all(names <= data[section].keys() for section, names in REQUIRED.items() if section in data)
