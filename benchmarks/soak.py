"""``python -m benchmarks.soak``: thousands of updates while a quarter of all requests go wrong.

The sandbox runs in another process and breaks requests in every transient way it knows. Each update writes a value
of its own, so at the end it is known whether one was lost, applied in the wrong order, or never ended, and
whether the client kept connections or memory. Ends with status 1 where a proof fails.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.peers import SECRET, USERNAME
from benchmarks.process import Child
from benchmarks.soak_proof import Report, Sample, Story, failures, lines
from briqpay_async import (
    Address,
    AttemptEvent,
    BriqpayClient,
    BriqpayError,
    CallHooks,
    EditableData,
    NewSession,
    Pool,
    RetryPolicy,
    SessionPatch,
    TransportError,
)

__all__ = ["soak"]

_RETRY = RetryPolicy(base=0.005, cap=0.05)
_MEASURED_AT = (0.1, 0.5, 1.0)
_TIMEOUT = 60.0
_PATIENCE = 0.1  # seconds for an update, before a run as a whole is given up
# Beside the sandbox's own mix, which has no waits above zero and no break so close to the end of an answer. What
# is cut off inside its JSON is not transient: it is applied, and raised as what cannot be read.
_MIX_SHARE = 0.8
_MORE: tuple[Mapping[str, Any], ...] = (
    {"kind": "status", "status": 503, "body": "html"},
    {"kind": "status", "status": 429, "code": "RATE_LIMITED", "retry_after": 0.005},
    {"kind": "status", "status": 408, "body": "empty", "applied": True},
    {"kind": "reset_mid_body", "reset": False, "fraction": 0.95},
    {"kind": "truncated_json"},
)


class _Attempts(CallHooks):
    """Counts requests."""

    def __init__(self) -> None:
        self.made = 0

    def on_attempt(self, event: AttemptEvent) -> None:
        """One more."""
        del event
        self.made += 1


def _state(value: int) -> EditableData:
    # As long as any other, so that it takes no more memory towards the end.
    return EditableData(billing=Address(street_address=f"{value:08d}", city="Lund"))


def _new_session() -> NewSession:
    from tests.support.shop import data, line, new_session  # noqa: PLC0415 - the sample shop of the tests

    return new_session(data(line("sku"), billing=_state(0).billing, shipping=None))


async def _create(client: BriqpayClient, count: int) -> list[str]:
    new = _new_session()

    async def create() -> str:
        session = await client.sessions.create(new, fields=["sessionId"])
        assert session.session_id
        return session.session_id

    made: list[str] = []
    while len(made) < count:
        made += await asyncio.gather(*[create() for _ in range(min(100, count - len(made)))])
    return made


def _faults(rate: float) -> list[dict[str, Any]]:
    each = rate * (1 - _MIX_SHARE) / len(_MORE)
    mix = {"kind": "chaos", "probability": rate * _MIX_SHARE}
    return [{**fault, "probability": each, "endpoint": "patch"} for fault in _MORE] + [
        {**mix, "endpoint": "patch"}
    ]


def _turns(ids: Sequence[str], updates: int, generator: random.Random) -> Iterator[str]:
    """Whose update is next: every session now and then, and a few of them all the time."""
    busy = ids[: max(1, len(ids) // 100)]
    for number in range(updates):
        yield generator.choice(busy) if number % 3 == 0 else ids[number % len(ids)]


def _sample(share: float) -> Sample:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return Sample(share, _files(), resident, sys.getallocatedblocks())


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - faster, and it counts itself each time


class _Run:
    """The updates of one run and what became of them."""

    def __init__(self, client: BriqpayClient, ids: Sequence[str], *, end: float) -> None:
        self.client = client
        self.stories = {session_id: Story() for session_id in ids}
        self.raised: Counter[str] = Counter()
        self.lost: list[str] = []
        self.samples: list[Sample] = []
        self._end = end

    async def make(self, turns: Iterator[str], updates: int, concurrency: int) -> None:
        """Make the updates, so many at a time."""
        started = time.monotonic()
        done = 0

        async def work() -> None:
            nonlocal done
            for session_id in turns:
                await self._update(session_id, done)
                done += 1
                share = max(done / updates, (time.monotonic() - started) / max(self._end - started, 1e-9))
                if len(self.samples) < len(_MEASURED_AT) - 1 and share >= _MEASURED_AT[len(self.samples)]:
                    self.samples.append(_sample(_MEASURED_AT[len(self.samples)]))
                if time.monotonic() >= self._end:
                    return

        workers = [asyncio.create_task(work()) for _ in range(concurrency)]
        over, hung = await asyncio.wait(workers, timeout=self._end - started + _TIMEOUT)
        for worker in hung:  # what never ended is missed in its story
            worker.cancel()
        await asyncio.gather(*hung, return_exceptions=True)
        for worker in over:
            worker.result()
        self.samples.append(_sample(1.0))

    async def _update(self, session_id: str, number: int) -> None:
        story = self.stories[session_id]
        story.made += 1
        value = story.made
        patch = SessionPatch.of(data=_state(value))
        try:
            # With a body and without: an answer can be lost in either form.
            await self.client.sessions.update(session_id, patch, "none" if number % 2 else None, timeout=_TIMEOUT)
        except BriqpayError as error:
            self.raised[type(error).__name__] += 1
            if not (isinstance(error, TransportError) and error.sent is False):
                story.doubtful.add(value)
        except Exception as error:  # noqa: BLE001 - that none gets here is what is proved
            self.lost.append(repr(error))
        else:
            story.acknowledge(value)
        story.ended += 1


async def soak(
    url: str,
    hear: Any,
    *,
    updates: int = 20_000,
    sessions: int = 2_000,
    concurrency: int = 50,
    faults: float = 0.25,
    seconds: float | None = None,
    seed: int = 0,
) -> Report:
    """Run the updates against a sandbox and gather what both sides know.

    Args:
        url: The sandbox.
        hear: Returns what the sandbox saw.
        updates: How many; with ``seconds``, at most so many.
        sessions: Over how many sessions.
        concurrency: How many are under way at once.
        faults: Share of requests that go wrong.
        seconds: End after this long.
        seed: Of the order of updates.
    """
    before = _files()
    attempts = _Attempts()
    pool = Pool(size=concurrency)
    client = BriqpayClient(
        USERNAME, SECRET, base_url=url, retry=_RETRY, pool=pool, hooks=[attempts], check_totals="off"
    )
    async with client:
        ids = await _create(client, sessions)
        async with aiohttp.ClientSession() as control:
            (await control.post(f"{url}/_sandbox/faults", json=_faults(faults))).raise_for_status()
        attempts.made = 0
        started = time.monotonic()
        run = _Run(client, ids, end=started + (seconds or _TIMEOUT + updates * _PATIENCE))
        await run.make(_turns(ids, updates, random.Random(seed)), updates, concurrency)  # noqa: S311 - a seeded order
        elapsed = time.monotonic() - started
        shared = client._caller.shared  # noqa: SLF001 - whether lanes are left is what is proved
        left = len(shared.locks) + len(shared.writers) + len(asyncio.all_tasks()) - 1
    await asyncio.sleep(0)  # a transport closes its socket in the next turn of the loop
    return Report(
        stories=run.stories,
        raised=run.raised,
        lost=run.lost,
        retries=attempts.made - sum(story.made for story in run.stories.values()),
        seen=hear(),
        samples=run.samples,
        before=before,
        after=_files(),
        connections=concurrency,
        left=left,
        elapsed=elapsed,
    )


def _main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--faults", type=float, default=0.25, help="share of requests that go wrong")
    parser.add_argument("--seconds", type=float, default=None, help="end after this long")
    parser.add_argument("--seed", type=int, default=0)
    options = vars(parser.parse_args(arguments))

    with Child("benchmarks.soak_server", str(options["seed"])) as server:

        def hear() -> Any:
            server.write_line("seen")
            return server.hear()

        async def run() -> Report:
            return await soak(server.hear()["url"], hear, **options)

        report = asyncio.run(run())
    for line in lines(report):
        print(line)
    found = list(failures(report))
    for text in found[:20]:
        print(f"FAILED: {text}")
    print("all proofs hold" if not found else f"{len(found)} proofs failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(_main())
