"""A process that dies while it holds a session does not keep it for ever."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from support.shop import address, data, new_session

from briqpay_async import BriqpayClient, SessionPatch
from briqpay_async.sandbox import Sandbox
from briqpay_async.shared import RedisState

TO_YSTAD = SessionPatch.between(data(), data(billing=address(city="Ystad")))
HOLDER = """
import asyncio, sys
from briqpay_async import BriqpayClient, SessionPatch
from briqpay_async.shared import RedisState
url, username, secret, redis, account, session_id = sys.argv[1:]
async def main():
    state = RedisState(redis, account=account, lease=1)
    async with BriqpayClient(username, secret, base_url=url, shared=state) as briqpay:
        async with briqpay.sessions.edit(session_id) as builder:
            builder.billing.update(city="Nowhere")
            print("held", flush=True)
            await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_the_lease_of_a_killed_holder_runs_out(sandbox: Sandbox, redis_url: str, account: str) -> None:
    shared = RedisState(redis_url, account=account)
    async with BriqpayClient(sandbox.username, sandbox.secret, base_url=sandbox.url, shared=shared) as briqpay:
        session_id = str((await briqpay.sessions.create(new_session())).session_id)
        holder = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            HOLDER,
            sandbox.url,
            sandbox.username,
            sandbox.secret,
            redis_url,
            account,
            session_id,
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        update = asyncio.create_task(briqpay.sessions.update(session_id, TO_YSTAD, timeout=60))
        await asyncio.sleep(0.2)
        assert not update.done()
        holder.kill()
        await holder.wait()
        await update
        assert (await briqpay.sessions.read(session_id)).data.billing.city == "Ystad"
