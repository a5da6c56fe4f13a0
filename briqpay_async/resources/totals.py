"""What a client does about orders whose lines do not add up to their totals."""

from __future__ import annotations

import logging
from typing import Literal

from briqpay_async.errors import TotalsMismatchError
from briqpay_async.models.order import Order

__all__ = ["CheckTotals", "check_order"]

logger = logging.getLogger("briqpay_async")

CheckTotals = Literal["warn", "error", "off"]


def check_order(order: Order | None, mode: CheckTotals) -> None:
    """Look at an order before it is sent: Briqpay refuses one that does not add up (reference §G 3).

    Raises:
        TotalsMismatchError: It does not add up, and the mode is ``"error"``.
        ValidationError: A line's numbers are not integers.
    """
    if mode == "off" or order is None or not (found := order.check_totals()):
        return
    text = ", ".join(f"/data/order{one.pointer} is {one.declared}, lines give {one.computed}" for one in found)
    if mode == "error":
        raise TotalsMismatchError(f"The order does not add up: {text}.", discrepancies=found)
    logger.warning("the order does not add up, so the API may refuse it: %s", text)
