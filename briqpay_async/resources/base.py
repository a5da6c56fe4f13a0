"""What every resource does with a call: check the options, encode the body, decode the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from briqpay_async.call import Caller
from briqpay_async.config import seconds
from briqpay_async.models.base import Model
from briqpay_async.protocol import (
    Fields,
    Repeat,
    Request,
    Response,
    check_headers,
    decode_model,
    fields_query,
)

__all__ = ["Headers", "Resource", "Seconds", "answer_of", "nothing"]

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
        lane: str | None = None,
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
        return self._caller.ask(request, interpret, None if timeout is None else seconds(timeout))


def answer_of(cls: type[M], fields: Fields = None) -> Callable[[Response], M | None]:
    """Interprets an answer as a model, or as ``None`` when no body was asked for.

    The interpretation raises ``ResponseDecodeError`` when a body was asked for and none came, or no sense can be
    made of it.
    """
    return nothing if fields == "none" else partial(decode_model, cls=cls)


def nothing(_response: Response) -> None:
    """Interprets an answer that carries no information beyond its success."""
