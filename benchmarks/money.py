"""``python -m benchmarks.money``: thousands of orders whose captures, refunds and cancellations go wrong.

Two clients, which share nothing but the machine, move money of the same orders at the same time, mostly in equal
parts, while answers get lost, requests are applied late or behind an error, and reads lag or show captures
differently. Each call marks its lines, so at the end the sandbox knows which call made what. Ends with status 1
where a client reported something that is not true.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from briqpay_async import (
    BriqpayClient,
    BriqpayError,
    Capture,
    CartItem,
    EditableData,
    NewSession,
    Order,
    OutcomeUnknownError,
    Refund,
    RetryPolicy,
    Session,
)
from briqpay_async.sandbox import Sandbox
from briqpay_async.transport.order_turns import OrderTurns

__all__ = ["Claim", "false_claims", "races"]

_BATCH = 1000
_RETRY = RetryPolicy(base=0.001, cap=0.002, budget=10_000_000)
# What happens to requests that move money, and how a session is shown.
_BREAKS: Sequence[Mapping[str, Any]] = (
    {"kind": "apply_later", "seconds": 0.003},
    {"kind": "apply_later", "seconds": 0.02},
    {"kind": "apply_then_drop"},
    {"kind": "apply_then_status", "status": 503, "retry_after": 0},
    {"kind": "apply_then_status", "status": 504, "body": "html"},
    {"kind": "apply_then_status", "status": 201, "body": {}},
    {"kind": "reset_mid_body"},
    {"kind": "truncated_json"},
    {"kind": "close_before_answer"},
    {"kind": "close_before_read"},
    {"kind": "status", "status": 503, "retry_after": 0},
    {"kind": "status", "status": 429, "retry_after": 0},
    {"kind": "latency", "seconds": 0.03},
)
_VIEWS: Sequence[Mapping[str, Any]] = (
    {"kind": "lagging_reads", "reads": 1},
    {"kind": "lagging_reads", "reads": 3},
    {"kind": "lagging_reads", "seconds": 0.01},
    {"kind": "altered_captures", "show": "empty_cart"},
    {"kind": "altered_captures", "show": ["no_references", "lower_case_currency"]},
    {"kind": "altered_captures", "show": "unit_price_with_vat"},
    {"kind": "altered_captures", "show": "no_capture_id"},
)
_PARTS: Sequence[dict[str, int]] = ({"a": 1}, {"a": 1}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"a": 4, "b": 2})
Ending = Literal["success", "unknown", "refused", "cancelled"]


@attrs.frozen
class Claim:
    """What a call reported.

    Attributes:
        kind: ``capture``, ``refund`` or ``cancel``.
        mark: What its lines carry.
        ending: How it ended.
        made: The identifier that it was given.
    """

    kind: str
    mark: str
    ending: Ending
    made: str | None = None


def false_claims(claims: Sequence[Claim], session: Mapping[str, Any], cancelled: int) -> list[str]:
    """What calls reported about a session that is not true.

    Args:
        claims: What each call reported.
        session: The state of the session in the end.
        cancelled: How often it was cancelled.
    """
    made: dict[str, list[str]] = {}
    for section, name in (("captures", "captureId"), ("refunds", "refundId")):
        for one in session["data"][section]:
            made.setdefault(one["cart"][0]["imageUrl"], []).append(one[name])
    wrong = []
    for call in claims:
        effects = made.pop(call.mark, [])
        if call.kind == "cancel":
            continue
        if call.ending == "success" and effects != [call.made]:
            wrong.append(f"{call} reported success, and it made {effects}")
        elif len(effects) > (0 if call.ending == "refused" else 1):
            wrong.append(f"{call} made {effects}")
    endings = Counter(call.ending for call in claims if call.kind == "cancel")
    if not endings["success"] <= cancelled <= endings.total() - endings["refused"]:
        wrong.append(f"cancellations reported {dict(endings)}, and {cancelled} took effect")
    return wrong + [f"no call made {left}" for left in made.values()]


def _order() -> Order:
    common = {"product_type": "physical", "quantity_unit": "pc", "tax_rate": 2500}
    lines = [
        CartItem(reference="a", name="A", quantity=4, unit_price=1000, **common),
        CartItem(reference="b", name="B", quantity=2, unit_price=2000, **common),
    ]
    return Order.of("SEK", lines)


def _new_session() -> NewSession:
    from tests.support.shop import new_session  # noqa: PLC0415 - the sample shop of the tests

    return new_session(EditableData(order=_order()))


class _Race:
    """Two clients and one order."""

    def __init__(self, sandbox: Sandbox, clients: Sequence[BriqpayClient], seed: int) -> None:
        self._sandbox = sandbox
        self._clients = clients
        self._random = random.Random(seed)  # noqa: S311 - repeats with the seed
        self._seed = seed
        self._claims: list[Claim] = []
        self._captures: list[str] = []
        self._session_id = ""
        self._old = Session()

    async def run(self) -> tuple[list[Claim], list[str]]:
        """What the calls reported, and what of it is not true."""
        sandbox = self._sandbox
        session = await self._clients[0].sessions.create(_new_session())
        self._session_id = str(session.session_id)
        sandbox.complete(self._session_id)
        self._old = await self._clients[0].sessions.read(self._session_id)
        faults = self._break()
        await asyncio.gather(*(self._calls(index) for index in range(len(self._clients))))
        for fault in faults:
            sandbox.faults.remove(fault)
        await sandbox.faults.settled()
        cancelled = len(sandbox.effects_of(self._session_id, "cancel"))
        wrong = false_claims(self._claims, sandbox.sessions[self._session_id], cancelled)
        return self._claims, [f"run {self._seed}: {one}" for one in wrong]

    def _break(self) -> list[Any]:
        draw, sandbox = self._random, self._sandbox
        rate = draw.choice((0.1, 0.4, 0.8))
        faults = [
            sandbox.faults.add(**fault, endpoint=endpoint, session_id=self._session_id, probability=rate)
            for endpoint in ("capture", "refund", "cancel")
            for fault in draw.sample(_BREAKS, 3)
            if (endpoint, fault.get("status")) != ("cancel", 201)  # success is all that its answer says
        ]
        if draw.random() < 0.5:
            view = draw.choice(_VIEWS)
            faults.append(
                sandbox.faults.add(**view, session_id=self._session_id, probability=draw.choice((0.5, 1.0)))
            )
        return faults

    async def _calls(self, index: int) -> None:
        draw = self._random
        for number in range(draw.randint(1, 3)):
            mark = f"https://shop.example/{self._seed}/{index}/{number}"
            kind = draw.choices(("capture", "refund", "cancel"), (6, 3, 1))[0]
            call = asyncio.ensure_future(self._call(kind, mark, self._clients[index]))
            if draw.random() < 0.1:
                await asyncio.wait([call], timeout=draw.choice((0.0, 0.002, 0.01)))
                call.cancel()
            self._claims.append(await self._outcome(kind, mark, call))

    def _call(self, kind: str, mark: str, client: BriqpayClient) -> Awaitable[Capture | Refund | None]:
        draw = self._random
        part = _order().select(draw.choice(_PARTS))
        order = part.with_cart(attrs.evolve(line, image_url=mark) for line in part.cart or ())
        before = self._old if draw.random() < 0.2 else None
        timeout = draw.choice((0.02, 10.0, 10.0))
        if kind == "capture":
            return client.orders.capture(self._session_id, order, before=before, check=False, timeout=timeout)
        if kind == "refund":
            capture = draw.choice(self._captures or [None])
            return client.orders.refund(
                self._session_id, order, capture, before=before, check=False, timeout=timeout
            )
        return client.orders.cancel(self._session_id, timeout=timeout)

    async def _outcome(self, kind: str, mark: str, call: Awaitable[Capture | Refund | None]) -> Claim:
        try:
            made = await call
        except OutcomeUnknownError:
            return Claim(kind, mark, "unknown")
        except BriqpayError:
            return Claim(kind, mark, "refused")
        except asyncio.CancelledError:
            return Claim(kind, mark, "cancelled")
        if isinstance(made, Capture):
            self._captures.append(str(made.capture_id))
            return Claim(kind, mark, "success", made.capture_id)
        return Claim(kind, mark, "success", made.refund_id if made is not None else None)


async def races(
    runs: int, *, folder: Path | None = None, seed: int = 0, at_once: int = 16
) -> tuple[Counter[tuple[str, Ending]], list[str]]:
    """Run races, and return how calls ended and what they reported that is not true.

    Args:
        runs: How many orders.
        folder: Where the clients lock orders; the system's temporary folder when left out.
        seed: Of the first run; each has its own.
        at_once: How many run at the same time.
    """
    endings: Counter[tuple[str, Ending]] = Counter()
    wrong: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(vocabulary="plugins", journal_bodies=0))
        clients = []
        for _ in range(2):
            client = BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, retry=_RETRY)
            client._caller.shared._turns = OrderTurns(sandbox.url, folder)  # noqa: SLF001 - as another process has it
            clients.append(await stack.enter_async_context(client))
        seeds = iter(range(seed, seed + runs))

        async def work() -> None:
            for one in seeds:
                claims, false = await _Race(sandbox, clients, one).run()
                endings.update((call.kind, call.ending) for call in claims)
                wrong.extend(false)

        await asyncio.gather(*(work() for _ in range(at_once)))
    return endings, wrong


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.monotonic()
    endings: Counter[tuple[str, Ending]] = Counter()
    wrong: list[str] = []
    for done in range(0, given.runs, _BATCH):  # each with a sandbox of its own, which remembers all it did
        claims, false = asyncio.run(races(min(_BATCH, given.runs - done), seed=given.seed + done))
        endings.update(claims)
        wrong += false
        print(f"{min(done + _BATCH, given.runs)} orders, {len(wrong)} false claims", flush=True)
    for (kind, ending), count in sorted(endings.items()):
        print(f"{kind:8} {ending:10} {count:8}")
    seconds = time.monotonic() - began
    print(f"{given.runs} orders, {endings.total()} calls in {seconds:.0f} s, {len(wrong)} false claims")
    for one in wrong[:20]:
        print(one)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
