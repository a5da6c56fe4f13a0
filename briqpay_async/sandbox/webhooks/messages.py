"""From a status change to the HTTP requests that report it to a shop. Pure: no clock, no socket.

The events, their members and the two methods are those of Briqpay's docs ("hooks" of Create session); the
signature is what Briqpay's commercetools connector verifies.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import orjson

from briqpay_async.sandbox.state.changes import StatusChange

Json = dict[str, Any]

SIGNATURE_HEADER: Final = "x-briq-signature"

_EVENTS: Final = {
    "session": "session_status",
    "order": "order_status",
    "capture": "capture_status",
    "refund": "refund_status",
    "module": "module_ui_status",
}
# What a signed body says of the payment behind the event; carts and personal data stay out.
_TRANSACTION: Final = (
    "transactionId",
    "status",
    "amountIncVat",
    "amountExVat",
    "currency",
    "createdAt",
    "expiresAt",
    "reservationId",
    "secondaryReservationId",
    "pspId",
    "pspDisplayName",
    "pspIntegrationName",
    "autoCaptureEnabled",
    "pspOrderManagementIds",
)
_CAPTURE: Final = ("captureId", "amountIncVat", "amountExVat", "currency", "createdAt", "autoCaptured", "pspId")
_REFUND: Final = ("refundId", "parentCaptureId", "amountIncVat", "amountExVat", "currency", "createdAt", "pspId")


@attrs.frozen(kw_only=True)
class WebhookMessage:
    """One request to one address of the shop, not yet signed or sent.

    Attributes:
        event: `session_status`, `order_status`, `capture_status`, `refund_status` or `module_ui_status`.
        status: The new status.
        session_id: The session that it is about.
        method: `GET` or `POST`.
        url: Where it goes; for `GET` with the members of the event as its query.
        body: The JSON of a `POST`; None for a `GET`.
        real_time: Whether it goes out at once instead of with the next batch.
    """

    event: str
    status: str
    session_id: str
    method: str
    url: str
    body: bytes | None
    real_time: bool


def sign(body: bytes, secret: str, at_ms: int) -> str:
    """Return the value of `x-briq-signature` for the raw bytes of a body.

    Args:
        body: Exactly what is sent.
        secret: The webhook secret of the merchant.
        at_ms: When it is sent, in milliseconds since 1970.
    """
    signed = hmac.new(secret.encode(), b"%d." % at_ms + body, hashlib.sha256).digest()
    return f"t={at_ms},s1={base64.b64encode(signed).decode()}"


def messages_of(change: StatusChange, *, signed: bool = True) -> Iterator[WebhookMessage]:
    """Yield the message for each hook of a session that subscribes to a change.

    Args:
        change: What changed.
        signed: Whether bodies are signed, and then carry the transaction, capture or refund as well.
    """
    hooks = change.session.get("hooks")
    if not hooks:
        return
    event = _EVENTS[change.subject]
    subscribed = [hook for hook in hooks if _subscribes(hook, event, change)]
    if not subscribed:
        return
    members = _members(change, event)
    body = orjson.dumps({**members, **_details(change)} if signed else members)
    real_time = bool(change.session.get("config", {}).get("realTimeProcessing"))
    for hook in subscribed:
        posts = hook["method"] == "POST"
        yield WebhookMessage(
            event=event,
            status=change.status,
            session_id=change.session_id,
            method=hook["method"],
            url=hook["url"] if posts else _with_query(hook["url"], members),
            body=body if posts else None,
            real_time=real_time,
        )


def _subscribes(hook: Json, event: str, change: StatusChange) -> bool:
    if hook["eventType"] != event or change.status not in hook["statuses"]:
        return False
    return event != "module_ui_status" or hook.get("module") in (None, change.module)


def _members(change: StatusChange, event: str) -> Json:
    """Return the members of an event that every hook gets; the merchant's references stand beside them."""
    members: Json = {**change.session.get("references", {}), "event": event, "status": change.status}
    members["sessionId"] = change.session_id
    if change.module is not None:
        members["module"] = change.module
    if change.capture_id is not None:
        members["captureId"] = change.capture_id
        members["autoCaptured"] = change.auto_captured
        # A capture that the provider made is there already when Briqpay learns of it.
        members["isPreExistingCapture"] = change.auto_captured
    if change.refund_id is not None:
        members["refundId"] = change.refund_id
    return members


def _details(change: StatusChange) -> Json:
    """Return the transaction of an order, or the capture or refund, as signed bodies carry it."""
    data: Json = change.session["data"]
    if change.subject == "order":
        transactions = data.get("transactions") or [{}]
        return {"transaction": _chosen(transactions[0], _TRANSACTION)} if transactions[0] else {}
    if change.subject == "capture":
        made = next(each for each in data["captures"] if each["captureId"] == change.capture_id)
        return {"capture": _operation(made, _CAPTURE, change.status)}
    if change.subject == "refund":
        made = next(each for each in data["refunds"] if each["refundId"] == change.refund_id)
        return {"refund": _operation(made, _REFUND, change.status)}
    return {}


def _operation(made: Json, names: tuple[str, ...], status: str) -> Json:
    return {**_chosen(made, names), "status": status, "transactionId": made["parentTransactionId"]}


def _chosen(document: Json, names: tuple[str, ...]) -> Json:
    return {name: document[name] for name in names if name in document}


def _with_query(url: str, members: Mapping[str, Any]) -> str:
    """Return an address with the members of an event added to the query that it has already."""
    address = url.partition("#")[0]
    added = urlencode({name: _query_text(value) for name, value in members.items()})
    return f"{address}{'&' if '?' in address else '?'}{added}"


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
