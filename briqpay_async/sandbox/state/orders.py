"""Captures, refunds, cancellations: what happens to an order once the buyer has paid.

Pure functions from a session to the next one, raising `Refusal` for what Briqpay refuses. The
ledger is the session document itself: what remains to capture is what the order says less what the
captures say, and nothing is counted anywhere else.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from briqpay_async.sandbox.answers import Refusal, invalid
from briqpay_async.sandbox.rules.matching import left_of, require_known, take, tally

Json = dict[str, Any]

_ID_NAMES: Final = {"captures": "captureId", "refunds": "refundId"}
_CAPTURABLE: Final = ("order_approved_not_captured", "captured_partial")


class OperationInfo(NamedTuple):
    """What a new capture or refund is marked with.

    Attributes:
        made: Its id.
        created_at: ISO 8601 in UTC.
        status: The word for "done" in the vocabulary chosen; None to leave the member out.
    """

    made: str
    created_at: str
    status: str | None


def order_status(session: Json) -> str | None:
    """Return the status of the order, or None while there is none."""
    status: str | None = session["moduleStatus"]["payment"].get("orderStatus")
    return status


def counts(operation: Json) -> bool:
    """Return whether a capture or refund uses up what it is of: all but rejected ones do."""
    return operation.get("status") != "rejected"


def is_done(operation: Json) -> bool:
    """Return whether a capture or refund has happened: neither pending nor rejected."""
    return operation.get("status") not in ("pending", "rejected")


def approved_transaction(session: Json) -> Json:
    """Return the payment that captures are of: its cart and amount are what was authorised."""
    transactions: list[Json] = session["data"]["transactions"]
    return next((each for each in transactions if each["status"] == "approved"), transactions[0])


def _check_authorised(transaction: Json, earlier: list[Json], order: Json) -> None:
    """Refuse a capture above the authorised amount; each line can drift by a minor unit in rounding."""
    amount = sum(capture["amountIncVat"] for capture in earlier) + order["amountIncVat"]
    if amount > transaction["amountIncVat"] + len(transaction["cart"]):
        message = "Capture is not allowed: the amount is higher than what is authorised"
        raise Refusal(400, "CAPTURE_NOT_ALLOWED", message)


def _lines(operations: Iterable[Json]) -> Iterable[Json]:
    return (line for operation in operations for line in operation["cart"])


def _evolve(session: Json, data: Json, **payment: str) -> Json:
    """Return the session with changed parts of `data` and of the payment module's status."""
    module_status = session["moduleStatus"]
    return {
        **session,
        "data": {**session["data"], **data},
        "moduleStatus": {**module_status, "payment": {**module_status["payment"], **payment}},
    }


def _with_transaction(session: Json, **changes: str) -> list[Json]:
    return [{**transaction, **changes} for transaction in session["data"]["transactions"]]


def _operation(session: Json, order: Json, info: OperationInfo, own: Json) -> Json:
    """Return a capture or refund: who and what paid comes from the transaction, the rest from the request."""
    transaction = approved_transaction(session)
    names = ("reservationId", "pspId", "pspDisplayName", "email", "reference")
    return {
        "createdAt": info.created_at,
        **own,
        "parentTransactionId": transaction["transactionId"],
        **{name: transaction[name] for name in names if name in transaction},
        **order,
        **({"status": info.status} if info.status else {}),
        "sessionId": session["sessionId"],
    }


def _same_currency(session: Json, order: Json) -> None:
    if order["currency"] != session["data"]["order"]["currency"]:
        raise invalid("body.data.order.currency does not match the currency of the session")


def _require(session: Json, allowed: tuple[str, ...], operation: str) -> None:
    if session["status"] != "completed":
        raise invalid(f"Cannot {operation} - session is not completed.")
    if (status := order_status(session)) not in allowed:
        raise invalid(f"Cannot {operation} an order with status {status}.")


def capture_order(
    session: Json, order: Json, info: OperationInfo, *, auto_captured: bool = False
) -> tuple[Json, Json]:
    """Capture the lines of `order` and return the next session and the capture."""
    _require(session, _CAPTURABLE, "capture")
    _same_currency(session, order)
    data = session["data"]
    authorised = approved_transaction(session)
    earlier = [capture for capture in data["captures"] if counts(capture)]
    require_known(authorised["cart"], order["cart"])
    _check_authorised(authorised, earlier, order)
    take(authorised["cart"], tally(_lines(earlier)), order["cart"])
    own = {"captureId": info.made, "autoCaptured": auto_captured}
    capture = _operation(session, order, info, own)
    return recounted(_evolve(session, {"captures": [*data["captures"], capture]})), capture


