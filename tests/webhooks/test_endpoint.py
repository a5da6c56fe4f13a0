"""What the sender of a webhook is answered, in aiohttp and in ASGI alike."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import attrs
import pytest
import uvicorn
from aiohttp import web
from support.shop import new_session
from webhooks.webhook_samples import SECRET, body_of, payload, receiver, signed

from briqpay_async import BriqpayClient, ConfigurationError
from briqpay_async.integrations.aiohttp import BRIQPAY, briqpay_context, webhook_handler
from briqpay_async.integrations.starlette import WebhookEndpoint
from briqpay_async.sandbox import Sandbox
from briqpay_async.webhooks import (
    CaptureStatusEvent,
    MemoryInboxStore,
    OrderStatusEvent,
    OtherEvent,
    RefundStatusEvent,
    SessionStatusEvent,
    WebhookEvent,
    WebhookInbox,
)

Serve = Callable[..., Awaitable[str]]
BODY = body_of(payload())


class Handled(list[WebhookEvent]):
    """A handler that keeps what it handled, and can be made to fail or to take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []
        self.pause: asyncio.Event | None = None
        self.entered = asyncio.Event()

    async def __call__(self, event: WebhookEvent) -> None:
        self.entered.set()
        if self.pause is not None:
            await self.pause.wait()
        if self.errors:
            raise self.errors.pop()
        self.append(event)


@pytest.fixture
def handled() -> Handled:
    return Handled()


@pytest.fixture(params=["aiohttp", "asgi"])
async def serve(request: pytest.FixtureRequest) -> AsyncIterator[Serve]:
    """Serves an endpoint on a real socket and returns its address."""
    closing: list[Callable[[], Awaitable[None]]] = []

    async def serve_aiohttp(*arguments: Any, **options: Any) -> str:
        app = web.Application()
        app.router.add_route("*", "/hook", webhook_handler(*arguments, **options))
        runner = web.AppRunner(app)
        await runner.setup()
        closing.append(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/hook"

    async def serve_asgi(*arguments: Any, **options: Any) -> str:
        config = uvicorn.Config(WebhookEndpoint(*arguments, **options), port=0, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())

        async def close() -> None:
            server.should_exit = True
            await running

        closing.append(close)
        while not server.started:  # noqa: ASYNC110 - the server has nothing to await
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/hook"

    yield serve_aiohttp if request.param == "aiohttp" else serve_asgi
    for close in closing:
        await close()


async def post(url: str, body: Any = BODY, headers: dict[str, str] | None = None, method: str = "POST") -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, data=body, headers=signed(body) if headers is None else headers) as answer,
    ):
        await answer.read()
        return answer.status


async def test_a_signed_webhook_is_handled(serve: Serve, handled: Handled) -> None:
    assert await post(await serve(receiver(), handled)) == 200
    assert [event.verified for event in handled] == [True]


async def test_a_duplicate_is_answered_200_and_handled_once(serve: Serve, handled: Handled) -> None:
    url = await serve(receiver(), handled, inbox=WebhookInbox(MemoryInboxStore()))
    assert [await post(url) for _ in range(3)] == [200, 200, 200]
    assert len(handled) == 1


async def test_a_delivery_beside_another_of_its_event_is_asked_to_come_again(
    serve: Serve, handled: Handled
) -> None:
    handled.pause = asyncio.Event()
    url = await serve(receiver(), handled, inbox=WebhookInbox(MemoryInboxStore()))
    first = asyncio.create_task(post(url))
    await handled.entered.wait()
    assert await post(url) == 503
    handled.pause.set()
    assert await first == 200
    assert await post(url) == 200
    assert len(handled) == 1


async def test_a_handler_that_fails_is_given_the_event_again(
    serve: Serve, handled: Handled, caplog: pytest.LogCaptureFixture
) -> None:
    handled.errors.append(RuntimeError("the shop's database is away"))
    url = await serve(receiver(), handled, inbox=WebhookInbox(MemoryInboxStore()))
    assert [await post(url) for _ in range(3)] == [500, 200, 200]
    assert len(handled) == 1
    assert "handling a order_status webhook failed" in caplog.text


async def test_a_handler_that_takes_too_long_gives_the_claim_back(serve: Serve, handled: Handled) -> None:
    handled.pause = asyncio.Event()
    url = await serve(receiver(), handled, inbox=WebhookInbox(MemoryInboxStore()), time_limit=0.05)
    assert await post(url) == 500
    handled.pause.set()
    assert await post(url) == 200
    assert len(handled) == 1


