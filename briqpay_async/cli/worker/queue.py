"""The queue of a Redis server, for the commands that use it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter

from briqpay_async.bulk.journal import BulkJournal
from briqpay_async.bulk.rows import BulkProgress, UpdateOutcome
from briqpay_async.cli.output import say
from briqpay_async.client import BriqpayClient
from briqpay_async.config import RateLimit
from briqpay_async.errors import ConfigurationError
from briqpay_async.integrations.taskiq import BriqpayTasks
from briqpay_async.shared import RedisState

__all__ = ["Queue", "RedisUrl"]

RedisUrl = Annotated[str, Parameter(env_var="BRIQPAY_REDIS_URL")]

_AHEAD: Final = 20_000  # rows of a run that are in the queue at a time
_SILENCE: Final = 10.0  # seconds without any outcome after which it is said that no worker seems to run
_LOOK: Final = 2  # seconds that a worker waits for a wake-up before it asks again: less than a socket's timeout


def _broker_class() -> Any:
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
        from taskiq_redis import ListQueueBroker  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError("Install taskiq for this: pip install 'briqpay-async[cli,taskiq]'.") from error

    class Broker(ListQueueBroker):
        """Asks for wake-ups again and again: one question without end would outlast the timeout of its socket."""

        async def listen(self) -> AsyncGenerator[bytes, None]:
            while True:
                async with Redis(connection_pool=self.connection_pool) as connection:
                    found = await connection.brpop(self.queue_name, timeout=_LOOK)
                if found is not None:
                    wake_up: Any = found[1]
                    yield wake_up

    return Broker


@attrs.frozen(kw_only=True)
class Queue:
    """Which queue.

    Attributes:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        account: Name of the Briqpay account.
        shards: How many parts it has.
    """

    url: str = attrs.field(repr=False)
    account: str = "default"
    shards: int = 64

    def state(self, *, rate: RateLimit | None = None, lease: float = 30) -> RedisState:
        """The state on its server.

        Raises:
            ConfigurationError: The URL or the name is malformed, or the extra is not installed.
        """
        return RedisState(self.url, account=self.account, rate=rate, lease=lease)

    def broker(self) -> Any:
        """A broker on the same server. A wake-up that a killed worker had is lost, and the sweep makes up for it.

        Raises:
            ConfigurationError: The extra is not installed.
        """
        return _broker_class()(self.url, queue_name=f"briqpay:{{{self.account}}}:wake-ups")

    def tasks(
        self,
        broker: Any,
        state: RedisState,
        *,
        concurrency: int = 50,
        make_client: Callable[[], BriqpayClient] = BriqpayClient.from_env,
    ) -> BriqpayTasks:
        """The tasks of a broker.

        Raises:
            ConfigurationError: A number is out of range.
        """
        return BriqpayTasks(broker, state, make_client=make_client, shards=self.shards, concurrency=concurrency)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[BriqpayTasks]:
        """The tasks, for putting rows in."""
        state, broker = self.state(), self.broker()
        try:
            yield self.tasks(broker, state)
        finally:
            await broker.shutdown()
            await state.aclose()

    async def update_many(
        self, rows: Any, name: str, journal: BulkJournal | None, progress: Callable[[BulkProgress], None]
    ) -> AsyncGenerator[UpdateOutcome, None]:
        """Put rows in, and yield what becomes of them."""
        done, since, warned = -1, 0.0, False

        def watch(snapshot: BulkProgress) -> None:
            nonlocal done, since, warned
            if snapshot.done != done or not snapshot.in_flight:
                done, since, warned = snapshot.done, snapshot.elapsed_s, False
            elif not warned and snapshot.elapsed_s - since > _SILENCE:
                warned = True
                say(
                    f"no row was done for {_SILENCE:.0f} seconds: does a worker run (briqpay worker --redis URL), "
                    "and what does it say?"
                )
            progress(snapshot)

        async with self.opened() as tasks:
            run = await tasks.update_many(rows, name, ahead=_AHEAD, journal=journal, progress=watch)
            async with aclosing(run.outcomes()) as outcomes:
                async for outcome in outcomes:
                    yield outcome
