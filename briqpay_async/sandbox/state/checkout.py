"""The life of a payment: the buyer pays, the shop is asked, decides, and the order goes on from there.

    open -- pay --> deciding -- allow ------> pending, paid or rejected
                        |------ notify_user, or no decision in time ----> open
                        `------ reject_session_with_error --------------> ended

Without `modules.config.payment.decision.enabled` paying does not ask. A pending order, and pending
captures and refunds, are decided by `advance`, or by themselves (`pending_seconds`).
"""

from typing import Any, Final

import attrs

from briqpay_async.sandbox.state.completion import complete
from briqpay_async.sandbox.state.module_status import module_status
from briqpay_async.sandbox.state.orders import decided_operation, order_status, pending_operations
from briqpay_async.sandbox.state.providers import DEFAULT, PROVIDERS, Provider
from briqpay_async.sandbox.state.store import Json, Store

_STAGES: Final = {"order_pending": "pending", "order_rejected": "rejected", "order_cancelled": "cancelled"}
OUTCOMES: Final = ("approved", "rejected")
_ORDER_OUTCOMES: Final = {"approved": "order_approved_not_captured", "rejected": "order_rejected"}


@attrs.frozen(kw_only=True)
class Checkout:
    """Where a buyer is with the payment.

    Attributes:
        session_id: The session.
        stage: `open` (can pay), `deciding` (the shop is asked), `paid`, `pending`, `rejected`, `cancelled`,
            or `ended` (the shop rejected the session).
        provider: The payment provider chosen, by its name in `PROVIDERS`; None before that.
        order_status: The status of the order; None while there is none.
        messages: What the shop lets the buyer know: of a rejection, first the hard error.
        timed_out: Whether the shop was asked and did not decide in time.
        redirect: Where the buyer goes on to when it is over; None to stay.
    """

    session_id: str
    stage: str
    provider: str | None = None
    order_status: str | None = None
    messages: tuple[str, ...] = ()
    timed_out: bool = False
    redirect: str | None = None


def asks_for_decision(session: Json) -> bool:
    """Return whether the payment module of a session asks the shop before it takes the money."""
    found: Any = session
    for name in ("modules", "config", "payment", "decision"):
        found = found.get(name) if type(found) is dict else None
    return type(found) is dict and found.get("enabled") is True


def checkout_of(session: Json) -> Checkout:
    """Return where the buyer of a session is."""
    kept = session.get("checkout", {})
    status = order_status(session)
    session_id: str = session["sessionId"]
    stage = "deciding" if "asked" in kept else "open"
    redirect = None
    if session["status"] == "completed":
        ended = session.get("decision", {}).get("rejectionType") == "reject_session_with_error"
        stage = "ended" if ended else _STAGES.get(status or "", "paid")
        stays = session.get("config", {}).get("disableSessionCompleteRedirect")
        address = session.get("urls", {}).get("redirect")
        if address is not None and not ended and not stays:
            redirect = address.replace("{briqpay_session}", session_id)
    decision = session.get("decision", {})
    errors = [decision["hardError"]] if "hardError" in decision else []
    errors += decision.get("softErrors", [])
    return Checkout(
        session_id=session_id,
        stage=stage,
        provider=kept.get("provider"),
        order_status=status,
        messages=() if stage == "deciding" else tuple(error["message"] for error in errors),
        timed_out=kept.get("timedOut", False),
        redirect=redirect,
    )


def find_provider(name: str | None) -> Provider:
    """Return a payment provider by its name; the first one for None.

    Raises:
        ValueError: there is none of that name.
    """
    if name is None:
        return DEFAULT
    if name not in PROVIDERS:
        raise ValueError(f"provider must be one of {', '.join(PROVIDERS)}, not {name!r}")
    return PROVIDERS[name]


def pay(
    store: Store,
    session_id: str,
    status: str | None = None,
    data: Json | None = None,
    provider: str | None = None,
) -> Json:
    """Let the buyer pay: the shop is asked if it wants to be, and otherwise the session is completed.

    An `allow` that came before is the answer already. Paying a pending order moves it on instead.

    Args:
        store: The sandbox.
        session_id: Which session.
        status: What the payment leads to, as for `complete`; None for what the provider does.
        data: Members of `data` that the buyer or a module contributes.
        provider: Who is paid with, by name.

    Returns:
        The new state of the session; it is not completed while the shop is asked.

    Raises:
        KeyError: there is no such session.
        ValueError: the order cannot come into that status, or there is no such provider.
    """
    chosen = find_provider(provider)
    session = store.sessions[session_id]
    allowed = session.get("decision", {}).get("decision") == "allow"
    if session["status"] == "completed" or allowed or not asks_for_decision(session):
        return _complete(store, session_id, status, data, chosen)
    if "asked" in session.get("checkout", {}):
        raise ValueError("the shop is asked for its decision already")
    asked = store.new_id()
    kept = {"provider": chosen.name, "asked": asked, "status": status, "data": data}
    session = {name: member for name, member in session.items() if name != "decision"}
    waiting: Json = {**session, "checkout": kept}
    if waiting["status"] == "started":
        waiting["status"] = "modules_in_progress"
        waiting["moduleStatus"] = module_status(waiting)
    store.save(waiting, "pay", None)
    store.timers.after(store.switches.decision_seconds, lambda: give_up(store, session_id, asked))
    return waiting


