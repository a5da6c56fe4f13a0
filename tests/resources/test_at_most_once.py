"""Money moves once: what a client says after a lost answer is true, whatever the server shows of it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from support.shop import data, line, new_session

from briqpay_async import (
    BriqpayClient,
    BriqpayError,
    Capture,
    Decision,
    Order,
    OutcomeUnknownError,
    RetryPolicy,
    ServerError,
    Session,
    ValidationError,
    unstructure,
)
from briqpay_async.sandbox import Sandbox

WHOLE = data(line("a", quantity=3), line("b"))
FAST = RetryPolicy(base=0.001, cap=0.002)


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with Sandbox(vocabulary="plugins") as sandbox:
        yield sandbox


@pytest.fixture
async def briqpay(shop: Sandbox) -> AsyncIterator[BriqpayClient]:
    async with BriqpayClient(shop.username, shop.secret, base_url=shop.url, retry=FAST) as client:
        yield client


async def paid(briqpay: BriqpayClient, shop: Sandbox) -> tuple[str, Any]:
    session = await briqpay.sessions.create(new_session(WHOLE))
    session_id = str(session.session_id)
    shop.complete(session_id)
    session = await briqpay.sessions.read(session_id)
    assert session.data is not None
    assert session.data.order is not None
    return session_id, session.data.order


async def another_machine(shop: Sandbox, session_id: str, order: Order) -> str:
    """Capture as a program does that shares nothing with the client: the identifier of the capture."""
    login = base64.b64encode(f"{shop.username}:{shop.secret}".encode()).decode()
    body = {"data": {"order": unstructure(order)}}
    async with aiohttp.ClientSession() as http:
        url = f"{shop.url}/v3/session/{session_id}/order/capture"
        headers = {"Authorization": f"Basic {login}"}
        async with http.post(url, json=body, headers=headers) as answer:
            return str((await answer.json())["captureId"])


def sent(shop: Sandbox, endpoint: str = "capture") -> int:
    return len([record for record in shop.journal if record.endpoint == endpoint])


def effects(shop: Sandbox, session_id: str, kind: str = "capture") -> int:
    return len(shop.effects_of(session_id, kind))


# --- never repeated by itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 3])
async def test_a_capture_that_a_proxy_applies_after_dropping_it_is_sent_once(
    briqpay: BriqpayClient, shop: Sandbox, lag: int
) -> None:
    session_id, order = await paid(briqpay, shop)
    if lag:
        shop.faults.add("lagging_reads", reads=lag)
    shop.faults.add("apply_later", endpoint="capture", seconds=0.05)
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(session_id, order.select({"a": 1}))
    await shop.faults.settled()
    assert (sent(shop), effects(shop, session_id)) == (1, 1)


@pytest.mark.parametrize("kind", ["close_before_read", "close_before_answer"])
@pytest.mark.parametrize("endpoint", ["capture", "refund", "cancel", "release_remaining"])
async def test_a_dropped_connection_proves_nothing(
    briqpay: BriqpayClient, shop: Sandbox, endpoint: str, kind: str
) -> None:
    session_id, order = await paid(briqpay, shop)
    if endpoint not in {"capture", "cancel"}:
        await briqpay.orders.capture(session_id, order.select({"a": 1}))
    shop.journal.clear()
    shop.faults.add(kind, endpoint=endpoint)
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "capture": lambda: briqpay.orders.capture(session_id, order.select({"a": 1})),
        "refund": lambda: briqpay.orders.refund(session_id, order.select({"a": 1})),
        "cancel": lambda: briqpay.orders.cancel(session_id),
        "release_remaining": lambda: briqpay.orders.release_remaining(session_id),
    }
    with pytest.raises(OutcomeUnknownError) as caught:
        await calls[endpoint]()
    assert caught.value.candidates == ()
    assert sent(shop, endpoint) == 1


# --- differing views -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("show", "recognised"),
    [
        ("no_references", False),
        ("empty_cart", True),
        ("unit_price_with_vat", False),
        ("lower_case_currency", True),
        ("no_capture_id", False),
        ("no_status", True),
        (["empty_cart", "no_capture_id"], False),
    ],
)
@pytest.mark.parametrize("earlier", [0, 1])
async def test_a_capture_that_is_shown_differently_is_recognised_or_unknown_and_never_absent(
    briqpay: BriqpayClient, shop: Sandbox, show: Any, recognised: bool, earlier: int
) -> None:
    session_id, order = await paid(briqpay, shop)
    for _ in range(earlier):
        await briqpay.orders.capture(session_id, order.select({"a": 1}))
    shop.journal.clear()
    shop.faults.add("altered_captures", show=show)
    shop.faults.add("apply_then_drop", endpoint="capture")
    if recognised:
        capture = await briqpay.orders.capture(session_id, order.select({"a": 1}))
        assert capture.capture_id == shop.effects_of(session_id, "capture")[-1].made
    else:
        with pytest.raises(OutcomeUnknownError) as caught:
            await briqpay.orders.capture(session_id, order.select({"a": 1}))
        assert all(isinstance(one, Capture) for one in caught.value.candidates)
        assert len(caught.value.candidates) >= 1
    assert (sent(shop), effects(shop, session_id)) == (1, earlier + 1)


@pytest.mark.parametrize("kind", ["reset_mid_body", "truncated_json", "malformed_json", "invalid_utf8"])
async def test_a_capture_whose_answer_is_cut_off_happened(
    briqpay: BriqpayClient, shop: Sandbox, kind: str
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("lagging_reads", reads=9)
    shop.faults.add(kind, endpoint="capture")
    with pytest.raises(OutcomeUnknownError) as caught:
        await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check")
    assert caught.value.status == 201
    assert (sent(shop), effects(shop, session_id)) == (1, 1)


# --- error statuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 500, 501, 502, 503, 504, 520])
async def test_an_error_status_after_a_capture_is_a_lost_answer(
    briqpay: BriqpayClient, shop: Sandbox, status: int
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("apply_then_status", endpoint="capture", status=status, retry_after=0)
    capture = await briqpay.orders.capture(session_id, order.select({"a": 1}))
    assert [one.made for one in shop.effects_of(session_id, "capture")] == [capture.capture_id]
    assert sent(shop) == 1


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
async def test_an_error_status_without_a_trace_is_an_unknown_outcome(
    briqpay: BriqpayClient, shop: Sandbox, status: int
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("status", endpoint="capture", status=status, retry_after=0)
    with pytest.raises(OutcomeUnknownError) as caught:
        await briqpay.orders.capture(session_id, order.select({"a": 1}))
    assert (caught.value.status, caught.value.retry_after, caught.value.sent) == (status, 0.0, True)
    if status >= 500:
        assert isinstance(caught.value.__cause__, ServerError)
    assert (sent(shop), effects(shop, session_id)) == (1, 0)


@pytest.mark.parametrize("endpoint", ["create", "decision"])
async def test_a_create_or_decision_answered_503_is_unknown_and_not_repeated(
    briqpay: BriqpayClient, shop: Sandbox, endpoint: str
) -> None:
    session_id = str((await briqpay.sessions.create(new_session(WHOLE))).session_id)
    shop.journal.clear()
    shop.faults.add("apply_then_status", endpoint=endpoint, status=503, retry_after=0)
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "create": lambda: briqpay.sessions.create(new_session(WHOLE)),
        "decision": lambda: briqpay.sessions.decide(session_id, Decision.allow()),
    }
    with pytest.raises(OutcomeUnknownError):
        await calls[endpoint]()
    assert sent(shop, endpoint) == 1


@pytest.mark.parametrize("kind", ["apply_later", "apply_then_drop", "reset_mid_body", "close_before_answer"])
async def test_a_lost_create_never_makes_two_sessions(briqpay: BriqpayClient, shop: Sandbox, kind: str) -> None:
    shop.faults.add(kind, endpoint="create")
    with pytest.raises(OutcomeUnknownError):
        await briqpay.sessions.create(new_session(WHOLE))
    await shop.faults.settled()
    assert sent(shop, "create") == 1
    assert len(shop.sessions) <= 1


# --- another program's -----------------------------------------------------------------------------------


async def test_a_capture_that_another_program_made_meanwhile_is_a_candidate_and_no_success(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session_id, order = await paid(briqpay, shop)
    before: Session = await briqpay.sessions.read(session_id)
    # A program on another machine, which does not know of our lock files, with a session that is as old as ours.
    elsewhere = await another_machine(shop, session_id, order.select({"a": 1}))
    shop.faults.add("close_before_answer", endpoint="capture")
    with pytest.raises(OutcomeUnknownError) as caught:
        await briqpay.orders.capture(session_id, order.select({"a": 1}), before=before)
    assert [one.capture_id for one in caught.value.candidates] == [elsewhere]
    assert effects(shop, session_id) == 1


async def test_two_new_captures_that_both_fit_are_candidates(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session_id, order = await paid(briqpay, shop)
    before = await briqpay.sessions.read(session_id)
    shop.faults.add("apply_then_drop", endpoint="capture")
    for count in (1, 2):
        with pytest.raises(OutcomeUnknownError) as caught:
            await briqpay.orders.capture(session_id, order.select({"a": 1}), before=before)
        assert len(caught.value.candidates) == count


async def test_of_two_captures_that_both_fit_none_is_claimed(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session_id, order = await paid(briqpay, shop)
    lagging = shop.faults.add("lagging_reads", reads=1)
    await another_machine(shop, session_id, order.select({"a": 1}))
    # The read before does not show yet what another machine made; the read after shows both.
    shop.faults.add("apply_then_drop", endpoint="capture")
    capture = asyncio.create_task(briqpay.orders.capture(session_id, order.select({"a": 1})))
    for _ in range(10_000):
        if len(shop.effects_of(session_id, "capture")) == 2:
            break
        await asyncio.sleep(0)
    shop.faults.remove(lagging)
    with pytest.raises(OutcomeUnknownError) as caught:
        await capture
    made = [one.made for one in shop.effects_of(session_id, "capture")]
    assert [one.capture_id for one in caught.value.candidates] == made
    assert len(made) == 2


async def test_two_clients_with_equal_captures_never_claim_the_same_one(shop: Sandbox) -> None:
    async with (
        BriqpayClient(shop.username, shop.secret, base_url=shop.url, retry=FAST) as one,
        BriqpayClient(shop.username, shop.secret, base_url=shop.url, retry=FAST) as other,
    ):
        for number in range(12):
            session_id, order = await paid(one, shop)
            shop.faults.clear()
            shop.faults.add("apply_then_drop", endpoint="capture", times=1)
            shop.faults.add("close_before_answer", endpoint="capture", times=1)
            part = order.select({"a": 1})
            results = await asyncio.gather(
                one.orders.capture(session_id, part),
                other.orders.capture(session_id, part),
                return_exceptions=True,
            )
            claimed = [result.capture_id for result in results if isinstance(result, Capture)]
            assert len(claimed) == len(set(claimed)) <= effects(shop, session_id), number
            assert all(isinstance(result, Capture | OutcomeUnknownError) for result in results)


# --- repeated after a check ------------------------------------------------------------------------------


@pytest.fixture
def pauses(briqpay: BriqpayClient) -> list[float]:
    """The waits of the client, which take no time."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    briqpay._caller.shared.sleep = sleep
    return waits


