"""``briqpay webhook``: an endpoint is tried with the command, over a real socket."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import orjson
import pytest
from aiohttp import web

from briqpay_async.cli.webhook.listener import listening
from briqpay_async.testing.webhooks import signed
from briqpay_async.webhooks import HEADER, WebhookEvent, WebhookHandler, WebhookReceiver, sign

ROOT = Path(__file__).parents[2]
KEY = "whsec-of-the-tests"
SESSION_ID = "3d4e7a52-0f6b-4c7e-9a54-8f1f2f0c6b11"
EVENT = {"event": "order_status", "status": "order_pending", "sessionId": SESSION_ID, "reference1": "42"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@attrs.define
class Endpoint:
    """A shop's endpoint: its address, the events it handled, and the raw requests it got."""

    url: str = ""
    events: list[WebhookEvent] = attrs.field(factory=list)
    requests: list[tuple[str, bytes, list[str]]] = attrs.field(factory=list)


@pytest.fixture(autouse=True)
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIQPAY_WEBHOOK_SECRET", raising=False)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    seen = Endpoint()
    handler = WebhookHandler(WebhookReceiver(secrets=(KEY,)), seen.events.append)

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        seen.requests.append((request.path_qs, raw, request.headers.getall(HEADER, [])))

        async def read(_limit: int) -> bytes:
            return raw

        answer = await handler.respond(request.method, request.headers, request.query, read)
        return web.Response(status=answer.status, text=answer.text)

    app = web.Application()
    app.router.add_route("*", "/hook", take)
    app.router.add_get("/moved", _moved)
    app.router.add_post("/moved", _moved)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield seen
    await runner.cleanup()


async def _moved(_request: web.Request) -> web.Response:
    raise web.HTTPTemporaryRedirect("/hook")


async def test_a_signed_webhook_is_sent_and_handled(run: Any, endpoint: Endpoint) -> None:
    result = await run(
        *("webhook", "send", "capture_status", "--session", SESSION_ID, "--capture", "c-1", "--to", endpoint.url),
        *("--secret", KEY, "--reference", "reference1=42"),
    )
    assert (result.status, result.err, result.document) == (0, "", {"status": 200, "answer": "handled"})
    [event] = endpoint.events
    assert (event.name, event.status, event.session_id) == ("capture_status", "approved", SESSION_ID)
    assert (event.verified, event.references) == (True, {"reference1": "42"})
    assert getattr(event, "capture_id", None) == "c-1"


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (("--secret", KEY, "--forge"), "mismatch"),
        (("--forge",), "mismatch"),
        (("--secret", KEY, "--age", "301"), "too_old"),
        (("--secret", KEY, "--age", "-90"), "in_the_future"),
        ((), "missing"),
        (("--get",), "missing"),
    ],
)
async def test_an_endpoint_refuses_what_is_not_proven(
    run: Any, endpoint: Endpoint, options: tuple[str, ...], answer: str
) -> None:
    result = await run("webhook", "send", "order_status", "--session", SESSION_ID, "--to", endpoint.url, *options)
    assert (result.status, result.document) == (1, {"status": 401, "answer": answer})
    assert result.line == "briqpay: answered with 401: the API would send it again"
    assert endpoint.events == []


