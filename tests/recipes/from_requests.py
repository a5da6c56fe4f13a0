"""From raw requests to the client: what is written by hand, and what it becomes.

The first half is how a shop begins, with the mistakes that nearly all make; the second half does the same.
"""

from __future__ import annotations

import time
from typing import Any

import requests

from briqpay_async import BriqpayError, OutcomeUnknownError
from briqpay_async.blocking import BlockingBriqpayClient

# --- by hand ---------------------------------------------------------------------------------------------


class ByHand:
    """The API over ``requests``."""

    def __init__(self, username: str, secret: str, base_url: str, pause: float = 0.25) -> None:
        self.http = requests.Session()
        self.http.auth = (username, secret)
        self.base_url = base_url
        self.pause = pause

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call and call again. For a capture whose answer is lost, that is a second capture."""
        for attempt in range(4):
            try:
                answer = self.http.request(method, f"{self.base_url}/v3{path}", json=body, timeout=30)
                if answer.status_code < 500:
                    answer.raise_for_status()
                    return dict(answer.json())
            except requests.ConnectionError:
                pass
            time.sleep(self.pause * 2**attempt)
        raise RuntimeError("Briqpay does not answer")

    def set_quantity(self, session_id: str, sku: str, quantity: int) -> None:
        """Two clicks at once both read, and the one that writes last undoes the other."""
        order = self.call("GET", f"/session/{session_id}")["data"]["order"]
        for line in order["cart"]:
            if line.get("reference") == sku:
                line["quantity"] = quantity
                line.pop("totalAmount", None)  # or compute it anew, with the rounding of the API
                line.pop("totalVatAmount", None)
        nets = [line["unitPrice"] * line["quantity"] for line in order["cart"]]  # discounts, sales tax?
        rates = [line["taxRate"] for line in order["cart"]]
        order["amountExVat"] = sum(nets)
        order["amountIncVat"] = sum(
            round(net * (1 + rate / 10_000)) for net, rate in zip(nets, rates, strict=True)
        )
        self.call("PATCH", f"/session/{session_id}", {"data": {"order": order}})

    def capture(self, session_id: str) -> dict[str, Any]:
        """All of the order, whatever was captured or refunded before."""
        order = self.call("GET", f"/session/{session_id}")["data"]["order"]
        return self.call("POST", f"/session/{session_id}/order/capture", {"data": {"order": order}})


# --- with the client -------------------------------------------------------------------------------------


class WithTheClient:
    """The same shop on the client, which retries, keeps order, computes totals and moves money once."""

    def __init__(self, briqpay: BlockingBriqpayClient) -> None:
        self.briqpay = briqpay

    def set_quantity(self, session_id: str, sku: str, quantity: int) -> None:
        """An edit has the session for itself from its read to its send."""
        with self.briqpay.sessions.edit(session_id) as builder:
            builder.cart.set_quantity(sku, quantity)

    def capture(self, session_id: str) -> str | None:
        """What is open, once. A lost answer is looked for; what cannot be found out is left to a person."""
        try:
            session = self.briqpay.sessions.read(session_id)
            return self.briqpay.orders.capture(session_id, session.capturable_order()).capture_id
        except OutcomeUnknownError:
            return None  # put it on the list of what a person looks at: do not capture again
        except BriqpayError as error:
            raise RuntimeError(f"Briqpay refuses the capture: {error}") from error
