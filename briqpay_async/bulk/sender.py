"""One job on its way: called until the API takes it or refuses it for good, then its rows get their outcomes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from briqpay_async.bulk.context import RunContext
from briqpay_async.bulk.gate import RunIsOverError, WorkerGate
from briqpay_async.bulk.recorder import JobResult
from briqpay_async.bulk.session_queues import Job
from briqpay_async.errors import (
    APIError,
    CallTimeoutError,
    ConfigurationError,
    PatchNotAppliedError,
    SessionNotFoundError,
    TotalsMismatchError,
    ValidationError,
    WrongLoopError,
)
from briqpay_async.models.session import Session
from briqpay_async.transport.rate_gate import RateGate, asks_to_slow_down

__all__ = ["BindUpdate", "JobSender", "Update", "is_about_the_body"]

_REFUSED_CALLS = 8
"""How many calls for one row the API may refuse for their rate. Each one waits longer, so this takes a while."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds of the row, where a refusal does not say when to come back

Update = Callable[..., Awaitable[Session | None]]
"""``Sessions.update``: session id, patch, and options by name."""

BindUpdate = Callable[[RateGate], Update]
"""Makes an ``Update`` whose attempts pass a gate."""


class JobSender:
    """Sends the jobs of one worker."""

    def __init__(self, update: Update, gate: WorkerGate, run: RunContext) -> None:
        """Make a sender.

        Args:
            update: Makes a call, whose attempts pass the gate.
            gate: Of this worker.
            run: Of the whole run.
        """
        self._update = update
        self._gate = gate
        self._run = run

    async def send(self, job: Job, before: tuple[int, int] = (0, 0)) -> None:
        """Send a job and give its rows their outcomes.

        Args:
            job: The rows and their patch.
            before: Attempts made for them already, and bytes sent.

        Raises:
            RunIsOverError: No attempt may begin any more, and none was made.
        """
        gate, run = self._gate, self._run
        gate.attempts = 0
        if not gate.enter_now():
            await gate.enter()
        in_flight = run.counts.in_flight
        failure: Exception | None = None
        started = run.gate.clock()
        try:
            session = await self._update(job.rows[0].lane, job.patch)
        except Exception as error:  # noqa: BLE001 - one row's failure, whatever it is, must not stop the others
            session, failure = await self._call_again(job, error)
            if failure is not None and len(job.rows) > 1 and is_about_the_body(failure):
                await self._send_one_by_one(job)
                return
        attempts, bytes_sent = before
        attempts += gate.attempts
        bytes_sent += gate.attempts * len(job.patch.to_json())
        elapsed = run.gate.clock() - started
        run.recorder.sent(job.rows, JobResult(session, failure, started, elapsed, attempts, bytes_sent, in_flight))
        if failure is not None and (run.fail_fast or isinstance(failure, ConfigurationError | WrongLoopError)):
            # The latter two say that the client cannot be used at all, which no other row can change.
            run.abandon(failure)

    async def _send_one_by_one(self, job: Job) -> None:
        """Send rows that were merged, and refused together: a bad row must not take good ones along."""
        attempts = self._gate.attempts
        before = attempts, attempts * len(job.patch.to_json())
        for row in job.rows:
            await self.send(Job((row,), row.update.patch), before)
            before = 0, 0

    async def _call_again(self, job: Job, error: Exception) -> tuple[Session | None, Exception | None]:
        """The result of a call that failed: the session, or the error of its last attempt.

        It is made again when the API only refused the rate: in a long run that is no failure of the row.
        """
        gate, run = self._gate, self._run
        pause = _FIRST_PAUSE
        try:
            for _ in range(_REFUSED_CALLS):
                if not isinstance(error, APIError) or not asks_to_slow_down(error.status or 0, error.retry_after):
                    break
                await run.gate.sleep(error.retry_after or pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                await gate.enter()
                try:
                    return await self._update(job.rows[0].lane, job.patch), None
                except Exception as again:  # noqa: BLE001 - as above
                    error = again
        except RunIsOverError:
            pass
        if isinstance(error, RunIsOverError):
            if not gate.attempts:
                raise error
            error = CallTimeoutError("No attempt may begin after the moment that until= names.")
        return None, error


def is_about_the_body(error: Exception) -> bool:
    """Whether another body for the same session might be taken."""
    if isinstance(error, APIError):
        return error.status in {400, 413, 422} and not isinstance(error, SessionNotFoundError)
    return isinstance(error, ValidationError | TotalsMismatchError | PatchNotAppliedError)
