"""The command line writes on stderr what it did and what went wrong, and no personal data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from system.privacy.canaries import (
    DATA,
    EMAIL,
    NEW,
    PERSONAL_NUMBER,
    SECRET,
    USERNAME,
    Net,
    listening,
    wanted,
)

from briqpay_async import unstructure
from briqpay_async.cli import main
from briqpay_async.sandbox import Sandbox

Run = Callable[..., Awaitable[int]]


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox(username=USERNAME, secret=SECRET) as running:
        monkeypatch.setenv("BRIQPAY_USERNAME", USERNAME)
        monkeypatch.setenv("BRIQPAY_SECRET", SECRET)
        monkeypatch.setenv("BRIQPAY_BASE_URL", running.url)
        monkeypatch.delenv("BRIQPAY_ENVIRONMENT", raising=False)
        yield running


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; all that it writes for people is searched for canaries."""

    async def run_it(*argv: str | Path) -> int:
        net = Net()
        with listening(net):
            status = await asyncio.to_thread(main, [str(argument) for argument in argv])
        _documents, stderr = capfd.readouterr()
        net.add("stderr", stderr)
        assert stderr
        assert net.leaks() == set()
        return status

    return run_it


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Any], Path]:
    def save_it(content: Any) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        return path

    return save_it


Save = Callable[[Any], Path]

BEFORE = {"data": unstructure(DATA)}
AFTER = {"data": unstructure(wanted(DATA))}


async def test_the_explanation_of_a_diff_hides_values(run: Run, save: Save) -> None:
    assert await run("session", "diff", save(BEFORE), save(AFTER)) == 0


async def test_a_change_that_cannot_be_sent_is_named_without_its_value(run: Run, save: Save) -> None:
    assert await run("session", "diff", save(AFTER), save({"data": {"billing": {"city": "Lund"}}})) == 2


@pytest.mark.parametrize(
    "content",
    [
        f'{{"data": {{"billing": {{"email": "{EMAIL}"'.encode(),
        orjson.dumps([EMAIL]),
        orjson.dumps({"data": {"billing": [EMAIL], "consumer": PERSONAL_NUMBER}}),
        orjson.dumps({"data": {"billing": {"email": EMAIL * 9}}, "country": PERSONAL_NUMBER}),
    ],
    ids=["half", "array", "kinds", "limits"],
)
@pytest.mark.usefixtures("sandbox")
async def test_an_invalid_file_is_named_and_not_quoted(run: Run, save: Save, content: bytes) -> None:
    assert await run("session", "create", save(content)) == 2


@pytest.mark.usefixtures("sandbox")
async def test_a_session_that_breaks_every_rule_is_described_by_pointers(run: Run, save: Save) -> None:
    document = {
        "country": PERSONAL_NUMBER,
        "locale": EMAIL,
        "urls": {"terms": EMAIL, "redirect": EMAIL},
        "data": {"billing": {"email": EMAIL * 9}, "consumer": {"dateOfBirth": PERSONAL_NUMBER}},
    }
    assert await run("session", "create", save(document)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 400, "body": f"<p>{EMAIL}</p>"},
        {"kind": "status", "status": 429, "retry_after": 0, "times": 1},
        {"kind": "status", "status": 503},
        {"kind": "apply_then_drop"},
        {"kind": "malformed_json"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}".strip(),
)
async def test_a_call_that_goes_wrong_is_reported_without_what_was_sent(
    run: Run, save: Save, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    sandbox.faults.add(**fault)
    assert await run("session", "create", save(unstructure(NEW))) == (0 if fault.get("times") else 1)


WRONG = {
    "a wrong secret": {"BRIQPAY_SECRET": f"{SECRET}-2"},
    "a broken secret": {"BRIQPAY_SECRET": f"{SECRET}\t"},
    "an environment": {"BRIQPAY_ENVIRONMENT": SECRET},
    "a url with credentials": {"BRIQPAY_BASE_URL": f"http://{USERNAME}:{SECRET}@127.0.0.1:1"},
    "no url": {"BRIQPAY_BASE_URL": f"{SECRET}@127.0.0.1"},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.usefixtures("sandbox")
async def test_settings_that_cannot_work_are_named_and_not_quoted(
    run: Run, save: Save, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    for variable, value in WRONG[wrong].items():
        monkeypatch.setenv(variable, value)
    assert await run("session", "create", save(unstructure(NEW))) > 0
