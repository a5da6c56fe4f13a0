"""Starlette and FastAPI: the client lives as long as the application, and handlers get it by dependency."""

from __future__ import annotations

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from support.shop import new_session
from webhooks.webhook_samples import body_of, payload, receiver, signed

from briqpay_async import BriqpayClient
from briqpay_async.integrations.starlette import WebhookEndpoint, get_client, lifespan
from briqpay_async.sandbox import Sandbox


async def test_an_application_has_a_client_and_a_mounted_endpoint(sandbox: Sandbox) -> None:
    client = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
    app = FastAPI(lifespan=lifespan(client))
    handled: list[object] = []
    app.mount("/webhooks/briqpay", WebhookEndpoint(receiver(), handled.append))

    @app.post("/sessions")
    async def create(briqpay: Annotated[BriqpayClient, Depends(get_client)]) -> str | None:
        return (await briqpay.sessions.create(new_session())).session_id

    async with (
        lifespan(client)(app) as state,
        httpx.AsyncClient(transport=httpx.ASGITransport(_with_state(app, state)), base_url="http://shop") as http,
    ):
        assert (await http.post("/sessions")).json() in sandbox.sessions
        body = body_of(payload())
        assert (await http.post("/webhooks/briqpay/", content=body, headers=signed(body))).status_code == 200
    assert len(handled) == 1


def _with_state(app: FastAPI, state: dict[str, BriqpayClient]) -> object:
    async def run(scope: dict[str, object], receive: object, send: object) -> None:
        await app(scope | {"state": dict(state)}, receive, send)  # type: ignore[arg-type]  # as a server does

    return run


async def test_a_websocket_is_no_webhook() -> None:
    with pytest.raises(RuntimeError, match="HTTP"):
        await WebhookEndpoint(receiver(), print)({"type": "websocket"}, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", ["\u00b2", "9" * 5000, "1048577", "-1", ""])
async def test_an_invalid_declared_length_fails_no_request(length: str) -> None:
    body, sent = body_of(payload()), []
    headers = {**signed(body), "Content-Length": length}
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    async def send(message: object) -> None:
        sent.append(message)

    await WebhookEndpoint(receiver(), str)(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == (413 if len(length) > 1 and length.isdecimal() else 200)
