"""Counts of what a piece of code does: the same on every machine, however busy it is."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import attrs

import briqpay_async

T = TypeVar("T")
_PACKAGE = str(Path(briqpay_async.__file__).parent)
_INLINED = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})


@attrs.define
class Calls:
    """What was called.

    Attributes:
        python: The package's functions, and those generated for it, by qualified name. A step of a generator or
            coroutine is a call.
        native: Functions written in C that were asked for.
    """

    python: Counter[str] = attrs.Factory(Counter)
    native: Counter[Any] = attrs.Factory(Counter)


def in_one_step(call: Awaitable[T]) -> T:
    """The result of a call that never waits. No event loop runs, so it cannot have used one either."""
    try:
        next(call.__await__())
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the call waited for something")


@contextmanager
def counted_calls(*native: Any) -> Iterator[Calls]:
    """Counts the calls in a block.

    Left out is what differs between versions of Python and of libraries: their own functions, and comprehensions,
    which are calls on Python 3.11 only. So coverage, which may watch the same code, is not counted either.
    """
    calls = Calls()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            generated = code.co_filename.startswith("<") and not code.co_filename.startswith("<frozen")
            if (generated or code.co_filename.startswith(_PACKAGE)) and code.co_name not in _INLINED:
                calls.python[code.co_qualname] += 1
        elif event == "c_call" and argument in native:
            calls.native[argument] += 1

    earlier = sys.getprofile()
    with _without_garbage_collection():
        sys.setprofile(watch)
        try:
            yield calls
        finally:
            sys.setprofile(earlier)


@contextmanager
def counted_on_loop(*names: str) -> Iterator[Counter[str]]:
    """Counts how often these methods of the running loop are called in a block."""
    loop = asyncio.get_running_loop()
    found: Counter[str] = Counter()

    def counting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            found[name] += 1
            return method(*args, **options)

        return counted

    for name in names:
        setattr(loop, name, counting(name, getattr(loop, name)))
    try:
        yield found
    finally:
        for name in names:
            delattr(loop, name)


@attrs.define
class Memory:
    """Bytes in use beyond those before a block: at most during it, and still at its end."""

    peak: int = 0
    kept: int = 0


@contextmanager
def counted_memory() -> Iterator[Memory]:
    """Counts the bytes that a block allocates. No garbage is collected: what is dropped must go by itself."""
    memory = Memory()
    tracing = tracemalloc.is_tracing()
    with _without_garbage_collection():
        if not tracing:
            tracemalloc.start()
        try:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            yield memory
            kept, peak = tracemalloc.get_traced_memory()
            memory.kept, memory.peak = kept - before, peak - before
        finally:
            if not tracing:
                tracemalloc.stop()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
