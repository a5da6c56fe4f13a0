"""What happens when the buyer finishes: the part that Briqpay's iframe and a payment provider play."""

from typing import Any, Final

from briqpay_async.sandbox.rules.create_body import CHARGE_TOKEN
from briqpay_async.sandbox.state.module_status import module_status
from briqpay_async.sandbox.state.orders import capture_order
from briqpay_async.sandbox.state.providers import DEFAULT, Provider
from briqpay_async.sandbox.state.store import Json, Store, utc_now

# What a completion can lead to; `captured_full` is a provider that captures by itself.
TRANSACTION_STATUS: Final = {
    "order_pending": "pending",
    "order_rejected": "rejected",
    "order_cancelled": "cancelled",
    "order_approved_not_captured": "approved",
    "captured_full": "approved",
}
_TOKENIZING: Final = ("payment_tokenize", "payment_tokenize_and_charge")


def complete(
    store: Store,
    session_id: str,
    order_status: str | None = None,
    data: Json | None = None,
    provider: Provider = DEFAULT,
) -> Json:
    """Complete a session, or move the order of a completed one on, and return its new state.

    Args:
        store: The sandbox.
        session_id: Which session.
        order_status: `order_pending`, `order_rejected`, `order_cancelled`,
            `order_approved_not_captured`, or `captured_full` for a provider that captures by itself;
            None for what the provider does. A pending order can be moved on with it.
        data: Members of `data` that the buyer or a module contributes, e.g. `paymentTags` or
            `orderNote`; they replace what is there.
        provider: Who is paid with.

    Raises:
        KeyError: there is no such session.
        ValueError: the order cannot come into that status.
    """
    session = store.sessions[session_id]
    moving_on = session["status"] == "completed"
    if order_status is None:
        order_status = "order_approved_not_captured" if moving_on else provider.order_status
    if order_status not in tuple(TRANSACTION_STATUS):
        raise ValueError(f"order_status must be one of {', '.join(TRANSACTION_STATUS)}, not {order_status!r}")
    before = session["moduleStatus"]["payment"].get("orderStatus")
    if moving_on and before != "order_pending":
        raise ValueError(f"only a pending order can move on, and this one is {before}")
    moved = _move_on(session, order_status) if moving_on else None
    completed = moved or _finish(store, session, order_status, provider)
    if data:
        completed["data"] = {**completed["data"], **data}
    if order_status == "captured_full" and completed["data"].get("transactions"):
        completed = _auto_capture(store, completed)
    store.initializing.pop(session_id, None)
    store.save(completed, "complete", None)
    return completed


def _finish(store: Store, session: Json, order_status: str, provider: Provider) -> Json:
    """Return a completed session with the transaction of its payment, if it paid for something."""
    completed: Json = {**session, "status": "completed"}
    data: Json = {"transactions": [], "captures": [], "refunds": [], **session["data"]}
    completed["data"] = data
    intent = session["product"]["intent"]
    pays = session["product"]["type"] == "payment" and intent != "payment_tokenize" and "order" in data
    payment = session["moduleStatus"]["payment"]
    if pays:
        # What the answer will show as captured is captured below, line by line.
        reached = "order_approved_not_captured" if order_status == "captured_full" else order_status
        payment = {**payment, "orderStatus": reached, "refundStatus": "not_refunded"}
        data["transactions"] = [_transaction(store, session, order_status, provider)]
        data.setdefault("paymentTags", {"prepaid_invoice": False, "manual_review": provider.manual_review})
    completed["moduleStatus"] = {**session["moduleStatus"], "payment": payment}
    completed["moduleStatus"] = module_status(completed)
    if intent in _TOKENIZING and order_status not in ("order_rejected", "order_cancelled"):
        data["tokenization"] = {"tokenId": _new_token(store, session, provider)}
    if intent == CHARGE_TOKEN:
        _note_charge(store, completed)
    return completed


def _move_on(session: Json, order_status: str) -> Json:
    data = session["data"]
    status = TRANSACTION_STATUS[order_status]
    reached = "order_approved_not_captured" if order_status == "captured_full" else order_status
    payment = {**session["moduleStatus"]["payment"], "orderStatus": reached}
    transactions = [{**transaction, "status": status} for transaction in data["transactions"]]
    if data.get("paymentTags", {}).get("manual_review") and order_status != "order_pending":
        data = {**data, "paymentTags": {**data["paymentTags"], "manual_review": False}}
    return {
        **session,
        "data": {**data, "transactions": transactions},
        "moduleStatus": {**session["moduleStatus"], "payment": payment},
    }


def _transaction(store: Store, session: Json, order_status: str, provider: Provider) -> Json:
    data = session["data"]
    transaction: dict[str, Any] = {
        "createdAt": utc_now(),
        "transactionId": store.new_id(),
        "reservationId": store.new_id(),
        **provider.psp,
        "email": data.get("billing", {}).get("email"),
        "reference": session.get("references", {}).get("reference1"),
        **data["order"],
        "status": TRANSACTION_STATUS[order_status],
        "captureStatus": "not_captured",
        "refundStatus": "not_refunded",
        "autoCaptureEnabled": order_status == "captured_full",
        "sessionId": session["sessionId"],
    }
    return {name: value for name, value in transaction.items() if value is not None}


def _auto_capture(store: Store, session: Json) -> Json:
    order = session["data"]["order"]
    captured, _ = capture_order(session, order, store.operation_info("capture", settled=True), auto_captured=True)
    return captured


def _new_token(store: Store, session: Json, provider: Provider) -> str:
    """Store a token for the payment method just used and return its id."""
    token_id = store.new_id()
    data = session["data"]
    lent = ("country", "locale", "product", "customerType")
    token = {
        "tokenId": token_id,
        "initialSessionId": session["sessionId"],
        "state": "active",
        **{name: session[name] for name in lent if name in session},
        "createdAt": utc_now(),
        "paymentMethod": {
            **provider.psp,
            "name": f"sandbox_{provider.name}",
            "category": provider.category,
        },
        "chargeSessions": [],
        "data": {name: data[name] for name in ("company", "consumer", "billing") if name in data},
    }
    store.remember(store.tokens, token_id, token)
    return token_id


def _note_charge(store: Store, session: Json) -> None:
    data = session["data"]
    token = store.tokens.get(data.get("tokenization", {}).get("tokenId"))
    if token is None or "order" not in data:
        return
    amounts = {name: data["order"][name] for name in ("amountIncVat", "amountExVat", "currency")}
    charge = {"sessionId": session["sessionId"], "completedAt": utc_now(), "order": amounts}
    store.tokens[token["tokenId"]] = {**token, "chargeSessions": [*token["chargeSessions"], charge]}
