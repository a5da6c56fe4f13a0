"""The API reference: it is built without a warning, its examples run, and every public name leads to one."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from reference.build import PUBLIC, anchor, sections, used_in

from briqpay_async import BriqpayClient, RetryPolicy
from briqpay_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent


async def test_the_examples_run_from_the_first_to_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    retry = RetryPolicy(base=0.001, cap=0.002)
    async with (
        Sandbox() as sandbox,
        BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, retry=retry) as briqpay,
    ):
        names: dict[str, Any] = {
            "__name__": "examples",
            "briqpay": briqpay,
            "sandbox": sandbox,
            "folder": tmp_path,
        }
        for title, example in sections().items():
            code: CodeType = compile(example, title, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            running = eval(code, names)  # noqa: S307 - our own examples
            if inspect.iscoroutine(running):
                await running
    assert "1 done, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_has_an_example_or_is_used_in_one(module: str) -> None:
    room = importlib.import_module(module)
    used = set().union(*map(used_in, sections().values()))
    has_one = {name for name in room.__all__ if ">>>" in (inspect.getdoc(getattr(room, name)) or "")}
    assert set(room.__all__) - used - has_one == set()


class _Anchors(HTMLParser):
    """The addresses within a page, and those that it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.here: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.here |= {found["id"] or ""} if "id" in found else set()
        self.links |= {found["href"] or ""} if tag == "a" and "href" in found else set()


def test_it_is_built_without_a_warning_and_its_links_lead_to_the_examples(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests/reference/build.py", tmp_path, "--without-source"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first = _Anchors((tmp_path / "briqpay_async.html").read_text("utf-8"))
    assert {anchor(title) for title in sections()} <= first.here
    for module in PUBLIC:
        page = _Anchors((tmp_path / f"{module.replace('.', '/')}.html").read_text("utf-8"))
        assert set(importlib.import_module(module).__all__) - {"__version__"} <= page.here
        examples = {link.split("#")[1] for link in page.links if re.search(r"briqpay_async\.html#[a-z-]+$", link)}
        assert examples <= first.here
    webhooks = (tmp_path / "briqpay_async/webhooks.html").read_text("utf-8")
    assert 'In an example: <a href="../briqpay_async.html#webhooks">Webhooks</a>' in webhooks
