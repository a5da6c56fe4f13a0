"""Every way for the client to fail, with the error that it ends in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import attrs
from support.shop import line
from system.privacy.canaries import (
    ADDRESS,
    DATA,
    EMAIL,
    FIRST_NAME,
    HEADER,
    LAST_NAME,
    NEW,
    ORDER,
    PERSONAL_NUMBER,
    PHONE,
    REFERENCE,
    SECRET,
    STREET,
    TOKEN,
    Watcher,
    refused,
    wanted,
)
from system.privacy.privacy_world import UNKNOWN, Way, World

from briqpay_async import (
    Address,
    APIError,
    AuthenticationError,
    BriqpayClient,
    BriqpayError,
    CallTimeoutError,
    CartItemNotFoundError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    CustomInput,
    HostedPageConfig,
    InvalidDataError,
    Modules,
    ModulesConfig,
    Order,
    OutcomeUnknownError,
    PatchBuilder,
    PatchNotAppliedError,
    Pool,
    RateLimitedError,
    ResponseDecodeError,
    ServerError,
    Session,
    SessionCompletedError,
    SessionNotFoundError,
    SessionPatch,
    SessionUpdate,
    TotalsMismatchError,
    TransportError,
    UnpatchableChangeError,
    UpsellConfig,
    ValidationError,
    WrongLoopError,
    structure,
    unstructure,
)

ECHO = f"<html>We could not store {EMAIL}, {PERSONAL_NUMBER}, {STREET}</html>"


# --- refused before anything is sent --------------------------------------------------------------------------


async def create_what_breaks_every_rule(world: World) -> object:
    return await world.client.sessions.create(refused())


async def update_with_what_breaks_every_rule(world: World) -> object:
    assert world.session.data is not None
    bad = refused().data
    assert bad is not None
    assert bad.consumer is not None
    consumer = attrs.evolve(bad.consumer, name=f"{FIRST_NAME} {LAST_NAME}")
    data = attrs.evolve(world.session.data, order=bad.order, billing=bad.billing, consumer=consumer)
    return SessionPatch.between(world.session, attrs.evolve(world.session, data=data))


async def author_what_breaks_every_rule(world: World) -> object:
    config = UpsellConfig(header=EMAIL * 5, custom_inputs=[CustomInput(key=EMAIL), CustomInput(key=EMAIL)])
    return SessionPatch.of(data=refused().data, modules=Modules(config=ModulesConfig(upsell=config)))


async def build_what_breaks_every_rule(world: World) -> object:
    builder = PatchBuilder(world.session)
    builder.billing.update(email=EMAIL * 9, street_address=(STREET,))
    return builder.build()


async def send_other_classes(world: World) -> object:
    others: Any = {"data": attrs.asdict(DATA), "urls": EMAIL}
    return await world.client.sessions.create(attrs.evolve(NEW, **others))


async def send_invalid_metadata(world: World) -> object:
    return await world.client.sessions.update_metadata(
        world.id,
        EMAIL,  # type: ignore[arg-type]
        {"reference1": REFERENCE * 99, "reference2": [PHONE]},  # type: ignore[dict-item]
    )


async def name_no_session(world: World) -> object:
    return await world.client.sessions.read(EMAIL)


async def name_no_token(world: World) -> object:
    return await world.client.tokens.read(f"{TOKEN}/../{EMAIL}")


async def give_a_broken_header(world: World) -> object:
    return await world.client.sessions.read(world.id, headers={"X-Shop": f"{HEADER}\r\n"})


async def capture_what_breaks_every_rule(world: World) -> object:
    bad = refused().data
    assert bad is not None
    assert bad.order is not None
    return await world.client.orders.capture(world.id, bad.order)


async def make_an_invalid_hosted_page(world: World) -> object:
    return await world.client.hosted_pages.create(
        world.id, HostedPageConfig(page_title=EMAIL * 20, logo_url=STREET)
    )


async def put_an_invalid_state(world: World) -> object:
    data = attrs.evolve(DATA, billing=attrs.evolve(ADDRESS, email=EMAIL * 9))
    return await world.client.sessions.writer(world.session).put(data)


async def remove_members(world: World) -> object:
    after = attrs.evolve(DATA, billing=Address(), consumer=None)
    return SessionPatch.between(DATA, after)


async def change_what_is_fixed(world: World) -> object:
    after = attrs.evolve(
        world.session,
        country="NO",
        references={"reference1": f"{REFERENCE}-2"},
        html_snippet=EMAIL,
        extra={"note": EMAIL},
    )
    return SessionPatch.between(world.session, after)


async def remove_a_member_in_an_edit(world: World) -> object:
    async with world.client.sessions.edit(world.id) as builder:
        builder.billing.update(email=None)
    return builder


async def fail_inside_an_edit(world: World) -> object:
    async with world.client.sessions.edit(world.id) as builder:
        builder.billing.update(email=f"{EMAIL}.2")
        builder.cart.remove("nothing")
    return builder


async def total_what_is_no_number(world: World) -> object:
    return Order.of("SEK", [line(quantity=PHONE, unit_price=PERSONAL_NUMBER)])


async def buy_no_number_of_units(world: World) -> object:
    builder = PatchBuilder(world.session)
    builder.cart.set_quantity("a", PHONE)  # type: ignore[arg-type]
    return builder


async def capture_no_number_of_units(world: World) -> object:
    return ORDER.select({"a": PHONE})  # type: ignore[dict-item]


async def send_wrong_totals(world: World) -> object:
    strict = world.client.with_options(check_totals="error")
    return await strict.sessions.create(attrs.evolve(NEW, data=attrs.evolve(DATA, order=_off_by_one())))


async def have_wrong_totals_refused(world: World) -> object:
    world.fault("status", status=400, code="INVALID_DATA", message="The amounts do not add up", endpoint="create")
    return await world.client.sessions.create(attrs.evolve(NEW, data=attrs.evolve(DATA, order=_off_by_one())))


def _off_by_one() -> Any:
    return attrs.evolve(ORDER, amount_inc_vat=1)


# --- refused by the API ---------------------------------------------------------------------------------------


def answered(status: int, body: Any, **options: Any) -> Way:
    """The API answers an update with an error that repeats what it was sent."""

    async def way(world: World) -> object:
        world.fault("status", status=status, body=body, endpoint="patch", **options)
        return await world.client.sessions.update(world.id, world.patch(), timeout=1)

    way.__name__ = f"be_answered_{status}_as_{'text' if isinstance(body, str) else 'json'}"
    return way


async def read_what_is_not_there(world: World) -> object:
    return await world.client.sessions.read(UNKNOWN)


async def read_a_token_that_is_not_there(world: World) -> object:
    return await world.client.tokens.read(TOKEN)


async def deactivate_a_token_while_the_api_is_down(world: World) -> object:
    world.fault("html_502")
    return await world.client.tokens.deactivate(TOKEN)


async def update_a_completed_session(world: World) -> object:
    world.sandbox.complete(world.id)
    return await world.client.sessions.update(world.id, world.patch())


async def capture_unknown_lines(world: World) -> object:
    world.sandbox.complete(world.id)
    order = wanted(DATA).order
    assert order is not None
    lines = tuple(attrs.evolve(each, name=EMAIL, reference=EMAIL) for each in order.cart)
    strange = attrs.evolve(order, cart=lines)
    return await world.client.orders.capture(world.id, strange, check=False)


async def capture_more_than_is_open(world: World) -> object:
    world.sandbox.complete(world.id)
    order = wanted(DATA).order
    assert order is not None
    return await world.client.orders.capture(world.id, order)


async def use_a_wrong_secret(world: World) -> object:
    async with world.other(username=EMAIL, secret=f"{SECRET}-2") as stranger:
        return await stranger.sessions.create(NEW)


async def be_answered_with_another_state(world: World) -> object:
    data = {"billing": {"streetAddress": f"{STREET} 3", "firstName": LAST_NAME}}
    world.fault("status", status=200, body={"sessionId": world.id, "data": data}, endpoint="patch")
    return await world.client.sessions.update(world.id, world.patch())


async def fail_to_heal_an_edit(world: World) -> object:
    world.fault("status", status=200, body={"data": {"billing": {"email": f"old.{EMAIL}"}}}, endpoint="patch")
    async with world.client.sessions.edit(world.session) as builder:
        builder.billing.update(email=f"new.{EMAIL}")
    return builder


# --- answers that cannot be decoded ---------------------------------------------------------------------------


def garbled(kind: str, **options: Any) -> Way:
    """The answer to a read, full of canaries, is spoiled."""

    async def way(world: World) -> object:
        world.fault(kind, endpoint="read", **options)
        async with world.other(pool=Pool(max_body=100_000)) as client:
            return await client.sessions.read(world.id, timeout=5)

    way.__name__ = f"read_garbled_by_{kind}"
    return way


async def read_members_of_the_wrong_kind(world: World) -> object:
    body = {
        "sessionId": world.id,
        "data": {"billing": {"email": [EMAIL]}, "order": {"cart": {"name": FIRST_NAME}}},
    }
    world.fault("status", status=200, body=body, endpoint="read")
    session = await world.client.sessions.read(world.id)
    world.net.add("a session", session)
    return unstructure(session)


async def create_and_get_no_session(world: World) -> object:
    world.fault("status", status=200, body={"data": {"billing": {"email": EMAIL}}}, endpoint="create")
    return await world.client.sessions.create(NEW)


async def structure_a_malformed_document(world: World) -> object:
    return structure({"data": {"billing": EMAIL, "consumer": PERSONAL_NUMBER}}, Session)


async def be_answered_in_no_http(world: World) -> object:
    async with _raw_server(b"HTTP/1.1 2OO fine\r\n\r\n") as url, world.other(base_url=url) as client:
        return await client.sessions.create(NEW)


async def be_redirected(world: World) -> object:
    head = b"HTTP/1.1 302 Found\r\nLocation: https://shop.example/?mail=" + EMAIL.encode()
    async with _raw_server(head + b"\r\nContent-Length: 0\r\n\r\n") as url, world.other(base_url=url) as client:
        return await client.sessions.create(NEW)


@asynccontextmanager
async def _raw_server(answer: bytes) -> AsyncIterator[str]:
    """A server that gives the same bytes to every request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# --- no answer ------------------------------------------------------------------------------------------------