def recounted(session: Json) -> Json:
    """Return a session whose order, transaction and refund status say what its captures and refunds say.

    Pending and rejected ones do not count. A new capture can make "everything captured has been
    refunded" untrue again.
    """
    data = session["data"]
    captures = [capture for capture in data["captures"] if is_done(capture)]
    refunds = [refund for refund in data["refunds"] if is_done(refund)]
    cart = approved_transaction(session)["cart"]
    left = left_of(cart, tally(_lines(captures)))
    if not captures:
        taken, reached = "not_captured", "order_approved_not_captured"
    elif any(left.values()):
        taken, reached = "partially_captured", "captured_partial"
    else:
        taken, reached = "fully_captured", "captured_full"
    if order_status(session) not in _CAPTURABLE:  # released or refused: it stays what it is
        reached = order_status(session) or reached
    returned = sum(refund["amountIncVat"] for refund in refunds)
    if not refunds:
        refunded = "not_refunded"
    elif returned < sum(capture["amountIncVat"] for capture in captures):
        refunded = "partially_refunded"
    else:
        refunded = "captured_amount_fully_refunded"
    transactions = _with_transaction(session, captureStatus=taken, refundStatus=refunded)
    return _evolve(session, {"transactions": transactions}, orderStatus=reached, refundStatus=refunded)


def decided_operation(session: Json, section: str, made: str, status: str | None) -> Json:
    """Return a session whose pending capture or refund has come to a decision.

    Args:
        session: The session.
        section: `captures` or `refunds`.
        made: The id of the capture or refund.
        status: `rejected`, or the word for "done" in the vocabulary chosen; None leaves the member out.
    """
    id_name = _ID_NAMES[section]
    operations = [
        _with_status(each, status) if each[id_name] == made else each for each in session["data"][section]
    ]
    return recounted(_evolve(session, {section: operations}))


def _with_status(operation: Json, status: str | None) -> Json:
    if status is not None:
        return {**operation, "status": status}
    return {name: value for name, value in operation.items() if name != "status"}


def pending_operations(session: Json) -> list[tuple[str, str]]:
    """Return the section and id of every capture and refund of a session that is still pending."""
    return [
        (section, each[id_name])
        for section, id_name in _ID_NAMES.items()
        for each in session["data"].get(section, [])
        if each.get("status") == "pending"
    ]


def _capture_to_refund(captures: list[Json], capture_id: str | None) -> Json:
    """Return the capture that a refund is of; its id may be left out only while there is just one."""
    if not captures:
        raise invalid("Cannot refund - nothing has been captured.")
    if capture_id is None:
        if len(captures) > 1:
            raise invalid("body.captureId is required")
        return captures[0]
    for capture in captures:
        if capture["captureId"] == capture_id:
            return capture
    raise invalid("Invalid captureId - capture does not exist.")


def refund_order(
    session: Json,
    order: Json,
    info: OperationInfo,
    *,
    capture_id: str | None,
    show_capture_id: bool = True,
) -> tuple[Json, Json]:
    """Refund the lines of `order` and return the next session and the refund.

    `adjustment` lines need no counterpart in the capture; amounts are what bounds them.
    """
    if session["status"] != "completed":
        raise invalid("Cannot refund - session is not completed.")
    _same_currency_of_refund(session, order)
    data = session["data"]
    captures = [capture for capture in data.get("captures", []) if is_done(capture)]
    capture = _capture_to_refund(captures, capture_id)
    earlier = [
        refund
        for refund in data["refunds"]
        if counts(refund) and refund["parentCaptureId"] == capture["captureId"]
    ]
    take(capture["cart"], tally(_real_lines(_lines(earlier))), tuple(_real_lines(order["cart"])))
    already = sum(refund["amountIncVat"] for refund in earlier)
    if already + order["amountIncVat"] > capture["amountIncVat"]:
        raise invalid("body.data.order.amountIncVat is more than what remains of the capture")
    own = {"refundId": info.made, "parentCaptureId": capture["captureId"]}
    if show_capture_id:
        own["captureId"] = capture["captureId"]
    refund = _operation(session, order, info, own)
    return recounted(_evolve(session, {"refunds": [*data["refunds"], refund]})), refund


def _same_currency_of_refund(session: Json, order: Json) -> None:
    # A completed session need not have had an order at all (signup); then nothing was captured either.
    if session["data"].get("transactions"):
        _same_currency(session, order)


def _real_lines(lines: Iterable[Json]) -> Iterable[Json]:
    return (line for line in lines if line["productType"] != "adjustment")


def cancel_order(session: Json, *, supported: bool) -> Json:
    """Cancel an order of which nothing has been captured."""
    _require(session, ("order_approved_not_captured",), "cancel")
    if pending_operations(session):
        raise invalid("Cannot cancel an order with a pending capture.")
    if not supported:
        raise Refusal(400, "CANCEL_NOT_SUPPORTED", "Cancel is not supported for the selected payment provider")
    changes = {"transactions": _with_transaction(session, status="cancelled")}
    return _evolve(session, changes, orderStatus="order_cancelled")


def release_remaining(session: Json) -> Json:
    """Let go of what has not been captured: "no further captures will be made".

    No source says what status follows. The order has nothing left to capture, which is what
    `captured_full` means; the transaction stays `partially_captured`, because that is what happened.
    """
    _require(session, ("captured_partial",), "release the remainder of")
    return _evolve(session, {}, orderStatus="captured_full")


def replace_references(session: Json, references: Json, mode: str) -> Json:
    """Give the order of a completed session new references."""
    if session["status"] != "completed":
        raise invalid("Cannot update references - session is not completed.")
    before = session.get("references", {}) if mode == "merge" else {}
    return {**session, "references": {**before, **references}}
