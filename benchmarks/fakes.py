"""A transport that answers at once, and what stands around it: the cost of everything but the socket."""

from __future__ import annotations

import attrs
import orjson

from benchmarks import payloads
from briqpay_async import BriqpayClient, RetryPolicy, Session, SessionData, Timeouts, structure
from briqpay_async.transport.call import Caller, ClientState
from briqpay_async.transport.requests import Request, Response, fields_query, session_path
from briqpay_async.transport.retry import Budget
from briqpay_async.transport.session_locks import SessionLocks

__all__ = ["SESSION_ID", "InstantTransport", "client", "make_caller", "make_request", "states"]

SESSION_ID = payloads.session_ids(1)[0]


class InstantTransport:
    """Gives the same answer to every request, without waiting."""

    def __init__(self, body: bytes) -> None:
        self._response = Response(200 if body else 204, {"Content-Type": "application/json"}, body)

    async def send(self, request: Request, timeouts: Timeouts, seconds: float) -> Response:  # noqa: ARG002 - fake
        """The answer."""
        return self._response

    async def aclose(self) -> None:
        """Nothing to close."""


def make_caller(body: bytes = b"") -> Caller:
    """A caller as a client makes it, with default options."""
    policy = RetryPolicy()
    return Caller(
        transport=InstantTransport(body),
        timeouts=Timeouts(),
        policy=policy,
        hooks=(),
        shared=ClientState(Budget(policy.budget), SessionLocks()),
    )


def make_request(*, lane: bool) -> Request:
    """An update, kept in order with other updates of its session or not."""
    return Request(
        method="PATCH",
        path=session_path(SESSION_ID),
        query=fields_query("none"),
        body=payloads.body(),
        lane=SESSION_ID if lane else None,
    )


def client(body: bytes) -> BriqpayClient:
    """A whole client with that transport."""
    made = BriqpayClient("merchant", "secret")
    made.sessions._caller = attrs.evolve(made.sessions._caller, transport=InstantTransport(body))  # noqa: SLF001
    return made


def states(lines: int) -> tuple[SessionData, SessionData]:
    """What the shop holds, and the same with the edit in it, sharing all that is equal."""
    before = structure(payloads.held(lines), Session).data
    after = structure(orjson.loads(payloads.answer(lines)), Session).data
    assert before
    assert after
    return before, attrs.evolve(before, billing=after.billing)