def cut_off(kind: str, **options: Any) -> Way:
    """The connection is lost again and again."""

    async def way(world: World) -> object:
        world.fault(kind, endpoint="patch", **options)
        return await world.client.sessions.update(world.id, world.patch())

    way.__name__ = f"update_cut_off_by_{kind}"
    return way


async def lose_the_answer_to_a_create(world: World) -> object:
    world.fault("apply_then_drop", endpoint="create")
    return await world.client.sessions.create(NEW)


async def lose_the_answer_to_a_capture(world: World) -> object:
    world.sandbox.complete(world.id)
    world.fault("close_before_answer", endpoint="capture")
    world.fault("html_502", endpoint="read")
    return await world.client.orders.capture(world.id, ORDER, before=world.session)


async def find_no_server(world: World) -> object:
    async with world.other(base_url="http://127.0.0.1:9") as client:
        return await client.sessions.create(NEW)


async def run_out_of_time(world: World) -> object:
    world.fault("latency", seconds=30, endpoint="patch")
    return await world.client.sessions.update(world.id, world.patch(), timeout=0.05)


async def wait_for_another_update_in_vain(world: World) -> object:
    world.fault("latency", seconds=30, endpoint="patch")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(world.client.sessions.update(world.id, world.patch()))
        await asyncio.sleep(0)
        try:
            return await world.client.sessions.update(world.id, world.patch(), timeout=0.05)
        finally:
            first.cancel()


