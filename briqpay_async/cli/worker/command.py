"""``briqpay worker``: processes that send what was put into the queue of a Redis server."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from briqpay_async.cli.connect import Flag, rate_of
from briqpay_async.cli.exits import InputError, one_line
from briqpay_async.cli.output import narrated, say
from briqpay_async.cli.stopping import stop_requested
from briqpay_async.cli.worker.queue import Queue, RedisUrl
from briqpay_async.client import BriqpayClient
from briqpay_async.shared import RedisState

__all__ = ["register"]

_MOST: Final = 256
_AT_ONCE: Final = 8  # shards that a process works on at the same time; each waits until rows are needed
_PAUSE: Final = 1.0  # seconds until a process that died is started again, or the server is tried again
_AGAIN: Final = 60.0  # seconds until the same trouble is told again
_GRACE: Final = 15.0  # seconds that rows under way have to finish; another worker sends those that have not
_END: Final = 1.0  # seconds to end in, after that
_CHILD: Final = "BRIQPAY_WORKER_CHILD"


def register(app: App) -> None:
    """Add the command."""
    app.command(worker)


def worker(
    *,
    redis: RedisUrl,
    processes: Annotated[int, Parameter(name=["--processes", "-n"])] = 1,
    account: str = "default",
    shards: int = 64,
    concurrency: int = 100,
    rate: str | None = None,
    lease: float = 30,
    order_with_others: Flag = False,
) -> None:
    """Send what "briqpay bulk apply --redis" and BriqpayTasks put into the queue, until Ctrl-C or SIGTERM.

    Run it on as many machines as you like, all with the same --account and --shards. A worker that is stopped
    finishes the rows under way; those of one that is killed are sent by another after --lease seconds.

    Args:
        redis: redis://, rediss:// or unix:// URL; BRIQPAY_REDIS_URL when left out.
        processes: How many processes; one that dies is started again.
        account: Name of the Briqpay account, where several use one server.
        shards: Parts of the queue; the same number for all that use it.
        concurrency: The most updates that a process has under way at once.
        rate: The quota of requests, where it is known, such as 50/s: all workers keep to it together.
        lease: Seconds after which the rows of a worker that died are sent by another.
        order_with_others: Also wait for programs with the same shared state that edit a session.
    """
    if not 1 <= processes <= _MOST:
        raise InputError(f"--processes must be between 1 and {_MOST}")
    if not 0 < lease <= 86_400:
        raise InputError("--lease must be more than 0 seconds, and no more than a day")
    limit = None if rate is None else rate_of(rate)
    queue = Queue(url=redis, account=account, shards=shards)
    state, broker = queue.state(rate=limit, lease=lease), queue.broker()

    def make_client() -> BriqpayClient:
        return BriqpayClient.from_env(shared=state if limit is not None or order_with_others else None)

    make_client()  # wrong settings raise before anything begins
    queue.tasks(broker, state, concurrency=concurrency, make_client=make_client)
    asyncio.run(_check(state))
    if processes > 1:
        asyncio.run(_supervise(processes, redis))
        return
    with narrated():
        asyncio.run(_serve(broker))


async def _check(state: RedisState) -> None:
    try:
        await state.check()
    finally:
        await state.aclose()


async def _serve(broker: Any) -> None:
    """Serve until asked to stop, and then until the rows under way are sent, or the time for that is over."""
    stopping = stop_requested()
    if os.environ.get(_CHILD):
        _stop_with_parent(stopping)
    broker.is_worker_process = True
    serving = asyncio.create_task(_serve_until(stopping, broker))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    done, _ = await asyncio.wait((serving,), timeout=_GRACE)
    if not done:
        await broker.shutdown()  # which leaves what is under way to other workers
        await asyncio.wait((serving,), timeout=_END)
    stopped.cancel()
    serving.cancel()
    await asyncio.wait((serving,), timeout=_END)


async def _serve_until(stopping: asyncio.Event, broker: Any) -> None:
    """Receive wake-ups until asked to stop, and try again where the server goes away."""
    started, told, again = False, "", 0.0
    while not stopping.is_set():
        try:
            if not started:
                await broker.startup()
                started = True
                say(f"briqpay worker {os.getpid()}: ready")
            await _listen(broker, stopping)
        except Exception as error:  # noqa: BLE001 - of the broker's library, or of the server's connection
            text = f"briqpay: the server of the queue does not answer: {one_line(str(_cause(error)))}"
            now = asyncio.get_running_loop().time()
            if text != told or now >= again:
                told, again = text, now + _AGAIN
                say(text)
            await _wait(stopping, _PAUSE)
    await broker.shutdown()


def _cause(error: BaseException) -> BaseException:
    """The first error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _listen(broker: Any, stopping: asyncio.Event) -> None:
    from taskiq.receiver import Receiver  # noqa: PLC0415 - an extra

    await Receiver(broker, max_async_tasks=_AT_ONCE, run_startup=False).listen(stopping)


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait((waiting,), timeout=seconds)
    waiting.cancel()


def _stop_with_parent(stopping: asyncio.Event) -> None:
    """Stop when the supervising process is gone: its end of the pipe closes."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        if not os.read(0, 1):
            loop.remove_reader(0)
            stopping.set()

    loop.add_reader(0, gone)


async def _supervise(processes: int, redis: str) -> None:
    stopping = stop_requested()
    # The URL may have a password, which every user of the machine could read among the arguments.
    environment = {**os.environ, "BRIQPAY_REDIS_URL": redis, _CHILD: "1"}
    arguments = _of_one(sys.argv[1:])
    await asyncio.gather(*(_keep_running(arguments, environment, stopping) for _ in range(processes)))


async def _keep_running(arguments: list[str], environment: dict[str, str], stopping: asyncio.Event) -> None:
    stopped = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "briqpay_async.cli",
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches it through this process alone
        )
        ended = asyncio.create_task(child.wait())
        await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            if child.returncode is None:
                child.terminate()
            await asyncio.wait((ended,), timeout=2 * _GRACE)
            if child.returncode is None:  # nothing is lost by that
                child.kill()
            await ended
            return
        say(f"briqpay: worker {child.pid} ended with {child.returncode}: another is started")
        await _wait(stopping, _PAUSE)
    stopped.cancel()


def _of_one(arguments: list[str]) -> list[str]:
    """The arguments of one process of several: without the URL and the number of processes."""
    kept: list[str] = []
    passing = False
    for argument in arguments:
        name = argument.partition("=")[0]
        if passing:
            passing = False
        elif name in {"--redis", "--processes", "-n"}:
            passing = "=" not in argument
        elif not (name.startswith("-n") and name[2:].isdecimal()):
            kept.append(argument)
    return kept
