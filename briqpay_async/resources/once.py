"""At most once: a call that must not be repeated blindly, and what to do when its answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeVar

from briqpay_async.call import Caller
from briqpay_async.config import seconds
from briqpay_async.errors import (
    BriqpayError,
    CallTimeoutError,
    OutcomeUnknownError,
    ResponseDecodeError,
    ServerError,
)
from briqpay_async.models.session import Session
from briqpay_async.protocol import Repeat, Request, Response, check_headers, decode_model, session_path
from briqpay_async.resources.base import Headers, Seconds
from briqpay_async.retry import back_off
from briqpay_async.validation import check_session_id

__all__ = ["Once"]

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

    def alone(self) -> AbstractAsyncContextManager[None]:
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
