"""Sessions that survive a restart of the sandbox, also a violent one."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from sandbox.sandbox_samples import MUG, SESSION, Shop, basic, bent

from briqpay_async.sandbox import Sandbox
from briqpay_async.sandbox.state.state_file import FiledDict, StateFile

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


async def with_shop(sandbox: Sandbox, work: Any) -> Any:
    headers = {"Authorization": basic(sandbox.username, sandbox.secret)}
    async with sandbox, aiohttp.ClientSession(sandbox.url, headers=headers) as http:
        return await work(Shop(http))


async def test_sessions_tokens_and_pages_survive_a_restart(file: Path) -> None:
    first = Sandbox(state=file)

    async def live(shop: Shop) -> str:
        session_id = await shop.create(bent(SESSION, "product/intent", "payment_tokenize_and_charge"))
        await shop.patch(session_id, {"data": {"billing": {"city": "Lund"}}})
        await shop.call("POST", "/v3/hosted-page", {"sessionId": session_id})
        first.complete(session_id)
        await shop.capture(session_id, MUG)
        return session_id

    session_id = await with_shop(first, live)
    second = Sandbox(state=file)
    assert dict(second.sessions) == {}

    async def look(shop: Shop) -> None:
        assert second.sessions == first.sessions
        assert second.tokens == first.tokens
        assert second.hosted_pages == first.hosted_pages
        assert (len(second.tokens), len(second.hosted_pages)) == (1, 1)
        assert (await shop.refund(session_id, MUG))[0] == 201

    await with_shop(second, look)


async def test_a_restart_does_not_give_out_the_same_ids_again(file: Path) -> None:
    ids = {await with_shop(Sandbox(state=file, seed=1), Shop.create) for _ in range(3)}
    assert len(ids) == 3
    assert await with_shop(Sandbox(seed=1), Shop.create) in ids  # the first start keeps the promise of the seed


async def test_a_reset_empties_the_file(file: Path) -> None:
    sandbox = Sandbox(state=file)
    await with_shop(sandbox, Shop.create)
    async with sandbox:
        sandbox.reset()
    async with Sandbox(state=file) as again:
        assert dict(again.sessions) == {}


async def test_what_happens_while_it_does_not_listen_is_in_the_file_once_it_does(file: Path) -> None:
    sandbox = Sandbox(state=file)
    session_id = await with_shop(sandbox, Shop.create)
    sandbox.complete(session_id)
    async with sandbox:
        pass
    async with Sandbox(state=file) as again:
        assert again.sessions[session_id]["status"] == "completed"


async def test_two_sandboxes_cannot_use_one_file(file: Path) -> None:
    async with Sandbox(state=file):
        with pytest.raises(ValueError, match="another sandbox may be using it"):
            await Sandbox(state=file).start()


@pytest.mark.parametrize("content", [b"hello, this is not a database at all" * 20, None])
def test_a_file_of_something_else_is_left_alone(file: Path, content: bytes | None) -> None:
    if content is None:
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE orders (id INTEGER)")
        other.close()
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="is not a state file of the sandbox"):
        Sandbox(state=file).in_thread().start()
    assert file.read_bytes() == before


async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Sandbox(state=tmp_path / "nowhere" / "sandbox.db").start()


async def test_a_port_that_is_taken_leaves_the_file_free(file: Path) -> None:
    async with Sandbox() as other:
        with pytest.raises(OSError, match="in use"):
            await Sandbox(state=file, port=int(other.url.rpartition(":")[2])).start()
    async with Sandbox(state=file):
        pass


def test_no_other_user_may_read_the_file(file: Path) -> None:
    with Sandbox(state=file).in_thread():
        assert file.stat().st_mode & 0o077 == 0


def test_a_dict_in_a_file_refuses_changes_that_would_not_reach_it(file: Path) -> None:
    opened, documents = StateFile(file), FiledDict()
    documents["before"] = {}
    documents.file_in(opened, "room")
    documents["a"] = {"n": 1}
    documents["b"] = {"n": 2}
    del documents["a"]
    assert documents.pop("before") == {}
    assert documents.pop("never", None) is None
    with pytest.raises(TypeError, match="would not reach the file"):
        documents.update({"c": {}})
    assert opened.load("room") == {"b": {"n": 2}} == documents
    documents.leave_file()
    documents["d"] = {}
    del documents["d"]
    documents.clear()
    assert opened.load("room") == {"b": {"n": 2}}
    opened.close()


def test_a_sandbox_that_is_killed_has_lost_nothing_that_was_answered(file: Path) -> None:
    command = [sys.executable, "-m", "briqpay_async.sandbox", "--port", "0", "--state", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = re.search(r"http://\S+", program.stdout.readline())
        assert url is not None
        request = urllib.request.Request(  # noqa: S310 (loopback)
            f"{url.group()}/v3/session",
            method="POST",
            data=orjson.dumps(SESSION),
            headers={
                "Authorization": basic("sandbox-merchant", "sandbox-secret"),
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (loopback)
            created = orjson.loads(answer.read())
        program.send_signal(signal.SIGKILL)
        program.wait(10)
    opened = StateFile(file)
    assert opened.load("sessions")[created["sessionId"]]["status"] == "started"
    opened.close()
