"""What a call reports: hooks, log records, and the plain data on its errors."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest
from support.fake_transport import answer, call, caller, create, read, update
from support.virtual_time import FakeTime

from briqpay_async import (
    AttemptEvent,
    BriqpayError,
    CallHooks,
    ConnectError,
    FailureEvent,
    InvalidDataError,
    OutcomeUnknownError,
    RateLimitedError,
    ResponseEvent,
    RetryEvent,
    ServerError,
    TransportError,
    WrongLoopError,
)
from briqpay_async.transport.requests import Request

BODY = b'{"error":{"code":"BUSY","message":"later"}}'


class Recorder(CallHooks):
    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_attempt(self, event: AttemptEvent) -> None:
        self.events.append(event)

    def on_response(self, event: ResponseEvent) -> None:
        self.events.append(event)

    def on_retry(self, event: RetryEvent) -> None:
        self.events.append(event)

    def on_failure(self, event: FailureEvent) -> None:
        self.events.append(event)


class Broken(CallHooks):
    def on_attempt(self, event: AttemptEvent) -> None:
        raise ZeroDivisionError

    on_response = on_retry = on_failure = on_attempt  # type: ignore[assignment]


async def test_hooks_see_every_attempt_answer_and_wait_of_a_call_once(fake_time: FakeTime) -> None:
    recorder = Recorder()
    briqpay, _ = caller(
        fake_time, (2.0, answer(503, BODY)), TransportError("x"), (1.0, answer(200, b"12345")), hooks=[recorder]
    )
    await call(briqpay, update())
    common = {"call_id": "test-1", "method": "PATCH", "path": "/v3/session/s"}
    assert recorder.events == [
        AttemptEvent(**common, attempt=1),
        ResponseEvent(**common, attempt=1, status=503, size=len(BODY), elapsed=2.0),
        RetryEvent(**common, attempt=1, wait=0.125, error="ServerError", status=503),
        AttemptEvent(**common, attempt=2),
        RetryEvent(**common, attempt=2, wait=0.25, error="TransportError", status=None),
        AttemptEvent(**common, attempt=3),
        ResponseEvent(**common, attempt=3, status=200, size=5, elapsed=1.0),
    ]


async def test_hooks_see_a_failure_once_and_last(fake_time: FakeTime) -> None:
    recorder = Recorder()
    briqpay, _ = caller(fake_time, answer(500), attempts=2, hooks=[recorder])
    with pytest.raises(ServerError):
        await call(briqpay, read())
    failures = [event for event in recorder.events if isinstance(event, FailureEvent)]
    assert failures == [recorder.events[-1]]
    assert failures == [
        FailureEvent(
            call_id="test-1", method="GET", path="/v3/session/s", attempts=2, error="ServerError", status=500
        )
    ]


async def test_hooks_see_what_the_caller_sees_of_an_unknown_outcome(fake_time: FakeTime) -> None:
    recorder = Recorder()
    briqpay, _ = caller(fake_time, TransportError("x", sent=True), hooks=[recorder])
    with pytest.raises(OutcomeUnknownError):
        await call(briqpay, create())
    assert [type(event) for event in recorder.events] == [AttemptEvent, FailureEvent]
    assert recorder.events[-1].error == "OutcomeUnknownError"


async def test_each_call_has_its_own_id(fake_time: FakeTime) -> None:
    recorder = Recorder()
    briqpay, _ = caller(fake_time, answer(), hooks=[recorder])
    for _ in range(3):
        await call(briqpay, read())
    ids = [event.call_id for event in recorder.events if isinstance(event, AttemptEvent)]
    assert ids == ["test-1", "test-2", "test-3"]


async def test_a_hook_that_raises_is_logged_and_harms_neither_call_nor_other_hooks(
    fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    briqpay, transport = caller(fake_time, answer(503), answer(), answer(400), hooks=[Broken(), recorder])
    assert (await call(briqpay, read())).status == 200
    with pytest.raises(InvalidDataError):
        await call(briqpay, read())
    assert [type(event).__name__ for event in recorder.events] == [
        "AttemptEvent",
        "ResponseEvent",
        "RetryEvent",
        "AttemptEvent",
        "ResponseEvent",
        "AttemptEvent",
        "ResponseEvent",
        "FailureEvent",
    ]
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == len(recorder.events)
    assert logged[0].getMessage() == "the hook Broken.on_attempt raised"
    assert logged[0].exc_info is not None
    assert len(transport.sent) == 3


async def test_the_base_class_of_hooks_does_nothing(fake_time: FakeTime) -> None:
    briqpay, _ = caller(fake_time, answer(503), answer(), answer(400), hooks=[CallHooks()])
    assert (await call(briqpay, read())).status == 200
    with pytest.raises(InvalidDataError):
        await call(briqpay, read())


async def test_events_have_no_query_body_or_header(fake_time: FakeTime) -> None:
    recorder = Recorder()
    briqpay, _ = caller(
        fake_time, answer(503, b"s3cret", X_Header="s3cret"), answer(400, b"s3cret"), hooks=[recorder]
    )
    with pytest.raises(InvalidDataError):
        await call(briqpay, update(body=b"s3cret", query="s3cret", headers={"X-A": "s3cret"}))
    assert "s3cret" not in repr(recorder.events)


async def test_every_error_carries_the_plain_data_of_its_call(fake_time: FakeTime) -> None:
    briqpay, _ = caller(
        fake_time, answer(500), answer(429, BODY, Retry_After="100", Set_Cookie="s3cret", X_Request_Id="r-7")
    )
    with pytest.raises(RateLimitedError) as caught:
        await call(briqpay, update(query="fields=none"))
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert type(error) is RateLimitedError
    assert (error.method, error.path, error.attempts, error.call_id) == ("PATCH", "/v3/session/s", 2, "test-1")
    assert (error.status, error.code, error.message, error.body) == (429, "BUSY", "later", None)
    assert error.retry_after == 100.0
    assert error.headers == {"retry-after": "100", "x-request-id": "r-7"}
    assert str(error) == "429 BUSY: later [PATCH /v3/session/s] after 2 attempts (call test-1)"


@pytest.mark.parametrize(
    "failure", [ConnectError("x", sent=False), WrongLoopError("x"), answer(404), TransportError("x", sent=True)]
)
async def test_errors_of_every_origin_name_the_call(fake_time: FakeTime, failure: Any) -> None:
    briqpay, _ = caller(fake_time, failure, attempts=1)
    with pytest.raises(BriqpayError) as caught:
        await call(briqpay, create())
    assert (caught.value.method, caught.value.path, caught.value.call_id) == ("POST", "/v3/session", "test-1")


async def test_the_log_has_answers_at_debug_and_retries_at_info(
    fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    briqpay, _ = caller(fake_time, answer(503), TransportError("x"), answer(200, b"12345"))
    with caplog.at_level(logging.DEBUG, logger="briqpay_async"):
        await call(briqpay, update(query="fields=none"))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "PATCH /v3/session/s -> 503, 2 bytes, attempt 1 (call test-1)"),
        ("INFO", "PATCH /v3/session/s failed (ServerError 503), attempt 1; again in 0.125 s (call test-1)"),
        ("INFO", "PATCH /v3/session/s failed (TransportError), attempt 2; again in 0.250 s (call test-1)"),
        ("DEBUG", "PATCH /v3/session/s -> 200, 5 bytes, attempt 3 (call test-1)"),
    ]


async def test_nothing_is_logged_of_a_call_that_works(
    fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    briqpay, _ = caller(fake_time, answer())
    with caplog.at_level(logging.INFO, logger="briqpay_async"):
        await call(briqpay, read())
    assert caplog.records == []


async def test_log_records_carry_the_call_the_session_and_the_attempt_for_handlers_that_write_json(
    fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="briqpay_async")
    recorder = Recorder()
    briqpay, _ = caller(fake_time, answer(503, BODY), answer(200), hooks=[recorder])
    await call(briqpay, read())

    records = [record for record in caplog.records if hasattr(record, "briqpay_call_id")]
    assert [record.levelname for record in records] == ["DEBUG", "INFO", "DEBUG"]
    logged = [
        {
            name.removeprefix("briqpay_"): value
            for name, value in vars(record).items()
            if name.startswith("briqpay_")
        }
        for record in records
    ]
    first = {"call_id": recorder.events[0].call_id, "session_id": logged[0]["session_id"], "method": "GET"}
    assert logged[0] == {**first, "attempt": 1, "status": 503}
    assert logged[1] == {**first, "attempt": 1, "status": 503, "error": "ServerError", "wait": logged[1]["wait"]}
    assert logged[2] == {**first, "attempt": 2, "status": 200}
    assert f"/v3/session/{logged[0]['session_id']}" == read().path


async def test_a_log_record_of_a_token_does_not_name_it(
    fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="briqpay_async")
    briqpay, _ = caller(fake_time, answer(200))
    await call(briqpay, Request(method="GET", path="/v3/token/tok-secret"))
    (record,) = (one for one in caplog.records if hasattr(one, "briqpay_call_id"))
    assert record.briqpay_session_id is None
    assert "tok-secret" not in str(vars(record))
