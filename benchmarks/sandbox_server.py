"""``python -m benchmarks.sandbox_server sandbox|fixed``: the sandbox with sessions in it, or its measure.

Prints its port and sessions as one line of JSON and runs until its standard input closes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Sequence

from aiohttp import web

from benchmarks import payloads
from benchmarks.peers import SECRET, USERNAME
from benchmarks.process import pin
from briqpay_async import BriqpayClient, NewSession, structure
from briqpay_async.sandbox import Sandbox

_SESSIONS = 50
_LINES = 1


async def _sandbox() -> None:
    held = payloads.held(_LINES)
    wire = {name: held[name] for name in ("product", "customerType", "country", "locale", "urls", "data")}
    async with Sandbox(username=USERNAME, secret=SECRET) as sandbox:
        async with BriqpayClient(USERNAME, SECRET, base_url=sandbox.url) as client:
            made = [await client.sessions.create(structure(wire, NewSession)) for _ in range(_SESSIONS)]
        await _run(sandbox.url, [session.session_id for session in made])


async def _fixed() -> None:
    content = payloads.answer(_LINES)

    async def handle(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=content, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await _run(f"http://127.0.0.1:{runner.addresses[0][1]}", payloads.session_ids(_SESSIONS))
    await runner.cleanup()


async def _run(url: str, ids: Sequence[str | None]) -> None:
    gc.collect()
    gc.freeze()  # what was made beforehand is not part of what is measured
    print(json.dumps({"url": url, "ids": ids}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    pin(-1)
    asyncio.run(_sandbox() if sys.argv[1:] == ["sandbox"] else _fixed())
