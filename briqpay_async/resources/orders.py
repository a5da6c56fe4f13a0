"""Order management: capture, refund, cancel. Calls that move money happen once, or say that they may have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from briqpay_async.conversion.encode import render
from briqpay_async.conversion.validate import Problems, check_model, check_references, check_session_id
from briqpay_async.errors import ResponseDecodeError, ValidationError
from briqpay_async.models.order import Order
from briqpay_async.models.payments import Capture, Refund, excess_of_capture, excess_of_refund
from briqpay_async.models.session import Session
from briqpay_async.resources.at_most_once import (
    AtMostOnce,
    Look,
    RepeatMoney,
    cancel_sighting,
    capture_sighting,
    refund_sighting,
    release_sighting,
)
from briqpay_async.resources.base import CheckTotals, Headers, Resource, Seconds, check_order, no_content
from briqpay_async.transport.call import Caller
from briqpay_async.transport.requests import Response, session_path
from briqpay_async.transport.responses import decode_model

__all__ = ["Orders"]


class Orders(Resource):
    """``briqpay.orders``: what happens to the money of a completed session.

    The API has no idempotency keys, and a capture does not show which call made it. So a call that moves
    money is never made again by itself once a byte of it may have reached a server. When its answer is lost (a
    broken connection, a timeout, 408, 425, any 5xx, a body that breaks off), the session is read: one new effect
    that is just what was asked for is returned as if it had been answered; anything else raises
    ``OutcomeUnknownError``, with ``candidates`` when there is something new that may be it. To see nothing is no
    proof that nothing will come.

    One writer an order: calls about one session through one client never overlap, and neither do those of other
    processes of the same user on this machine. Other machines that move money of the same orders are not seen, and
    an equal capture that one of them makes at that moment could be taken for this call's.

    All methods take ``timeout`` (seconds: the deadline of everything together) and ``headers``; those that move
    money take ``repeat``: ``"after-check"`` makes a lost call again, at most as often as the retry policy says,
    when two looks at the session, 3 seconds apart, show nothing new about its money. A request that takes effect
    later than that is then made twice.
    """

    def __init__(self, caller: Caller, check_totals: CheckTotals) -> None:
        super().__init__(caller)
        self._check_totals = check_totals

    async def capture(
        self,
        session_id: str,
        order: Order,
        *,
        before: Session | None = None,
        check: bool = True,
        repeat: RepeatMoney = "never",
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Capture:
        """Take the money for some or all lines: ``POST /v3/session/{id}/order/capture``.

        One read of the session goes before it. It says what is still open, and after a lost answer, what is new;
        ``check`` costs no further read.

        Args:
            session_id: UUID.
            order: The lines to capture, as the approved transaction has them: ``session.capturable_order()``, or
                some of them with ``.select({"sku-1": 1})``. Amounts in minor units.
            before: The session as you have it, which saves the read. Lines are then checked against it, and after
                a lost answer a new capture is never taken for this call's, for it may be older: it is a candidate.
            check: Whether more units or money than are open are refused here. Lines that the transaction does not
                have are left to the API.
            repeat: Whether to make a lost call again; see above.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Returns:
            The capture; look at ``is_settled``, for it may be pending.

        Raises:
            ValidationError: Something the API would refuse, or more than is open: ``problems`` has the JSON
                pointers and the amounts. Nothing was sent.
            TotalsMismatchError: The order does not add up and the client checks totals strictly.
            CartItemNotFoundError: A line does not match one of the transaction's; ``mismatch`` names the members.
            CaptureNotAllowedError: The payment provider does not allow it.
            OutcomeUnknownError: It was sent, and whether it took effect is not known.
        """
        body = self._body(order, {})
        once = AtMostOnce(self._caller, session_id, headers, timeout, _checked(repeat))
        async with once.exclusive(_session(before)) as session:
            if check and (problems := excess_of_capture(session, order)):
                raise ValidationError(problems=problems)
            return await once.send(
                "/order/capture",
                body,
                partial(_decode_capture, session_id),
                partial(capture_sighting, order),
                lambda capture: capture.capture_id,
            )

    async def refund(
        self,
        session_id: str,
        order: Order,
        capture_id: str | None = None,
        *,
        before: Session | None = None,
        check: bool = True,
        repeat: RepeatMoney = "never",
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Refund:
        """Give money back: ``POST /v3/session/{id}/order/refund``.

        One read of the session goes before it, as for ``capture``.

        Args:
            session_id: UUID.
            order: The lines to refund: ``session.refundable_order(capture_id)``, or some of them with ``.select``;
                a line of type ``adjustment`` refunds an arbitrary amount.
            capture_id: Which capture; needed when there are several.
            before: The session as you have it, which saves the read; see ``capture``.
            check: Whether more units or money than the capture has left are refused here.
            repeat: Whether to make a lost call again; see above.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Returns:
            The refund; look at ``is_settled``, for it may be pending.

        Raises:
            ValidationError: Something the API would refuse, or more than the capture has left. Nothing was sent.
            InvalidDataError: There are several captures and ``capture_id`` is missing.
            CartItemNotFoundError: A line does not match one of the capture's; ``mismatch`` names the members.
            OutcomeUnknownError: It was sent, and whether it took effect is not known.
        """
        if capture_id is not None and (not isinstance(capture_id, str) or not capture_id):
            raise ValidationError(problems=(("/captureId", "must be the text that identifies a capture"),))
        body = self._body(order, {} if capture_id is None else {"captureId": capture_id})
        once = AtMostOnce(self._caller, session_id, headers, timeout, _checked(repeat))
        async with once.exclusive(_session(before)) as session:
            if check and (problems := excess_of_refund(session, order, capture_id)):
                raise ValidationError(problems=problems)
            return await once.send(
                "/order/refund",
                body,
                partial(_decode_refund, session_id),
                partial(refund_sighting, order, capture_id),
                lambda refund: refund.refund_id,
            )

    async def cancel(
        self, session_id: str, *, repeat: RepeatMoney = "never", timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Cancel an order that is approved and not captured: ``POST .../order/cancel``.

        Args:
            session_id: UUID.
            repeat: Whether to make a lost call again; see above.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Raises:
            CancelNotSupportedError: The payment provider cannot cancel.
            OutcomeUnknownError: It was sent, and whether it took effect is not known.
        """
        suffix, end = "/order/cancel", ("order_cancelled", cancel_sighting)
        await self._end(session_id, suffix, *end, repeat, timeout=timeout, headers=headers)

    async def release_remaining(
        self, session_id: str, *, repeat: RepeatMoney = "never", timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Release what is not captured of a partly captured order: ``POST .../order/release-remaining``.

        No more captures can be made afterwards.

        Args:
            session_id: UUID.
            repeat: Whether to make a lost call again; see above.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Raises:
            APIError: The order is not partly captured.
            OutcomeUnknownError: It was sent, and whether it took effect is not known.
        """
        suffix, end = "/order/release-remaining", ("captured_full", release_sighting)
        await self._end(session_id, suffix, *end, repeat, timeout=timeout, headers=headers)

    async def update_references(
        self, session_id: str, references: Mapping[str, str], *, timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Set the references of a completed order: ``PATCH .../order/update/references``.

        The given map probably replaces the stored one (Briqpay's Shopware plugin merges before it sends), so give
        all references. A capture does not show them, so they do not identify the call that made it.

        Args:
            session_id: UUID.
            references: Each at most 512 characters.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Raises:
            ValidationError: Something the API would refuse.
        """
        session_id = check_session_id(session_id)
        path = session_path(session_id, "/order/update/references")
        if found := check_references(references):
            raise ValidationError(problems=tuple(found))
        body = orjson.dumps({"references": dict(references)})
        await self._send(
            "PATCH", path, body, interpret=no_content, lane=session_id, timeout=timeout, headers=headers
        )

    def _body(self, order: Order, beside: dict[str, Any]) -> bytes:
        if not isinstance(order, Order):
            raise ValidationError(problems=(("/data/order", "must be an Order"),))
        problems: Problems = []
        check_model(order, "/data/order", problems)
        if problems:
            raise ValidationError(problems=tuple(problems))
        check_order(order, self._check_totals)
        return orjson.dumps({**beside, "data": {"order": render(order)}})

    async def _end(
        self,
        session_id: str,
        suffix: str,
        status: str,
        look: Look[None],
        repeat: RepeatMoney,
        *,
        timeout: Seconds,
        headers: Headers,
    ) -> None:
        once = AtMostOnce(self._caller, session_id, headers, timeout, _checked(repeat))
        async with once.exclusive(read=False):
            await once.send(suffix, None, no_content, look, lambda _made: status)


def _checked(repeat: RepeatMoney) -> RepeatMoney:
    if repeat not in ("never", "after-check"):
        raise ValidationError(problems=(("/repeat", "must be 'never' or 'after-check'"),))
    return repeat


def _session(before: Session | None) -> Session | None:
    if before is not None and not isinstance(before, Session):
        raise ValidationError(problems=(("/before", "must be a Session"),))
    return before


def _decode_capture(session_id: str, response: Response) -> Capture:
    capture = decode_model(response, Capture)
    _refuse_others(session_id, capture.session_id, response)
    if not capture.capture_id:
        raise ResponseDecodeError("the answer names no capture", pointer="/captureId", status=response.status)
    return capture


def _decode_refund(session_id: str, response: Response) -> Refund:
    refund = decode_model(response, Refund)
    _refuse_others(session_id, refund.session_id, response)
    if not refund.refund_id:
        raise ResponseDecodeError("the answer names no refund", pointer="/refundId", status=response.status)
    return refund


def _refuse_others(session_id: str, answered: str | None, response: Response) -> None:
    """A connection that is out of step answers other calls: that is no answer to this one."""
    if answered is not None and answered.lower() != session_id.lower():
        text = "the answer is about another session"
        raise ResponseDecodeError(text, pointer="/sessionId", status=response.status)
