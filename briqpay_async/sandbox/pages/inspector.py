"""What the inspector shows: sessions, one session with its history, requests, effects, faults and switches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import attrs
import orjson

from briqpay_async.sandbox.faults.faults import Faults, describe_fault
from briqpay_async.sandbox.faults.kinds import KINDS
from briqpay_async.sandbox.state.checkout import OUTCOMES
from briqpay_async.sandbox.state.completion import TRANSACTION_STATUS
from briqpay_async.sandbox.state.effects import Effect
from briqpay_async.sandbox.state.orders import order_status, pending_operations
from briqpay_async.sandbox.state.request_log import JournalRecord
from briqpay_async.sandbox.state.store import Store
from briqpay_async.sandbox.webhooks.deliveries import Delivery, describe_delivery

Json = dict[str, Any]
T = TypeVar("T")

_MOST_OF_SESSION: Final = 500
_PENDING: Final = "order_pending"
_FULL_SECTIONS: Final = ("order", "company", "consumer", "billing", "shipping")


def _summary(session: Json) -> Json:
    """Return what the list shows of one session."""
    data: Json = session["data"]
    order: Json = data.get("order") or {}
    return {
        "sessionId": session["sessionId"],
        "status": session["status"],
        "orderStatus": session["moduleStatus"]["payment"].get("orderStatus"),
        "amountIncVat": order.get("amountIncVat"),
        "currency": order.get("currency"),
        "customerType": session.get("customerType"),
        "email": (data.get("billing") or {}).get("email"),
        "reference": next(iter((session.get("references") or {}).values()), None),
    }


def _matches(session: Json, needle: str) -> bool:
    values: Iterable[object] = _summary(session).values()
    names = (session["data"].get("billing") or {}).values()
    references = (session.get("references") or {}).values()
    return any(needle in str(value).lower() for value in (*values, *names, *references))


def list_sessions(sessions: Mapping[str, Json], query: str = "", limit: int = 100) -> Json:
    """Return the newest sessions that match a search.

    Args:
        sessions: All of them, oldest first.
        query: Text that the id, status, amount, a reference or the billing address contains; empty for all.
        limit: How many to return at most.
    """
    needle = query.strip().lower()
    newest = reversed(list(sessions.values()))
    if not needle:
        return {"total": len(sessions), "sessions": [_summary(each) for each in islice(newest, limit)]}
    found = [session for session in newest if _matches(session, needle)]
    return {"total": len(found), "sessions": [_summary(each) for each in found[:limit]]}


def full_body_length(state: Json) -> int:
    """Return the bytes of the body that sends everything of a state that a PATCH may carry."""
    data = {name: state["data"][name] for name in _FULL_SECTIONS if name in state["data"]}
    return len(orjson.dumps({"data": data}))


def describe_request(record: JournalRecord) -> Json:
    """Return a request as the inspector shows it; an update with the size of the full body beside it."""
    body = record.body
    full = full_body_length(record.after) if record.endpoint == "patch" and record.after else None
    return {
        **attrs.asdict(record, recurse=False),
        "body": None if body is None else body.decode("utf-8", "replace"),
        "full_length": full,
    }


def _newest(records: Sequence[T], limit: int) -> Iterator[T]:
    """Yield the newest of records that are kept oldest first, newest first."""
    return islice(reversed(tuple(records)), limit)


def newest_requests(records: Sequence[JournalRecord], limit: int) -> list[Json]:
    """Return the newest requests, newest first."""
    return [describe_request(record) for record in _newest(records, limit)]


def newest_effects(effects: Sequence[Effect], limit: int) -> list[Json]:
    """Return the newest changes that took effect, newest first."""
    return [attrs.asdict(effect) for effect in _newest(effects, limit)]


def newest_deliveries(deliveries: Sequence[Delivery], limit: int) -> list[Json]:
    """Return the newest webhooks, newest first."""
    return [describe_delivery(delivery) for delivery in _newest(deliveries, limit)]


def describe_session(
    store: Store, session_id: str, requests: Sequence[JournalRecord], deliveries: Sequence[Delivery]
) -> Json:
    """Return one session with everything that happened to it.

    Raises:
        KeyError: There is no such session.
    """
    session = store.sessions[session_id]
    status = order_status(session)
    is_pending = status == _PENDING or bool(pending_operations(session))
    choices = (
        OUTCOMES if is_pending and status != _PENDING else [each for each in TRANSACTION_STATUS if each != status]
    )
    return {
        "session": session,
        "requests": newest_requests(requests, _MOST_OF_SESSION),
        "effects": newest_effects(store.effects.of(session_id), _MOST_OF_SESSION),
        "deliveries": newest_deliveries(deliveries, _MOST_OF_SESSION),
        "checkout": f"/_sandbox/checkout/{session_id}",
        "choices": list(choices),
        "isPending": is_pending,
    }


def describe_faults(faults: Faults) -> Json:
    """Return the faults that are set, and the kinds that there are."""
    return {
        "faults": [describe_fault(fault) for fault in faults],
        "kinds": [{"name": name, "description": kind.summary} for name, kind in KINDS.items()],
    }
