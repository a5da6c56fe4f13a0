"""Nothing that a caller passes on, not even from a hostile buyer, can change the request around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from support.shop import address, data, new_session
from system.robust.robust_wire import SESSION_ID, Wire

from briqpay_async import BriqpayClient, Decision, SessionPatch, SessionUpdate, Urls, ValidationError

Call = Callable[[BriqpayClient, Any], Awaitable[Any]]

PATCH = SessionPatch.between(data(), data(billing=address(city="Malmö")))
BREAKS = ["\r\nX-Evil: 1", "\nX-Evil: 1", "\r", "\0", "\x0b", "\x85", "\u2028", "\ud800"]

EVIL_IDS = [
    "",
    ".",
    "..",
    f"{SESSION_ID}/../../other",
    f"{SESSION_ID}?fields=none",
    f"{SESSION_ID}#",
    f"{SESSION_ID}%0d%0aX-Evil:1",
    f"../{SESSION_ID}",
    f" {SESSION_ID}",
    SESSION_ID.replace("-", ""),
    "{" + SESSION_ID[:-2] + "}",
    SESSION_ID[:-1] + "\u0663",  # a digit, though not an ASCII one
    *[SESSION_ID + text for text in BREAKS],
    *[text + SESSION_ID for text in BREAKS],
    None,
    0,
    SESSION_ID.encode(),
    [SESSION_ID],
]


async def _bulk(briqpay: BriqpayClient, session_id: Any) -> None:
    async for outcome in briqpay.sessions.update_many([SessionUpdate(session_id, PATCH)]):
        if outcome.error is not None:
            raise outcome.error


async def _edit(briqpay: BriqpayClient, session_id: Any) -> None:
    async with briqpay.sessions.edit(session_id):
        pass


BY_SESSION: dict[str, Call] = {
    "read": lambda briqpay, it: briqpay.sessions.read(it),
    "update": lambda briqpay, it: briqpay.sessions.update(it, PATCH),
    "metadata": lambda briqpay, it: briqpay.sessions.update_metadata(it, references={"a": "b"}),
    "decide": lambda briqpay, it: briqpay.sessions.decide(it, Decision.allow()),
    "edit": _edit,
    "bulk": _bulk,
    "capture": lambda briqpay, it: briqpay.orders.capture(it, data().order),
    "refund": lambda briqpay, it: briqpay.orders.refund(it, data().order),
    "cancel": lambda briqpay, it: briqpay.orders.cancel(it),
}
BY_OPTION: dict[str, Callable[..., Awaitable[Any]]] = {
    "read": lambda briqpay, **options: briqpay.sessions.read(SESSION_ID, **options),
    "update": lambda briqpay, **options: briqpay.sessions.update(SESSION_ID, PATCH, **options),
    "metadata": lambda briqpay, **options: briqpay.sessions.update_metadata(
        SESSION_ID, references={"a": "b"}, **options
    ),
    "create": lambda briqpay, **options: briqpay.sessions.create(new_session(), **options),
}


@pytest.mark.parametrize("call", BY_SESSION.values(), ids=BY_SESSION)
async def test_an_identifier_that_could_reach_elsewhere_sends_nothing(
    wire: Wire, briqpay: BriqpayClient, call: Call
) -> None:
    for session_id in EVIL_IDS:
        with pytest.raises(ValidationError):
            await call(briqpay, session_id)
    assert wire.connections == 0


async def test_an_identifier_of_a_token_stays_one_part_of_the_path(wire: Wire, briqpay: BriqpayClient) -> None:
    for token_id in ["", ".", "..", "a/b", "a\\..\r\n", "a\0", *BREAKS, None, 5]:
        with pytest.raises(ValidationError):
            await briqpay.tokens.read(token_id)  # type: ignore[arg-type]
    assert wire.connections == 0


@pytest.mark.parametrize("call", BY_OPTION.values(), ids=BY_OPTION)
async def test_a_header_that_could_make_another_sends_nothing(
    wire: Wire, briqpay: BriqpayClient, call: Callable[..., Awaitable[Any]]
) -> None:
    evil: list[Any] = [{"X-Ok": f"a{text}"} for text in BREAKS]
    evil += [{f"X-Ok{text}": "a"} for text in BREAKS]
    evil += [{"X-Ok:": "a"}, {"": "a"}, {" X": "a"}, {"X Y": "a"}, {"Å": "a"}, {"X-Ok": b"a"}, {"X-Ok": None}]
    evil += [
        {name: "1"} for name in ("Content-Length", "transfer-encoding", "HOST", "Authorization", "Connection")
    ]
    for headers in evil:
        with pytest.raises(ValidationError):
            await call(briqpay, headers=headers)
    assert wire.connections == 0


@pytest.mark.parametrize("call", BY_OPTION.values(), ids=BY_OPTION)
async def test_fields_that_could_change_the_query_send_nothing(
    wire: Wire, briqpay: BriqpayClient, call: Callable[..., Awaitable[Any]]
) -> None:
    evil: list[Any] = [[f"data{text}"] for text in [*BREAKS, "&x=1", "#", " HTTP/1.1", "%20", ",", "/../"]]
    for fields in [*evil, "data", ["data", "none"], [], [""], [None], 5]:
        with pytest.raises(ValidationError):
            await call(briqpay, fields=fields)
    assert wire.connections == 0


async def test_line_breaks_in_references_and_urls_are_text_like_any_other(
    wire: Wire, briqpay: BriqpayClient
) -> None:
    references = {f"a{text}": f"b{text}" for text in BREAKS[:-1]}
    await briqpay.sessions.update_metadata(SESSION_ID, references=references)
    assert orjson.loads(wire.bodies[0]) == {"references": references}
    assert b"x-evil" not in wire.requests[0].lower()
    assert len(wire.requests) == 1


async def test_half_a_surrogate_pair_in_a_reference_sends_nothing(wire: Wire, briqpay: BriqpayClient) -> None:
    for references in ({"a": "\ud800"}, {"\ud800": "a"}, {"a": 5}, {5: "a"}):
        with pytest.raises(ValidationError):
            await briqpay.sessions.update_metadata(SESSION_ID, references=references)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        await briqpay.sessions.update_metadata(SESSION_ID, urls=Urls(redirect="https://shop.example/\ud800"))
    assert wire.connections == 0
