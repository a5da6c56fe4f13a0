"""Every call of the client, as it goes well."""

from __future__ import annotations

import asyncio

import attrs
from system.privacy.canaries import (
    DATA,
    GIFT,
    HEADER,
    LAST_NAME,
    LINK,
    NEW,
    ORDER,
    PHONE,
    REFERENCE,
    STREET,
    wanted,
)
from system.privacy.privacy_world import Way, World

from briqpay_async import (
    BulkJournal,
    Decision,
    HostedPageConfig,
    MergeDepth,
    PatchBuilder,
    Product,
    SessionPatch,
    SessionUpdate,
    Timeouts,
    Tokenization,
    Urls,
)


async def create(world: World) -> object:
    return await world.client.sessions.create(NEW, headers={"X-Shop": HEADER})


async def create_and_return_nothing(world: World) -> object:
    await world.client.sessions.create(NEW, fields="none")
    return None


async def read(world: World) -> object:
    return await world.client.sessions.read(world.id)


async def read_a_completed_session(world: World) -> object:
    world.sandbox.complete(world.id, data={"strongAuth": {"provider": "id", "output": {"name": LAST_NAME}}})
    return await world.client.sessions.read(world.id)


async def update_members(world: World) -> object:
    patch = world.patch()
    world.net.add("explain", patch.explain())
    return patch, patch.parts, await world.client.sessions.update(world.id, patch)


async def update_sections(world: World) -> object:
    patch = world.patch(MergeDepth.SECTION)
    world.net.add("explain", patch.explain())
    return patch, patch.parts, await world.client.sessions.update(world.id, patch)


async def update_by_hand(world: World) -> object:
    patch = SessionPatch.of(data=DATA)
    world.net.add("explain", patch.explain())
    return patch.merge(world.patch()), await world.client.sessions.update(world.id, patch, fields="none")


async def update_while_the_api_stumbles(world: World) -> object:
    world.fault("html_502", endpoint="patch", times=1)
    world.fault("apply_then_drop", endpoint="patch", times=1)
    world.fault("status", status=429, retry_after=0, endpoint="patch", times=1)
    return await world.client.sessions.update(world.id, world.patch())


async def update_metadata(world: World) -> object:
    urls, references = Urls(terms=LINK, redirect=LINK), {"reference2": REFERENCE}
    return urls, await world.client.sessions.update_metadata(world.id, urls, references)


async def decide(world: World) -> object:
    decision = Decision.reject(hard_error=f"Not to {LAST_NAME}", soft_errors=[f"Call {PHONE}"])
    await world.client.sessions.decide(world.id, decision)
    return decision


async def edit(world: World) -> object:
    async with world.client.sessions.edit(world.id) as builder:
        builder.cart.set_quantity("a", 5)
        builder.billing.update(street_address=f"{STREET} 9")
        builder.shipping.update(first_name=f"{LAST_NAME}-{LAST_NAME}")
    return builder, builder.session, builder.cart, builder.billing, builder.billing.value


async def build_from_a_state(world: World) -> object:
    builder = PatchBuilder(DATA)
    builder.consumer.update(name=LAST_NAME)
    return builder, builder.build(), vars(builder)


async def put_with_a_writer(world: World) -> object:
    writer = world.client.sessions.writer(world.session)
    puts = [asyncio.create_task(writer.put(wanted(world.session.data))) for _ in range(3)]
    await asyncio.gather(*puts)
    return writer, writer.session, writer.acknowledged, puts


async def update_many(world: World) -> object:
    rows = [SessionUpdate(world.id, world.patch()), SessionUpdate(world.id, SessionPatch())]
    journal = BulkJournal(world.folder / "run.db")
    outcomes = [
        outcome
        async for outcome in world.client.sessions.update_many(
            rows, fields=None, journal=journal, progress=lambda snapshot: world.net.add("progress", snapshot)
        )
    ]
    written = b"".join(file.read_bytes() for file in world.folder.iterdir())
    world.net.add("the journal", written.decode("latin-1"))
    return rows, outcomes, list(journal.rows()), journal


async def capture_and_refund(world: World) -> object:
    world.sandbox.complete(world.id)
    capture = await world.client.orders.capture(world.id, ORDER.select({"a": 2}))
    refund = await world.client.orders.refund(world.id, ORDER.select({"a": 1}), capture.capture_id)
    return capture, refund, await world.client.sessions.read(world.id)


async def release_the_rest(world: World) -> object:
    world.sandbox.complete(world.id)
    await world.client.orders.capture(world.id, ORDER.select({"a": 2}))
    await world.client.orders.release_remaining(world.id)
    return None


async def cancel_an_order(world: World) -> object:
    world.sandbox.complete(world.id)
    await world.client.orders.update_references(world.id, {"reference1": REFERENCE})
    await world.client.orders.cancel(world.id)
    return None


async def use_a_token(world: World) -> object:
    new = attrs.evolve(NEW, product=Product(type="payment", intent="payment_tokenize"))
    session = await world.client.sessions.create(new)
    world.sandbox.complete(str(session.session_id))
    (token_id,) = world.sandbox.tokens
    world.net.forbid("the token's id", token_id)
    token = await world.client.tokens.read(token_id)
    charge = attrs.evolve(
        NEW,
        product=Product(type="payment", intent="payment_charge_token"),
        data=attrs.evolve(DATA, tokenization=Tokenization(token_id=token_id)),
    )
    charged = await world.client.sessions.create(charge)
    return token, charge, charged, await world.client.tokens.deactivate(token_id)


async def make_a_hosted_page(world: World) -> object:
    config = HostedPageConfig(page_title=f"For {LAST_NAME}", show_cart=True)
    page = await world.client.hosted_pages.create(world.id, config)
    world.net.forbid("the page's link", str(page.url))
    return config, page


async def copy_with_options(world: World) -> object:
    copy = world.client.with_options(timeouts=Timeouts(call=5))
    return copy, vars(copy), await copy.sessions.read(world.id)


async def show_what_is_unknown(world: World) -> object:
    data = attrs.evolve(DATA, extra={"note": GIFT, "deep": {"er": [GIFT]}})
    return data, data.extra.keys()


WAYS: tuple[Way, ...] = (
    create,
    create_and_return_nothing,
    read,
    read_a_completed_session,
    update_members,
    update_sections,
    update_by_hand,
    update_while_the_api_stumbles,
    update_metadata,
    decide,
    edit,
    build_from_a_state,
    put_with_a_writer,
    update_many,
    capture_and_refund,
    release_the_rest,
    cancel_an_order,
    use_a_token,
    make_a_hosted_page,
    copy_with_options,
    show_what_is_unknown,
)
