"""``python -m benchmarks.soak_server [SEED]``: a sandbox in a process of its own, and what it saw.

Prints its address as one line of JSON, and one more for each line that it reads:

- ``seen``: what happened since the last reset, all requests and the value that every session holds.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from benchmarks.peers import SECRET, USERNAME
from benchmarks.process import pin
from briqpay_async.sandbox import Sandbox

_JOURNAL = 2_000_000


def _seen(sandbox: Sandbox) -> dict[str, Any]:
    patches = [record for record in sandbox.journal if record.endpoint == "patch"]
    return {
        "requests": len(patches),
        "unfinished": sum(record.finished is None for record in patches),
        "overlaps": sum(record.overlapped for record in patches),
        "applied": sandbox.effects.counts.get("patch", 0),
        "faults": Counter(record.fault for record in patches if record.fault),
        "held": {
            session_id: state["data"]["billing"]["streetAddress"] for session_id, state in sandbox.sessions.items()
        },
    }


async def _serve(seed: int) -> None:
    async with Sandbox(
        username=USERNAME, secret=SECRET, seed=seed, journal_limit=_JOURNAL, journal_bodies=0
    ) as sandbox:
        print(json.dumps({"url": sandbox.url}), flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(_seen(sandbox)), flush=True)


if __name__ == "__main__":
    pin(-1)
    asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
