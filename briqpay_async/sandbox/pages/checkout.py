"""The buyer's side of a session: what the checkout shows, and how the buyer goes through it."""

from collections.abc import Mapping
from typing import Any, Final

from briqpay_async.sandbox.answers import Refusal, invalid
from briqpay_async.sandbox.pages.companies import find_companies
from briqpay_async.sandbox.pages.entries import answers_of, details_of, loads, modules_of, problems_of
from briqpay_async.sandbox.state import checkout as payment
from briqpay_async.sandbox.state.module_status import module_status
from briqpay_async.sandbox.state.providers import PROVIDERS
from briqpay_async.sandbox.state.store import Store

Json = dict[str, Any]

_TIMED_OUT: Final = "The shop did not answer in time. Please try again."


class CheckoutPage:
    """Shows sessions to their buyers, stores what they enter, and takes them through the payment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def view(self, session_id: str) -> Json:
        """Return all that the page shows of a session.

        Raises:
            KeyError: There is no such session.
        """
        session = self._store.sessions[session_id]
        data: Json = session["data"]
        stands = payment.checkout_of(session)
        nothing_paid = stands.stage == "paid" and stands.order_status is None
        return {
            "sessionId": session_id,
            "locale": session.get("locale"),
            "title": self._title(session_id),
            "order": _order_view(data.get("order")),
            "modules": modules_of(session),
            "data": {name: data[name] for name in ("billing", "shipping", "company") if data.get(name)},
            "urls": _urls(session),
            "leaves": stands.redirect is not None,
            "providers": [{"name": each.name, "label": each.display_name} for each in PROVIDERS.values()],
            "state": "completed" if nothing_paid else stands.stage,
            "messages": [_TIMED_OUT] if stands.timed_out else list(stands.messages),
        }

    def _title(self, session_id: str) -> str | None:
        pages = [page for page in self._store.pages.values() if page["sessionId"] == session_id]
        return next((title for page in pages if (title := page.get("config", {}).get("pageTitle"))), None)

    def companies(self, session_id: str, query: str) -> list[Json]:
        """Return the companies whose name or number contains a text."""
        return find_companies(query) if loads(self._store.sessions[session_id], "company_lookup") else []

    def keep_details(self, session_id: str, entered: Json) -> Json:
        """Store the addresses and company that the buyer has entered so far, and return the new view."""
        session = self._open(session_id)
        self._keep(session, details_of(session, entered))
        return self.view(session_id)

    def pay(self, session_id: str, entered: Json) -> Json:
        """Take what the buyer entered, and pay or ask the shop; what is missing comes back as `problems`."""
        self._store.timers.run_due()
        session = self._open(session_id)
        if problems := problems_of(session, entered, tuple(PROVIDERS)):
            return {"problems": problems}
        self._keep(session, details_of(session, entered))
        provider = entered.get("provider") if modules_of(session)["payment"] else None
        try:
            payment.pay(self._store, session_id, None, answers_of(session, entered), provider)
        except ValueError as error:
            raise invalid(str(error)) from None
        return {"view": self.view(session_id)}

    def go_on(self, session_id: str) -> Json:
        """Go on after the shop said that it has decided: without a decision the buyer is back in the checkout."""
        self._store.timers.run_due()
        payment.give_up(self._store, session_id)
        return {"view": self.view(session_id)}

    def _keep(self, session: Json, data: Json) -> None:
        changed = {**session, "status": "modules_in_progress", "data": {**session["data"], **data}}
        changed["moduleStatus"] = module_status(changed)
        if changed != session:
            self._store.save(changed, "details", None)

    def _open(self, session_id: str) -> Json:
        session = self._store.sessions[session_id]
        if session["status"] == "completed":
            raise Refusal(409, "SESSION_ALREADY_COMPLETED", "This session is already completed")
        return session


def _urls(session: Json) -> Json:
    urls: Mapping[str, str] = session.get("urls", {})
    redirect = urls.get("redirect", "").replace("{briqpay_session}", session["sessionId"])
    return {"terms": urls.get("terms"), "redirect": redirect or None}


def _order_view(order: Json | None) -> Json | None:
    if not order:
        return None
    lines = [
        {
            "name": line.get("name"),
            "quantity": line.get("quantity"),
            "unit": line.get("quantityUnit", ""),
            "sum": _line_sum(line),
        }
        for line in order["cart"]
    ]
    return {**{name: order[name] for name in ("currency", "amountIncVat", "amountExVat")}, "lines": lines}


def _line_sum(line: Json) -> int:
    """Return what a line costs, tax included, in minor units."""
    for total in ("totalTaxAmount", "totalAmount"):
        if total in line:
            known: int = line[total]
            return known
    net: float = line["unitPrice"] * line["quantity"] * (10_000 - line.get("discountPercentage", 0)) / 10_000
    gross: float = net * (10_000 + line["taxRate"]) / 10_000
    return round(gross)
