"""The retry loop on fake time: how many requests, when, and never beyond the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_transport import Step, answer, call, caller, create, read, update
from support.virtual_time import FakeTime

from briqpay_async import (
    APIError,
    BriqpayError,
    CallTimeoutError,
    ConnectError,
    InvalidDataError,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    Timeouts,
    TransportError,
)
from briqpay_async.transport.requests import Request

BUSY = answer(503, b"")


async def test_a_call_that_succeeds_makes_one_request_and_never_sleeps(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(201, b'{"a":1}'))
    assert (await call(briqpay, read())).body == b'{"a":1}'
    assert len(transport.sent) == 1
    assert fake_time.naps == []


@pytest.mark.parametrize(
    "failure",
    [BUSY, answer(500), answer(429), answer(408), TransportError("x", sent=True), ConnectError("x", sent=False)],
)
async def test_a_failure_that_may_be_repeated_is_repeated_until_it_works(
    fake_time: FakeTime, failure: Step
) -> None:
    briqpay, transport = caller(fake_time, failure, failure, answer(200))
    assert (await call(briqpay, update())).status == 200
    assert len(transport.sent) == 3
    assert fake_time.naps == [0.125, 0.25]


async def test_waits_grow_by_the_policy_and_the_last_failure_is_raised(fake_time: FakeTime) -> None:
    briqpay, transport = caller(
        fake_time, BUSY, BUSY, BUSY, BUSY, answer(500, b"last"), attempts=5, base=1.0, cap=3.0
    )
    with pytest.raises(ServerError) as caught:
        await call(briqpay, read())
    assert fake_time.naps == [0.5, 1.0, 1.5, 1.5]
    assert [at - 1000.0 for at, _ in transport.sent] == [0.0, 0.5, 1.5, 3.0, 4.5]
    assert (caught.value.status, caught.value.body, caught.value.attempts) == (500, "last", 5)


@pytest.mark.parametrize("attempts", [1, 2, 4, 7])
async def test_no_call_makes_more_requests_than_it_may(fake_time: FakeTime, attempts: int) -> None:
    briqpay, transport = caller(fake_time, BUSY, attempts=attempts, cap=0.1)
    with pytest.raises(ServerError):
        await call(briqpay, read())
    assert len(transport.sent) == attempts


async def test_every_attempt_sends_the_very_same_request(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, BUSY, BUSY, answer())
    request = update(body=b'{"data":{}}', query="fields=none")
    await call(briqpay, request)
    assert all(sent is request for _, sent in transport.sent)


async def test_a_final_answer_is_raised_at_once_even_after_retries(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, BUSY, answer(400))
    with pytest.raises(InvalidDataError):
        await call(briqpay, read())
    assert len(transport.sent) == 2


async def test_a_redirect_is_an_error_and_not_followed(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(302, b"", Location="https://elsewhere.example"))
    with pytest.raises(BriqpayError) as caught:
        await call(briqpay, read())
    assert (caught.value.status, len(transport.sent)) == (302, 1)


async def test_an_error_that_is_not_of_this_library_passes_through_unrepeated(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, BUSY, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await call(briqpay, update())
    assert len(transport.sent) == 2
    assert len(briqpay.shared.locks) == 0


# --- Retry-After -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("request_of", "status"), [(read, 503), (update, 503), (create, 429)])
async def test_retry_after_that_fits_is_obeyed_to_the_second(
    fake_time: FakeTime, request_of: Callable[[], Request], status: int
) -> None:
    waits = answer(429, Retry_After="7"), answer(status, Retry_After="2.5")
    briqpay, transport = caller(fake_time, *waits, answer())
    await call(briqpay, request_of())
    assert fake_time.naps == [7.0, 2.5]
    assert [at - 1000.0 for at, _ in transport.sent] == [0.0, 7.0, 9.5]


@pytest.mark.parametrize("wait", ["10", "11", "86400", "1e300"])
async def test_retry_after_beyond_the_deadline_is_raised_at_once_with_its_seconds(
    fake_time: FakeTime, wait: str
) -> None:
    briqpay, transport = caller(fake_time, answer(429, Retry_After=wait))
    with pytest.raises(RateLimitedError) as caught:
        await call(briqpay, read(), timeout=10.0)
    assert caught.value.retry_after == float(wait)
    assert (len(transport.sent), fake_time.naps, fake_time.now) == (1, [], 1000.0)


async def test_a_429_without_a_wait_backs_off(fake_time: FakeTime) -> None:
    briqpay, _ = caller(fake_time, answer(429), answer())
    await call(briqpay, read())
    assert fake_time.naps == [0.125]


async def test_a_429_cools_down_the_whole_client(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(429, Retry_After="5"), answer())
    async with asyncio.TaskGroup() as group:
        group.create_task(call(briqpay, read(path="/first")))
        await asyncio.sleep(0)
        for number in range(3):
            group.create_task(call(briqpay, read(path=f"/other{number}")))
    moments = [(at - 1000.0, request.path) for at, request in transport.sent]
    assert moments[0] == (0.0, "/first")
    assert sorted(path for _, path in moments[1:]) == ["/first", "/other0", "/other1", "/other2"]
    assert all(5.0 <= at < 6.0 for at, _ in moments[1:])
    assert len({at for at, _ in moments[1:]}) == 4  # one by one, not all together


@pytest.mark.parametrize("policy", [{"attempts": 1}, {"budget": 0}])
async def test_a_429_cools_down_the_client_even_if_its_own_call_gives_up(
    fake_time: FakeTime, policy: dict[str, int]
) -> None:
    briqpay, transport = caller(fake_time, answer(429, Retry_After="5"), answer(), **policy)
    with pytest.raises(RateLimitedError):
        await call(briqpay, read())
    await call(briqpay, read())
    assert [at - 1000.0 for at, _ in transport.sent] == [0.0, 5.0]


async def test_a_cool_down_longer_than_a_call_fails_that_call_without_a_request(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(429, Retry_After="30"), answer())
    with pytest.raises(RateLimitedError):
        await call(briqpay, read(), timeout=10.0)
    with pytest.raises(RateLimitedError) as caught:
        await call(briqpay, read(), timeout=10.0)
    assert (caught.value.retry_after, caught.value.attempts, len(transport.sent)) == (30.0, 0, 1)
    assert fake_time.naps == []
    await call(briqpay, read(), timeout=31.0)
    assert fake_time.naps == [30.0]


async def test_an_absurd_retry_after_does_not_stop_the_client_for_longer_than_a_call(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(429, Retry_After="1e9"), answer(), timeouts=Timeouts(call=20.0))
    with pytest.raises(RateLimitedError):
        await call(briqpay, read())
    await call(briqpay, read(), timeout=21.0)
    assert [at - 1000.0 for at, _ in transport.sent] == [0.0, 20.0]


async def test_a_429_without_a_wait_cools_down_the_client_for_a_moment(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(429), answer())
    first = asyncio.create_task(call(briqpay, read(path="/first")))
    await asyncio.sleep(0)
    await call(briqpay, read(path="/other"))
    await first
    assert [at - 1000.0 for at, _ in transport.sent] == pytest.approx([0.0, 0.1, 0.125])


async def test_a_second_429_extends_the_cool_down_of_those_who_wait(fake_time: FakeTime) -> None:
    briqpay, transport = caller(
        fake_time, (1.0, answer(429, Retry_After="2")), (1.0, answer(429, Retry_After="9")), answer()
    )
    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(call(briqpay, read(path=f"/{number}")))
    assert [at - 1000.0 for at, _ in transport.sent] == pytest.approx([0.0, 0.0, 10.0, 10.45])


async def test_a_second_429_with_a_shorter_wait_does_not_end_the_cool_down_early(fake_time: FakeTime) -> None:
    briqpay, transport = caller(
        fake_time, (1.0, answer(429, Retry_After="9")), (2.0, answer(429, Retry_After="1")), answer()
    )
    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(call(briqpay, read(path=f"/{number}")))
    assert [at - 1000.0 for at, _ in transport.sent] == pytest.approx([0.0, 0.0, 10.0, 10.45])


async def test_a_500_delays_no_other_call(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer(500), answer())
    first = asyncio.create_task(call(briqpay, read(path="/first")))
    await asyncio.sleep(0)
    await call(briqpay, read(path="/other"))
    await first
    assert [(at - 1000.0, request.path) for at, request in transport.sent] == [
        (0.0, "/first"),
        (0.0, "/other"),
        (0.125, "/first"),
    ]


# --- the budget ------------------------------------------------------------------------------------------


async def test_in_an_outage_retries_stop_and_come_back_after_successes(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, BUSY)
    made = []
    for _ in range(20):
        before = len(transport.sent)
        with pytest.raises(ServerError):
            await call(briqpay, read())
        made.append(len(transport.sent) - before)
    assert made[:11] == [4] * 11
    assert made[12:] == [1] * 8, "500 tokens pay for 35 retries of 14"

    transport.steps = [answer()]
    for _ in range(30):
        await call(briqpay, read())
    transport.steps = [BUSY, answer()]
    await call(briqpay, read())
    assert fake_time.naps[-1] == 0.125


async def test_a_retry_that_works_gives_its_tokens_back(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, answer())
    for _ in range(200):
        transport.steps = [BUSY, answer(429), answer()]
        await call(briqpay, read())
    assert briqpay.shared.budget.tokens == 500


async def test_a_retry_that_fails_keeps_the_tokens(fake_time: FakeTime) -> None:
    briqpay, _ = caller(fake_time, answer(429), BUSY, BUSY, BUSY)
    with pytest.raises(ServerError):
        await call(briqpay, read())
    assert briqpay.shared.budget.tokens == 500 - 5 - 14 - 14


# --- deadlines -------------------------------------------------------------------------------------------


async def test_an_attempt_gets_no_more_time_than_the_call_has_left(fake_time: FakeTime) -> None:
    timeouts = Timeouts(attempt=4.0, call=10.0)
    briqpay, transport = caller(
        fake_time, (3.0, BUSY), (9.0, answer()), (1.0, answer()), timeouts=timeouts, base=1.0
    )
    await call(briqpay, read())
    assert [at - 1000.0 for at, _ in transport.sent] == [0.0, 3.5, 8.5]
    assert transport.seconds == [4.0, 4.0, 1.5]


async def test_a_timeout_of_the_call_wins_over_the_client_s(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, (5.0, answer()), timeouts=Timeouts(attempt=30.0, call=60.0))
    with pytest.raises(CallTimeoutError):
        await call(briqpay, read(), timeout=2.0)
    assert transport.seconds[0] == 2.0
    assert fake_time.now == 1002.0


async def test_an_oversleeping_clock_ends_the_call_before_another_request(fake_time: FakeTime) -> None:
    async def oversleep(seconds: float) -> None:
        await fake_time.passes(seconds + 100.0)

    briqpay, transport = caller(fake_time, ConnectError("x", sent=False), answer(), sleep=oversleep)
    with pytest.raises(CallTimeoutError, match="deadline of 60 seconds") as caught:
        await call(briqpay, read())
    assert len(transport.sent) == 1
    assert caught.value.sent is False


failures = st.one_of(
    st.sampled_from([429, 500, 503, 504, 408, 400, 200]).map(lambda status: answer(status, b"")),
    st.tuples(st.sampled_from([429, 503]), st.floats(min_value=0, max_value=40)).map(
        lambda drawn: answer(drawn[0], b"", Retry_After=str(drawn[1]))
    ),
    st.sampled_from([True, False, None]).map(lambda sent: TransportError("x", sent=sent)),
)
steps = st.lists(st.tuples(st.floats(min_value=0, max_value=15), failures), min_size=1, max_size=12)


@given(
    script=steps,
    timeout=st.floats(min_value=0.01, max_value=60),
    attempts=st.integers(1, 8),
    jitter=st.floats(min_value=0, max_value=1, exclude_max=True),
    kinds=st.lists(st.sampled_from(["read", "update", "create"]), min_size=1, max_size=4),
)
def test_no_call_ends_after_its_deadline(
    script: list[Step], timeout: float, attempts: int, jitter: float, kinds: list[str]
) -> None:
    asyncio.run(
        _meet_the_deadline(FakeTime(), script, timeout=timeout, attempts=attempts, jitter=jitter, kinds=kinds)
    )


async def _meet_the_deadline(
    fake_time: FakeTime, script: list[Step], *, timeout: float, attempts: int, jitter: float, kinds: list[str]
) -> None:
    fake_time.jitter = jitter
    briqpay, transport = caller(fake_time, *script, attempts=attempts, timeouts=Timeouts(attempt=10.0))
    makers: dict[str, Callable[[], Request]] = {"read": read, "update": update, "create": create}
    deadline = fake_time.now + timeout

    async def one(kind: str) -> int:
        before = fake_time.now
        try:
            await call(briqpay, makers[kind](), timeout=timeout)
        except BriqpayError as error:
            assert fake_time.now <= deadline + 1e-9
            return error.attempts
        assert before <= fake_time.now <= deadline + 1e-9
        return 0

    made = await asyncio.gather(*(one(kind) for kind in kinds))
    assert max(made) <= attempts
    assert all(at < deadline for at, _ in transport.sent)
    assert all(0 < seconds <= min(10.0, timeout) + 1e-9 for seconds in transport.seconds)
    assert transport.most_in_a_lane <= 1
    assert len(briqpay.shared.locks) == 0


# --- requests that must not be repeated blindly ----------------------------------------------------------


@pytest.mark.parametrize("sent", [True, None])
@pytest.mark.parametrize("cls", [TransportError, CallTimeoutError])
async def test_a_lost_answer_of_an_unsafe_request_is_an_unknown_outcome_and_nothing_follows(
    fake_time: FakeTime, cls: type[TransportError], sent: bool | None
) -> None:
    cause = OSError("reset")
    failure = cls("it broke", sent=sent)
    failure.__cause__ = cause
    briqpay, transport = caller(fake_time, failure, answer())
    with pytest.raises(OutcomeUnknownError, match=r"Look whether this took effect.*it broke") as caught:
        await call(briqpay, create())
    assert len(transport.sent) == 1
    assert caught.value.sent is sent
    assert caught.value.__cause__ is cause
    assert (caught.value.method, caught.value.path, caught.value.attempts) == ("POST", "/v3/session", 1)


async def test_an_unknown_outcome_of_a_later_attempt_ends_the_call_too(fake_time: FakeTime) -> None:
    briqpay, transport = caller(
        fake_time, ConnectError("x", sent=False), answer(429), TransportError("x", sent=None), answer()
    )
    with pytest.raises(OutcomeUnknownError) as caught:
        await call(briqpay, create())
    assert len(transport.sent) == 3
    assert caught.value.attempts == 3


async def test_an_unsafe_request_that_never_left_is_repeated_and_its_failure_stays_what_it_is(
    fake_time: FakeTime,
) -> None:
    briqpay, transport = caller(fake_time, ConnectError("x", sent=False))
    with pytest.raises(ConnectError) as caught:
        await call(briqpay, create())
    assert len(transport.sent) == 4
    assert caught.value.sent is False


async def test_an_unsafe_request_whose_deadline_passes_between_attempts_is_known_not_to_be_done(
    fake_time: FakeTime,
) -> None:
    async def oversleep(seconds: float) -> None:
        await fake_time.passes(seconds + 100.0)

    briqpay, _ = caller(fake_time, ConnectError("x", sent=False), answer(429), answer(), sleep=oversleep)
    with pytest.raises(CallTimeoutError) as caught:
        await call(briqpay, create())
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert caught.value.sent is False


@pytest.mark.parametrize("wait", [{}, {"Retry_After": "0"}])
@pytest.mark.parametrize("status", [408, 425, 500, 501, 502, 503, 504, 599])
async def test_a_server_error_of_an_unsafe_request_is_an_unknown_outcome_of_one_request(
    fake_time: FakeTime, status: int, wait: dict[str, str]
) -> None:
    briqpay, transport = caller(fake_time, answer(status, b"<html>", **wait), answer())
    with pytest.raises(OutcomeUnknownError) as caught:
        await call(briqpay, create())
    assert (caught.value.status, caught.value.sent, len(transport.sent)) == (status, True, 1)
    assert (caught.value.body, caught.value.retry_after) == ("<html>", 0.0 if wait else None)
    assert isinstance(caught.value.__cause__, APIError)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 409, 422])
async def test_a_refusal_of_an_unsafe_request_is_no_unknown_outcome(fake_time: FakeTime, status: int) -> None:
    briqpay, _ = caller(fake_time, answer(status))
    with pytest.raises(APIError) as caught:
        await call(briqpay, create())
    assert caught.value.status == status


async def test_an_unsafe_request_to_a_session_that_is_not_ready_is_repeated(fake_time: FakeTime) -> None:
    pending = answer(409, b'{"error":{"code":"SESSION_INITIALIZATION_PENDING"}}')
    briqpay, transport = caller(fake_time, pending, answer())
    await call(briqpay, create())
    assert len(transport.sent) == 2


async def test_a_bad_certificate_is_met_once(fake_time: FakeTime) -> None:
    briqpay, transport = caller(fake_time, ConnectError("x", sent=False, certificate=True), answer())
    with pytest.raises(ConnectError):
        await call(briqpay, read())
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    ("failures", "sent"),
    [
        ([False, False], False),
        ([True, False], True),
        ([None, False], None),
        ([None, True, False], True),
        ([True, None], True),
        ([False, None], None),
        ([False, True], True),
        ([503, False], True),
    ],
)
async def test_sent_is_about_all_requests_of_a_call_and_not_the_last_alone(
    fake_time: FakeTime, failures: list[bool | int | None], sent: bool | None
) -> None:
    script: list[Step] = [
        answer(503) if failure == 503 else TransportError("x", sent=failure)  # type: ignore[arg-type]
        for failure in failures
    ]
    briqpay, _ = caller(fake_time, *script, attempts=len(script))
    with pytest.raises(TransportError) as caught:
        await call(briqpay, update())
    assert caught.value.sent is sent
