"""New prices for every open checkout, at night: 100 000 updates at 50 a second take 34 minutes.

``python nightly_prices.py shop.db winter-sale`` reads the carts from the shop's own database, one checkout at a
time, and sends each order with its new prices. No session is read first: an order always travels whole. What is
not done by the morning is done the next night, by the same command; so it is after a crash.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby

import attrs

from briqpay_async import (
    BriqpayClient,
    BulkJournal,
    CartItem,
    EditableData,
    Order,
    RateLimit,
    SessionCompletedError,
    SessionNotFoundError,
    SessionPatch,
    SessionUpdate,
)

CARTS = """
    SELECT carts.session_id, carts.sku, products.name, carts.quantity, products.new_price, products.tax_rate
    FROM carts JOIN products USING (sku) ORDER BY carts.session_id, carts.position
"""


def updates(shop: sqlite3.Connection) -> Iterator[SessionUpdate]:
    """One row a checkout, made as it is needed, so that memory does not grow with the run."""
    for session_id, rows in groupby(shop.execute(CARTS), key=lambda row: str(row[0])):
        cart = [
            CartItem(
                product_type="physical",
                reference=sku,
                name=name,
                quantity=quantity,
                quantity_unit="pcs",
                unit_price=price,
                tax_rate=tax_rate,
            )
            for _, sku, name, quantity, price, tax_rate in rows
        ]
        patch = SessionPatch.of(data=EditableData(order=Order.of("SEK", cart)))
        yield SessionUpdate(session_id, patch, key=session_id)


@attrs.define
class Night:
    """How a night went.

    Attributes:
        done: Checkouts that have the new prices.
        bought: Checkouts that were bought, or given up, meanwhile: there is nothing to change.
        failed: What went wrong, by session: for a person to look at, and for the next run.
    """

    done: int = 0
    bought: int = 0
    failed: dict[str, str] = attrs.Factory(dict)


async def change_prices(
    briqpay: BriqpayClient, shop: sqlite3.Connection, journal: BulkJournal, *, until: float
) -> Night:
    """Send everything that the journal does not say is done, until a moment of the event loop's clock."""
    night = Night()
    rows = updates(shop)
    async for outcome in briqpay.sessions.update_many(rows, journal=journal, until=until, fields="none"):
        if outcome.status != "failed":
            night.done += 1
        elif isinstance(outcome.error, SessionCompletedError | SessionNotFoundError):
            night.bought += 1
        else:
            night.failed[str(outcome.session_id)] = str(outcome.error)
    return night


async def main(database: str, price_list: str) -> int:
    """Change the prices of one night, at most until five hours from now."""
    until = asyncio.get_running_loop().time() + 5 * 3600
    limit = RateLimit(per_second=50, burst=10)  # what was agreed with Briqpay, less what the shop itself needs
    with closing(sqlite3.connect(database)) as shop:
        async with BriqpayClient.from_env(rate=limit) as briqpay:
            journal = BulkJournal(f"{database}.{price_list}.journal")
            night = await change_prices(briqpay, shop, journal, until=until)
    sys.stdout.write(f"{night.done} done, {night.bought} bought meanwhile, {len(night.failed)} failed\n")
    for session_id, reason in night.failed.items():
        sys.stderr.write(f"{session_id}: {reason}\n")
    return 1 if night.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:3])))