async def test_a_plain_function_may_handle(serve: Serve) -> None:
    seen: list[WebhookEvent] = []
    assert await post(await serve(receiver(), seen.append)) == 200
    assert len(seen) == 1


async def test_what_is_wrong_with_a_webhook_decides_the_status(serve: Serve, handled: Handled) -> None:
    url = await serve(receiver(), handled)
    assert await post(url, headers={}) == 401
    assert await post(url, headers={"x-briq-signature": "nonsense"}) == 401
    assert await post(url, headers=signed(BODY, "another secret")) == 401
    assert await post(url, headers=signed(BODY, at_ms=1)) == 401
    assert await post(url, b"{}") == 400
    assert await post(url, b"no json") == 400
    assert await post(url, io.BytesIO(b" " * (1024 * 1024 + 1)), {}) == 413
    assert await post(url, method="PUT") == 405
    assert handled == []


async def test_two_signature_headers_are_refused(serve: Serve, handled: Handled) -> None:
    url = await serve(receiver(), handled)
    value = signed(BODY)["X-Briq-Signature"]
    async with aiohttp.ClientSession() as http:
        headers = [("x-briq-signature", value), ("x-briq-signature", value)]
        async with http.post(url, data=BODY, headers=headers) as answer:
            assert answer.status == 401


async def test_a_long_body_without_a_declared_length_is_not_read_to_its_end(
    serve: Serve, handled: Handled
) -> None:
    url = await serve(receiver(), handled)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65_536

    assert await post(url, chunks(), headers={"x-briq-signature": "t=1,s1=x"}) == 413


async def test_an_endpoint_without_a_secret_says_that_it_is_not_configured(serve: Serve, handled: Handled) -> None:
    url = await serve(receiver(secrets=()), handled)
    assert await post(url) == 503
    assert handled == []


async def test_a_get_hook_is_refused_unless_something_vouches_for_it(serve: Serve, handled: Handled) -> None:
    query = "?event=session_status&status=completed&sessionId=s-1"
    strict = await serve(receiver(), handled)
    assert await post(strict + query, None, {}, "GET") == 401
    trusting = await serve(receiver(require_signature=False), handled)
    assert await post(trusting + query, None, {}, "GET") == 200
    assert [event.verified for event in handled] == [False]


