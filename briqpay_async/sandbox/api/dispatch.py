"""The whole API as one function without I/O: a request in, an answer out."""

import base64
import hmac
from collections.abc import Callable
from typing import Final

from briqpay_async.sandbox.answers import Answer, Refusal
from briqpay_async.sandbox.api import order_endpoints as aftermath
from briqpay_async.sandbox.api import other_endpoints as extras
from briqpay_async.sandbox.api import session_endpoints as sessions
from briqpay_async.sandbox.state.store import ApiRequest, Store

Handler = Callable[[Store, ApiRequest], Answer]

HANDLERS: Final[dict[str, Handler]] = {
    "create": sessions.create,
    "read": sessions.read,
    "patch": sessions.patch,
    "metadata": sessions.metadata,
    "decision": sessions.decision,
    "capture": aftermath.capture,
    "refund": aftermath.refund,
    "cancel": aftermath.cancel,
    "release_remaining": aftermath.release,
    "references": aftermath.references,
    "token_read": extras.token_read,
    "token_deactivate": extras.token_deactivate,
    "hosted_page": extras.hosted_page,
    "health": extras.health,
    "unknown": extras.unknown,
}


class Api:
    """The emulated API: who may come in, and which endpoint they get."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store = store
        self._credentials = base64.b64encode(f"{store.username}:{secret}".encode())

    def answer(self, endpoint: str, authorization: str | None, request: ApiRequest) -> Answer:
        """Answer one request; every effect it has is in the store when this returns."""
        timers = self._store.timers
        if timers:
            timers.run_due()
        try:
            if endpoint != "health" and not self._may_enter(authorization):
                raise self._forbidden()
            return HANDLERS[endpoint](self._store, request)
        except Refusal as refusal:
            return refusal.answer()

    def _may_enter(self, authorization: str | None) -> bool:
        if authorization is None:
            return False
        scheme, _, given = authorization.partition(" ")
        # Compared in constant time: an emulator should not teach the habit of doing otherwise.
        known = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._credentials)
        return known and scheme.lower() == "basic"

    def _forbidden(self) -> Refusal:
        if self._store.switches.bad_credentials == 401:
            headers = {"WWW-Authenticate": 'Basic realm="briqpay"'}
            return Refusal(401, "UNAUTHORIZED", "Invalid credentials", headers)
        return Refusal(403, "FORBIDDEN", "Invalid credentials")
