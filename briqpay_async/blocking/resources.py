"""What hangs on a ``BlockingBriqpayClient``: the resources of the async client, method by method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from briqpay_async.blocking.background import background
from briqpay_async.blocking.methods import call, entering, iterating
from briqpay_async.models.session import EditableData, Session
from briqpay_async.resources.base import Headers, Seconds
from briqpay_async.resources.hosted_pages import HostedPages
from briqpay_async.resources.orders import Orders
from briqpay_async.resources.session_writer import SessionWriter
from briqpay_async.resources.sessions import Sessions
from briqpay_async.resources.tokens import Tokens

__all__ = ["BlockingHostedPages", "BlockingOrders", "BlockingSessionWriter", "BlockingSessions", "BlockingTokens"]


class _BlockingResource:
    """A group of methods over one async resource, which each process makes for itself."""

    def __init__(self, original: Callable[[], Any]) -> None:
        self._original = original

    def async_original(self) -> Any:
        """The async resource, of this process: for the methods of this class."""
        return self._original()


class BlockingSessionWriter:
    """Brings a session to the latest state that was put. See ``SessionWriter``."""

    def __init__(self, original: SessionWriter) -> None:
        self._original = original

    def async_original(self) -> SessionWriter:
        """The async writer: for the methods of this class."""
        return self._original

    put = call(SessionWriter.put)

    @property
    def acknowledged(self) -> EditableData:
        """The last state that the API acknowledged."""
        return self._original.acknowledged

    @property
    def session(self) -> Session:
        """The session as last answered."""
        return self._original.session


class BlockingSessions(_BlockingResource):
    """``briqpay.sessions``: see ``Sessions``. Threads that edit one session wait for each other."""

    create = call(Sessions.create)
    read = call(Sessions.read)
    update = call(Sessions.update)
    update_metadata = call(Sessions.update_metadata)
    decide = call(Sessions.decide)
    confirm = call(Sessions.confirm)
    edit = entering(Sessions.edit)
    update_many = iterating(Sessions.update_many)

    def writer(
        self, session: Session, *, timeout: Seconds = None, headers: Headers = None
    ) -> BlockingSessionWriter:
        """The writer of a session, for any number of threads: see ``Sessions.writer``."""
        original: Sessions = self.async_original()

        async def find() -> SessionWriter:  # in the loop, where writers are kept
            return original.writer(session, timeout=timeout, headers=headers)

        return BlockingSessionWriter(background().run(find()))


class BlockingOrders(_BlockingResource):
    """``briqpay.orders``: see ``Orders``."""

    capture = call(Orders.capture)
    refund = call(Orders.refund)
    cancel = call(Orders.cancel)
    release_remaining = call(Orders.release_remaining)
    update_references = call(Orders.update_references)


class BlockingTokens(_BlockingResource):
    """``briqpay.tokens``: see ``Tokens``."""

    read = call(Tokens.read)
    deactivate = call(Tokens.deactivate)


class BlockingHostedPages(_BlockingResource):
    """``briqpay.hosted_pages``: see ``HostedPages``."""

    create = call(HostedPages.create)
