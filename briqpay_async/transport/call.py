"""One call: the only retry loop, around the only transport.

A call is attempt, judgement, and rarely another attempt, inside one deadline. The first attempt runs without
tenacity, because most calls need no second one; a failure that may be repeated enters it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeVar
from weakref import ref

import attrs

from briqpay_async.config import RetryPolicy, Timeouts
from briqpay_async.errors import APIError, BriqpayError, CallTimeoutError, TransportError
from briqpay_async.transport.hooks import Call, CallHooks, HookDispatcher
from briqpay_async.transport.merge_memory import MergeMemory
from briqpay_async.transport.rate_gate import ClientGate, RateGate, asks_to_slow_down
from briqpay_async.transport.requests import Repeat, Request, Response
from briqpay_async.transport.responses import api_error
from briqpay_async.transport.retry import Budget, RetryDecisions, Verdict, unknown_outcome, verdict
from briqpay_async.transport.session_history import SessionHistory
from briqpay_async.transport.session_locks import Hold, SessionLocks

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from briqpay_async.transport.order_turns import OrderTurns

__all__ = ["Caller", "ClientState", "Transport"]

T = TypeVar("T")

logger: Final = logging.getLogger("briqpay_async")


class Transport(Protocol):
    """What a call needs of a transport: one attempt."""

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:
        """Make one request and read its whole answer, or raise a ``TransportError``."""

    async def aclose(self) -> None:
        """Close it."""


@attrs.define(eq=False, repr=False)
class ClientState:
    """What all calls of a client have in common, and all copies made by ``with_options``.

    Attributes:
        budget: Tokens for retries.
        locks: Order of updates, by session.
        account: Identifies the account to other processes of this machine; empty where none is to know.
        calls: Numbers the calls.
        prefix: Makes the identifiers of calls unique beyond this client.
        writers: Writers of sessions that are in use, by session.
        history: When sessions were changed and asked for.
        merging: How the API takes sections, as answers have shown so far.
        clock: Monotonic seconds.
        sleep: Waits for seconds.
        random: Gives numbers in ``[0, 1)``.
        gate: When the next request may be made.
    """

    budget: Budget
    locks: SessionLocks = attrs.Factory(SessionLocks)
    account: str = ""
    writers: dict[str, ref[Any]] = attrs.Factory(dict)
    history: SessionHistory = attrs.Factory(SessionHistory)
    merging: MergeMemory = attrs.Factory(MergeMemory)
    calls: itertools.count[int] = attrs.Factory(lambda: itertools.count(1))
    prefix: str = attrs.Factory(lambda: uuid.uuid4().hex[:12])
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    gate: RateGate = attrs.Factory(lambda self: ClientGate(clock=self.clock, sleep=self.sleep), takes_self=True)
    _turns: OrderTurns | None = attrs.field(default=None, init=False)

    @property
    def turns(self) -> OrderTurns:
        """Order of calls that move money, by session, across processes; loaded by the first of them."""
        if self._turns is None:
            from briqpay_async.transport.order_turns import OrderTurns  # noqa: PLC0415

            self._turns = OrderTurns(self.account)
        return self._turns


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Caller:
    """Makes calls with one set of options.

    Attributes:
        transport: Makes one attempt.
        timeouts: Seconds for connecting, for an attempt and for a call.
        policy: When and how often to repeat.
        hooks: Called for every attempt, answer and retry.
        shared: What all calls of the client have in common.
        gate: When the next request may be made; the one of all calls of the client when left out.
    """

    transport: Transport
    timeouts: Timeouts
    policy: RetryPolicy
    hooks: Sequence[CallHooks]
    shared: ClientState
    gate: RateGate = attrs.Factory(lambda self: self.shared.gate, takes_self=True)
    _dispatcher: HookDispatcher = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: HookDispatcher(self.hooks, self.shared.prefix), takes_self=True),
    )

    async def call(self, request: Request, interpret: Callable[[Response], T], timeout: float | None = None) -> T:
        """Make a call and return what its successful answer means.

        Args:
            request: What to send.
            interpret: Makes a value of the answer; an error that it raises counts as an error of this call.
            timeout: Deadline in seconds for the whole call, waits and retries included; the client's
                ``timeouts.call`` when left out.

        Raises:
            APIError: The API answered with an error status.
            ResponseDecodeError: The answer is invalid JSON, or a member has the wrong type.
            TransportError: No answer came; ``OutcomeUnknownError`` when it may have taken effect nevertheless
                and must not be repeated blindly, ``CallTimeoutError`` when the deadline passed.
        """
        shared = self.shared
        seconds = self.timeouts.call if timeout is None else timeout
        call = Call(request, next(shared.calls), shared.clock() + seconds, seconds)
        lane, locks = request.lane, shared.locks
        try:
            if lane is not None and (locks.leases is not None or not locks.try_enter(lane)):
                call.hold = await self._hold(lane, call.deadline - shared.clock(), seconds)
            try:  # as in _attempt, without the cost of another coroutine
                if self.gate.closed:
                    await self.gate.wait(call.deadline)
                response = await self.transport.send(request, self.timeouts, self._begin(call))
                self._judge(call, response)
                shared.budget.give(1)
            except BriqpayError as error:
                response = await self._recover(call, error)
            finally:
                if call.hold is not None:
                    await call.hold.release()
                elif lane is not None:
                    locks.leave(lane)
            return interpret(response)
        except BaseException as error:  # cancelled too: each call that hooks saw begin has an end
            self._dispatcher.failure(call, error)
            raise

    @asynccontextmanager
    async def holding(self, lane: str | Hold, seconds: float) -> AsyncIterator[Hold]:
        """Keep a session for several calls: everything else of this client that changes it waits.

        A call that belongs to the block names the hold (``Request.lane``), or the session, which leads to the same
        where the block's context is known.

        Args:
            lane: The session, or a hold of it to take a place in.
            seconds: How long to wait for it.

        Raises:
            CallTimeoutError: It did not become free in time; nothing was sent.
        """
        hold = await self._hold(lane, seconds, seconds)
        hold.remember()
        try:
            yield hold
        finally:
            await hold.release()

    def report_changed_elsewhere(self, path: str, pointers: tuple[str, ...]) -> None:
        """Report to hooks and the log that others changed a session."""
        self._dispatcher.changed_elsewhere(path, pointers)

    async def _hold(self, lane: str | Hold, left: float, seconds: float) -> Hold:
        try:
            return await self.shared.locks.hold(lane, left)
        except TimeoutError:
            raise CallTimeoutError(
                f"Updates of this session, or an edit that is still open, took all of {seconds:.3g} seconds.",
                sent=False,
            ) from None

    async def _recover(self, call: Call, error: BriqpayError) -> Response:
        """What becomes of a call whose first attempt failed."""
        if isinstance(error, TransportError):
            self.gate.failed(self.shared.clock())
            _record_sent(call, error)
        if verdict(error, call.request.repeat) is Verdict.RAISE:
            _raise(error, call.request.repeat)
        return await self._again(call, error)

    async def _attempt(self, call: Call) -> Response:
        """Another attempt."""
        if self.gate.closed:
            await self.gate.wait(call.deadline)
        try:
            response = await self.transport.send(call.request, self.timeouts, self._begin(call))
        except TransportError as error:
            self.gate.failed(self.shared.clock())
            _record_sent(call, error)
            raise
        self._judge(call, response)
        return response

    def _begin(self, call: Call) -> float:
        """Begin an attempt: the seconds that it has."""
        if call.hold is not None:
            call.hold.check()
        call.started = self.shared.clock()
        left = call.deadline - call.started
        if left <= 0:
            raise CallTimeoutError(f"The deadline of {call.seconds:.3g} seconds passed.", sent=call.sent)
        call.attempts += 1
        if self.hooks:
            self._dispatcher.attempt(call)
        return min(left, self.timeouts.attempt)

    def _judge(self, call: Call, response: Response) -> None:
        """Raise the error that an answer stands for, if it does."""
        if self.hooks:
            self._dispatcher.response(call, response, self.shared.clock() - call.started)
        if logger.isEnabledFor(logging.DEBUG):
            self._dispatcher.log_answer(call, response)
        if 200 <= response.status < 300:
            if self.gate.closed:
                now = self.shared.clock()
                self.gate.answered(now, now - call.started)
            return
        if call.request.repeat is Repeat.SAFE:
            call.sent = True  # others are repeated only when the answer means that nothing was done
        refusal = api_error(response)
        self._inform_gate(call, refusal)
        raise refusal

    def _inform_gate(self, call: Call, refusal: APIError) -> None:
        """Report an answer that is no success to the gate."""
        now, wait = self.shared.clock(), refusal.retry_after
        if asks_to_slow_down(refusal.status or 0, wait):
            # Whether or not this call can wait that long. Bounded, so that no answer stops the client for hours.
            self.gate.refused(now, None if wait is None else min(wait, self.timeouts.call))
        elif (refusal.status or 0) >= 500:
            self.gate.failed(now)
        elif self.gate.closed:
            self.gate.answered(now, now - call.started)

    async def _again(self, call: Call, first: BriqpayError) -> Response:
        """The rest of a call whose first attempt failed in a way that may be repeated."""
        from briqpay_async.transport.retry_loop import repeat  # noqa: PLC0415 - by the first call that fails

        shared = self.shared
        decisions = RetryDecisions(
            self.policy, call.request.repeat, call.deadline, shared.clock, shared.random, shared.budget
        )
        try:
            response = await repeat(
                lambda: self._attempt(call),
                first,
                decisions,
                shared.sleep,
                lambda state: self._before_retry(call, state),
            )
        except BriqpayError as error:
            _raise(error, call.request.repeat)
        shared.budget.give(decisions.spent)
        return response

    def _before_retry(self, call: Call, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._dispatcher.retry(call, error, state.upcoming_sleep)


def _record_sent(call: Call, error: TransportError) -> None:
    """Note for the whole call whether its last request reached the server."""
    call.sent = error.sent = _any_sent(call.sent, error.sent)


def _any_sent(*sent: bool | None) -> bool | None:
    """Whether one of these requests reached the server: ``None`` when that is not known."""
    if True in sent:
        return True
    return None if None in sent else False


def _raise(error: BriqpayError, repeat: Repeat) -> NoReturn:
    """Raise a failure that ends a call, as an unknown outcome where it leaves open what happened."""
    unknown = unknown_outcome(error, repeat)
    if unknown is None:
        raise error from error.__cause__
    raise unknown from error if isinstance(error, APIError) else error.__cause__
