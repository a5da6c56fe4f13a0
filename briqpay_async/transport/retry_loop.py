"""tenacity's loop, awaited: it begins with a failure that has happened already.

``tenacity.AsyncRetrying`` inspects each of its callbacks at each turn to see whether to await it, which costs more
than a request does. Ours are plain functions, so this asks ``tenacity.Retrying`` what is next, and awaits it.
Loaded by the first call that fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying

from briqpay_async.errors import BriqpayError
from briqpay_async.transport.retry import RetryDecisions

__all__ = ["repeat"]

T = TypeVar("T")


async def repeat(
    attempt: Callable[[], Awaitable[T]],
    first: BriqpayError,
    decisions: RetryDecisions,
    pause: Callable[[float], Awaitable[None]],
    before_pause: Callable[[RetryCallState], None],
) -> T:
    """Make more attempts after one that failed.

    Args:
        attempt: Makes one.
        first: What the first attempt raised; tenacity counts it.
        decisions: Whether to repeat, after how many seconds, and when to give up.
        pause: Waits for seconds.
        before_pause: Called before each pause.

    Raises:
        BriqpayError: What the last attempt raised; ``first`` if there was none.
    """
    retrying = Retrying(
        retry=decisions.should_retry,
        wait=decisions.wait,
        stop=decisions.stop,
        before_sleep=before_pause,
        reraise=True,
    )
    retrying.begin()
    state = RetryCallState(retry_object=retrying, fn=None, args=(), kwargs={})
    failed = first
    while True:
        state.set_exception((type(failed), failed, failed.__traceback__))
        retrying.iter(retry_state=state)  # raises the failure if it is not to be repeated
        await pause(state.upcoming_sleep)
        state.prepare_for_next_attempt()
        try:
            return await attempt()
        except BriqpayError as error:
            failed = error
