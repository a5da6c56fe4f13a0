"""A project of a user: one test file, no conftest, and the plugin as an installed wheel offers it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

# What a user does not have. Schemathesis alone takes longer to load than the tests take to run.
_NOT_THEIRS: Final = ("schemathesis", "hypothesispytest", "pytest_cov", "valkey", "cacheprovider")
# Without a program that imports anything else first, and with a shop to test.
HEAD: Final = """
    import asyncio, sys
    import pytest
    from briqpay_async import CartItem, EditableData, NewSession, Order, OutcomeUnknownError, Product, Urls

    KETTLE = CartItem(product_type="physical", reference="kettle", name="Kettle", quantity=1, quantity_unit="pcs",
                      unit_price=39_920, tax_rate=2500)
    CART = NewSession(product=Product(type="payment", intent="payment_one_time"), customer_type="consumer",
                      country="SE", locale="sv-se",
                      urls=Urls(terms="https://shop.example/terms", redirect="https://shop.example/thanks"),
                      data=EditableData(order=Order.of("SEK", [KETTLE])))
"""


@attrs.frozen
class Run:
    """How a run of pytest ended.

    Attributes:
        status: Exit status.
        text: What it printed.
    """

    status: int
    text: str

    @property
    def counts(self) -> dict[str, int]:
        """How many tests passed, failed and so on."""
        last = self.text.strip().splitlines()[-1] if self.text.strip() else ""
        return {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}


def install(folder: Path) -> None:
    """Put there what a wheel puts beside the package: the plugin's module, and the entry point that names it."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in wheel["force-include"].items():
        shutil.copy(ROOT / source, folder / target)
    metadata = folder / "briqpay_async-9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: briqpay-async\nVersion: 9\n")
    points = PROJECT["project"]["entry-points"]["pytest11"]
    lines = [f"{name} = {module}\n" for name, module in points.items()]
    (metadata / "entry_points.txt").write_text("[pytest11]\n" + "".join(lines))


def run(folder: Path, tests: str, *options: str, head: str = HEAD) -> Run:
    """Run a project of one test file in a process of its own, with every warning an error."""
    (folder / "site").mkdir()
    install(folder / "site")
    (folder / "test_shop.py").write_text(textwrap.dedent(head) + textwrap.dedent(tests))
    without = [word for name in _NOT_THEIRS for word in ("-p", f"no:{name}")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", *without, *options],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT}", "PYTEST_ADDOPTS": ""},
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)
