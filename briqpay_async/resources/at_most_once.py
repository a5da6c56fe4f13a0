"""At most once: a call that must not be made twice, and what to say when its answer is lost.

The session is read before and after. One new effect that is just what was asked for, seen by a caller that was
alone with the order, is this call's. Anything else means that the outcome is unknown: what cannot be seen yet may
still come, and what is seen but not understood may be it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar

import attrs

from briqpay_async.config import seconds
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.errors import BriqpayError, CallTimeoutError, OutcomeUnknownError, ResponseDecodeError
from briqpay_async.models.cart import AnyCartItem, CartItem
from briqpay_async.models.order import Order
from briqpay_async.models.payments import Capture, Refund
from briqpay_async.models.session import Session
from briqpay_async.resources.base import Headers, Seconds
from briqpay_async.transport.call import Caller
from briqpay_async.transport.requests import Repeat, Request, Response, check_headers, session_path
from briqpay_async.transport.responses import decode_model
from briqpay_async.transport.retry import back_off
from briqpay_async.transport.session_locks import Hold

if TYPE_CHECKING:
    from briqpay_async.transport.order_turns import Turn

__all__ = [
    "AtMostOnce",
    "RepeatMoney",
    "Sighting",
    "cancel_sighting",
    "capture_sighting",
    "refund_sighting",
    "release_sighting",
]

T = TypeVar("T")
Payment = TypeVar("Payment", Capture, Refund)
RepeatMoney: TypeAlias = Literal["never", "after-check"]

# Seconds between the two looks that come before a repetition.
_PAUSE: Final = 3.0
# Members of a session that differ from read to read and say nothing about money.
_VOLATILE: Final = frozenset({"snippet"})


@attrs.frozen
class Sighting(Generic[T]):
    """What the difference of two states of a session says about a call.

    Attributes:
        fitting: New effects that are just what the call asked for.
        candidates: New effects that may be what the call made, the fitting ones among them.
        quiet: Nothing at all is new that has to do with money.
    """

    fitting: tuple[T, ...]
    candidates: tuple[T, ...]
    quiet: bool

    @property
    def is_certain(self) -> bool:
        """Whether one effect is new, and it is just what was asked for."""
        return len(self.fitting) == 1 and len(self.candidates) == 1


# From the session before and after, and the identifiers of what other calls are known to have made.
Look: TypeAlias = Callable[[Session, Session, frozenset[str]], Sighting[T]]


class AtMostOnce:
    """One call that moves money: its session, its deadline, and what to say when its answer is lost."""

    def __init__(
        self, caller: Caller, session_id: str, headers: Headers, timeout: Seconds, repeat: RepeatMoney = "never"
    ) -> None:
        self._caller = caller
        self._shared = caller.shared
        self._session_id = check_session_id(session_id)
        self._headers = check_headers(headers)
        self._seconds = caller.timeouts.call if timeout is None else seconds(timeout)
        self._deadline = self._shared.clock() + self._seconds
        self._repeats = repeat == "after-check"
        self._before: Session
        self._is_fresh = False
        self._turn: Turn
        self._hold: Hold

    @asynccontextmanager
    async def exclusive(self, before: Session | None = None, *, read: bool = True) -> AsyncIterator[Session]:
        """Keep the order for one call, and give the session before it.

        Nothing of this client happens to the session meanwhile, and no other process of this machine moves its
        money.

        Args:
            before: The session as the caller knows it; it is read when left out.
            read: Whether to read it. Without, nothing is known of it, and what it shows later is taken as new.

        Raises:
            CallTimeoutError: Others had the session for all of the time; nothing was sent.
        """
        async with (
            self._caller.holding(self._session_id, self._seconds) as self._hold,
            self._shared.turns.turn(self._session_id, self._left(), self._shared.sleep) as self._turn,
        ):
            self._is_fresh = before is None
            if before is None:
                before = await self._read() if read or self._repeats else Session()
            self._before = before
            self._turn.concerns(before.created_at)
            yield self._before

    async def send(
        self,
        suffix: str,
        body: bytes | None,
        decode: Callable[[Response], T],
        look: Look[T],
        name: Callable[[T], str | None],
    ) -> T:
        """Make the call, inside ``exclusive``, and return what it made.

        Args:
            suffix: Path below the session.
            body: JSON.
            decode: Makes what was made of the answer.
            look: Finds it in the session when there is no answer.
            name: Identifies it, so that no later call takes it for its own.

        Raises:
            OutcomeUnknownError: It was sent, and whether it took effect is not known.
            BriqpayError: It did not take effect.
        """
        request = Request(
            method="POST",
            path=session_path(self._session_id, suffix),
            body=body,
            headers=self._headers,
            repeat=Repeat.UNSAFE,
            lane=self._hold,
        )
        self._turn.begin()
        attempt, lost = 0, False
        while True:
            attempt += 1
            try:
                made = await self._ask(request, decode)
            except BriqpayError as error:
                unknown = _as_unknown(error, lost=lost)
                if unknown is None:
                    self._turn.end()
                    raise
                lost = True
                found = await self._find(unknown, error, look, attempt)
                if found is None:
                    await self._wait(back_off(self._caller.policy, attempt, self._shared.random), unknown)
                    continue
                made = found[0]
            # After a repetition, the first request may still take effect.
            self._turn.end(filter(None, (name(made),)), is_resolved=attempt == 1)
            return made

    async def _find(
        self, unknown: OutcomeUnknownError, error: BriqpayError, look: Look[T], attempt: int
    ) -> tuple[T, ...] | None:
        """What the call made, as seen in the session; ``None`` when it is to be made again.

        Raises:
            OutcomeUnknownError: The one given, with candidates.
        """
        sighting = await self._look(unknown, look)
        may_repeat = self._repeats and unknown is error and not _is_success(unknown.status)
        if may_repeat and sighting.quiet and attempt < self._caller.policy.attempts:
            await self._wait(_PAUSE, unknown)
            sighting = await self._look(unknown, look)
            if sighting.quiet:
                return None
        if sighting.is_certain and self._was_alone():
            return sighting.fitting
        unknown.candidates = tuple(one for one in sighting.candidates if one is not None)
        if unknown.candidates:
            unknown.add_note(
                f"New in the session, and maybe made by this call: {len(unknown.candidates)}. See candidates."
            )
        raise unknown from error.__cause__ if unknown is error else error

    def _was_alone(self) -> bool:
        """Whether no other call can have made what is new since the session was read."""
        try:
            self._hold.check()
        except BriqpayError:  # other machines may have had the session meanwhile
            return False
        return self._is_fresh and not self._turn.unresolved

    async def _look(self, error: OutcomeUnknownError, look: Look[T]) -> Sighting[T]:
        try:
            after = await self._read()
            self._turn.concerns(after.created_at)
            return look(self._before, after, self._turn.known)
        except BriqpayError as failure:
            error.add_note(f"Reading the session to find out failed too: {type(failure).__name__}.")
            raise error from failure

    async def _wait(self, wait: float, error: OutcomeUnknownError) -> None:
        if wait >= self._left():
            raise error
        await self._shared.sleep(wait)

    async def _read(self) -> Session:
        request = Request(method="GET", path=session_path(self._session_id), headers=self._headers)
        session = await self._ask(request, partial(decode_model, cls=Session))
        if session.session_id is not None and session.session_id.lower() != self._session_id.lower():
            raise ResponseDecodeError("the answer is about another session", pointer="/sessionId", status=200)
        return session

    def _left(self) -> float:
        return self._deadline - self._shared.clock()

    async def _ask(self, request: Request, interpret: Callable[[Response], T]) -> T:
        left = self._left()
        if left <= 0:
            raise CallTimeoutError(f"The deadline of {self._seconds:.3g} seconds passed.", sent=False)
        return await self._caller.call(request, interpret, left)


def _as_unknown(error: BriqpayError, *, lost: bool) -> OutcomeUnknownError | None:
    """The unknown outcome that a failure means, or ``None`` when it means that nothing was done.

    Args:
        error: What the last request ended with.
        lost: Whether the answer to an earlier request of the same call was lost.
    """
    if isinstance(error, OutcomeUnknownError):
        return error
    if isinstance(error, ResponseDecodeError) and _is_success(error.status):
        text = f"This took effect, but no sense can be made of its answer: {error.message}"
    elif lost:
        text = f"An earlier request of this call may have taken effect: {error.message}"
    else:
        return None
    names = ("status", "code", "retry_after", "headers", "body", "method", "path", "attempts", "call_id")
    return OutcomeUnknownError(text, sent=True, **{name: getattr(error, name) for name in names})


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


# --- what is seen in a session -------------------------------------------------------------------------------


def capture_sighting(order: Order, before: Session, after: Session, known: frozenset[str]) -> Sighting[Capture]:
    """The captures that are new, and those of them that are just of this order."""
    new = _new(_captures(before), _captures(after), lambda one: one.capture_id, known)
    candidates = tuple(one for one in new if not one.auto_captured)
    fitting = tuple(one for one in candidates if one.capture_id and _is_of(one, order))
    return Sighting(fitting, candidates, _is_quiet(before, after))


def refund_sighting(
    order: Order, capture_id: str | None, before: Session, after: Session, known: frozenset[str]
) -> Sighting[Refund]:
    """The refunds that are new, and those of them that are just of this order and capture."""
    new = _new(_refunds(before), _refunds(after), lambda one: one.refund_id, known)
    candidates = tuple(one for one in new if capture_id is None or one.parent_capture_id in {None, capture_id})
    fitting = tuple(one for one in candidates if one.refund_id and _is_of(one, order))
    return Sighting(fitting, candidates, _is_quiet(before, after))


def cancel_sighting(before: Session, after: Session, known: frozenset[str]) -> Sighting[None]:
    """Whether the order is cancelled now, and was not in the state before."""
    return _ended("order_cancelled", before, after, known, certain=not _captures(after))


def release_sighting(before: Session, after: Session, known: frozenset[str]) -> Sighting[None]:
    """Whether nothing can be captured any more, though captures took less than all there was."""
    data = after.data
    amounts = [one.amount_inc_vat for one in (data.transactions if data else None) or ()]
    taken = sum(one.amount_inc_vat or 0 for one in _captures(after))
    is_less = bool(amounts) and None not in amounts and taken < sum(filter(None, amounts))
    return _ended("captured_full", before, after, known, certain=is_less)


def _ended(
    status: str, before: Session, after: Session, known: frozenset[str], *, certain: bool
) -> Sighting[None]:
    came = order_status(after) == status != order_status(before) and status not in known
    return Sighting((None,) if came and certain else (), (None,) if came else (), _is_quiet(before, after))


def order_status(session: Session) -> str | None:
    """Status of the order, where the session shows one."""
    payment = session.module_status.payment if session.module_status else None
    return payment.order_status if payment else None


def _captures(session: Session) -> tuple[Capture, ...]:
    return (session.data.captures or ()) if session.data else ()


def _refunds(session: Session) -> tuple[Refund, ...]:
    return (session.data.refunds or ()) if session.data else ()


def _new(
    before: tuple[Payment, ...],
    after: tuple[Payment, ...],
    name: Callable[[Payment], str | None],
    known: frozenset[str],
) -> tuple[Payment, ...]:
    """What was not there before: another identifier, or none and not equal to any that had none."""
    old = {name(one) for one in before if name(one)} | known
    nameless = [one for one in before if not name(one)]
    new = []
    for one in after:
        if name(one):
            if name(one) not in old:
                new.append(one)
        elif one in nameless:
            nameless.remove(one)
        else:
            new.append(one)
    return tuple(new)


def _is_of(payment: Capture | Refund, order: Order) -> bool:
    """Same currency and amount and, where the session shows them, the same lines."""
    currency = payment.currency if payment.currency is not None else order.currency
    if (currency or "").upper() != (order.currency or "").upper():
        return False
    if payment.amount_inc_vat != order.amount_inc_vat:
        return False
    return not payment.cart or _lines(payment.cart) == _lines(order.cart or ())


def _lines(cart: Iterable[AnyCartItem]) -> Counter[tuple[str | None, int | None, int | None]]:
    """What the API matches lines by, and how many of each."""
    return Counter(
        (line.reference, line.unit_price, line.quantity)
        if isinstance(line, CartItem)
        else (line.reference, line.total_tax_amount, None)
        for line in cart
    )


def _is_quiet(before: Session, after: Session) -> bool:
    """Whether two states say the same about money, and of what is not known the same too."""
    return _about_money(before) == _about_money(after)


def _about_money(session: Session) -> tuple[Any, ...]:
    data = session.data
    return (
        session.status,
        session.module_status.payment if session.module_status else None,
        {name: value for name, value in session.extra.items() if name not in _VOLATILE},
        None if data is None else (data.transactions or (), data.captures or (), data.refunds or (), data.extra),
    )
