"""Builds the API reference: ``python tests/reference/build.py FOLDER [--without-source]``; a warning is an error.

The first page ends with the examples of ``briqpay_async/examples.md``, and whatever is used in one of them has a
link to it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import typing
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import attrs
import pdoc
import pdoc.render
from hypothesis.strategies import SearchStrategy

import briqpay_async
from briqpay_async import BriqpayClient, Session
from briqpay_async.blocking import BlockingBriqpayClient
from briqpay_async.shared import SharedState
from briqpay_async.testing import strategies

EXAMPLES: Final = Path(briqpay_async.__file__).parent / "examples.md"
# Packages bring their modules along, but for the names in ``__all__`` of a package.
PUBLIC: Final = (
    "briqpay_async",
    "briqpay_async.blocking",
    "briqpay_async.integrations.aiohttp",
    "briqpay_async.integrations.asgi",
    "briqpay_async.integrations.otel",
    "briqpay_async.integrations.starlette",
    "briqpay_async.integrations.taskiq",
    "briqpay_async.sandbox",
    "briqpay_async.shared",
    "briqpay_async.testing.instant",
    "briqpay_async.testing.strategies",
    "briqpay_async.testing.webhooks",
    "briqpay_async.webhooks",
)


def sections() -> dict[str, str]:
    """The sections of the examples: their titles and their code."""
    parts = re.split(r"^## (.+)$", EXAMPLES.read_text("utf-8"), flags=re.MULTILINE)
    return {
        title: "\n".join(re.findall(r"```python\n(.*?)```", body, re.DOTALL))
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def used_in(code: str) -> set[str]:
    """Names and attributes that code uses; imports do not count."""
    tree = ast.parse(code)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def anchor(title: str) -> str:
    """How pdoc names a heading."""
    return re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-")


def resolve_annotations() -> None:
    """Give functions whose code is generated types in place of names, which mean something elsewhere only."""
    for module in map(importlib.import_module, PUBLIC):
        for value in (getattr(module, name) for name in module.__all__):
            if isinstance(value, type) and attrs.has(value):
                fields = attrs.fields(attrs.resolve_types(value))
                types = {field.alias: field.type for field in fields if field.init}
                value.__init__.__annotations__.update(types)  # type: ignore[misc]
    of_client = typing.get_type_hints(
        BriqpayClient.__init__, localns={"SharedState": SharedState, "aiohttp": aiohttp}
    )
    _annotate(BlockingBriqpayClient.__init__, of_client)
    _annotate(inspect.unwrap(strategies.edits), {"return": SearchStrategy[tuple[Session, Session]]})


def _annotate(function: Any, types: Mapping[str, Any]) -> None:
    signature = inspect.signature(function)
    parameters = [
        one.replace(annotation=types.get(name, one.annotation)) for name, one in signature.parameters.items()
    ]
    function.__signature__ = signature.replace(
        parameters=parameters, return_annotation=types.get("return", signature.return_annotation)
    )


def build(folder: Path, *, show_source: bool = True) -> None:
    """Build the pages.

    Args:
        folder: Where to.
        show_source: Whether the pages show the code too, which takes most of the time.
    """
    names = {title: used_in(code) for title, code in sections().items()}

    def examples_of(var: Any) -> list[tuple[str, str]]:
        if "." in var.qualname or not var.qualname:
            return []
        up = "../" * var.modulename.count(".")
        return [
            (title, f"{up}briqpay_async.html#{anchor(title)}") for title, used in names.items() if var.name in used
        ][:1]

    resolve_annotations()
    pdoc.render.configure(docformat="google", show_source=show_source, template_directory=Path(__file__).parent)
    pdoc.render.env.globals["examples_of"] = examples_of
    briqpay_async.__doc__ = f"{briqpay_async.__doc__}\n\n{EXAMPLES.read_text('utf-8')}"
    pdoc.pdoc(*PUBLIC, output_directory=folder)


if __name__ == "__main__":
    warnings.simplefilter("error")
    build(Path(sys.argv[1]), show_source="--without-source" not in sys.argv)