async def test_further_members_come_from_a_file_and_the_secret_from_the_environment(
    run: Any, endpoint: Endpoint, save: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIQPAY_WEBHOOK_SECRET", KEY)
    members = save({"transaction": {"transactionId": "t-1"}})
    sent = ("webhook", "send", "order_status", "--session", SESSION_ID, "--to", endpoint.url, "--members", members)
    assert (await run(*sent)).status == 0
    assert orjson.loads(endpoint.requests[0][1])["transaction"] == {"transactionId": "t-1"}


async def test_a_redirect_is_shown_and_not_followed(run: Any, endpoint: Endpoint) -> None:
    moved = endpoint.url.replace("/hook", "/moved")
    result = await run("webhook", "send", "order_status", "--session", SESSION_ID, "--to", moved, "--secret", KEY)
    assert (result.status, result.document["status"], endpoint.requests) == (1, 307, [])


async def test_an_endpoint_that_is_not_there_is_named(run: Any) -> None:
    to = f"http://127.0.0.1:{free_port()}/hook"
    result = await run("webhook", "send", "order_status", "--session", SESSION_ID, "--to", to)
    assert (result.status, result.out) == (1, "")
    assert result.line.startswith(f"briqpay: no endpoint answers at {to}: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("order_statuses",), "there is no event 'order_statuses'"),
        (("capture_status",), "add --capture ID"),
        (("order_status", "--refund", "r-1"), "--refund does not belong to order_status"),
        (("order_status", "--get", "--forge"), "drop --forge"),
        (("order_status", "--to", "file:///etc/passwd"), "starts with http"),
        (("order_status", "--reference", "x"), "--reference takes NAME=VALUE"),
    ],
)
async def test_an_invalid_webhook_is_not_sent(run: Any, options: tuple[str, ...], said: str) -> None:
    to = () if "--to" in options else ("--to", "http://127.0.0.1:1/hook")
    result = await run("webhook", "send", *options, "--session", SESSION_ID, *to)
    assert (result.status, result.out) == (2, "")
    assert said in result.line


@pytest.mark.parametrize("prefix", ["", "X-Briq-Signature: "])
async def test_a_body_is_verified(run: Any, prefix: str) -> None:
    request = signed(EVENT, KEY)
    header = prefix + request.headers[HEADER]
    result = await run("webhook", "verify", "--secret", KEY, "--header", header, stdin=request.body)
    assert (result.status, result.err) == (0, "")
    assert result.document == {
        "verified": True,
        "accepted": True,
        "event": "order_status",
        "status": "order_pending",
        "sessionId": SESSION_ID,
    }


BODY = orjson.dumps(EVENT)


@pytest.mark.parametrize(
    ("header", "body", "reason", "said"),
    [
        ("t=1,s1=x", BODY, "malformed", "is not t=<milliseconds>,s1=<base64>"),
        (sign(BODY, "another", 4_000_000_000_000), BODY, "mismatch", "another secret"),
        (sign(BODY, KEY, 1_000), BODY, "too_old", "seconds ago"),
        (sign(BODY, KEY, 90_000_000_000_000), BODY, "in_the_future", "ahead of this clock"),
    ],
)
async def test_the_rule_that_fails_is_reported(run: Any, header: str, body: bytes, reason: str, said: str) -> None:
    result = await run("webhook", "verify", "--secret", KEY, "--header", header, stdin=body)
    assert (result.status, result.document) == (1, {"verified": False, "accepted": False, "reason": reason})
    assert said in result.line
    assert KEY not in result.out + result.err


async def test_a_signed_body_that_is_no_event_is_reported(run: Any) -> None:
    request = signed(b"[]", KEY)
    result = await run(
        "webhook", "verify", "--secret", KEY, "--header", request.headers[HEADER], stdin=request.body
    )
    assert (result.status, result.document) == (1, {"verified": True, "accepted": False, "reason": "body"})


async def test_a_newline_that_an_editor_added_is_found(run: Any) -> None:
    request = signed(EVENT, KEY)
    for end, found in ((b"\n", True), (b"\r\n", True), (b" \n", False)):
        result = await run(
            "webhook", "verify", "--secret", KEY, "--header", request.headers[HEADER], stdin=request.body + end
        )
        assert result.document["reason"] == "mismatch"
        assert ("without its last newline it verifies" in result.line) is found


async def test_verifying_needs_a_secret(run: Any) -> None:
    result = await run("webhook", "verify", "--header", "t=1,s1=x")
    assert (result.status, result.line) == (2, "briqpay: add --secret, or set BRIQPAY_WEBHOOK_SECRET")


