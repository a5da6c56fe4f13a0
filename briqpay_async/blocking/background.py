"""One event loop in a thread of its own: made on first use, one for each process, closed when the process ends.

anyio's portal runs the loop and ends it in order. Calls go to the loop directly: the portal answers twice, once
when a call has begun and once when it is done, and each answer wakes a thread.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from briqpay_async.errors import ConfigurationError, TransportError, WrongLoopError

if TYPE_CHECKING:
    from briqpay_async.client import BriqpayClient

__all__ = ["Background", "background", "current", "making"]

logger = logging.getLogger("briqpay_async")

T = TypeVar("T")

_TOO_LATE = "The interpreter is exiting: make this call earlier."
_SECONDS_TO_END = 5.0  # for closing connections when the interpreter exits


class _Job(Generic[T]):
    """A coroutine that runs in the loop while a thread waits for it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], context: Context
    ) -> None:
        self._loop = loop
        self._context = context
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def start(self) -> None:
        self._task = self._loop.create_task(self._coroutine, context=self._context)
        self._task.add_done_callback(self._end)

    def _end(self, _task: asyncio.Task[T]) -> None:
        self._done.release()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def wait(self) -> T:
        """The result. An exception that a signal raises in this thread, as Ctrl-C does, cancels the call first."""
        try:
            self._done.acquire()
        except BaseException:
            self._loop.call_soon_threadsafe(self._cancel)
            self._done.acquire()  # until nothing of the call is left; a second Ctrl-C does not wait
            if self._task is not None and not self._task.cancelled():
                self._task.exception()  # read once, so that asyncio does not log it
            raise
        task, self._task = self._task, None
        try:
            if task is None or task.cancelled():
                raise TransportError("The process is ending: the call was cancelled, perhaps after it was sent.")
            return task.result()
        finally:
            del task  # the error it holds refers to this frame


class Background:
    """The loop, its thread, and the clients that use them."""

    def __init__(self) -> None:
        try:
            from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigurationError(
                "Install anyio for the blocking client: pip install 'briqpay-async[blocking]'."
            ) from error
        self._portal_context = start_blocking_portal("asyncio", name="briqpay_async.blocking")
        try:
            self._portal = self._portal_context.__enter__()
        except RuntimeError:  # Python 3.12 and later start no thread while they exit
            raise ConfigurationError(_TOO_LATE) from None
        self.loop: asyncio.AbstractEventLoop = self._portal.call(asyncio.get_running_loop)
        self.clients: WeakSet[BriqpayClient] = WeakSet()

    def run(self, coroutine: Coroutine[Any, Any, T], context: Context | None = None) -> T:
        """Run a coroutine in the loop and wait for its result.

        The coroutine sees the context variables of this thread, so a tracer knows to what the call belongs.

        Args:
            coroutine: The call.
            context: Runs it in this context, and not in a copy of the thread's.

        Raises:
            WrongLoopError: An event loop runs in this thread, and waiting here would stop it.
            ConfigurationError: The interpreter is exiting.
        """
        try:
            _refuse_running_loop()
            job = _Job(self.loop, coroutine, copy_context() if context is None else context)
            self.soon(job.start)
        except BaseException:
            coroutine.close()
            _let_daemons_rest()
            raise
        try:
            return job.wait()
        except BaseException:
            _let_daemons_rest()
            raise

    def soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have the loop call a function, and do not wait."""
        try:
            self.loop.call_soon_threadsafe(function, *arguments, context=copy_context())
        except RuntimeError:
            raise ConfigurationError(_TOO_LATE) from None

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the loop, and do not wait for it: for what is left over where no thread may wait."""
        task: set[asyncio.Task[Any]] = set()

        def begin() -> None:
            running = self.loop.create_task(coroutine)
            task.add(running)  # the loop itself holds tasks weakly
            running.add_done_callback(task.discard)

        self.soon(begin)

    def end(self) -> None:
        """Close what is still open, and the loop."""
        clients = tuple(self.clients)

        async def close() -> None:
            async with asyncio.timeout(_SECONDS_TO_END):
                for client in clients:
                    await client.aclose()

        try:
            if clients:
                self.run(close())
        except TimeoutError:
            logger.warning("connections were not closed within %g seconds of the process's end", _SECONDS_TO_END)
        finally:
            self._portal_context.__exit__(None, None, None)


def _let_daemons_rest() -> None:
    """Keep a daemon thread here while the process ends, which is when the interpreter stops such threads anyway.

    An error would make it print a traceback while the interpreter is taken apart, and that can abort the process.
    """
    if _is_ending and threading.current_thread().daemon:
        threading.Event().wait()


_is_ending = False
_lock = threading.RLock()
_current: Background | None = None
# Of the parent of a forked process: letting go of a portal waits for its thread, and that thread is not here.
_inherited: list[Background] = []


def background() -> Background:
    """The loop of this process, made now if need be."""
    found = _current
    return found if found is not None else _make()


def current() -> Background | None:
    """The loop of this process, if there is one."""
    return _current


def making() -> threading.RLock:
    """Held while something is made of which each process has one."""
    return _lock


def _make() -> Background:
    global _current  # noqa: PLW0603 - one for each process
    _refuse_running_loop()
    with _lock:
        if _current is None and not _is_ending:
            _current = Background()
        made = _current
    if made is None:
        _let_daemons_rest()
        raise ConfigurationError(_TOO_LATE)
    return made


def _end() -> None:
    global _current, _is_ending  # noqa: PLW0603 - as above
    with _lock:
        _is_ending = True
        ended, _current = _current, None
    if ended is not None:
        ended.end()


atexit.register(_end)  # on import: so functions that a program registers later run before, and may still call


def _begin_fork() -> None:
    _lock.acquire()  # a child that is born while a loop is made, anyio's first import included, could not make one


def _end_fork() -> None:
    _lock.release()


def _forget_parent() -> None:
    global _current, _lock  # noqa: PLW0603
    _lock = threading.RLock()
    if _current is not None:
        _inherited.append(_current)
        for client in _current.clients:
            client._forget_connections()  # noqa: SLF001 - of no use to users: they make a client in each process
        _current = None


os.register_at_fork(before=_begin_fork, after_in_parent=_end_fork, after_in_child=_forget_parent)


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise WrongLoopError(
        "An event loop runs in this thread, and a blocking call would stop it: use BriqpayClient and await its "
        "methods, or make the blocking call in another thread (asyncio.to_thread)."
    )
