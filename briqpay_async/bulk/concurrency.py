"""How much may be sent: a window (updates under way) and a pace (requests per second), learned from the answers.

Pure state machines. Every method that needs the time takes it as ``now``, in monotonic seconds.

The window is TCP's: slow start, additive increase, multiplicative decrease. It answers overload: servers that fail
or become very slow. A rate limit is another thing: where 500 requests per second are admitted and an answer takes
1 ms, even one request under way at a time is too many. So refusals go to the pace (``rate``), which finds out the
highest rate that is not refused.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

import attrs

from briqpay_async.bulk.rate import AdaptiveRate
from briqpay_async.errors import ConfigurationError

__all__ = ["AUTO", "Limiter", "Window", "make_limiter"]

AUTO: Final = "auto"

_FIRST_WINDOW: Final = 10  # as TCP: enough to learn from, too little to do harm
_AUTO_CEILING: Final = 100  # the client's connection pool has this size unless set otherwise
_BATCH: Final = 16  # answers looked at together while the window is as large as it may be, an eighth of it before


@attrs.define
class Window:
    """How many updates may be under way at once.

    Attributes:
        ceiling: Never more than this.
        floor: Never fewer than this.
        size: The window now.
        limit: Its whole part, which is what counts.
        probing: Whether to stop growing where more updates under way only make each one slower.
        latency: Seconds that an answer takes, lately.
    """

    ceiling: int
    floor: int = 1
    size: float = _FIRST_WINDOW
    probing: bool = False
    latency: float = 0.0
    limit: int = attrs.field(init=False)
    _threshold: float = math.inf
    _best_latency: float = math.inf
    _samples: int = 0
    _trouble: float = 0.0
    _quiet_until: float = 0.0
    _batch: int = 1
    _answers: int = 0
    _seconds: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.limit = int(self.size)

    def answered(self, now: float, elapsed: float) -> None:
        """An update came back after so many seconds."""
        self._answers += 1
        self._seconds += elapsed
        batch = self._batch
        if self._answers < batch:
            return
        elapsed = self._seconds / batch
        self._answers, self._seconds = 0, 0.0
        if not self._samples:
            self.latency = elapsed
        self._samples += batch
        self._trouble *= 0.98**batch
        self.latency = latency = elapsed + (self.latency - elapsed) * 0.9**batch
        if self._samples >= 10 and latency < self._best_latency:
            self._best_latency = latency
        if latency > 1.0 and latency > 8 * self._best_latency:
            self._best_latency = latency / 4  # a server that stays slow is no news for ever
            self.decrease(now)
        elif self.size < self.ceiling and not (self.probing and latency > 2 * self._best_latency + 0.001):
            step = 1.0 if self.size < self._threshold else 1.0 / self.size
            self.size = min(self.ceiling, self.size + batch * step)
            self.limit = int(self.size)
        self._batch = _BATCH if self.size >= self.ceiling else min(_BATCH, 1 + self.limit // 8)

    def on_failure(self, now: float) -> None:
        """A request failed for the server's or the network's sake. A few do no harm; one in ten means overload."""
        self._trouble += (1.0 - self._trouble) * 0.02
        if self._trouble > 0.1:
            self.decrease(now)

    def decrease(self, now: float) -> None:
        """Multiplicative decrease, once for all that goes wrong within two round trips."""
        if now < self._quiet_until:
            return
        self._quiet_until = now + max(0.1, 2 * self.latency)
        self._trouble = 0.0
        self.size = self._threshold = max(self.floor, self.size * 0.7)
        self.limit = int(self.size)


@attrs.frozen
class Limiter:
    """Window and pace of one bulk run."""

    window: Window
    pace: AdaptiveRate = attrs.Factory(AdaptiveRate)


def make_limiter(concurrency: int | str, now: float = 0.0, random: Callable[[], float] = random.random) -> Limiter:
    """A limiter for ``update_many``'s argument.

    Args:
        concurrency: The most updates under way at once, or ``"auto"`` to find out how many help.
        now: Monotonic seconds.
        random: Gives numbers in ``[0, 1)``.

    Raises:
        ConfigurationError: It is neither a positive integer nor ``"auto"``.
    """
    pace = AdaptiveRate(now, random)
    if concurrency == AUTO:
        return Limiter(Window(_AUTO_CEILING, probing=True), pace)
    if type(concurrency) is not int or concurrency < 1:
        raise ConfigurationError('concurrency must be an integer of at least 1, or "auto".')
    return Limiter(Window(concurrency, size=min(concurrency, _FIRST_WINDOW)), pace)