async def run_out_of_time_in_a_writer(world: World) -> object:
    world.fault("latency", seconds=30, endpoint="patch")
    writer = world.client.sessions.writer(world.session, timeout=0.05)
    puts = [asyncio.create_task(writer.put(wanted(DATA))) for _ in range(3)]
    await asyncio.wait(puts)
    world.net.add("tasks", *puts)
    return puts[1].result()


async def be_cancelled(world: World) -> object:
    world.fault("latency", seconds=30, endpoint="patch")
    task = asyncio.create_task(world.client.sessions.update(world.id, world.patch()))
    async with asyncio.timeout(30):
        while not world.sandbox.journal.of(endpoint="patch"):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
    world.net.add("a task", task)
    task.cancel()
    try:
        return await task
    finally:
        world.net.add("a task", task)


async def leave_a_bulk_run(world: World) -> object:
    world.fault("latency", seconds=30, endpoint="patch", nth=2)
    rows = [SessionUpdate(world.id, world.patch()), SessionUpdate(world.id, SessionPatch.of(data=DATA))]
    async with aclosing(world.client.sessions.update_many(rows, fields=None)) as outcomes:
        async for outcome in outcomes:
            world.net.add("an outcome", outcome)
            raise TimeoutError
    return None


async def fail_in_a_bulk_run(world: World) -> object:
    rows: list[Any] = [
        SessionUpdate("no id", world.patch()),
        SessionUpdate(UNKNOWN, world.patch()),
        SessionUpdate(world.id, DATA),  # type: ignore[arg-type]
        DATA,
        SessionUpdate(world.id, world.patch()),
    ]
    world.fault("status", status=400, body=ECHO, session_id=world.id)
    async for outcome in world.client.sessions.update_many(rows):
        assert outcome.error is not None
        world.net.add("an outcome", outcome, [outcome])
        world.net.error(outcome.error)
    async for outcome in world.client.sessions.update_many(rows, fail_fast=True):
        world.net.add("an outcome", outcome)
    return None


