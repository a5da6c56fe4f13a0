"""Connections to a Redis or Valkey server, one pool for each event loop and process, and the scripts it runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from briqpay_async.errors import ConfigurationError, SharedStateError
from briqpay_async.redaction import HiddenText

__all__ = ["Connection", "ScriptCall", "UnreachableError", "key_part"]

ScriptCall = tuple[str, Sequence[str], Sequence[str | bytes | float]]
"""A script, its keys and its arguments."""

_SECONDS = 2.0  # for connecting, and for one answer


class UnreachableError(SharedStateError):
    """The server gave no answer. Users get its message as a ``SharedStateError``."""


@cache
def _source(name: str) -> str:
    return files("briqpay_async.shared").joinpath("scripts", f"{name}.lua").read_text("utf-8")


def key_part(name: str, value: object) -> str:
    """A part of a key, if it can be one: braces would move the key to another place of a cluster.

    Raises:
        ConfigurationError: It is empty, no text, or has braces.
    """
    if not isinstance(value, str) or not value or "{" in value or "}" in value:
        raise ConfigurationError(f"{name} must be text without braces.")
    return value


class Connection:
    """Runs scripts. It is made anew in each event loop and forked process that uses it.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user, password and number of the database.

    Raises:
        ConfigurationError: The URL cannot be used, or the extra ``redis`` is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import redis.asyncio  # noqa: PLC0415 - an extra
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
        except ImportError as error:
            raise ConfigurationError(
                "Install redis for shared state: pip install 'briqpay-async[redis]'."
            ) from error
        self._redis: Any = redis
        self._url = HiddenText(url) if isinstance(url, str) else url
        # Once more at once: a connection that was kept may have closed since.
        self._options: dict[str, Any] = {
            "socket_timeout": _SECONDS,
            "socket_connect_timeout": _SECONDS,
            "retry": Retry(NoBackoff(), 1),
            "decode_responses": True,
        }
        try:
            redis.asyncio.ConnectionPool.from_url(self._url, **self._options)
        except (ValueError, AttributeError, TypeError):
            raise ConfigurationError(
                "The URL of the shared state must begin with redis://, rediss:// or unix://."
            ) from None
        self._client: Any = None
        self._scripts: dict[str, Any] = {}
        self._owner: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._questions: set[asyncio.Future[None]] = set()  # under way in this loop
        self._of_others: list[Any] = []  # of other loops and of the parent process, which closes them

    async def run(self, script: str, keys: str | Sequence[str], *arguments: str | bytes | float) -> Any:
        """Run a script on one key, or on several of one place of a cluster.

        Raises:
            UnreachableError: The server gave no answer.
            SharedStateError: It refused.
        """
        found = self._script(script)
        return await self._answered(found(keys=[keys] if isinstance(keys, str) else keys, args=arguments))

    async def run_each(
        self, script: str, calls: Iterable[tuple[Sequence[str], Sequence[str | bytes | float]]]
    ) -> list[Any]:
        """Run a script on keys of several places, each with arguments of its own, on one trip to the server.

        Raises:
            UnreachableError: The server gave no answer.
            SharedStateError: It refused.
        """
        return await self.run_all([(script, keys, arguments) for keys, arguments in calls])

    async def run_all(self, calls: Sequence[ScriptCall]) -> list[Any]:
        """Run scripts one after the other, each on keys of one place, on one trip to the server.

        One that fails stops no other, so none may need what another does.

        Raises:
            UnreachableError: The server gave no answer.
            SharedStateError: It refused one of them.
        """
        found = [(self._script(name), keys, arguments) for name, keys, arguments in calls]
        answers: list[Any] = await self._answered(self._run_found(found))
        return answers

    async def _run_found(self, calls: list[tuple[Any, Sequence[str], Sequence[str | bytes | float]]]) -> list[Any]:
        answers = await self._trip(calls)
        unknown = [
            place
            for place, answer in enumerate(answers)
            if isinstance(answer, self._redis.exceptions.NoScriptError)
        ]
        if unknown:  # the first time, or after a restart of the server
            for source in {calls[place][0].script for place in unknown}:
                await self._client.script_load(source)
            again = await self._trip([calls[place] for place in unknown])
            for place, answer in zip(unknown, again, strict=True):
                answers[place] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _trip(self, calls: list[tuple[Any, Sequence[str], Sequence[str | bytes | float]]]) -> list[Any]:
        # Not the scripts themselves: each pipeline would ask first whether the server knows them.
        async with self._client.pipeline(transaction=False) as pipe:
            for script, keys, arguments in calls:
                pipe.evalsha(script.sha, len(keys), *keys, *arguments)
            return list(await pipe.execute(raise_on_error=False))

    def _script(self, name: str) -> Any:
        here = (os.getpid(), asyncio.get_running_loop())
        if self._owner != here:
            self._open(here)
        found = self._scripts.get(name)
        if found is None:
            found = self._scripts[name] = self._client.register_script(_source(name))
        return found

    async def _answered(self, answer: Awaitable[Any]) -> Any:
        errors = self._redis.exceptions
        question: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._questions.add(question)
        task = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        try:
            found = await answer
        except (errors.AuthenticationError, errors.AuthorizationError) as error:
            raise SharedStateError(f"The server of the shared state lets nobody in: {error}") from None
        except (errors.ConnectionError, errors.TimeoutError, OSError) as error:
            raise UnreachableError(
                f"The server of the shared state cannot be reached ({type(error).__name__})."
            ) from error
        except errors.RedisError as error:
            raise SharedStateError(f"The server of the shared state refused: {error}") from error
        finally:
            self._questions.discard(question)
            question.set_result(None)
        if task and task.cancelling() > cancelled:
            # The library waits with ``asyncio.wait_for``, which on Python 3.11 can lose a cancellation, and so the
            # end of a deadline.
            raise asyncio.CancelledError
        return found

    def _open(self, here: tuple[int, asyncio.AbstractEventLoop]) -> None:
        if self._client is not None:
            self._of_others.append(self._client)
        self._client = self._redis.asyncio.Redis.from_url(self._url, **self._options)
        self._scripts = {}
        self._questions = set()
        self._owner = here

    async def aclose(self) -> None:
        """Close the idle connections of this loop, once the questions that are under way now are answered."""
        if self._client is not None and self._owner == (os.getpid(), asyncio.get_running_loop()):
            await asyncio.sleep(0)  # a lease that is being given back has asked by now
            if questions := tuple(self._questions):
                await asyncio.wait(questions)
            # With no question under way, what the pool counts as in use was left so by a cancelled one.
            await self._client.connection_pool.disconnect(inuse_connections=not self._questions)
