"""Makes a blocking method of an async one, with the same arguments, result, errors and documentation.

The types follow by themselves: a type checker sees the arguments of the async method, its overloads too. So there
is no second signature that could differ from the first.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextvars import Context, copy_context
from functools import wraps
from inspect import signature
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from briqpay_async.blocking.background import Background, background
from briqpay_async.blocking.exchange import exchange

__all__ = ["Place", "call", "entering", "iterating", "same_arguments"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class Place(Protocol):
    """What has blocking methods."""

    def async_original(self) -> Any:
        """The object with the async methods, of this process."""


def call(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """The same method, but it waits for the result instead of returning a coroutine."""

    @wraps(method)
    def blocking(self: Place, /, *arguments: P.args, **options: P.kwargs) -> T:
        return background().run(method(self.async_original(), *arguments, **options))

    return blocking


def entering(
    method: Callable[Concatenate[Any, P], AbstractAsyncContextManager[T]],
) -> Callable[Concatenate[Any, P], AbstractContextManager[T]]:
    """The same method, but it returns an ordinary context manager."""

    @wraps(method)
    def blocking(self: Place, /, *arguments: P.args, **options: P.kwargs) -> AbstractContextManager[T]:
        return _Entered(method(self.async_original(), *arguments, **options))

    return blocking


def iterating(
    method: Callable[Concatenate[Any, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], Generator[T, None, None]]:
    """The same method, but it returns an ordinary iterator. Its rows are read by the thread that iterates."""
    arguments_of = signature(method)

    @wraps(method)
    def blocking(self: Place, /, *arguments: P.args, **options: P.kwargs) -> Generator[T, None, None]:
        bound = arguments_of.bind(self.async_original(), *arguments, **options)
        return exchange(background(), method, bound)

    return blocking


def same_arguments(
    original: Callable[Concatenate[Any, P], object],
) -> Callable[[Callable[Concatenate[S, ...], T]], Callable[Concatenate[S, P], T]]:
    """Gives a method that takes anything the arguments of another one, for readers and type checkers."""

    def decorate(method: Callable[Concatenate[S, ...], T]) -> Callable[Concatenate[S, P], T]:
        result = signature(method).return_annotation
        method.__signature__ = signature(original).replace(return_annotation=result)  # type: ignore[attr-defined]
        return method  # as it is: one more frame would show credentials to tools that report local variables

    return decorate


class _Entered(Generic[T]):
    """An async context manager that a thread enters and leaves."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self._context = context
        self._background: Background = background()

    def __enter__(self) -> T:
        context = copy_context()
        entered = self._background.run(self._enter(), context)
        _adopt(context)
        return entered

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        context = copy_context()
        suppressed = self._background.run(self._leave(exc_type, exc, traceback), context)
        _adopt(context)
        return suppressed

    async def _enter(self) -> T:
        return await self._context.__aenter__()

    async def _leave(self, *raised: Any) -> bool | None:
        return await self._context.__aexit__(*raised)


def _adopt(context: Context) -> None:
    """Set what a call set in its context in the context of this thread: inside of an edit, calls find its hold."""
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)
