"""Errors as they are really raised, causes and sessions in them, cross the border of a process and back."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import attrs
import pytest
from support.shop import address, data, line, new_session

import briqpay_async as bq
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import RedisState
from briqpay_async.webhooks import WebhookReceiver

TO_MALMO = bq.SessionPatch.between(data(), data(billing=address(city="Malmö")))
MISSING = "c5674f4f-7e84-405c-a44b-c83736bb7209"
ONCE = bq.RetryPolicy(attempts=1)


async def _call(make: Callable[[bq.BriqpayClient, str], Any], faults: list[dict[str, Any]], switches: Any) -> None:
    async with Sandbox(**switches) as sandbox:
        options: dict[str, Any] = {"base_url": sandbox.url, "retry": ONCE, "check_totals": "error"}
        async with bq.BriqpayClient(sandbox.username, sandbox.secret, **options) as briqpay:
            session = await briqpay.sessions.create(new_session())
            assert session.session_id
            for fault in faults:
                sandbox.faults.add(**fault)
            await make(briqpay, session.session_id)


def _status(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, "code": code, **more}


async def _read(briqpay: bq.BriqpayClient, session_id: str) -> None:
    await briqpay.sessions.read(session_id)


async def _update(briqpay: bq.BriqpayClient, session_id: str) -> None:
    await briqpay.sessions.update(session_id, TO_MALMO)


async def _create(briqpay: bq.BriqpayClient, _: str) -> None:
    await briqpay.sessions.create(new_session())


async def _too_slow(briqpay: bq.BriqpayClient, session_id: str) -> None:
    await briqpay.sessions.read(session_id, timeout=0.05)


async def _nowhere(_briqpay: bq.BriqpayClient, session_id: str) -> None:
    async with bq.BriqpayClient("m", "s", base_url="http://127.0.0.1:1", retry=ONCE) as briqpay:
        await briqpay.sessions.read(session_id)


async def _invalid(briqpay: bq.BriqpayClient, _: str) -> None:
    await briqpay.sessions.create(attrs.evolve(new_session(), country="Sweden", locale=None))


async def _wrong_totals(briqpay: bq.BriqpayClient, _: str) -> None:
    state = data()
    assert state.order is not None
    await briqpay.sessions.create(
        new_session(attrs.evolve(state, order=attrs.evolve(state.order, amount_inc_vat=1)))
    )


async def _unpatchable(_briqpay: bq.BriqpayClient, _: str) -> None:
    bq.SessionPatch.between(data(), data(billing=None))


async def _unpatched(briqpay: bq.BriqpayClient, session_id: str) -> None:
    after = data(billing=address(phone_number="+46700000000"))
    await briqpay.sessions.update(session_id, bq.SessionPatch.between(data(), after))


async def _closed(briqpay: bq.BriqpayClient, session_id: str) -> None:
    await briqpay.aclose()
    await briqpay.sessions.read(session_id)


async def _other_loop(briqpay: bq.BriqpayClient, session_id: str) -> None:
    await asyncio.to_thread(lambda: asyncio.run(briqpay.sessions.read(session_id)))


async def _conflicting(briqpay: bq.BriqpayClient, session_id: str) -> None:
    known = await briqpay.sessions.read(session_id)
    async with briqpay.sessions.edit(session_id) as builder:
        builder.cart.remove("sku-1")
    async with briqpay.sessions.edit(known, rebase=True) as builder:
        builder.cart.set_quantity("sku-1", 3)


async def _unsigned(_briqpay: bq.BriqpayClient, _: str) -> None:
    WebhookReceiver(secrets=("secret",)).receive(b"{}", {})


async def _malformed(_briqpay: bq.BriqpayClient, _: str) -> None:
    WebhookReceiver(require_signature=False).receive(b"{}", {})


async def _not_true(briqpay: bq.BriqpayClient, session_id: str) -> None:
    claim = {"event": "session_status", "status": "completed", "sessionId": session_id}
    await briqpay.sessions.confirm(WebhookReceiver(require_signature=False).receive_query(claim))


async def _no_shared_state(briqpay: bq.BriqpayClient, session_id: str) -> None:
    shared = RedisState("redis://127.0.0.1:1")
    async with bq.BriqpayClient("user", "secret", base_url=briqpay._base_url, shared=shared) as sharing:
        await sharing.sessions.update_metadata(session_id, references={"a": "b"})


# Each class of error, and how to have it raised for real.
RAISED: dict[type[bq.BriqpayError], tuple[Any, list[dict[str, Any]], dict[str, Any]]] = {
    bq.APIError: (_read, [_status(418, "TEAPOT", body="html")], {}),
    bq.InvalidDataError: (_read, [_status(400, "INVALID_DATA", message="no")], {}),
    bq.AuthenticationError: (_read, [_status(403, "FORBIDDEN")], {}),
    bq.SessionNotFoundError: (lambda briqpay, _: _read(briqpay, MISSING), [], {}),
    bq.SessionCompletedError: (_update, [_status(400, "SESSION_ALREADY_COMPLETED")], {}),
    bq.SessionInitializingError: (_read, [], {"initialization_pending": 5}),
    bq.CancelNotSupportedError: (_read, [_status(400, "CANCEL_NOT_SUPPORTED")], {}),
    bq.CaptureNotAllowedError: (_read, [_status(400, "CAPTURE_NOT_ALLOWED")], {}),
    bq.CartItemNotFoundError: (_read, [_status(400, "CART_ITEM_NOT_FOUND")], {}),
    bq.ConflictError: (_read, [_status(409, "CONFLICT")], {}),
    bq.RateLimitedError: (_read, [_status(429, "RATE_LIMITED", retry_after=30)], {}),
    bq.ServerError: (_update, [{"kind": "html_502"}], {}),
    bq.ConnectError: (_nowhere, [], {}),
    bq.TransportError: (_update, [{"kind": "apply_then_drop"}], {}),
    bq.CallTimeoutError: (_too_slow, [{"kind": "latency", "seconds": 5}], {}),
    bq.OutcomeUnknownError: (_create, [{"kind": "apply_then_drop"}], {}),
    bq.ResponseDecodeError: (_read, [{"kind": "truncated_json"}], {}),
    bq.PatchNotAppliedError: (_unpatched, [], {"merge": "section"}),
    bq.ValidationError: (_invalid, [], {}),
    bq.TotalsMismatchError: (_wrong_totals, [], {}),
    bq.UnpatchableChangeError: (_unpatchable, [], {}),
    bq.ConfigurationError: (_closed, [], {}),
    bq.SharedStateError: (_no_shared_state, [], {}),
    bq.WrongLoopError: (_other_loop, [], {}),
    bq.EditConflictError: (_conflicting, [], {}),
    bq.WebhookSignatureError: (_unsigned, [], {}),
    bq.WebhookMalformedError: (_malformed, [], {}),
    bq.WebhookNotConfirmedError: (_not_true, [], {}),
}


def raise_it(name: str) -> None:
    """Let the error of this class escape from the process."""
    asyncio.run(_call(*RAISED[getattr(bq, name)]))


def return_it(name: str) -> bq.BriqpayError | None:
    """Hand the error of this class over as a value, as a bulk run does."""
    try:
        raise_it(name)
    except bq.BriqpayError as error:
        return error
    return None


def echo(error: bq.BriqpayError) -> bq.BriqpayError:
    return error


def raise_again(error: bq.BriqpayError) -> None:
    raise error from ValueError("a cause of its own")


def data_of(error: BaseException) -> dict[str, Any]:
    """What an error says, but what differs from one call to the next."""
    varying = {"call_id", "headers", "session", "path", "__notes__"}
    return {name: value for name, value in vars(error).items() if name not in varying}


@pytest.fixture(scope="module")
def other_process() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as running:
        yield running


def test_every_class_of_error_is_raised_for_real() -> None:
    classes = {
        value for value in vars(bq).values() if isinstance(value, type) and issubclass(value, bq.BriqpayError)
    }
    assert classes - {bq.BriqpayError, bq.WebhookError} == set(RAISED)


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.__name__)
def test_a_real_error_is_the_same_on_the_other_side(
    other_process: ProcessPoolExecutor, cls: type[bq.BriqpayError]
) -> None:
    raised = other_process.submit(raise_it, cls.__name__)
    returned = other_process.submit(return_it, cls.__name__)
    here = return_it(cls.__name__)
    assert type(here) is cls
    there = raised.exception(timeout=30)
    back = returned.result(timeout=30)
    assert type(there) is type(back) is cls
    assert data_of(there) == data_of(back) == data_of(here)
    assert (there.call_id is None) == (here.call_id is None)
    assert there.headers.keys() == here.headers.keys()


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.__name__)
def test_a_real_error_survives_there_and_back(
    other_process: ProcessPoolExecutor, cls: type[bq.BriqpayError]
) -> None:
    here = return_it(cls.__name__)
    assert here is not None
    here.add_note("while paying order 7")
    back = other_process.submit(echo, here).result(timeout=30)
    again = other_process.submit(raise_again, here).exception(timeout=30)
    for other in (back, again):
        assert type(other) is cls
        assert vars(other) == vars(here)
        assert (str(other), other.args) == (str(here), here.args)
        assert isinstance(other, TimeoutError) == (cls is bq.CallTimeoutError)


def test_a_session_inside_an_error_comes_along_whole(other_process: ProcessPoolExecutor) -> None:
    error = other_process.submit(return_it, "PatchNotAppliedError").result(timeout=30)
    assert isinstance(error, bq.PatchNotAppliedError)
    assert error.session.data.billing == bq.Address(phone_number="+46700000000")
    assert error.session.data.order.cart[0] == line("sku-1")
    assert error.pointers
    assert bq.structure(bq.unstructure(error.session), bq.Session) == error.session
