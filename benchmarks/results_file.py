"""``results/latest.json``: what was measured last, a section a program."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["LATEST", "load", "save"]

LATEST = Path(__file__).with_name("results") / "latest.json"
_PACKAGES = (
    "aiohttp",
    "attrs",
    "cattrs",
    "orjson",
    "tenacity",
    "uvloop",
    "httpx",
    "pydantic",
    "requests",
    "openai",
)


def load(path: Path = LATEST) -> dict[str, Any]:
    """All sections; none when nothing was measured yet."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def save(section: str, figures: Any, path: Path = LATEST) -> None:
    """Put the figures of one program beside those of the others, with what they were taken with."""
    document = load(path) | {section: {"taken_with": _taken_with(), "figures": figures}}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def _taken_with() -> dict[str, str]:
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