def give_up(store: Store, session_id: str, asked: str | None = None) -> None:
    """Bring the buyer back to the checkout if the shop has been asked and has not decided.

    Args:
        store: The sandbox.
        session_id: Which session.
        asked: Which question; None for whichever is open.
    """
    session = store.sessions.get(session_id)
    open_question = session.get("checkout", {}).get("asked") if session is not None else None
    if session is None or open_question is None or asked not in (None, open_question):
        return
    kept = {"provider": session["checkout"]["provider"], "timedOut": True}
    store.save({**session, "checkout": kept}, "decision_timeout", None)


def decide(store: Store, session: Json, body: Json, sequence: int) -> Json:
    """Take the shop's decision, and let the payment that waits for it go on.

    Args:
        store: The sandbox.
        session: The session, not completed.
        body: The decision, found valid.
        sequence: The request that brought it.

    Returns:
        The new state of the session.
    """
    kept = session.get("checkout", {})
    decided: Json = {**session, "decision": body}
    if "checkout" in session:
        decided["checkout"] = {"provider": kept["provider"]}
    if body["decision"] == "reject" and body.get("rejectionType") == "reject_session_with_error":
        payment = {**session["moduleStatus"]["payment"], "orderStatus": "order_rejected"}
        decided["status"] = "completed"
        decided["moduleStatus"] = {**session["moduleStatus"], "payment": payment}
        decided["moduleStatus"] = module_status(decided)
    store.save(decided, "decision", sequence)
    if body["decision"] == "allow" and "asked" in kept:
        provider = PROVIDERS[kept["provider"]]
        return _complete(store, session["sessionId"], kept["status"], kept["data"], provider)
    return decided


def _complete(store: Store, session_id: str, status: str | None, data: Json | None, provider: Provider) -> Json:
    completed = complete(store, session_id, status, data, provider)
    if order_status(completed) == "order_pending":
        decide_later(store, session_id)
    return completed


def decide_later(store: Store, session_id: str, made: str | None = None) -> None:
    """Let a pending order, capture or refund be decided by itself, if the switch `pending_seconds` says so.

    Args:
        store: The sandbox.
        session_id: Which session.
        made: The id of the capture or refund; None for the order.
    """
    switches = store.switches
    if not switches.pending_seconds:
        return
    seconds = switches.pending_seconds * (0.5 + store.chance())
    outcome = "rejected" if store.chance() < switches.rejected_share else "approved"

    def act() -> None:
        session = store.sessions.get(session_id)
        if session is None:
            return
        waiting = [each for _, each in pending_operations(session)]
        if order_status(session) == "order_pending" if made is None else made in waiting:
            advance(store, session_id, outcome, None if made is None else (made,))

    store.timers.after(seconds, act)


def advance(store: Store, session_id: str, outcome: str = "approved", made: tuple[str, ...] | None = None) -> Json:
    """Decide what is pending: the order, or captures and refunds.

    Args:
        store: The sandbox.
        session_id: Which session.
        outcome: `approved` or `rejected`; for an order also a status as for `complete`.
        made: The ids of the captures and refunds to decide; None for everything that is pending.

    Returns:
        The new state of the session.

    Raises:
        KeyError: there is no such session.
        ValueError: nothing is pending, or one of the ids is not, or there is no such outcome.
    """
    session = store.sessions[session_id]
    if made is None and order_status(session) == "order_pending":
        return complete(store, session_id, _ORDER_OUTCOMES.get(outcome, outcome))
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, not {outcome!r}")
    pending = {each: section for section, each in pending_operations(session)}
    wanted = tuple(pending) if made is None else made
    if not wanted:
        raise ValueError("nothing of this session is pending")
    if unknown := [each for each in wanted if each not in pending]:
        raise ValueError(f"not pending: {', '.join(unknown)}")
    for each in wanted:
        section = pending[each]
        word = "rejected" if outcome == "rejected" else store.done_word(section.removesuffix("s"))
        session = decided_operation(session, section, each, word)
        store.save(session, "advance", None, each)
    return session