@pytest.mark.parametrize("kind", ["close_before_read", "close_before_answer", "html_502"])
async def test_a_lost_capture_is_repeated_when_that_is_asked_for_and_two_looks_show_nothing(
    briqpay: BriqpayClient, shop: Sandbox, pauses: list[float], kind: str
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add(kind, endpoint="capture", times=2)
    shop.journal.clear()
    capture = await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check")
    assert [one.made for one in shop.effects_of(session_id, "capture")] == [capture.capture_id]
    assert sent(shop) == 3
    assert sent(shop, "read") == 1 + 2 * 2
    assert [wait for wait in pauses if wait >= 1] == [3.0, 3.0]


async def test_repetitions_after_a_check_are_bounded(
    briqpay: BriqpayClient, shop: Sandbox, pauses: list[float]
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("close_before_answer", endpoint="capture")
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check")
    assert sent(shop) == FAST.attempts


async def test_a_call_without_time_for_a_second_look_is_not_repeated(
    briqpay: BriqpayClient, shop: Sandbox, pauses: list[float]
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("close_before_answer", endpoint="capture")
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check", timeout=2.9)
    assert sent(shop) == 1


async def test_something_new_that_is_not_understood_stops_a_repetition(
    briqpay: BriqpayClient, shop: Sandbox, pauses: list[float]
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("altered_captures", show=["no_capture_id", "empty_cart"])
    shop.faults.add("apply_then_drop", endpoint="capture")
    with pytest.raises(OutcomeUnknownError) as caught:
        await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check")
    assert len(caught.value.candidates) == 1
    assert (sent(shop), effects(shop, session_id)) == (1, 1)


async def test_what_the_second_look_shows_stops_a_repetition(
    briqpay: BriqpayClient, shop: Sandbox, pauses: list[float]
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("lagging_reads", reads=1)
    shop.faults.add("apply_then_drop", endpoint="capture")
    capture = await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check")
    assert [one.made for one in shop.effects_of(session_id, "capture")] == [capture.capture_id]
    assert sent(shop) == 1


async def test_a_repetition_that_is_refused_leaves_the_first_request_open(
    briqpay: BriqpayClient, shop: Sandbox, pauses: list[float]
) -> None:
    session_id, order = await paid(briqpay, shop)
    shop.faults.add("close_before_answer", endpoint="capture", times=1)
    shop.faults.add("status", status=400, code="INVALID_DATA", endpoint="capture", times=1)
    with pytest.raises(OutcomeUnknownError, match="An earlier request of this call") as caught:
        await briqpay.orders.capture(session_id, order.select({"a": 1}), repeat="after-check")
    assert caught.value.status == 400


async def test_after_an_unknown_outcome_no_later_capture_is_taken_for_ones_own(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session_id, order = await paid(briqpay, shop)
    part = order.select({"a": 1})
    shop.faults.add("apply_later", endpoint="capture", seconds=0.5, times=1)
    with pytest.raises(OutcomeUnknownError):
        await briqpay.orders.capture(session_id, part)
    # The first capture is applied while another client, alike but new, makes the second.
    async with BriqpayClient(shop.username, shop.secret, base_url=shop.url, retry=FAST) as other:
        shop.faults.add("latency", endpoint="capture", seconds=0.8)
        shop.faults.add("close_before_answer", endpoint="capture")
        with pytest.raises(OutcomeUnknownError) as caught:
            await other.orders.capture(session_id, part)
    assert [one.capture_id for one in caught.value.candidates] == [
        one.made for one in shop.effects_of(session_id, "capture")
    ]


async def test_a_capture_that_reads_show_late_is_not_taken_for_the_next_one(
    briqpay: BriqpayClient, shop: Sandbox
) -> None:
    session_id, order = await paid(briqpay, shop)
    part = order.select({"a": 1})
    shop.faults.add("lagging_reads", reads=1)
    first = await briqpay.orders.capture(session_id, part)
    shop.faults.add("close_before_answer", endpoint="capture")
    with pytest.raises(OutcomeUnknownError) as caught:
        await briqpay.orders.capture(session_id, part)
    assert first.capture_id not in {one.capture_id for one in caught.value.candidates}


async def test_only_two_ways_to_repeat_are_known(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session_id, order = await paid(briqpay, shop)
    orders: Any = briqpay.orders
    with pytest.raises(ValidationError, match="/repeat must be 'never' or 'after-check'"):
        await orders.capture(session_id, order, repeat="always")
    with pytest.raises(ValidationError, match="/before must be a Session"):
        await orders.capture(session_id, order, before={})
    assert sent(shop) == 0


# --- answers that are no answer --------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["capture", "refund"])
@pytest.mark.parametrize(
    "answer", [{}, {"captureId": "x", "refundId": "x", "sessionId": "c5674f4f-7e84-405c-a44b-c83736bb7209"}]
)
async def test_an_answer_that_names_nothing_or_another_session_is_looked_behind(
    briqpay: BriqpayClient, shop: Sandbox, endpoint: str, answer: Any
) -> None:
    session_id, order = await paid(briqpay, shop)
    made: Any
    if endpoint == "refund":
        await briqpay.orders.capture(session_id, order)
    shop.faults.add("apply_then_status", endpoint=endpoint, status=201, body=answer)
    if endpoint == "capture":
        made = (await briqpay.orders.capture(session_id, order.select({"a": 1}))).capture_id
    else:
        made = (await briqpay.orders.refund(session_id, order.select({"a": 1}))).refund_id
    assert shop.effects_of(session_id, endpoint)[-1].made == made


async def test_a_look_at_another_session_proves_nothing(briqpay: BriqpayClient, shop: Sandbox) -> None:
    session_id, order = await paid(briqpay, shop)
    other_id, other_order = await paid(briqpay, shop)
    before = await briqpay.sessions.read(session_id)
    await briqpay.orders.capture(other_id, other_order.select({"a": 1}))
    other = unstructure(await briqpay.sessions.read(other_id))
    shop.faults.add("close_before_read", endpoint="capture", times=1)
    shop.faults.add("apply_then_status", endpoint="read", status=200, body=other)
    with pytest.raises(OutcomeUnknownError) as caught:
        await briqpay.orders.capture(session_id, order.select({"a": 1}), before=before)
    assert caught.value.candidates == ()
    assert effects(shop, session_id) == 0


# --- a lease that several machines share -----------------------------------------------------------------


class LeaseThatRunsOut:
    """A lease that holds for some checks."""

    def __init__(self, checks: int) -> None:
        self._checks = checks

    async def acquire(self, session_id: str, seconds: float) -> LeaseThatRunsOut:
        return self

    def check(self) -> None:
        self._checks -= 1
        if self._checks < 0:
            raise BriqpayError("the lease ran out")

    async def release(self) -> None:
        """Nothing to give back."""


@pytest.mark.parametrize(
    ("checks", "error", "requests"),
    [(0, BriqpayError, 0), (1, OutcomeUnknownError, 1), (2, None, 1)],
    ids=["before it is sent", "before the session is looked at", "never"],
)
async def test_who_lost_the_lease_sends_nothing_and_claims_nothing(
    briqpay: BriqpayClient, shop: Sandbox, checks: int, error: type[BriqpayError] | None, requests: int
) -> None:
    session_id, order = await paid(briqpay, shop)
    briqpay._caller.shared.locks.leases = LeaseThatRunsOut(checks)
    shop.faults.add("apply_then_drop", endpoint="capture")
    if error is None:
        assert (await briqpay.orders.capture(session_id, order.select({"a": 1}))).capture_id
    else:
        with pytest.raises(error) as caught:
            await briqpay.orders.capture(session_id, order.select({"a": 1}))
        assert type(caught.value) is error
    assert sent(shop) == requests
