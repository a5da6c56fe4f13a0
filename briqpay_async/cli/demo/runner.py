"""Runs the demo: a sandbox in this process, the real client over a real socket, and proof of every state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import orjson

from briqpay_async.cli.demo.bulk import run_bulk
from briqpay_async.cli.demo.cart_math import Json
from briqpay_async.cli.demo.client_edits import patch_to, perform
from briqpay_async.cli.demo.edits import CASES, Case, Step, applied
from briqpay_async.cli.demo.environment import DemoEnvironment, Progress, patch_traffic
from briqpay_async.cli.demo.report import DemoReport, EditReport
from briqpay_async.cli.demo.shop import new_session
from briqpay_async.client import BriqpayClient
from briqpay_async.config import RetryPolicy
from briqpay_async.errors import BriqpayError
from briqpay_async.models.session import Session
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch
from briqpay_async.sandbox import Sandbox

__all__ = ["MOST_UPDATES", "run_demo"]

MOST_UPDATES = 10_000
# Quick, because the failures are short; patient, because a demo of retries should not run out of them.
_RETRY = RetryPolicy(attempts=8, base=0.01, cap=0.1)


def _no_progress(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


async def run_demo(
    seed: int = 1,
    bulk: int = 400,
    *,
    merge: str = "field",
    workers: int = 50,
    progress: Progress = _no_progress,
    open_sandbox: Callable[..., Sandbox] = Sandbox,
    clock: Callable[[], float] = time.perf_counter,
) -> DemoReport:
    """Run the demo and return its results. Every state is compared; a mismatch is reported, not raised.

    Args:
        seed: Of carts, edits and faults. The same seed sends the same updates.
        bulk: Updates of the second phase, at most ``MOST_UPDATES``; 0 leaves it out.
        merge: How the server treats a section that is sent: ``field`` merges its members, ``section`` replaces it.
        workers: Updates under way at once in the second phase.
        progress: Called with how far it is.
        open_sandbox: Makes the server.
        clock: Seconds.

    Raises:
        ValueError: ``bulk``, ``workers`` or ``merge`` is out of range.
        BriqpayError: A session could not even be created.
    """
    if not 0 <= bulk <= MOST_UPDATES:
        raise ValueError(f"bulk must be between 0 and {MOST_UPDATES}")
    if workers < 1:
        raise ValueError("workers must be at least 1")
    started = clock()
    # The server checks the totals too: they come from the till, the library's own must agree with them.
    async with (
        open_sandbox(seed=seed, merge=merge, check_totals=True, journal_bodies=0) as sandbox,
        BriqpayClient(
            sandbox.username, sandbox.secret, base_url=sandbox.url, retry=_RETRY, check_totals="error"
        ) as briqpay,
    ):
        environment = DemoEnvironment(
            sandbox=sandbox, briqpay=briqpay, seed=seed, depth=MergeDepth(merge), clock=clock, progress=progress
        )
        edits = []
        for number, case in enumerate(CASES, start=1):
            edits.append(await _run_case(environment, case))
            progress("edits", number, len(CASES))
        return DemoReport(
            seed=seed,
            merge=merge,
            edits=tuple(edits),
            bulk=await run_bulk(environment, bulk, workers) if bulk else None,
            seconds=clock() - started,
        )


async def _run_case(environment: DemoEnvironment, case: Case) -> EditReport:
    random = Random(f"{case.title} {environment.seed}")  # noqa: S311 - repeats with the seed
    body = new_session(random, case.market, case.customer_type, case.lines)
    session = await environment.create(body)
    session_id = session.session_id or ""
    created = environment.sandbox.sessions[session_id]
    steps = case.plan(body["data"], random, case.market)
    wanted = applied(body["data"], steps)
    patch = SessionPatch()
    problems: tuple[str, ...] = ()
    with _lost_answer(environment.sandbox, session_id if case.answer_lost else None):
        started = environment.clock()
        try:
            patch = await _send(environment, case, session, steps, wanted)
        except BriqpayError as error:
            problems = (str(error),)
        seconds = environment.clock() - started
    problems += await environment.problems_of(session_id, created, wanted)
    attempts, sent_bytes = patch_traffic(environment.sandbox, (session_id,))
    return EditReport(
        title=case.title,
        where=f"{case.market.country} {case.customer_type}, {case.lines} lines",
        changed=patch.changed,
        carried=patch.carried,
        sent_bytes=sent_bytes,
        full_bytes=len(orjson.dumps({"data": wanted})),
        attempts=attempts,
        milliseconds=1000 * seconds,
        problems=problems,
    )


async def _send(
    environment: DemoEnvironment, case: Case, session: Session, steps: tuple[Step, ...], wanted: Json
) -> SessionPatch:
    if case.route == "between":
        patch = patch_to(session, wanted, environment.depth)
        await environment.briqpay.sessions.update(session.session_id or "", patch)
        return patch
    async with environment.briqpay.sessions.edit(session) as builder:
        for step in steps:
            perform(builder, step)
    return builder.build()


@contextmanager
def _lost_answer(sandbox: Sandbox, session_id: str | None) -> Iterator[None]:
    """Lose the first answer to an update of a session, after the update has been applied."""
    if session_id is None:
        yield
        return
    fault = sandbox.faults.add("apply_then_drop", endpoint="patch", session_id=session_id, times=1)
    try:
        yield
    finally:
        sandbox.faults.remove(fault)
