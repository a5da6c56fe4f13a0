"""Models that pass every check, to be broken one member at a time."""

from __future__ import annotations

from typing import Any

import attrs

import briqpay_async as bq

LINE = bq.CartItem(
    product_type=bq.ProductType.PHYSICAL,
    reference="BOOK-1",
    name="Bok",
    quantity=1,
    quantity_unit="st",
    unit_price=10000,
    tax_rate=600,
)
TAX = bq.SalesTaxItem(name="Sales tax", total_tax_amount=80)
ORDER = bq.Order.of("SEK", [LINE])
HOOK = bq.OrderStatusHook(statuses=["order_pending"], method=bq.HookMethod.POST, url="https://bok.example/h")
NEW = bq.NewSession(
    product=bq.Product(type=bq.ProductKind.PAYMENT, intent=bq.ProductIntent.PAYMENT_ONE_TIME),
    customer_type=bq.CustomerType.CONSUMER,
    country="SE",
    locale="sv-se",
    urls=bq.Urls(terms="https://bok.example/villkor", redirect="https://bok.example/tack"),
    data=bq.EditableData(order=ORDER, billing=bq.Address(city="Lund")),
)

# One valid model of each class that is sent, with nothing in it that need not be.
VALID: dict[type[bq.Model], bq.Model] = {
    bq.Address: bq.Address(),
    bq.CartItem: LINE,
    bq.SalesTaxItem: TAX,
    bq.Order: ORDER,
    bq.Company: bq.Company(),
    bq.Consumer: bq.Consumer(),
    bq.Tokenization: bq.Tokenization(token_id="tok-1"),
    bq.EditableData: bq.EditableData(),
    bq.CustomInput: bq.CustomInput(),
    bq.UpsellConfig: bq.UpsellConfig(),
    bq.TermsCheckbox: bq.TermsCheckbox(key="letters", label="Nyhetsbrev"),
    bq.TermsConfig: bq.TermsConfig(),
    bq.PaymentDecisionConfig: bq.PaymentDecisionConfig(),
    bq.PaymentConfig: bq.PaymentConfig(),
    bq.ModulesConfig: bq.ModulesConfig(),
    bq.Modules: bq.Modules(),
    bq.Product: bq.Product(type="payment", intent="payment_one_time"),
    bq.Urls: bq.Urls(redirect="https://bok.example/tack"),
    bq.SessionConfig: bq.SessionConfig(),
    bq.SessionStatusHook: bq.SessionStatusHook(statuses=["completed"], method="GET", url="https://bok.example/h"),
    bq.OrderStatusHook: HOOK,
    bq.CaptureStatusHook: bq.CaptureStatusHook(statuses=["approved"], method="GET", url="https://bok.example/h"),
    bq.RefundStatusHook: bq.RefundStatusHook(statuses=["approved"], method="GET", url="https://bok.example/h"),
    bq.OtherHook: bq.OtherHook(event_type="x", statuses=["y"], method="GET", url="https://bok.example/h"),
    bq.NewSession: NEW,
    bq.DecisionMessage: bq.DecisionMessage(message="Nej"),
    bq.Decision: bq.Decision.allow(),
    bq.HostedPageConfig: bq.HostedPageConfig(),
}


def variant(cls: type[bq.Model], **changes: Any) -> bq.Model:
    """A valid model with some members changed."""
    return attrs.evolve(VALID[cls], **changes)


def gist(problems: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Problems without what was found instead, and without articles: the place and what should be there."""
    return tuple(
        (place, message.partition(", not ")[0].partition(": a")[0].replace(" an ", " ").replace(" a ", " "))
        for place, message in problems
    )
