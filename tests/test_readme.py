"""The README keeps what it promises: its examples run, and the commands it shows exist."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestServer
from support.shop import data, line, new_session
from support.valkey import valkey_server
from testing.users_project import run

from briqpay_async import Address, BriqpayClient, EditableData, Session, SessionPatch
from briqpay_async.cli import main
from briqpay_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def example(containing: str) -> str:
    (found,) = [block for block in PYTHON if containing in block]
    return str(found)


def namespace(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 - our own README
    return names


@pytest.fixture
async def session(client: BriqpayClient) -> Session:
    return await client.sessions.create(new_session(data(line("sku-1"))))


async def test_the_first_example_runs_from_zero() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", example("CART = "), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert output == b"149700 paid, 149700 captured, in minor units\n"


LINKS = re.findall(r"\]\(([^)\s]+)\)", README)


@pytest.mark.parametrize("link", sorted({link for link in LINKS if not link.startswith(("https://", "#"))}))
def test_everything_that_it_links_to_is_there(link: str) -> None:
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("link", sorted({link for link in LINKS if link.startswith("#")}))
def test_every_section_that_it_links_to_is_there(link: str) -> None:
    titles = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert link.removeprefix("#") in {title.lower().replace(" ", "-") for title in titles}


def test_an_index_shows_absolute_links_only() -> None:
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    shown = README
    for each in hatch["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        shown = re.sub(each["pattern"], each["replacement"], shown)
    links = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert len(links) == len(LINKS)
    pictures = [link for link in links if link.endswith((".png", ".svg"))]
    assert {link.split("/")[2] for link in pictures} == {"raw.githubusercontent.com"}


def test_it_is_short_enough_to_be_read() -> None:
    assert len(README.encode()) < 40_000


@pytest.mark.parametrize("recipe", sorted(path.name for path in (ROOT / "tests/recipes").glob("*.py")))
def test_every_recipe_is_linked_with_a_sentence(recipe: str) -> None:
    is_a_program = not recipe.startswith(("test_", "conftest")) or recipe == "test_my_shop.py"
    if is_a_program and recipe != "shop_visitors.py":  # visitors of the two shops, for their tests
        assert f"(tests/recipes/{recipe})" in README


async def test_the_patch_example_sends_one_member(
    client: BriqpayClient, session: Session, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    await namespace(example("async def move"))["move"](client, session.session_id)
    assert capsys.readouterr().out.splitlines()[0] == "{'data': {'billing': {'city': 'Malmö'}}}"
    assert sandbox.journal[-1].body == '{"data":{"billing":{"city":"Malmö"}}}'.encode()


async def test_the_order_example_captures_and_refunds(
    client: BriqpayClient, session: Session, sandbox: Sandbox
) -> None:
    sandbox.complete(str(session.session_id))
    refund = await namespace(example("async def ship"))["ship"](client, session.session_id)
    assert refund.is_settled
    assert [effect.kind for effect in sandbox.effects_of(str(session.session_id))][-2:] == ["capture", "refund"]


async def test_the_options_example_makes_a_client() -> None:
    names = namespace(example("class Watch"))
    assert isinstance(names["briqpay"], BriqpayClient)
    assert isinstance(names["patient"], BriqpayClient)
    await names["briqpay"].aclose()


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    cart = example("CART = ").partition("async def main")[0]
    done = run(tmp_path, example("async def add_kettle"), "-p", "no:asyncio", "-p", "no:anyio", head=cart)
    assert (done.status, done.counts) == (0, {"passed": 1}), done.text


def test_the_blocking_example_makes_a_client() -> None:
    assert type(namespace(example("BlockingBriqpayClient("))["briqpay"]).__name__ == "BlockingBriqpayClient"


async def test_the_example_of_worker_pools_sends_an_update(
    sandbox: Sandbox, client: BriqpayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("USERNAME", sandbox.username), ("SECRET", sandbox.secret), ("BASE_URL", sandbox.url)):
        monkeypatch.setenv(f"BRIQPAY_{name}", value)
    session_id = (await client.sessions.create(new_session())).id
    with valkey_server() as server:
        names = namespace(example("BriqpayTasks").replace("redis://localhost", server.connection_url))
        await names["tasks"].update(session_id, SessionPatch.of(data=EditableData(billing=Address(city="Ystad"))))
        await names["broker"].wait_all()
        await names["broker"].shutdown()
    assert sandbox.sessions[session_id]["data"]["billing"]["city"] == "Ystad"


def test_every_example_is_run_by_a_test() -> None:
    assert len(PYTHON) == 8


def test_the_commands_install_extras_and_programs_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(SHELL) == 2
    for block in SHELL:
        (command,) = block.strip().splitlines()
        words = shlex.split(command)
        extras = [extra for word in words if (extra := re.search(r"\[(\w+)\]", word))]
        assert extras
        assert all(extra.group(1) in project["optional-dependencies"] for extra in extras)
    assert SHELL[0].strip().endswith(".venv/bin/briqpay demo")
    assert SHELL[1].strip().endswith(".venv/bin/pytest -n auto --dist worksteal")
    assert "briqpay" in project["scripts"]


@pytest.mark.parametrize("name", re.findall(r"`(\w+Error)`", README))
def test_every_error_named_in_the_readme_exists(name: str) -> None:
    import briqpay_async

    assert name == "TimeoutError" or issubclass(getattr(briqpay_async, name), briqpay_async.BriqpayError)


async def test_the_endpoint_of_the_readme_takes_a_webhook_once_and_refuses_a_forged_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # the inbox's file
    monkeypatch.setenv("BRIQPAY_WEBHOOK_SECRET", "try-it")
    names = namespace(example("def make_shop()"))
    async with TestServer(names["make_shop"]()) as shop:
        send = ["webhook", "send", "order_status", "--session", "c5674f4f-7e84-405c-a44b-c83736bb7209"]
        to = ["--to", str(shop.make_url("/webhooks/briqpay"))]
        answers = []
        for options in ([], [], ["--forge"]):
            await asyncio.to_thread(main, [*send, *to, *options])
            out = capsys.readouterr().out
            answers.append(out[out.index("{\n") :])
            assert ("pack the order" in out) is (len(answers) == 1)
    assert [orjson.loads(answer)["answer"] for answer in answers] == ["handled", "handled before", "mismatch"]
