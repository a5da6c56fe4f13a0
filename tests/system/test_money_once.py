"""Money moves once: clients and processes that move money of the same orders report nothing that is not true."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.shop import data, line, new_session

from benchmarks.money import Claim, false_claims, races
from briqpay_async import BriqpayClient
from briqpay_async.sandbox import Sandbox

MARK = "https://shop.example/1"
CAPTURED = {"captureId": "c-1", "cart": [{"imageUrl": MARK}]}


async def test_two_clients_under_every_fault_never_claim_an_effect_that_is_not_their_own(
    tmp_path: Path,
) -> None:
    endings, wrong = await races(150, folder=tmp_path)
    assert wrong == []
    kinds = {"capture", "refund", "cancel"}
    assert {kind for kind, ending in endings if ending == "success"} == kinds
    assert {kind for kind, ending in endings if ending == "unknown"} == kinds
    assert sum(endings.values()) > 400


def state(*captures: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"captures": list(captures), "refunds": []}}


@pytest.mark.parametrize(
    ("claims", "session", "cancelled", "count"),
    [
        ([Claim("capture", MARK, "success", "c-1")], state(CAPTURED), 0, 0),
        ([Claim("capture", MARK, "unknown")], state(CAPTURED), 0, 0),
        ([Claim("capture", MARK, "unknown")], state(), 0, 0),
        ([Claim("capture", MARK, "cancelled")], state(CAPTURED), 0, 0),
        ([Claim("capture", MARK, "success", "c-1")], state(), 0, 1),  # a success without an effect
        ([Claim("capture", MARK, "success", "c-2")], state(CAPTURED), 0, 1),  # another call's
        ([Claim("capture", MARK, "refused")], state(CAPTURED), 0, 1),  # an effect that was denied
        ([Claim("capture", MARK, "unknown")], state(CAPTURED, CAPTURED), 0, 1),  # made twice
        ([Claim("capture", MARK, "success", "c-1")], state(CAPTURED, CAPTURED), 0, 1),
        ([], state(CAPTURED), 0, 1),
        ([Claim("cancel", "x", "success")], state(), 1, 0),
        ([Claim("cancel", "x", "unknown")], state(), 1, 0),
        ([Claim("cancel", "x", "success")], state(), 0, 1),
        ([Claim("cancel", "x", "refused")], state(), 1, 1),
        ([Claim("cancel", "x", "success"), Claim("cancel", "y", "success")], state(), 1, 1),
    ],
)
def test_a_false_claim_is_found(claims: list[Claim], session: dict[str, Any], cancelled: int, count: int) -> None:
    assert len(false_claims(claims, session, cancelled)) == count


CAPTURER = """
import asyncio, sys
from briqpay_async import BriqpayClient, OutcomeUnknownError, RetryPolicy

async def main():
    url, username, secret, *ids = sys.argv[1:]
    async with BriqpayClient(username, secret, base_url=url, retry=RetryPolicy(base=0.001, cap=0.002)) as briqpay:
        print("ready", flush=True)
        sys.stdin.readline()
        for session_id in ids:
            try:
                session = await briqpay.sessions.read(session_id)
                capture = await briqpay.orders.capture(session_id, session.data.order.select({"a": 1}))
                print(session_id, capture.capture_id)
            except OutcomeUnknownError:
                print(session_id, "unknown")

asyncio.run(main())
"""


async def test_two_processes_with_equal_captures_never_return_the_same_one() -> None:
    async with (
        Sandbox() as shop,
        BriqpayClient(shop.username, shop.secret, base_url=shop.url) as briqpay,
    ):
        ids = []
        for _ in range(12):
            session = await briqpay.sessions.create(new_session(data(line("a", quantity=3))))
            ids.append(str(session.session_id))
            shop.complete(ids[-1])
        shop.faults.add("apply_then_drop", endpoint="capture", every=2)
        shop.faults.add("close_before_answer", endpoint="capture")
        pipe = asyncio.subprocess.PIPE
        arguments = (sys.executable, "-c", CAPTURER, shop.url, shop.username, shop.secret, *ids)
        processes = [await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe) for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        claims = [line.split() for output, _ in outputs for line in output.decode().splitlines()]
        assert len(claims) == 2 * len(ids)
        claimed = Counter(made for _, made in claims if made != "unknown")
        assert claimed
        assert max(claimed.values()) == 1
        assert set(claimed) <= {effect.made for effect in shop.effects if effect.kind == "capture"}
