"""The session: what is sent to create one, what a PATCH may carry, and what the API answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs

from briqpay_async.errors import ResponseDecodeError
from briqpay_async.models import formats
from briqpay_async.models.address import Address
from briqpay_async.models.base import Model, Pending, as_tuple, wire_names
from briqpay_async.models.buyer_answers import CompanyExtraData, FieldAnswer, StrongAuth, TermsAnswer
from briqpay_async.models.company import Company, Consumer
from briqpay_async.models.enums import (
    CustomerType,
    OrderStatus,
    ProductIntent,
    ProductKind,
    RefundState,
    SessionStatus,
    UiStatus,
)
from briqpay_async.models.limits import Limits, member
from briqpay_async.models.modules import Modules
from briqpay_async.models.order import Order
from briqpay_async.models.payments import Capture, Refund, Transaction, to_capture, to_refund
from briqpay_async.models.webhook_subscriptions import Hook, as_hooks

__all__ = [
    "EditableData",
    "ModuleState",
    "ModuleStatus",
    "NewSession",
    "PaymentModuleState",
    "Product",
    "Session",
    "SessionConfig",
    "SessionData",
    "Tokenization",
    "Urls",
]

T = TypeVar("T")


@attrs.frozen(kw_only=True, repr=False)
class Product(Model):
    """Which Briqpay product a session uses.

    Attributes:
        type: ``payment`` or ``signup``. Required.
        intent: What the session is for. Required.
        id: An alternate configuration made in the back office; newer documentation prefers ``variant_id``.
        variant_id: An alternate configuration made in the back office.
    """

    type: ProductKind | str | None = member(required=True)
    intent: ProductIntent | str | None = member(required=True)
    id: str | None = None
    variant_id: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class Urls(Model):
    """Pages of the shop.

    Attributes:
        terms: Terms and conditions; required when ``product.type`` is ``payment``.
        redirect: Where the buyer goes after completion; ``{briqpay_session}`` in it becomes the session's id.
            Required.
    """

    terms: str | None = member(form=formats.web_url)
    redirect: str | None = member(required=True, form=formats.web_url)


@attrs.frozen(kw_only=True, repr=False)
class Tokenization(Model):
    """The token to charge, for sessions with the intent ``payment_charge_token``.

    Attributes:
        token_id: Identifier of the token. Required.
    """

    token_id: str | None = member(required=True, min_length=1)


@attrs.frozen(kw_only=True, repr=False)
class EditableData(Model):
    """Exactly what a PATCH may carry under ``data`` (Briqpay docs).

    Attributes:
        order: Cart and amounts; always travels whole.
        company: Business sessions only.
        consumer: Consumer sessions only.
        billing: Billing address.
        shipping: Shipping address.
        tokenization: Token to charge.
    """

    order: Order | None = None
    company: Company | None = None
    consumer: Consumer | None = None
    billing: Address | None = None
    shipping: Address | None = None
    tokenization: Tokenization | None = None


def _as_transactions(value: Iterable[Transaction] | None) -> tuple[Transaction, ...] | None:
    """``as_tuple``, typed for transactions."""
    return as_tuple(value)


def _as_captures(value: Iterable[Capture] | None) -> tuple[Capture, ...] | None:
    """``as_tuple``, typed for captures."""
    return as_tuple(value)


def _as_refunds(value: Iterable[Refund] | None) -> tuple[Refund, ...] | None:
    """``as_tuple``, typed for refunds."""
    return as_tuple(value)


@attrs.frozen(kw_only=True, repr=False)
class SessionData(EditableData):
    """The data of a session: the editable sections and what only the API writes.

    Attributes:
        order: Cart and amounts.
        company: The buying company.
        consumer: The buying person.
        billing: Billing address.
        shipping: Shipping address.
        tokenization: Token of the payment method.
        transactions: Payments made.
        captures: Money taken.
        refunds: Money given back.
        payment_tags: Such as ``{"manual_review": true}``; some sessions carry a list of names instead.
        payment_additional_fields: Fields of the payment method.
        order_note: Notes of the buyer.
        custom_form1: Answers of the custom form.
        terms: Answers of the terms module.
        strong_auth: Strong authentication.
        company_extra_data: Facts from a company register.
        psp_metadata: The payment provider's own data.
    """

    transactions: tuple[Transaction, ...] | None = attrs.field(default=None, converter=_as_transactions)
    captures: tuple[Capture, ...] | None = attrs.field(default=None, converter=_as_captures)
    refunds: tuple[Refund, ...] | None = attrs.field(default=None, converter=_as_refunds)
    payment_tags: Any = member(hashed=False)
    payment_additional_fields: Mapping[str, FieldAnswer] | None = member(hashed=False)
    order_note: Mapping[str, FieldAnswer] | None = member(hashed=False)
    custom_form1: Mapping[str, FieldAnswer] | None = member(hashed=False)
    terms: Mapping[str, TermsAnswer] | None = member(hashed=False)
    strong_auth: StrongAuth | None = None
    company_extra_data: CompanyExtraData | None = None
    psp_metadata: Mapping[str, Any] | None = member(hashed=False)
    _pending: Pending | None = attrs.field(default=None, init=False, eq=False, repr=False)

    def editable(self) -> EditableData:
        """The sections that a PATCH, or a new session, may carry; unknown members of the data are left out."""
        return EditableData(
            order=self.order,
            company=self.company,
            consumer=self.consumer,
            billing=self.billing,
            shipping=self.shipping,
            tokenization=self.tokenization,
        )

    def has_tag(self, name: str) -> bool:
        """Whether the payment carries a tag such as ``manual_review``, in either form that tags come in."""
        tags = self.payment_tags
        if isinstance(tags, Mapping):
            return tags.get(name) is True
        return isinstance(tags, list | tuple) and name in tags


@attrs.frozen(kw_only=True, repr=False)
class ModuleState(Model):
    """State of a module.

    Attributes:
        ui_status: What the buyer sees of it.
    """

    ui_status: UiStatus | str | None = None


@attrs.frozen(kw_only=True, repr=False)
class PaymentModuleState(ModuleState):
    """State of the payment module.

    Attributes:
        ui_status: What the buyer sees of it.
        order_status: Status of the order; this, not the session's status, says whether it is paid.
        refund_status: How much is refunded.
        capture_status: How much is captured.
    """

    order_status: OrderStatus | str | None = None
    refund_status: RefundState | str | None = None
    capture_status: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class ModuleStatus(Model):
    """States of the modules.

    Attributes:
        company_lookup: Company look-up.
        billing: Billing address.
        shipping: Shipping address.
        payment: Payment.
        order_info: Order information.
    """

    company_lookup: ModuleState | None = member(wire="company_lookup")
    billing: ModuleState | None = None
    shipping: ModuleState | None = None
    payment: PaymentModuleState | None = None
    order_info: ModuleState | None = member(wire="order_info")


@attrs.frozen(kw_only=True, repr=False)
class Session(Model):
    """A checkout session as the API answers it.

    Attributes:
        session_id: UUID.
        created_at: ISO 8601, as sent.
        status: Started, in progress or completed. Completed is not paid: see
            ``module_status.payment.order_status``.
        product: Which product.
        customer_type: Business or consumer; can't be changed.
        country: ISO 3166-1 alpha-2; can't be changed.
        locale: Such as ``sv-se``; can't be changed.
        urls: Pages of the shop; changed through ``sessions.update_metadata``.
        references: The shop's references; changed through ``sessions.update_metadata``.
        hooks: Webhook subscriptions.
        html_snippet: Markup that shows the checkout.
        client_token: For the client SDK.
        module_status: States of the modules.
        modules: Configuration of the modules, where the API returns it.
        data: Cart, addresses and everything else that is known.

    In an answer of the API, objects and arrays (``data`` above all, and what it holds) are made when first looked
    at; a ``ResponseDecodeError`` about one of them is raised then.
    """

    session_id: str | None = None
    created_at: str | None = None
    status: SessionStatus | str | None = None
    product: Product | None = None
    customer_type: CustomerType | str | None = None
    country: str | None = None
    locale: str | None = None
    urls: Urls | None = None
    references: Mapping[str, str] | None = member(hashed=False)
    hooks: tuple[Hook, ...] | None = attrs.field(default=None, converter=as_hooks)
    html_snippet: str | None = None
    client_token: str | None = None
    module_status: ModuleStatus | None = None
    modules: Modules | None = None
    data: SessionData | None = None
    _pending: Pending | None = attrs.field(default=None, init=False, eq=False, repr=False)

    @property
    def id(self) -> str:
        """The session's identifier, for a session that is known to have one.

        Raises:
            ResponseDecodeError: The answer left it out: ask for ``sessionId`` in ``fields``.
        """
        return _present(self.session_id, "/sessionId")

    @property
    def order(self) -> Order:
        """The session's order, for a session that is known to have one; ``data.order`` says ``None`` otherwise.

        Raises:
            ResponseDecodeError: It has none, or the answer left it out: ask for ``data`` in ``fields``.
        """
        return _present(self.data.order if self.data is not None else None, "/data/order")

    @property
    def snippet(self) -> str | None:
        """The markup under either of its names: answers to a read may call it ``snippet``."""
        return self.html_snippet or self.extra.get("snippet")

    def capturable_order(self) -> Order:
        """The lines and quantities that can still be captured, as ``orders.capture`` wants them.

        They come from the cart of the approved transactions (``data.order.cart`` can differ from it after
        authorisation), less every capture that was not rejected; pending ones count. Choose some of them with
        ``.select({"sku-1": 1})``.

        Returns:
            An order with both totals computed; without lines when nothing is open.

        Raises:
            ValidationError: The session was read without its data, or a capture does not show which lines it took.
        """
        return to_capture(self).order()

    def refundable_order(self, capture_id: str | None = None) -> Order:
        """The lines and quantities of a capture that can still be refunded, as ``orders.refund`` wants them.

        They are the capture's lines less every refund of it that was not rejected; pending ones count. A refund of
        an arbitrary amount (``adjustment``) takes no line, so after one the lines can amount to more than is left.

        Args:
            capture_id: Which capture; needed when there are several.

        Returns:
            An order with both totals computed; without lines when nothing is open, or the capture is not settled.

        Raises:
            ValidationError: There is no such capture, several and none is named, or a refund does not show which
                lines it took.
        """
        return to_refund(self, capture_id).order()


def _present(value: T | None, pointer: str) -> T:
    if value is None:
        raise ResponseDecodeError(f"The session has no {pointer}, or the answer left it out.", pointer=pointer)
    return value


@attrs.frozen(kw_only=True, repr=False)
class SessionConfig(Model):
    """Settings that can be given at creation only.

    Attributes:
        disable_session_complete_redirect: Stay on the page after completion.
        disable_insights_tracking: No tracking.
        real_time_processing: Hooks are delivered at once instead of in batches; their order is not guaranteed.
    """

    disable_session_complete_redirect: bool | None = None
    disable_insights_tracking: bool | None = None
    real_time_processing: bool | None = None


@attrs.frozen(kw_only=True, repr=False)
class NewSession(Model):
    """What creates a session.

    Attributes:
        product: Which product. Required.
        customer_type: Business or consumer. Required.
        country: ISO 3166-1 alpha-2. Required.
        locale: Two parts, such as ``sv-se``. Required.
        urls: Pages of the shop. Required.
        references: The shop's references, each at most 512 characters; ``reference1`` is the order reference.
        hooks: Webhook subscriptions, at most 10.
        config: Settings that can be given at creation only.
        modules: Which modules to show, and their configuration.
        data: Cart, addresses and so on.
    """

    product: Product | None = member(required=True)
    customer_type: CustomerType | str | None = member(required=True)
    country: str | None = member(required=True, form=formats.country)
    locale: str | None = member(required=True, form=formats.locale)
    urls: Urls | None = member(required=True)
    references: Mapping[str, str] | None = member(max_length=512, hashed=False)
    hooks: tuple[Hook, ...] | None = attrs.field(
        default=None, converter=as_hooks, metadata={"limits": Limits(max_length=10)}
    )
    config: SessionConfig | None = None
    modules: Modules | None = None
    data: EditableData | None = None

    def broken_rules(self) -> Iterable[tuple[str, str]]:
        """Documented rules that look at more than one member."""
        if getattr(self.product, "type", None) == "payment" and getattr(self.urls, "terms", "") is None:
            yield "urls/terms", "is required when product.type is payment"
        if isinstance(self.data, SessionData) and any(
            getattr(self.data, name) is not None
            for name in wire_names(SessionData).keys() - wire_names(EditableData)
        ):
            yield "data", "has members that only the API writes: give data.editable()"
        if isinstance(self.data, EditableData):
            if self.customer_type == "consumer" and self.data.company is not None:
                yield "data/company", "can only be given for customerType business"
            if self.customer_type == "business" and self.data.consumer is not None:
                yield "data/consumer", "can only be given for customerType consumer"
        charges = getattr(self.product, "intent", None) == "payment_charge_token"
        if charges and getattr(self.data, "tokenization", None) is None:
            yield "data/tokenization", "is required when product.intent is payment_charge_token"
