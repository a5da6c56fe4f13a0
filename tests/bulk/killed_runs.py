"""A bulk run that is killed again and again, and the proof that nothing was lost and nothing reported twice.

Three processes: a sandbox that loses answers after it has applied the request, the run itself (this file as a
program), and what kills it. Every row sets something that only it sets, except for the last one of each
session, which overrides the first; so the final states show every single row.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs

from briqpay_async import (
    Address,
    BriqpayClient,
    BulkJournal,
    EditableData,
    RetryPolicy,
    SessionPatch,
    SessionUpdate,
)

MEMBERS = ("city", "zip", "region", "street_address", "first_name", "city")
WIRE = ("city", "zip", "region", "streetAddress", "firstName", "city")
NEIGHBOURS = 20
FAULTS = (
    {"kind": "apply_then_drop", "endpoint": "patch", "probability": 0.03},
    {"kind": "status", "status": 503, "endpoint": "patch", "probability": 0.02},
)


def rows(session_ids: list[str]) -> Iterator[SessionUpdate]:
    """Six rows a session; twenty sessions take turns."""
    for start in range(0, len(session_ids), NEIGHBOURS):
        for step, member in enumerate(MEMBERS):
            for session_id in session_ids[start : start + NEIGHBOURS]:
                address = Address(**{member: f"{step} of {session_id[:8]}"})
                yield SessionUpdate(session_id, SessionPatch.of(data=EditableData(billing=address)))


def client(url: str) -> BriqpayClient:
    # Many attempts and a large budget: the faults are to be survived, and no row is to fail for good.
    retry = RetryPolicy(base=0.01, cap=0.05, attempts=10, budget=1_000_000)
    return BriqpayClient("sandbox-merchant", "sandbox-secret", base_url=url, retry=retry)


# --- the run ---------------------------------------------------------------------------------------------


async def run(url: str, journal: str, session_ids: list[str]) -> None:
    """Print each outcome the moment it is known."""
    async with client(url) as briqpay:
        async for outcome in briqpay.sessions.update_many(rows(session_ids), journal=BulkJournal(journal)):
            os.write(1, f"{outcome.index} {outcome.status}\n".encode())


# --- the killer ------------------------------------------------------------------------------------------


@attrs.define
class Report:
    """What became of all the runs together.

    Attributes:
        rows: Rows of the input.
        kills: How often the run was killed.
        applied: How often a row was reported as applied, by row.
        last: What the last run reported of each row.
        wrong: Sessions whose final state is not that of all rows in order.
        requests: Requests that took effect.
    """

    rows: int
    kills: int = 0
    applied: Counter[int] = attrs.Factory(Counter)
    last: dict[int, str] = attrs.Factory(dict)
    wrong: list[str] = attrs.Factory(list)
    requests: int = 0

    def problems(self) -> list[str]:
        """What speaks against the run; nothing, if all is well."""
        found = [
            f"row {row} was reported as applied {times} times" for row, times in self.applied.items() if times > 1
        ]
        found += [f"row {row} has no outcome" for row in range(self.rows) if row not in self.last]
        found += [f"row {row} is {status}" for row, status in self.last.items() if status == "failed"]
        return found + [f"session {session_id} has the wrong state" for session_id in self.wrong]


async def killed_again_and_again(
    folder: Path, *, sessions: int, kills: int, seed: int, after: tuple[int, int]
) -> Report:
    """Kill a run at random moments, resume it each time, let the last one finish, and look at everything.

    Args:
        folder: For the journal and the list of sessions.
        sessions: How many; there are six rows for each.
        kills: How often to kill.
        seed: Of the moments.
        after: Fewest and most outcomes of a run that are read before it is killed.
    """
    moments = random.Random(seed)  # noqa: S311 - repeats with the seed
    report = Report(sessions * len(MEMBERS))
    sandbox = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "briqpay_async.sandbox", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert sandbox.stdout is not None
        url = (await sandbox.stdout.readline()).split()[-1].decode()
        ids = folder / "sessions.txt"
        async with client(url) as briqpay:
            session_ids = await make_sessions(briqpay, sessions)
        ids.write_text("\n".join(session_ids), encoding="ascii")
        async with aiohttp.ClientSession(url) as control:
            for fault in FAULTS:
                async with control.post("/_sandbox/faults", json=fault) as answer:
                    assert answer.status == 201, await answer.text()
            program = [sys.executable, __file__, url, str(folder / "run.db"), str(ids)]
            for _ in range(kills):
                await _run_once(program, report, moments.randint(*after))
            await _run_once(program, report, None)
            await _look(control, session_ids, report)
    finally:
        sandbox.kill()
        await sandbox.communicate()
    return report


async def _run_once(program: list[str], report: Report, after: int | None) -> None:
    running = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert running.stdout is not None
    lines = [await running.stdout.readline() for _ in range(after or 0)]
    if after is not None and running.returncode is None:
        running.kill()
    lines += (await running.stdout.read()).splitlines(keepends=True)
    status = await running.wait()
    assert status in {0, -signal.SIGKILL}, status
    report.kills += status != 0
    report.last.clear()
    for line in lines:
        if line.endswith(b"\n"):
            index, status_text = line.decode().split()
            report.last[int(index)] = status_text
            report.applied[int(index)] += status_text == "applied"


async def _look(control: aiohttp.ClientSession, session_ids: list[str], report: Report) -> None:
    for session_id in session_ids:
        async with control.get(f"/_sandbox/sessions/{session_id}") as answer:
            billing: dict[str, Any] = (await answer.json())["data"]["billing"]
        expected = {name: f"{step} of {session_id[:8]}" for step, name in enumerate(WIRE)}
        if {name: billing.get(name) for name in expected} != expected:
            report.wrong.append(session_id)
    async with control.get("/_sandbox/effects") as answer:
        report.requests = sum(effect["kind"] == "patch" for effect in await answer.json())


async def make_sessions(briqpay: BriqpayClient, count: int) -> list[str]:
    """Create sessions and return their ids."""
    from support.shop import data, line, new_session

    new = new_session(data(line("a"), billing=Address(city="Lund"), shipping=None))
    return [str((await briqpay.sessions.create(new)).session_id) for _ in range(count)]


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text(encoding="ascii").split()))
