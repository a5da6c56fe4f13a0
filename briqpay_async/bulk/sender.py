"""One job on its way: called until the API takes it or refuses it for good, then its rows are settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from briqpay_async.bulk.gate import Tally, Throttle
from briqpay_async.bulk.progress import Counts
from briqpay_async.bulk.recorder import Sent, Settling
from briqpay_async.bulk.session_queues import Job
from briqpay_async.errors import (
    APIError,
    ConfigurationError,
    PatchNotAppliedError,
    SessionNotFoundError,
    TotalsMismatchError,
    ValidationError,
    WrongLoopError,
)
from briqpay_async.models.session import Session
from briqpay_async.transport.requests import Repeat
from briqpay_async.transport.retry import Verdict, verdict

__all__ = ["Sending", "Update"]

_REFUSALS = 8
"""How many calls for one row the API may refuse for their rate. Each one waits longer, so this takes a while."""


Update = Callable[..., Awaitable[Session | None]]
"""``Sessions.update``: session id, patch, and options by name."""


class Sending:
    """Sends jobs.

    Args:
        update: Makes the call.
        throttle: When a request may be made.
        settling: Gives rows their outcomes.
        counts: Of the run.
        abandon: Ends the run with an error.
        fail_fast: Whether any failure ends it.
    """

    def __init__(
        self,
        update: Update,
        throttle: Throttle,
        settling: Settling,
        counts: Counts,
        abandon: Callable[[BaseException], None],
        *,
        fail_fast: bool,
    ) -> None:
        self._update = update
        self._throttle = throttle
        self._limiter = throttle.limiter
        self._clock = throttle.clock
        self._settling = settling
        self._counts = counts
        self._abandon = abandon
        self._fail_fast = fail_fast
        self._unmetered = 0 if throttle.metered else 1  # attempts to count here, because nobody else does

    async def send(self, job: Job, tally: Tally) -> None:
        """Send a job and settle its rows."""
        limiter, clock = self._limiter, self._clock
        if limiter.paced:
            await self._throttle.turn()
            tally.admitted = True
        in_flight = self._counts.in_flight
        failure: Exception | None = None
        started = clock()
        try:
            session = await self._update(job.rows[0].lane, job.patch)
            tally.attempts += self._unmetered
        except Exception as error:  # noqa: BLE001 - one row's failure, whatever it is, must not stop the others
            tally.attempts += self._unmetered
            session, failure = await self._call_again(job, tally, error)
            if failure is not None and len(job.rows) > 1 and _is_about_the_body(failure):
                # They were merged, and what they say together is refused: a bad row must not take good ones along.
                for row in job.rows:
                    await self.send(Job((row,), row.update.patch), tally)
                return
        now = clock()
        if failure is None or isinstance(failure, APIError):
            limiter.answered(now, now - started, repeated=tally.attempts > 1)
        self._settling.sent(job.rows, tally, Sent(session, failure, started, now - started, in_flight))
        tally.attempts = tally.bytes_sent = 0
        if failure is not None and (self._fail_fast or isinstance(failure, ConfigurationError | WrongLoopError)):
            # The latter two say that the client cannot be used at all, which no other row can change.
            self._abandon(failure)

    async def _call_again(
        self, job: Job, tally: Tally, error: Exception
    ) -> tuple[Session | None, Exception | None]:
        """What comes of a call that failed: the session, or why it failed for good.

        It is made again when the API only refused the rate: in a long run that is no failure of the row.
        """
        throttle = self._throttle
        for _ in range(_REFUSALS):
            if not isinstance(error, APIError) or verdict(error, Repeat.SAFE) is not Verdict.THROTTLED:
                break
            throttle.refused(error)
            await throttle.turn()
            tally.admitted = True
            tally.attempts += self._unmetered
            try:
                return await self._update(job.rows[0].lane, job.patch), None
            except Exception as again:  # noqa: BLE001 - as above
                error = again
        return None, error


def _is_about_the_body(error: Exception) -> bool:
    """Whether another body for the same session might be taken."""
    if isinstance(error, APIError):
        return error.status in {400, 413, 422} and not isinstance(error, SessionNotFoundError)
    return isinstance(error, ValidationError | TotalsMismatchError | PatchNotAppliedError)
