"""When the wire goes wrong: which error, what it says of the request, how many were made, what really happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from support.shop import address, data, new_session
from system.robust.robust_wire import connections_idle

from briqpay_async import (
    BriqpayClient,
    BriqpayError,
    CallTimeoutError,
    Decision,
    OutcomeUnknownError,
    Pool,
    RateLimitedError,
    ResponseDecodeError,
    RetryPolicy,
    ServerError,
    SessionPatch,
    TransportError,
)
from briqpay_async.sandbox import Sandbox

TO_MALMO = SessionPatch.between(data(), data(billing=address(city="Malmö")))
ONCE = RetryPolicy(attempts=1)

Call = Callable[[BriqpayClient, str], Awaitable[Any]]


@attrs.frozen
class Kind:
    """A kind of call: how it is made, where it arrives, and the effect it has."""

    call: Call
    endpoint: str
    effect: str | None


READ = Kind(lambda b, s: b.sessions.read(s), "read", None)
UPDATE = Kind(lambda b, s: b.sessions.update(s, TO_MALMO), "patch", "patch")
METADATA = Kind(lambda b, s: b.sessions.update_metadata(s, references={"a": "b"}), "metadata", "metadata")
CREATE = Kind(lambda b, _s: b.sessions.create(new_session()), "create", "create")
DECIDE = Kind(lambda b, s: b.sessions.decide(s, Decision.allow()), "decision", "decision")
SAFE = (READ, UPDATE, METADATA)
UNSAFE = (CREATE, DECIDE)
by_endpoint: Callable[[Any], str | None] = lambda kind: getattr(kind, "endpoint", None)  # noqa: E731 - an id function


@pytest.fixture
async def session_id(client: BriqpayClient, sandbox: Sandbox) -> str:
    session = await client.sessions.create(new_session())
    assert session.session_id is not None
    sandbox.journal.clear()
    sandbox.effects.clear()
    return session.session_id


def happened(sandbox: Sandbox, kind: Kind) -> tuple[int, int]:
    """Requests that arrived, and how many took effect."""
    effects = sum(1 for effect in sandbox.effects if effect.kind == kind.effect)
    return len(sandbox.journal.of(endpoint=kind.endpoint)), effects


# A socket that fails: kind, whether what was sent took effect, what is known of it
BROKEN_SOCKETS: list[tuple[str, dict[str, Any], bool, set[bool | None]]] = [
    ("close_before_read", {}, False, {True, None}),
    ("close_before_answer", {}, False, {True, None}),
    ("apply_then_drop", {}, True, {True, None}),
    ("reset_mid_body", {}, True, {True, None}),
    ("reset_mid_body", {"reset": False, "fraction": 0.9}, True, {True}),
]
on_broken_sockets = pytest.mark.parametrize(
    ("fault", "options", "applied", "sent"),
    BROKEN_SOCKETS,
    ids=["-".join([row[0], *row[1]]) for row in BROKEN_SOCKETS],
)


@pytest.mark.parametrize("kind", SAFE, ids=by_endpoint)
@on_broken_sockets
async def test_a_lost_answer_of_a_safe_request_is_asked_for_again(
    client: BriqpayClient,
    sandbox: Sandbox,
    session_id: str,
    *,
    kind: Kind,
    fault: str,
    options: dict[str, Any],
    applied: bool,
    sent: set[bool | None],
) -> None:
    sandbox.faults.add(fault, endpoint=kind.endpoint, nth=[1, 2], **options)
    await kind.call(client, session_id)
    requests, effects = happened(sandbox, kind)
    assert requests == 3
    assert effects == (0 if kind.effect is None else 3 if applied else 1)
    if kind is UPDATE:
        assert sandbox.sessions[session_id]["data"]["billing"]["city"] == "Malmö"


@pytest.mark.parametrize("kind", [UPDATE, METADATA], ids=by_endpoint)
@on_broken_sockets
async def test_a_safe_request_that_never_gets_its_answer_says_what_is_known(
    client: BriqpayClient,
    sandbox: Sandbox,
    session_id: str,
    *,
    kind: Kind,
    fault: str,
    options: dict[str, Any],
    applied: bool,
    sent: set[bool | None],
) -> None:
    sandbox.faults.add(fault, endpoint=kind.endpoint, **options)
    with pytest.raises(TransportError) as caught:
        await kind.call(client, session_id)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert caught.value.sent in sent
    assert caught.value.attempts == 4
    assert happened(sandbox, kind) == (4, 4 if applied else 0)


@pytest.mark.parametrize("kind", UNSAFE, ids=by_endpoint)
@on_broken_sockets
async def test_a_lost_answer_of_an_unsafe_request_is_an_unknown_outcome_of_one_request(
    client: BriqpayClient,
    sandbox: Sandbox,
    session_id: str,
    *,
    kind: Kind,
    fault: str,
    options: dict[str, Any],
    applied: bool,
    sent: set[bool | None],
) -> None:
    sandbox.faults.add(fault, endpoint=kind.endpoint, **options)
    with pytest.raises(OutcomeUnknownError) as caught:
        await kind.call(client, session_id)
    assert caught.value.sent in sent
    assert caught.value.attempts == 1
    assert happened(sandbox, kind) == (1, int(applied))


@pytest.mark.parametrize("kind", [*SAFE, *UNSAFE], ids=by_endpoint)
async def test_a_dead_kept_connection_is_survived_or_an_error(
    client: BriqpayClient, sandbox: Sandbox, session_id: str, kind: Kind
) -> None:
    sandbox.faults.add("stale_keepalive", endpoint="read", times=1)
    await client.sessions.read(session_id)
    sandbox.journal.clear()
    if kind in SAFE:
        await kind.call(client, session_id)
        assert happened(sandbox, kind) == (2, 0 if kind.effect is None else 1)
    else:
        with pytest.raises(OutcomeUnknownError):
            await kind.call(client, session_id)
        assert happened(sandbox, kind) == (1, 0)


async def test_a_connection_that_the_server_closed_while_idle_is_not_used(
    client: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.add("stale_keepalive", endpoint="read", times=1, seconds=0.001)
    await client.sessions.read(session_id)
    async with asyncio.timeout(30):
        while connections_idle(client):  # noqa: ASYNC110 - the pool has no event for it
            await asyncio.sleep(0.001)
    await client.sessions.decide(session_id, Decision.allow())
    assert happened(sandbox, DECIDE) == (1, 1)


# --- answers that cannot be decoded --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["malformed_json", "truncated_json", "invalid_utf8"])
@pytest.mark.parametrize("kind", [READ, UPDATE, CREATE], ids=by_endpoint)
async def test_a_success_that_cannot_be_read_is_raised_and_not_repeated(
    client: BriqpayClient, sandbox: Sandbox, session_id: str, kind: Kind, fault: str
) -> None:
    sandbox.faults.add(fault, endpoint=kind.endpoint)
    with pytest.raises(ResponseDecodeError) as caught:
        await kind.call(client, session_id)
    assert caught.value.status in {200, 201}
    assert happened(sandbox, kind) == (1, 0 if kind.effect is None else 1)


async def test_json_is_read_whatever_type_it_is_declared_to_be(
    client: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.add("wrong_content_type")
    assert (await client.sessions.read(session_id)).session_id == session_id


@pytest.mark.parametrize(("fault", "size"), [("oversized", 200_000), ("gzip_bomb", 30_000_000)])
async def test_an_answer_beyond_the_limit_is_refused_and_the_client_works_on(
    sandbox: Sandbox, fault: str, size: int
) -> None:
    pool = Pool(max_body=100_000, size=1)
    async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, pool=pool) as client:
        session = await client.sessions.create(new_session())
        assert session.session_id is not None
        sandbox.faults.add(fault, size=size, times=1, endpoint="read")
        with pytest.raises(ResponseDecodeError, match="larger than 100000 bytes"):
            await client.sessions.read(session.session_id)
        assert (await client.sessions.read(session.session_id)).session_id == session.session_id
    assert len(sandbox.journal.of(endpoint="read")) == 2


async def test_an_answer_within_the_limit_is_read_however_large(
    client: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.add("oversized", size=1_000_000)
    assert len((await client.sessions.read(session_id)).extra["padding"]) > 999_000


# --- errors with a status --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*SAFE, *UNSAFE], ids=by_endpoint)
async def test_the_error_page_of_a_proxy_is_a_server_error_with_its_text(
    client: BriqpayClient, sandbox: Sandbox, session_id: str, kind: Kind
) -> None:
    sandbox.faults.add("html_502", endpoint=kind.endpoint)
    with pytest.raises(ServerError if kind in SAFE else OutcomeUnknownError, match="Bad Gateway") as caught:
        await kind.call(client, session_id)
    assert (caught.value.status, caught.value.code) == (502, None)
    assert "<h1>502 Bad Gateway</h1>" in (caught.value.body or "")
    assert caught.value.headers["content-type"].startswith("text/html")
    assert happened(sandbox, kind) == (4 if kind in SAFE else 1, 0)


@pytest.mark.parametrize(
    ("kind", "status"),
    [(kind, 429) for kind in (*SAFE, *UNSAFE)] + [(kind, 503) for kind in SAFE],
    ids=by_endpoint,
)
@pytest.mark.parametrize("retry_after", ["0.03", "date:-60", 0])
async def test_a_request_asked_to_come_back_does(
    client: BriqpayClient, sandbox: Sandbox, session_id: str, *, kind: Kind, status: int, retry_after: Any
) -> None:
    sandbox.faults.add("status", status=status, retry_after=retry_after, endpoint=kind.endpoint, nth=1)
    await kind.call(client, session_id)
    assert happened(sandbox, kind) == (2, 0 if kind.effect is None else 1)
    first, second = sandbox.journal.of(endpoint=kind.endpoint)
    if retry_after == "0.03":
        assert second.started - first.started >= 0.03


@pytest.mark.parametrize("retry_after", [30, "date:30"])
async def test_a_wait_beyond_the_deadline_is_an_error_at_once(
    client: BriqpayClient, sandbox: Sandbox, session_id: str, retry_after: Any
) -> None:
    sandbox.faults.add("status", status=429, retry_after=retry_after)
    with pytest.raises(RateLimitedError) as caught:  # and not the error of a deadline that has passed
        await client.sessions.read(session_id, timeout=20)
    assert caught.value.retry_after is not None
    assert 20 < caught.value.retry_after < 31
    assert len(sandbox.journal) == 1


async def test_a_client_above_the_rate_limit_slows_down_and_gets_everything_done(
    client: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.add("rate_limit", per_second=100, burst=5, retry_after="exact")
    patient = client.with_options(retry=RetryPolicy(attempts=30, base=0.01, cap=0.1))
    answers = await asyncio.gather(*(patient.sessions.read(session_id) for _ in range(10)))
    assert {answer.session_id for answer in answers} == {session_id}
    assert sum(1 for record in sandbox.journal if record.status == 429) < 100  # and not one for each try


# --- time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "options", "applied"),
    [
        ("latency", {"seconds": 60, "when": "before"}, False),
        ("latency", {"seconds": 60, "when": "after"}, True),
        ("drip", {"seconds": 60, "chunks": 100}, True),
    ],
    ids=["before", "after", "drip"],
)
@pytest.mark.parametrize("kind", [UPDATE, DECIDE], ids=by_endpoint)
async def test_a_deadline_ends_a_call_whatever_the_server_does(
    client: BriqpayClient,
    sandbox: Sandbox,
    session_id: str,
    *,
    kind: Kind,
    fault: str,
    options: dict[str, Any],
    applied: bool,
) -> None:
    sandbox.faults.add(fault, **options)
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "patch": lambda: client.sessions.update(session_id, TO_MALMO, timeout=0.3),
        "decision": lambda: client.sessions.decide(session_id, Decision.allow(), timeout=0.3),
    }
    with pytest.raises(CallTimeoutError if kind is UPDATE else OutcomeUnknownError) as caught:
        await calls[kind.endpoint]()
    assert isinstance(caught.value, TransportError)
    assert caught.value.sent is None
    assert happened(sandbox, kind) == (1, int(applied))


async def test_chaos_that_ends_is_survived_by_a_patient_client(
    client: BriqpayClient, sandbox: Sandbox, session_id: str
) -> None:
    sandbox.faults.chaos(0.5, max_in_a_row=3)
    patient = client.with_options(retry=RetryPolicy(attempts=10, base=0.001, cap=0.01))
    for number in range(30):
        patch = SessionPatch.between(data(), data(billing=address(city=f"City {number}")))
        await patient.sessions.update(session_id, patch, fields="none")
        assert sandbox.sessions[session_id]["data"]["billing"]["city"] == f"City {number}"
    assert sandbox.journal.overlaps == ()


async def test_under_chaos_an_unsafe_request_takes_effect_at_most_once_and_errors_are_true(
    client: BriqpayClient, sandbox: Sandbox
) -> None:
    sandbox.faults.chaos(0.6)
    patient = client.with_options(retry=RetryPolicy(attempts=6, base=0.001, cap=0.01))
    outcomes = {"made": 0, "unknown": 0, "not made": 0}
    for number in range(60):
        before = len(sandbox.effects)
        outcome = "made"
        try:
            await patient.sessions.create(attrs.evolve(new_session(), references={"reference1": str(number)}))
        except OutcomeUnknownError:
            outcome = "unknown"
        except BriqpayError:
            outcome = "not made"
        made = len(sandbox.effects) - before
        assert made in {"made": (1,), "unknown": (0, 1), "not made": (0,)}[outcome], (number, outcome, made)
        outcomes[outcome] += 1
    assert (outcomes["made"] > 0, outcomes["unknown"] > 0) == (True, True)