async def test_with_a_client_an_unsigned_event_is_confirmed_before_it_is_handled(
    serve: Serve, handled: Handled, client: BriqpayClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    url = await serve(receiver(secrets=()), handled, client=client)
    made = await client.sessions.create(new_session())
    claim = payload(sessionId=made.session_id)
    assert await post(url, body_of(claim), {}) == 401  # forged: nothing was paid
    assert handled == []
    sandbox.complete(str(made.session_id))
    assert await post(url, body_of(claim), {}) == 200
    query = f"?event=session_status&status=completed&sessionId={made.session_id}"
    assert await post(url + query, None, {}, "GET") == 200
    assert [event.name for event in handled] == ["order_status", "session_status"]


async def test_what_is_true_but_forged_is_handled_once_and_as_the_session_shows_it(
    serve: Serve, handled: Handled, client: BriqpayClient, sandbox: Sandbox
) -> None:
    made = await client.sessions.create(attrs.evolve(new_session(), references={"reference1": "42"}))
    sandbox.complete(str(made.session_id))
    paid = sandbox.sessions[str(made.session_id)]["data"]["transactions"][0]["transactionId"]
    url = await serve(receiver(), handled, client=client, inbox=WebhookInbox(MemoryInboxStore()))
    real = body_of(payload(sessionId=made.session_id, reference1="42", transaction={"transactionId": paid}))
    assert await post(url, real, signed(real)) == 200
    # The buyer knows the session, and that it is paid: none of these may pack the order again, or another order.
    for forged in (
        payload(sessionId=made.session_id),
        payload(sessionId=str(made.session_id).upper()),
        payload(sessionId=made.session_id, transaction={"transactionId": "one more"}),
        payload(sessionId=made.session_id, reference1="43", extra=[1]),
    ):
        assert await post(url, body_of(forged), {}) == 200
    assert [event.references for event in handled] == [{"reference1": "42"}]


async def test_an_event_that_only_the_session_proves_has_the_members_of_the_session(
    serve: Serve, handled: Handled, client: BriqpayClient, sandbox: Sandbox
) -> None:
    made = await client.sessions.create(attrs.evolve(new_session(), references={"reference1": "42"}))
    session_id = str(made.session_id)
    sandbox.complete(session_id)
    before = await client.sessions.read(session_id)
    capture = await client.orders.capture(session_id, before.capturable_order())
    refund = await client.orders.refund(session_id, (await client.sessions.read(session_id)).refundable_order())
    url = await serve(receiver(secrets=()), handled, client=client)
    lie = {"sessionId": session_id, "reference1": "43", "reference9": "x", "more": [1]}
    for claim in (
        payload("session_status", "completed", **lie),
        payload("order_status", "captured_full", **lie, transaction={"transactionId": "t", "amountIncVat": 1}),
        payload(
            "capture_status",
            "approved",
            **lie,
            captureId=capture.capture_id,
            autoCaptured=True,
            capture={"captureId": capture.capture_id, "amountIncVat": 1},
        ),
        payload("refund_status", "approved", **lie, refundId=refund.refund_id, refund={"amountIncVat": 1}),
        payload("module_ui_status", "completed", **lie, module="payment"),
    ):
        assert await post(url, body_of(claim), {}) == 200
    done, order, taken, given, other = handled
    assert all(event.references == {"reference1": "42"} and not event.extra for event in handled)
    assert not any(event.verified for event in handled)
    assert isinstance(done, SessionStatusEvent)
    assert isinstance(order, OrderStatusEvent)
    assert order.transaction is not None
    assert order.transaction.amount_inc_vat == capture.amount_inc_vat
    assert isinstance(taken, CaptureStatusEvent)
    assert taken.capture is not None
    assert (taken.capture.amount_inc_vat, taken.auto_captured) == (capture.amount_inc_vat, False)
    assert isinstance(given, RefundStatusEvent)
    assert given.refund is not None
    assert given.refund.amount_inc_vat == refund.amount_inc_vat
    assert isinstance(other, OtherEvent)
    assert "more" not in other.payload
    assert other.payload["reference1"] == "42"


async def test_an_unsigned_event_that_was_handled_is_not_looked_up_again(
    serve: Serve, handled: Handled, client: BriqpayClient, sandbox: Sandbox
) -> None:
    handled.errors.append(RuntimeError("the first time fails"))
    url = await serve(receiver(), handled, client=client, inbox=WebhookInbox(MemoryInboxStore()))
    made = await client.sessions.create(new_session())
    sandbox.complete(made.id)
    body = body_of(payload(sessionId=made.session_id))
    assert [await post(url, body, {}) for _ in range(2)] == [500, 200]
    await client.orders.cancel(made.id)
    reads = len(sandbox.journal)
    assert await post(url, body, {}) == 200  # true when it was handled, and not any more
    assert len(sandbox.journal) == reads
    assert len(handled) == 1


async def test_an_event_that_cannot_be_confirmed_now_is_asked_to_come_again(
    serve: Serve, handled: Handled, client: BriqpayClient, sandbox: Sandbox
) -> None:
    made = await client.sessions.create(new_session())
    sandbox.complete(str(made.session_id))
    sandbox.faults.add("status", status=500, endpoint="read")
    url = await serve(receiver(), handled, client=client)
    assert await post(url, body_of(payload(sessionId=made.session_id)), {}) == 503
    assert handled == []


async def test_a_signed_event_is_handled_without_a_read(
    serve: Serve, handled: Handled, client: BriqpayClient, sandbox: Sandbox
) -> None:
    assert await post(await serve(receiver(), handled, client=client)) == 200
    assert len(sandbox.journal) == 0


async def test_the_log_shows_no_secret_and_no_body(
    serve: Serve, handled: Handled, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "briqpay_async")
    body = body_of(payload(note="ada@shop.example"))
    url = await serve(receiver(), handled)
    for headers in ({}, signed(body, "wrong"), signed(body)):
        await post(url, body, headers)
    assert SECRET not in caplog.text
    assert "ada@" not in caplog.text


@pytest.mark.parametrize("seconds", [0, -1, 90, 91])
def test_a_handler_may_not_take_longer_than_the_claim_lasts(seconds: float, handled: Handled) -> None:
    with pytest.raises(ConfigurationError):
        webhook_handler(receiver(), handled, inbox=WebhookInbox(MemoryInboxStore()), time_limit=seconds)


async def test_an_application_opens_its_client_and_closes_it(sandbox: Sandbox) -> None:
    client = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url)
    app = web.Application()
    app.cleanup_ctx.append(briqpay_context(client))

    async def create(request: web.Request) -> web.Response:
        session = await request.app[BRIQPAY].sessions.create(new_session())
        return web.Response(text=str(session.session_id))

    app.router.add_post("/", create)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    assert await post(f"http://127.0.0.1:{runner.addresses[0][1]}/") == 200
    await runner.cleanup()
    assert len(sandbox.sessions) == 1
