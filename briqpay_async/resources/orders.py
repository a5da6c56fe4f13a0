"""Order management: capture, refund, cancel. Calls that move money happen once, or say that they may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from briqpay_async.conversion.encode import render
from briqpay_async.conversion.validate import Problems, check_model, check_references, check_session_id
from briqpay_async.errors import (
    ValidationError,
)
from briqpay_async.models.order import Order
from briqpay_async.models.payments import Capture, Refund
from briqpay_async.models.session import Session
from briqpay_async.resources.at_most_once import (
    Once,
    capture_ids,
    new_captures,
    new_refunds,
    order_status,
    refund_ids,
)
from briqpay_async.resources.base import CheckTotals, Headers, Resource, Seconds, check_order, nothing
from briqpay_async.transport.call import Caller
from briqpay_async.transport.requests import session_path
from briqpay_async.transport.responses import decode_model

__all__ = ["Orders"]


class Orders(Resource):
    """``briqpay.orders``: what happens to the money of a completed session.

    The API has no idempotency keys. So when the answer to one of these calls is lost, the session is read and the
    effect looked for: found, it is returned as if it had been answered; provably absent (the server closed the
    connection without doing it), the call is made again within the deadline; otherwise ``OutcomeUnknownError``.
    Calls about one session through one client never overlap, with each other or with updates.

    All methods take ``timeout`` (seconds: the deadline of everything together) and ``headers``.
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
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Capture:
        """Take the money for some or all lines: ``POST /v3/session/{id}/order/capture`` (reference §B 6).

        Args:
            session_id: UUID.
            order: The lines to capture, as the session has them: ``session.data.order`` or
                ``session.data.order.select({"sku-1": 1})``. Amounts in minor units.
            before: The session as read since its last capture; it is read first when left out.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Returns:
            The capture; look at ``is_settled``, for it may be pending.

        Raises:
            ValidationError: Something the API would refuse.
            TotalsMismatchError: The order does not add up and the client checks totals strictly.
            CartItemNotFoundError: A line does not match one of the session's.
            OutcomeUnknownError: It was sent, and whether it took effect cannot be told.
        """
        body = self._body(order, {})
        once = Once(self._caller, session_id, headers, timeout)
        async with once.alone():
            known = capture_ids(before if before is not None else await once.read())
            return await once.post(
                "/order/capture",
                body,
                lambda session: new_captures(session, order, known),
                lambda response: decode_model(response, Capture),
            )

    async def refund(
        self,
        session_id: str,
        order: Order,
        capture_id: str | None = None,
        *,
        before: Session | None = None,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Refund:
        """Give money back: ``POST /v3/session/{id}/order/refund`` (reference §B 7).

        Args:
            session_id: UUID.
            order: The lines to refund; a line of type ``adjustment`` refunds an arbitrary amount.
            capture_id: Which capture; needed when there are several.
            before: The session as read since its last refund; it is read first when left out.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Returns:
            The refund; look at ``is_settled``, for it may be pending.

        Raises:
            ValidationError: Something the API would refuse.
            InvalidDataError: There are several captures and ``capture_id`` is missing, or more than was captured.
            CartItemNotFoundError: A line does not match one of the capture's.
            OutcomeUnknownError: It was sent, and whether it took effect cannot be told.
        """
        if capture_id is not None and (not isinstance(capture_id, str) or not capture_id):
            raise ValidationError(problems=(("/captureId", "must be the text that identifies a capture"),))
        body = self._body(order, {} if capture_id is None else {"captureId": capture_id})
        once = Once(self._caller, session_id, headers, timeout)
        async with once.alone():
            known = refund_ids(before if before is not None else await once.read())
            return await once.post(
                "/order/refund",
                body,
                lambda session: new_refunds(session, order, known, capture_id),
                lambda response: decode_model(response, Refund),
            )

    async def cancel(self, session_id: str, *, timeout: Seconds = None, headers: Headers = None) -> None:
        """Cancel an order that is approved and not captured: ``POST .../order/cancel`` (reference §B 8).

        Args:
            session_id: UUID.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Raises:
            CancelNotSupportedError: The payment provider cannot cancel.
            OutcomeUnknownError: It was sent, and whether it took effect cannot be told.
        """
        await self._end(session_id, "/order/cancel", "order_cancelled", timeout=timeout, headers=headers)

    async def release_remaining(
        self, session_id: str, *, timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Release what is not captured of a partly captured order: no more captures (reference §B 9).

        Args:
            session_id: UUID.
            timeout: Deadline in seconds.
            headers: Extra request headers.

        Raises:
            APIError: The order is not partly captured.
            OutcomeUnknownError: It was sent, and whether it took effect cannot be told.
        """
        await self._end(session_id, "/order/release-remaining", "captured_full", timeout=timeout, headers=headers)

    async def update_references(
        self, session_id: str, references: Mapping[str, str], *, timeout: Seconds = None, headers: Headers = None
    ) -> None:
        """Set the references of a completed order: ``PATCH .../order/update/references`` (reference §B 10).

        The given map probably replaces the stored one, so give all references.

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
        await self._send("PATCH", path, body, interpret=nothing, lane=session_id, timeout=timeout, headers=headers)

    def _body(self, order: Order, beside: dict[str, Any]) -> bytes:
        if not isinstance(order, Order):
            raise ValidationError(problems=(("/data/order", "must be an Order"),))
        problems: Problems = []
        check_model(order, "/data/order", problems)
        if problems:
            raise ValidationError(problems=tuple(problems))
        check_order(order, self._check_totals)
        return orjson.dumps({**beside, "data": {"order": render(order)}})

    async def _end(self, session_id: str, suffix: str, status: str, *, timeout: Seconds, headers: Headers) -> None:
        once = Once(self._caller, session_id, headers, timeout)
        async with once.alone():
            await once.post(
                suffix,
                None,
                lambda session: (None,) if order_status(session) == status else (),
                lambda _response: None,
            )