async def test_what_arrives_is_printed_and_forwarded_unchanged(
    endpoint: Endpoint, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    body = b'{ "sessionId":"' + SESSION_ID.encode() + b'","status":"order_pending", "event":"order_status" }\n'
    request = signed(body, KEY)
    forged = signed(body, "another")
    receiver = WebhookReceiver(secrets=(KEY,))
    async with (
        listening(receiver, host="127.0.0.1", port=0, forward_to=f"{endpoint.url}?a=%2F") as address,
        aiohttp.ClientSession() as http,
    ):
        answers = []
        for each in (request, forged):
            async with http.post(f"{address}/any/path?b=%20c", data=each.body, headers=each.headers) as answer:
                answers.append((answer.status, await answer.text()))
        async with http.get(address, params=EVENT) as answer:
            answers.append((answer.status, await answer.text()))
        async with http.post(address, data=io.BytesIO(b"x" * (1024 * 1024 + 1))) as answer:
            answers.append((answer.status, await answer.text()))
    assert answers == [(200, "handled"), (401, "mismatch"), (401, "missing"), (413, "too large")]
    assert endpoint.requests[0] == ("/hook?a=%2F&b=%20c", body, [request.headers[HEADER]])
    assert [len(endpoint.requests), len(endpoint.events)] == [3, 1]
    good, bad, plain = map(orjson.loads, capsysbinary.readouterr().out.splitlines())
    assert good == {
        "verified": True,
        "event": "order_status",
        "status": "order_pending",
        "sessionId": SESSION_ID,
        "references": {},
        "key": endpoint.events[0].key,
        "answered": 200,
    }
    assert (bad["verified"], bad["reason"], bad["body"], bad["answered"]) == (
        False,
        "mismatch",
        body.decode(),
        401,
    )
    assert (plain["verified"], plain["problem"]) == (False, "a GET is never signed")


async def test_a_packed_body_is_forwarded_packed(endpoint: Endpoint) -> None:
    packed = signed(b"\x1f\x8b not really gzip", KEY)
    async with (
        listening(WebhookReceiver(), host="127.0.0.1", port=0, forward_to=endpoint.url) as address,
        aiohttp.ClientSession() as http,
        http.post(address, data=packed.body, headers={**packed.headers, "Content-Encoding": "gzip"}) as answer,
    ):
        assert answer.status == 400
    assert endpoint.requests == [("/hook", packed.body, [packed.headers[HEADER]])]


async def test_without_a_secret_or_an_endpoint_webhooks_are_shown(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    gone = f"http://127.0.0.1:{free_port()}/hook"
    for forward_to, status in ((None, 200), (gone, 502)):
        async with (
            listening(WebhookReceiver(), host="127.0.0.1", port=0, forward_to=forward_to) as address,
            aiohttp.ClientSession() as http,
            http.post(address, json=EVENT) as answer,
        ):
            assert answer.status == status
        out, err = capsysbinary.readouterr()
        line = orjson.loads(out)
        assert (line["verified"], line["problem"]) == (False, "no secret to verify with")
        assert (line["references"], line["answered"]) == ({"reference1": "42"}, status)
        assert (b"does not answer" in err) is (status == 502)


async def _listen(*options: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "briqpay_async.cli", "webhook", "listen", *options]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)


async def test_a_listening_process_ends_with_ctrl_c(run: Any) -> None:
    process = await _listen("--port", "0", "--secret", KEY)
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        address = (await process.stderr.readline()).split()[2].decode()
        sent = await run(
            "webhook", "send", "order_status", "--session", SESSION_ID, "--to", address, "--secret", KEY
        )
        assert sent.document == {"status": 200, "answer": "seen"}
        assert orjson.loads(await process.stdout.readline())["verified"] is True
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, err) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_taken_port_and_a_wrong_address_are_reported(run: Any, endpoint: Endpoint) -> None:
    port = endpoint.url.split(":")[2].partition("/")[0]
    wrong = await run("webhook", "listen", "--forward-to", "localhost:8000")
    assert (wrong.status, "starts with http" in wrong.line) == (2, True)
    process = await _listen("--port", port)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert err.decode().startswith(f"briqpay: cannot listen on 127.0.0.1:{port}: ")
