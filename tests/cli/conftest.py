"""The command as tests run it: in this process, in a thread of its own, against a sandbox on a socket."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import orjson
import pytest
from support import shop
from support.shop import data, line

from briqpay_async import Address, unstructure
from briqpay_async.cli import main
from briqpay_async.sandbox import Sandbox

USERNAME = "merchant-of-the-tests"
SECRET = "a-secret-that-no-output-may-show"


class Result(NamedTuple):
    """How a run ended: exit status, stdout and stderr."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return orjson.loads(self.out)

    @property
    def line(self) -> str:
        """Stderr, which must be one line."""
        line, newline, rest = self.err.partition("\n")
        assert (newline, rest) == ("\n", "")
        return line


Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line and return how it ended. Whatever happens, the secret is not shown."""

    async def run_it(*argv: str | Path, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = await asyncio.to_thread(main, [str(argument) for argument in argv])
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        assert "Traceback" not in err
        return Result(status, out, err)

    return run_it


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """A sandbox that the environment describes."""
    async with Sandbox(seed=1, username=USERNAME, secret=SECRET) as running:
        monkeypatch.setenv("BRIQPAY_USERNAME", USERNAME)
        monkeypatch.setenv("BRIQPAY_SECRET", SECRET)
        monkeypatch.setenv("BRIQPAY_BASE_URL", running.url)
        monkeypatch.delenv("BRIQPAY_ENVIRONMENT", raising=False)
        yield running


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write a JSON value, or bytes as they are, to a file."""

    def save_it(content: Any, name: str = "file.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        return path

    return save_it


@pytest.fixture
def new_session() -> dict[str, Any]:
    """The body that creates a session with two lines and two addresses."""
    chair = line("chair", name="Stol i björk", quantity=2, extra={"shelf": "B4"})
    delivery = line("delivery", product_type="shipping_fee", unit_price=5000)
    billing = Address(city="Malmö", zip="211 22", email="buyer@example.com")
    state = data(chair, delivery, billing=billing, shipping=Address(city="Lund", zip="223 50"))
    return dict(unstructure(attrs.evolve(shop.new_session(state), references={"reference1": "42"})))


@pytest.fixture
async def session_id(sandbox: Sandbox, run: Run, save: Callable[..., Path], new_session: dict[str, Any]) -> str:
    """A session in the sandbox, made by the command itself."""
    result = await run("session", "create", save(new_session, "new.json"))
    return str(result.document["sessionId"])
