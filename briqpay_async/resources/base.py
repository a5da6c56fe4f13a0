"""What every resource does with a call: check the options, encode the body, decode the answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Literal, TypeVar

from briqpay_async.config import seconds
from briqpay_async.errors import APIError, TotalsMismatchError, TransportError
from briqpay_async.models.base import Model
from briqpay_async.models.order import Order
from briqpay_async.transport.call import Caller
from briqpay_async.transport.requests import Fields, Repeat, Request, Response, check_headers, fields_query
from briqpay_async.transport.responses import decode_model
from briqpay_async.transport.session_locks import Hold

__all__ = [
    "CheckTotals",
    "Headers",
    "Resource",
    "Seconds",
    "check_order",
    "may_have_applied",
    "model_or_none",
    "no_content",
]

M = TypeVar("M", bound=Model)
T = TypeVar("T")
Headers = Mapping[str, str] | None
Seconds = float | None


class Resource:
    """A group of methods over one ``Caller``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        interpret: Callable[[Response], T],
        fields: Fields = None,
        repeat: Repeat = Repeat.SAFE,
        lane: str | Hold | None = None,
        timeout: Seconds = None,
        headers: Headers = None,
    ) -> Awaitable[T]:
        request = Request(
            method=method,
            path=path,
            query="" if fields is None else fields_query(fields),
            body=body,
            headers=check_headers(headers) if headers else None,
            repeat=repeat,
            lane=lane,
        )
        return self._caller.call(request, interpret, None if timeout is None else seconds(timeout))


def model_or_none(cls: type[M], fields: Fields = None) -> Callable[[Response], M | None]:
    """Interprets an answer as a model, or as ``None`` when no body was asked for.

    The interpretation raises ``ResponseDecodeError`` when a body was asked for and none came, or it is invalid
    JSON, or a member has the wrong type.
    """
    return no_content if fields == "none" else partial(decode_model, cls=cls)


def may_have_applied(error: BaseException) -> bool:
    """Whether a failed request may have taken effect nevertheless."""
    if isinstance(error, TransportError):
        return error.sent is not False
    if isinstance(error, APIError):  # an earlier attempt may have applied what a later one was refused for
        return error.status is None or error.status >= 500 or error.attempts > 1
    return True


def no_content(_response: Response) -> None:
    """Interprets an answer that carries no information beyond its success."""


logger = logging.getLogger("briqpay_async")

CheckTotals = Literal["warn", "error", "off"]


def check_order(order: Order | None, mode: CheckTotals) -> None:
    """Look at an order before it is sent: captures and refunds that do not add up are refused.

    Raises:
        TotalsMismatchError: It does not add up, and the mode is ``"error"``.
        ValidationError: A line's numbers are not integers.
    """
    if mode == "off" or order is None or not (found := order.check_totals()):
        return
    text = ", ".join(f"/data/order{one.pointer} is {one.declared}, lines give {one.computed}" for one in found)
    if mode == "error":
        raise TotalsMismatchError(f"The order does not add up: {text}.", discrepancies=found)
    logger.warning("the order does not add up, so the API may refuse it: %s", text)