# --- the client itself ----------------------------------------------------------------------------------------


async def use_another_loop(world: World) -> object:
    return await asyncio.to_thread(lambda: asyncio.run(world.client.sessions.create(NEW)))


async def use_a_closed_client(world: World) -> object:
    await world.client.aclose()
    return await world.client.sessions.create(NEW)


def configured(**options: Any) -> Way:
    """A client is made with settings that cannot work."""

    async def way(world: World) -> object:
        return world.other(**options)

    way.__name__ = f"configure_a_wrong_{next(iter(options))}"
    return way


def from_environment(**variables: str) -> Way:
    """A client is made of invalid variables."""

    async def way(world: World) -> object:
        given = {"BRIQPAY_USERNAME": "shop", "BRIQPAY_SECRET": SECRET} | variables
        return BriqpayClient.from_env(given, hooks=[Watcher(world.net)])

    way.__name__ = f"take_a_wrong_{'_'.join(variables)}"
    return way


WAYS: tuple[tuple[Way, type[BaseException]], ...] = (
    (create_what_breaks_every_rule, ValidationError),
    (update_with_what_breaks_every_rule, ValidationError),
    (author_what_breaks_every_rule, ValidationError),
    (build_what_breaks_every_rule, ValidationError),
    (send_other_classes, ValidationError),
    (send_invalid_metadata, ValidationError),
    (name_no_session, ValidationError),
    (name_no_token, ValidationError),
    (give_a_broken_header, ValidationError),
    (capture_what_breaks_every_rule, ValidationError),
    (make_an_invalid_hosted_page, ValidationError),
    (put_an_invalid_state, ValidationError),
    (remove_members, UnpatchableChangeError),
    (change_what_is_fixed, UnpatchableChangeError),
    (remove_a_member_in_an_edit, UnpatchableChangeError),
    (fail_inside_an_edit, ValidationError),
    (total_what_is_no_number, ValidationError),
    (buy_no_number_of_units, ValidationError),
    (capture_no_number_of_units, ValidationError),
    (send_wrong_totals, TotalsMismatchError),
    (have_wrong_totals_refused, InvalidDataError),
    (answered(400, ECHO), InvalidDataError),
    (answered(401, ECHO), AuthenticationError),
    (answered(403, {"detail": ECHO}), AuthenticationError),
    (answered(404, ECHO), APIError),
    (answered(409, {"errors": [ECHO]}), ConflictError),
    (answered(422, {"code": 7, "message": [ECHO]}), APIError),
    (answered(429, ECHO, retry_after=60), RateLimitedError),
    (answered(500, ECHO), ServerError),
    (answered(503, {"detail": ECHO}), ServerError),
    (read_what_is_not_there, SessionNotFoundError),
    (read_a_token_that_is_not_there, InvalidDataError),
    (deactivate_a_token_while_the_api_is_down, ServerError),
    (update_a_completed_session, SessionCompletedError),
    (capture_unknown_lines, CartItemNotFoundError),
    (capture_more_than_is_open, ValidationError),
    (use_a_wrong_secret, AuthenticationError),
    (be_answered_with_another_state, PatchNotAppliedError),
    (fail_to_heal_an_edit, PatchNotAppliedError),
    (garbled("malformed_json"), ResponseDecodeError),
    (garbled("truncated_json"), ResponseDecodeError),
    (garbled("invalid_utf8"), ResponseDecodeError),
    (garbled("oversized"), ResponseDecodeError),
    (garbled("gzip_bomb", size=1_000_000), ResponseDecodeError),
    (garbled("reset_mid_body"), TransportError),
    (garbled("drip", seconds=30), CallTimeoutError),
    (read_members_of_the_wrong_kind, ResponseDecodeError),
    (create_and_get_no_session, ResponseDecodeError),
    (structure_a_malformed_document, ResponseDecodeError),
    (be_answered_in_no_http, OutcomeUnknownError),
    (be_redirected, APIError),
    (cut_off("close_before_read"), TransportError),
    (cut_off("close_before_answer"), TransportError),
    (cut_off("apply_then_drop"), TransportError),
    (cut_off("reset_mid_body"), TransportError),
    (lose_the_answer_to_a_create, OutcomeUnknownError),
    (lose_the_answer_to_a_capture, OutcomeUnknownError),
    (find_no_server, ConnectError),
    (run_out_of_time, CallTimeoutError),
    (wait_for_another_update_in_vain, ExceptionGroup),
    (run_out_of_time_in_a_writer, CallTimeoutError),
    (be_cancelled, asyncio.CancelledError),
    (leave_a_bulk_run, TimeoutError),
    (fail_in_a_bulk_run, BriqpayError),
    (use_another_loop, WrongLoopError),
    (use_a_closed_client, ConfigurationError),
    (configured(secret=f"{SECRET}\n"), ConfigurationError),
    (configured(secret=SECRET.encode()), ConfigurationError),
    (configured(username=f"{EMAIL}:{SECRET}"), ConfigurationError),
    (configured(base_url=f"https://shop:{SECRET}@api.briqpay.com"), ConfigurationError),
    (configured(base_url=f"https://shop:{SECRET}"), ConfigurationError),
    (configured(base_url=f"https://[{SECRET}"), ConfigurationError),
    (configured(base_url=f"https://api.briqpay.com?key={SECRET}"), ConfigurationError),
    (configured(environment=SECRET, base_url=None), ConfigurationError),
    (configured(check_totals=SECRET), ConfigurationError),
    (from_environment(BRIQPAY_ENVIRONMENT=SECRET), ConfigurationError),
    (from_environment(BRIQPAY_USERNAME=f"{EMAIL}:{SECRET}"), ConfigurationError),
    (from_environment(BRIQPAY_SECRET=f"{SECRET}\n"), ConfigurationError),
    (from_environment(BRIQPAY_BASE_URL=f"shop:{SECRET}@api.briqpay.com"), ConfigurationError),
)
