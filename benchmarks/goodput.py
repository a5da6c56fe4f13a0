"""How much of what a server admits gets used: ``python -m benchmarks.goodput``.

A server in a process of its own refuses at random, or what comes faster than a quota. A bulk run is held against a
naive pool over bare aiohttp, whose workers each wait for themselves, or against the quota. Only ratios mean
anything.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from collections.abc import Iterator
from itertools import count

import aiohttp
import attrs
from aiohttp import web

from briqpay_async import Address, BriqpayClient, EditableData, SessionPatch, SessionUpdate

CONCURRENCY = 40
SECONDS = 4.0
PATCH = SessionPatch.of(data=EditableData(billing=Address(city="Lund")))


@attrs.frozen
class Scenario:
    """What the server does.

    Attributes:
        name: Of the scenario.
        noise: Share of requests that it refuses whatever their rate.
        status: HTTP status of those.
        retry_after: What those say.
        quota: Requests a second that it admits; 0 without a quota.
        whole: Whether the quota's refusals name whole seconds.
    """

    name: str
    noise: float = 0.0
    status: int = 429
    retry_after: str = ""
    quota: float = 0.0
    whole: bool = False


SCENARIOS = (
    Scenario("no refusals"),
    Scenario("1 % random 429, 0.05 s", 0.01, 429, "0.05"),
    Scenario("3 % random 429, 0.05 s", 0.03, 429, "0.05"),
    Scenario("10 % random 429, 0.05 s", 0.1, 429, "0.05"),
    Scenario("2 % random 503", 0.02, 503),
    Scenario("300/s, exact", quota=300),
    Scenario("300/s, whole seconds", quota=300, whole=True),
    Scenario("60/s, whole seconds", quota=60, whole=True),
)


def application(scenario: Scenario) -> web.Application:
    """The server of a scenario."""
    chance = random.Random(1)  # noqa: S311 - repeats
    bucket = {"tokens": 10.0, "at": time.monotonic()}

    async def patch(request: web.Request) -> web.Response:
        await request.read()
        if chance.random() < scenario.noise:
            headers = {"Retry-After": scenario.retry_after} if scenario.retry_after else {}
            return web.Response(status=scenario.status, headers=headers)
        if scenario.quota:
            now = time.monotonic()
            bucket["tokens"] = min(10.0, bucket["tokens"] + (now - bucket["at"]) * scenario.quota)
            bucket["at"] = now
            if bucket["tokens"] < 1:
                wait = (1 - bucket["tokens"]) / scenario.quota
                return web.Response(
                    status=429, headers={"Retry-After": str(math.ceil(wait)) if scenario.whole else f"{wait:.3f}"}
                )
            bucket["tokens"] -= 1
        return web.Response(status=204)

    app = web.Application()
    app.router.add_patch("/{path:.*}", patch)
    return app


async def serve(scenario: Scenario) -> None:
    """Serve until the process is ended."""
    runner = web.AppRunner(application(scenario), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def session_id(number: int) -> str:
    """An identifier of a session."""
    return f"00000000-0000-4000-8000-{number:012x}"


async def naive(url: str) -> float:
    """Rows a second of a pool whose workers each wait for themselves."""
    done, started, numbers = 0, time.monotonic(), count()
    body = PATCH.to_json()
    async with aiohttp.ClientSession(url) as http:

        async def work() -> None:
            nonlocal done
            for number in numbers:
                while time.monotonic() < started + SECONDS:
                    async with http.patch(f"/v3/session/{session_id(number)}?fields=none", data=body) as answer:
                        await answer.read()
                    if answer.status == 204:
                        done += 1
                        break
                    await asyncio.sleep(float(answer.headers.get("Retry-After") or 0.25 * random.random()))  # noqa: S311
                if time.monotonic() >= started + SECONDS:
                    return

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return done / SECONDS


async def bulk(url: str) -> float:
    """Rows a second of a bulk run."""

    def rows() -> Iterator[SessionUpdate]:
        return (SessionUpdate(session_id(number), PATCH) for number in count())

    done = 0
    async with BriqpayClient("user", "secret", base_url=url) as briqpay:
        until = asyncio.get_running_loop().time() + SECONDS
        async for outcome in briqpay.sessions.update_many(rows(), CONCURRENCY, until=until):
            done += outcome.status == "applied"
    return done / SECONDS


async def measure() -> None:
    """Print each scenario's ratio."""
    for index, scenario in enumerate(SCENARIOS):
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.goodput", str(index)), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert server.stdout is not None
            url = (await server.stdout.readline()).decode().strip()
            against = scenario.quota or await naive(url)
            reached = await bulk(url)
            print(f"{scenario.name:28} {reached / against:.2f} of {'the quota' if scenario.quota else 'naive'}")
        finally:
            server.kill()
            await server.wait()


if __name__ == "__main__":
    asyncio.run(serve(SCENARIOS[int(sys.argv[1])]) if len(sys.argv) > 1 else measure())
