"""A sandbox in a thread of its own, for code that has no event loop or must not share its own."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack

if TYPE_CHECKING:
    from briqpay_async.sandbox.faults.faults import Faults
    from briqpay_async.sandbox.server import Sandbox
    from briqpay_async.sandbox.state.checkout import Checkout
    from briqpay_async.sandbox.state.effects import Effect, Effects
    from briqpay_async.sandbox.state.request_log import RequestLog
    from briqpay_async.sandbox.switches import Switches, SwitchOptions
    from briqpay_async.sandbox.webhooks.deliveries import Deliveries, Delivery

T = TypeVar("T")

# What these attributes of a sandbox hold changes while it runs, so each use of them happens in its thread.
_LIVE: Final = frozenset({"journal", "effects", "faults", "deliveries"})


class ThreadedSandbox:
    """A sandbox that runs in a thread of its own while the context is open.

    It has the attributes and methods of `Sandbox`, safe to use from any thread. What `Sandbox` has as
    coroutines, `delivered`, blocks until it is done; called inside a running asyncio loop it returns
    something to await instead, so that an endpoint in that loop can answer meanwhile.

    Example:
        with Sandbox().in_thread() as sandbox:
            print(sandbox.url, sandbox.username, sandbox.secret)
    """

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    if TYPE_CHECKING:
        url: str
        port: int
        allow_remote: bool
        username: str
        secret: str
        webhook_secret: str
        switches: Switches
        sessions: Mapping[str, dict[str, Any]]
        tokens: Mapping[str, dict[str, Any]]
        hosted_pages: Mapping[str, dict[str, Any]]
        journal: RequestLog
        effects: Effects
        faults: Faults
        deliveries: Deliveries

        def complete(  # noqa: D102 (as in Sandbox)
            self,
            session_id: str,
            order_status: str | None = None,
            *,
            data: Mapping[str, Any] | None = None,
            provider: str | None = None,
        ) -> dict[str, Any]: ...
        def checkout(self, session_id: str) -> Checkout: ...  # noqa: D102 (as in Sandbox)
        def advance(  # noqa: D102 (as in Sandbox)
            self,
            session_id: str,
            outcome: str = "approved",
            *,
            capture_id: str | None = None,
            refund_id: str | None = None,
        ) -> dict[str, Any]: ...
        def change_switches(self, **switches: Unpack[SwitchOptions]) -> Switches: ...  # noqa: D102 (as in Sandbox)
        def effects_of(  # noqa: D102 (as in Sandbox)
            self, session_id: str, kind: str | None = None
        ) -> tuple[Effect, ...]: ...
        def resend(self, delivery_id: int) -> Delivery: ...  # noqa: D102 (as in Sandbox)
        def reset(self) -> None: ...  # noqa: D102 (as in Sandbox)
        def delivered(self, timeout: float | None = None) -> Any: ...  # noqa: D102 (as in Sandbox)

    def start(self) -> None:
        """Run the sandbox, and return once it listens.

        Raises:
            OSError: the port is taken.
            RuntimeError: it runs already.
        """
        if self._thread is not None:
            raise RuntimeError("this sandbox is running already; make another one")
        listening: Future[None] = Future()
        # A sandbox that is never stopped must not keep the program from ending.
        thread = threading.Thread(target=self._run, args=(listening,), name="briqpay-sandbox", daemon=True)
        thread.start()
        try:
            listening.result()
        except BaseException:
            thread.join()
            raise
        self._thread = thread

    def _run(self, listening: "Future[None]") -> None:
        async def serve() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            await self._sandbox.start()
            try:
                listening.set_result(None)
                await self._stopping.wait()
            finally:
                await self._sandbox.stop()

        try:
            asyncio.run(serve())
        except BaseException as error:
            if listening.done():
                raise
            listening.set_exception(error)

    def stop(self) -> None:
        """Stop the sandbox and its thread. Harmless when it does not run."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            thread.join()
        self._loop = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "in_thread":
            raise AttributeError(name)
        value = self._call(getattr, self._sandbox, name)
        if name in _LIVE:
            return _Remote(self._call, value)
        if isinstance(value, Mapping):
            return self._call(lambda: MappingProxyType(dict(value)))
        if inspect.iscoroutinefunction(value):
            return lambda *args, **options: self._wait_for(value(*args, **options))
        if callable(value):
            return lambda *args, **options: self._call(value, *args, **options)
        return value

    def _call(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function in the thread of the sandbox; in this one while the sandbox does not run."""
        loop = self._loop
        if loop is None or threading.current_thread() is self._thread:
            return function(*args, **options)

        async def call() -> T:
            return function(*args, **options)

        return asyncio.run_coroutine_threadsafe(call(), loop).result()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> Any:
        if self._loop is None:
            work.close()
            raise RuntimeError("the sandbox does not run")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return future.result()
        return asyncio.wrap_future(future)


class _Remote(Sequence[Any]):
    """A part of a sandbox in another thread: each use of it happens there."""

    def __init__(self, call: Callable[..., Any], part: Any) -> None:
        self._call = call
        self._part = part

    def __len__(self) -> int:
        return int(self._call(len, self._part))

    def __getitem__(self, index: Any) -> Any:
        return self._call(self._part.__getitem__, index)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._call(tuple, self._part))

    def __getattr__(self, name: str) -> Any:
        value = self._call(getattr, self._part, name)
        return (lambda *args, **options: self._call(value, *args, **options)) if callable(value) else value
