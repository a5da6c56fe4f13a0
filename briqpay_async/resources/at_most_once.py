"""At most once: a call that must not be repeated blindly, and what to do when its answer is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeVar

from briqpay_async.config import seconds
from briqpay_async.conversion.validate import check_session_id
from briqpay_async.errors import (
    BriqpayError,
    CallTimeoutError,
    OutcomeUnknownError,
    ResponseDecodeError,
    ServerError,
)
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

__all__ = ["Once", "capture_ids", "new_captures", "new_refunds", "order_status", "refund_ids"]

T = TypeVar("T")
Effect = Callable[[Session], tuple[T, ...]]


class Once:
    """One money-moving call: its session, its deadline, and what to do when its answer is lost."""

    def __init__(self, caller: Caller, session_id: str, headers: Headers, timeout: Seconds) -> None:
        self._caller = caller
        self._session_id = check_session_id(session_id)
        self._headers = check_headers(headers)
        self._seconds = caller.timeouts.call if timeout is None else seconds(timeout)
        self._deadline = caller.shared.clock() + self._seconds

    def alone(self) -> AbstractAsyncContextManager[Hold]:
        """Nothing else of this client happens to the session meanwhile."""
        return self._caller.holding(self._session_id, self._seconds)

    async def read(self) -> Session:
        """The session as it is now."""
        path = session_path(self._session_id)
        request = Request(method="GET", path=path, headers=self._headers)
        return await self._ask(request, partial(decode_model, cls=Session))

    async def post(self, suffix: str, body: bytes | None, effect: Effect[T], decode: Callable[[Response], T]) -> T:
        """Make the call so that it takes effect at most once, and return what it made."""
        request = Request(
            method="POST",
            path=session_path(self._session_id, suffix),
            body=body,
            headers=self._headers,
            repeat=Repeat.UNSAFE,
        )
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._ask(request, decode)
            except (OutcomeUnknownError, ResponseDecodeError, ServerError) as error:
                found = await self._look(effect, error)
                if len(found) == 1:
                    return found[0]
                if found or not _provably_absent(error) or attempt >= self._caller.policy.attempts:
                    raise
            await self._caller.shared.sleep(back_off(self._caller.policy, attempt, self._caller.shared.random))

    async def _look(self, effect: Effect[T], error: BriqpayError) -> tuple[T, ...]:
        try:
            return effect(await self.read())
        except BriqpayError as failure:
            error.add_note(f"Reading the session to find out failed too: {type(failure).__name__}.")
            raise error from failure

    async def _ask(self, request: Request, interpret: Callable[[Response], T]) -> T:
        left = self._deadline - self._caller.shared.clock()
        if left <= 0:
            raise CallTimeoutError(f"The deadline of {self._seconds:.3g} seconds passed.")
        return await self._caller.ask(request, interpret, left)


def _provably_absent(error: BriqpayError) -> bool:
    """Whether a session that does not show the effect proves that there is none, and never will be.

    The server closed the connection without an answer: it is done with the request. After a timeout it may still
    be at work, and an error status says that it failed, not how far it got.
    """
    return isinstance(error, OutcomeUnknownError) and error.sent is True


def capture_ids(session: Session) -> frozenset[str | None]:
    """Identifiers of the captures that a session shows."""
    return frozenset(capture.capture_id for capture in _captures(session))


def refund_ids(session: Session) -> frozenset[str | None]:
    """Identifiers of the refunds that a session shows."""
    return frozenset(refund.refund_id for refund in _refunds(session))


def new_captures(session: Session, order: Order, known: frozenset[str | None]) -> tuple[Capture, ...]:
    """Captures of just this order that were not there before."""
    return tuple(
        capture for capture in _captures(session) if capture.capture_id not in known and _is_of(capture, order)
    )


def new_refunds(
    session: Session, order: Order, known: frozenset[str | None], capture_id: str | None
) -> tuple[Refund, ...]:
    """Refunds of just this order, and of this capture where one is given, that were not there before."""
    return tuple(
        refund
        for refund in _refunds(session)
        if refund.refund_id not in known
        and _is_of(refund, order)
        and (capture_id is None or refund.parent_capture_id in {None, capture_id})
    )


def order_status(session: Session) -> str | None:
    """Status of the order, where the session shows one."""
    payment = session.module_status.payment if session.module_status else None
    return payment.order_status if payment else None


def _captures(session: Session) -> tuple[Capture, ...]:
    return (session.data.captures or ()) if session.data else ()


def _refunds(session: Session) -> tuple[Refund, ...]:
    return (session.data.refunds or ()) if session.data else ()


def _is_of(payment: Capture | Refund, order: Order) -> bool:
    """Same amounts and, where the session shows them, same lines."""
    if (payment.currency or order.currency, payment.amount_inc_vat) != (order.currency, order.amount_inc_vat):
        return False
    return payment.cart is None or _lines(payment.cart) == _lines(order.cart or ())


def _lines(cart: Iterable[AnyCartItem]) -> Counter[tuple[str | None, int | None, int | None]]:
    """What the API matches lines by (reference §G 9), and how many of each."""
    return Counter(
        (line.reference, line.unit_price, line.quantity)
        if isinstance(line, CartItem)
        else (line.reference, line.total_tax_amount, None)
        for line in cart
    )
