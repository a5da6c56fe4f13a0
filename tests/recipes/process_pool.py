"""Work on sessions in a pool of processes: one client, made before the pool, serves every process of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from briqpay_async.blocking import BlockingBriqpayClient

briqpay = BlockingBriqpayClient.from_env()


def move(session_id: str) -> str:
    """Give a session another city, and say which session it was."""
    with briqpay.sessions.edit(session_id) as builder:
        builder.billing.update(city="Ystad")
    return session_id


def main(session_ids: Sequence[str]) -> None:
    """Move all sessions, four at a time."""
    with ProcessPoolExecutor(4) as pool:
        for session_id in pool.map(move, session_ids):
            sys.stdout.write(f"{session_id}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
