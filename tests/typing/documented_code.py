"""Write the code of README and of docstrings out as files of a user, for type checkers.

``python tests/typing/documented_code.py FOLDER`` writes them, for ``mypy --strict`` and pyright.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import sys
import textwrap
from pathlib import Path

import briqpay_async

# What examples take as given.
GIVEN = """# pyright: basic
from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import aiohttp

from briqpay_async import *


class Row(NamedTuple):
    session_id: str
    patch: SessionPatch


async def example(
    briqpay: BriqpayClient, session: Session, session_id: str, username: str, secret: str, rows: Iterable[Row]
) -> None:
    def read_rows() -> Iterable[Row]:
        return rows

"""


def of_readme() -> dict[str, str]:
    """The programs of README: each stands alone."""
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    cart = blocks[0].partition("async def main")[0]  # later blocks take it as given
    return {
        f"readme_{number}.py": block
        if "CART" not in block or block is blocks[0]
        else f"# pyright: basic\n{cart}{block}"
        for number, block in enumerate(blocks, 1)
    }


def of_docstrings() -> dict[str, str]:
    """The examples of public classes and methods, each in a function that has what it takes as given."""
    found: dict[str, str] = {}
    for name in briqpay_async.__all__:
        thing = getattr(briqpay_async, name)
        members = list(vars(thing).items()) if inspect.isclass(thing) else []
        for member, owner in [("", thing), *members]:
            if not (inspect.isclass(owner) or callable(owner)):
                continue
            examples = doctest.DocTestParser().get_examples(inspect.getdoc(owner) or "")
            if code := "".join(example.source for example in examples):
                ast.parse(f"async def example():\n{textwrap.indent(code, '    ')}")
                found[f"docstring_{name}_{member}.py"] = GIVEN + textwrap.indent(code, "    ")
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', "utf-8")
    files = {**of_readme(), **of_docstrings()}
    for file, source in files.items():
        (folder / file).write_text(source, "utf-8")
    print(f"{len(files)} files in {folder}")  # noqa: T201
