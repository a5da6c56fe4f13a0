"""The second phase: ``sessions.update_many`` over many sessions, while the server fails now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from random import Random

import attrs
import orjson

from briqpay_async.bulk.rows import SessionUpdate
from briqpay_async.cli.demo.cart_math import Json
from briqpay_async.cli.demo.edits import TYPICAL, applied
from briqpay_async.cli.demo.environment import DemoEnvironment, for_each, patch_traffic
from briqpay_async.cli.demo.report import BulkReport
from briqpay_async.cli.demo.shop import MARKETS, Market, new_session
from briqpay_async.conversion.decode import structure
from briqpay_async.models.session import EditableData
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch
from briqpay_async.sandbox import Sandbox
from briqpay_async.transport.hooks import CallHooks, RetryEvent

__all__ = ["run_bulk"]

_UPDATES_OF_A_SESSION = 4


@attrs.define(kw_only=True)
class _Track:
    """One session of the run, and what the shop has made of it so far.

    Attributes:
        session_id: Which session.
        created: How the server stored it before the first update.
        market: Where.
        random: Of its edits.
        data: The data wanted now.
        state: The same as a model.
    """

    session_id: str
    created: Json
    market: Market
    random: Random
    data: Json
    state: EditableData

    def advance(self, depth: MergeDepth) -> SessionPatch:
        """Make one more typical edit and return its patch."""
        plan = self.random.choice(TYPICAL)
        self.data = applied(self.data, plan(self.data, self.random, self.market))
        before, self.state = self.state, structure(self.data, EditableData)
        return SessionPatch.between(before, self.state, depth)


class _RetryCounter(CallHooks):
    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def on_retry(self, event: RetryEvent) -> None:
        """Count a retry by what made it necessary."""
        self.reasons["a lost answer" if event.status is None else f"status {event.status}"] += 1


@contextmanager
def _transient_faults(sandbox: Sandbox) -> Iterator[None]:
    """Let some updates be refused for a moment, and let the answers of others get lost after they were applied."""
    faults = (
        sandbox.faults.add("status", status=503, retry_after=0.01, endpoint="patch", probability=0.05),
        sandbox.faults.add("apply_then_drop", endpoint="patch", probability=0.03),
    )
    try:
        yield
    finally:
        for fault in faults:
            sandbox.faults.remove(fault)


async def run_bulk(environment: DemoEnvironment, updates: int, workers: int) -> BulkReport:
    """Create sessions, update each several times together with all others, and prove the final states.

    Args:
        environment: Server and client.
        updates: How many updates to make, at least 1.
        workers: How many are under way at once at most.
    """
    tracks = await _create_sessions(environment, -(-updates // _UPDATES_OF_A_SESSION), workers)
    counter = _RetryCounter()
    briqpay = environment.briqpay.with_options(hooks=(counter,))
    problems: list[str] = []
    full_bytes = unchanged = done = 0

    def rows() -> Iterator[SessionUpdate]:
        nonlocal full_bytes, unchanged
        for number in range(updates):
            track = tracks[number % len(tracks)]
            patch = track.advance(environment.depth)
            unchanged += patch.is_noop
            full_bytes += len(orjson.dumps({"data": track.data}))
            yield SessionUpdate(track.session_id, patch)

    with _transient_faults(environment.sandbox):
        started = environment.clock()
        async with aclosing(briqpay.sessions.update_many(rows(), concurrency=workers)) as outcomes:
            async for outcome in outcomes:
                if outcome.error is not None:
                    problems.append(f"session {outcome.session_id}: {outcome.error}")
                done += 1
                environment.progress("updates", done, updates)
        seconds = environment.clock() - started
    problems += await _prove(environment, tracks, workers)
    requests, sent_bytes = patch_traffic(environment.sandbox, (track.session_id for track in tracks))
    overlaps = len(environment.sandbox.journal.overlaps)
    if overlaps:
        problems.append(f"{overlaps} updates met another one of the same session")
    return BulkReport(
        sessions=len(tracks),
        updates=updates,
        unchanged=unchanged,
        workers=workers,
        requests=requests,
        retries=dict(sorted(counter.reasons.items())),
        sent_bytes=sent_bytes,
        full_bytes=full_bytes,
        seconds=seconds,
        overlaps=overlaps,
        problems=tuple(problems),
    )


async def _create_sessions(environment: DemoEnvironment, count: int, workers: int) -> list[_Track]:
    tracks: list[_Track] = []

    async def create(number: int) -> None:
        random = Random(f"bulk {environment.seed} {number}")  # noqa: S311 - repeats with the seed
        market = MARKETS[number % len(MARKETS)]
        body = new_session(random, market, random.choice(("business", "consumer")), random.randint(6, 60))
        session = await environment.create(body)
        session_id = session.session_id or ""
        tracks.append(
            _Track(
                session_id=session_id,
                created=environment.sandbox.sessions[session_id],
                market=market,
                random=random,
                data=body["data"],
                state=structure(body["data"], EditableData),
            )
        )
        environment.progress("sessions", len(tracks), count)

    await for_each(range(count), create, workers)
    return tracks


async def _prove(environment: DemoEnvironment, tracks: list[_Track], workers: int) -> list[str]:
    problems: list[str] = []
    done = 0

    async def prove(track: _Track) -> None:
        nonlocal done
        found = await environment.problems_of(track.session_id, track.created, track.data)
        problems.extend(f"session {track.session_id}: {problem}" for problem in found)
        done += 1
        environment.progress("proofs", done, len(tracks))

    await for_each(tracks, prove, workers)
    return problems
