"""One job on its way: called until the API takes it or refuses it for good, then its rows are settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from briqpay_async.bulk.lanes import Job
from briqpay_async.bulk.progress import Counts
from briqpay_async.bulk.settling import Settling
from briqpay_async.bulk.throttle import Tally, Throttle
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
from briqpay_async.protocol import Repeat
from briqpay_async.retry import Verdict, verdict

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

    async def send(self, job: Job, tally: Tally) -> None:
        """Send a job and settle its rows.

        Rows that were merged are sent one by one when the API refuses what they say together: a bad row must not
        take good ones along.
        """
        if self._limiter.paced:
            await self._throttle.turn()
            tally.admitted = True
        in_flight = self._counts.in_flight
        session: Session | None = None
        failure: Exception | None = None
        started = self._clock()
        try:
            session = await self._call(job, tally)
        except Exception as error:  # noqa: BLE001 - one row's failure, whatever it is, must not stop the others
            if len(job.rows) > 1 and _is_about_the_body(error):
                for row in job.rows:
                    await self.send(Job((row,), row.update.patch), tally)
                return
            failure = error
        now = self._clock()
        elapsed = now - started
        if failure is None or isinstance(failure, APIError):
            self._limiter.answered(now, elapsed if tally.attempts == 1 else None)
        *carried, carrier = job.rows
        for row in carried:
            self._settling.sent(
                row,
                tally,
                session=session,
                error=failure,
                started=started,
                elapsed=elapsed,
                in_flight=in_flight,
                carrier=carrier.index,
            )
        self._settling.sent(
            carrier,
            tally,
            session=session,
            error=failure,
            started=started,
            elapsed=elapsed,
            in_flight=in_flight,
            carrier=None,
        )
        tally.clear()
        if failure is not None and (self._fail_fast or isinstance(failure, ConfigurationError | WrongLoopError)):
            # The latter two say that the client cannot be used at all, which no other row can change.
            self._abandon(failure)

    async def _call(self, job: Job, tally: Tally) -> Session | None:
        """Call, and call again when the API only refused the rate: in a long run that is no failure of the row."""
        throttle = self._throttle
        session_id = job.rows[0].lane
        refusals = 0
        while True:
            if not throttle.metered:
                tally.attempts += 1
            try:
                return await self._update(session_id, job.patch)
            except APIError as error:
                if verdict(error, Repeat.SAFE) is not Verdict.THROTTLED or refusals == _REFUSALS:
                    raise
                throttle.refused(error)
            refusals += 1
            await throttle.turn()
            tally.admitted = True


def _is_about_the_body(error: Exception) -> bool:
    """Whether another body for the same session might be taken."""
    if isinstance(error, APIError):
        return error.status in {400, 413, 422} and not isinstance(error, SessionNotFoundError)
    return isinstance(error, ValidationError | TotalsMismatchError | PatchNotAppliedError)
