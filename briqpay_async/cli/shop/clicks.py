"""What each click of the buyer sent: the patch, its bytes against the full body, and the attempts it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import attrs
import orjson

from briqpay_async import AttemptEvent, CallHooks, EditableData, RetryEvent, SessionPatch, unstructure

__all__ = ["Click", "ClickHooks", "watched"]


@attrs.define
class Click:
    """One click.

    Attributes:
        title: What the buyer did.
        bytes: Bytes of the body that was sent; 0 when nothing had to be sent.
        full_bytes: Bytes of the body that sends everything a PATCH may carry.
        attempts: Updates sent for it, repetitions included.
        retries: Why each repetition was needed.
        body: What was sent.
    """

    title: str
    bytes: int = 0
    full_bytes: int = 0
    attempts: int = 0
    retries: list[str] = attrs.field(factory=list)
    body: Any = None

    def sent(self, patch: SessionPatch, after: EditableData) -> None:
        """Note what an edit sends, and how much sending everything would be."""
        self.full_bytes = len(orjson.dumps({"data": unstructure(after)}))
        if not patch.is_noop:
            self.body, self.bytes = patch.body, len(patch.to_json())


_current: ContextVar[Click | None] = ContextVar("click", default=None)


@contextmanager
def watched(click: Click) -> Iterator[Click]:
    """Count the attempts of the calls that are made inside for a click."""
    token = _current.set(click)
    try:
        yield click
    finally:
        _current.reset(token)


class ClickHooks(CallHooks):
    """Counts for the click whose handler makes the call."""

    def on_attempt(self, event: AttemptEvent) -> None:
        """Count an update."""
        click = _current.get()
        if click is not None and event.method != "GET":
            click.attempts += 1

    def on_retry(self, event: RetryEvent) -> None:
        """Keep why it has to be repeated."""
        click = _current.get()
        if click is not None and event.method != "GET":
            click.retries.append(str(event.status or event.error))
