"""tenacity's loop, awaited: it begins with a failure that has happened already.

``tenacity.AsyncRetrying`` inspects each of its callbacks at each turn to see whether to await it, which costs more
than a request does. Ours are plain functions, so this drives tenacity as its own ``TornadoRetrying`` does. Loaded
by the first call that fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenacity import BaseRetrying, DoAttempt, DoSleep, RetryCallState

from briqpay_async.transport.retry import RetryDecisions

__all__ = ["RetryLoop"]

T = TypeVar("T")


class RetryLoop(BaseRetrying):
    """Repeats what failed once."""

    def __init__(
        self,
        decisions: RetryDecisions,
        pause: Callable[[float], Awaitable[None]],
        before_pause: Callable[[RetryCallState], None],
    ) -> None:
        """Make a loop.

        Args:
            decisions: Whether to repeat, after how many seconds, and when to give up.
            pause: Waits for seconds.
            before_pause: Called before each pause.
        """
        super().__init__(
            retry=decisions.should_retry,
            wait=decisions.wait,
            stop=decisions.stop,
            before_sleep=before_pause,
            reraise=True,
        )
        self._pause = pause

    async def run(self, first: BaseException, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make more attempts.

        Args:
            first: What the first attempt raised; tenacity counts it.
            attempt: Makes another one.

        Raises:
            BaseException: What the last attempt raised; ``first`` if there was none.
        """
        self.begin()
        state = RetryCallState(retry_object=self, fn=None, args=(), kwargs={})
        state.set_exception((type(first), first, first.__traceback__))
        while True:
            do = self.iter(retry_state=state)
            if isinstance(do, DoSleep):
                state.prepare_for_next_attempt()
                await self._pause(do)
            elif isinstance(do, DoAttempt):
                try:
                    result = await attempt()
                except BaseException as error:  # noqa: BLE001 - tenacity raises what is not to be repeated
                    state.set_exception((type(error), error, error.__traceback__))
                else:
                    return result

    def __call__(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function and repeat it: of tenacity's interface, not of ours. Use ``run``."""
        raise NotImplementedError
