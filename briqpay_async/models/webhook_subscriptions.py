"""Webhook subscriptions of a session, one class for each ``eventType``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import attrs

from briqpay_async.models import formats
from briqpay_async.models.base import Model, as_texts, as_tuple
from briqpay_async.models.enums import HookMethod
from briqpay_async.models.limits import Limits, member

__all__ = [
    "CaptureStatusHook",
    "Hook",
    "OrderStatusHook",
    "OtherHook",
    "RefundStatusHook",
    "SessionStatusHook",
    "as_hooks",
]


@attrs.frozen(kw_only=True, repr=False)
class _Subscription(Model):
    statuses: tuple[str, ...] | None = attrs.field(
        default=None, converter=as_texts, metadata={"limits": Limits(required=True, min_length=1)}
    )
    method: HookMethod | str | None = member(required=True)
    url: str | None = member(required=True, form=formats.web_url)


@attrs.frozen(kw_only=True, repr=False)
class SessionStatusHook(_Subscription):
    """Subscribe to the completion of the session (Briqpay docs).

    Briqpay's hooks are unauthenticated by default: read the session before acting on one (Briqpay docs).

    Attributes:
        statuses: ``completed``.
        method: ``GET`` (values as query parameters) or ``POST`` (values as JSON).
        url: Where to call.
    """

    event_type: str = member(required=True, default="session_status")


@attrs.frozen(kw_only=True, repr=False)
class OrderStatusHook(_Subscription):
    """Subscribe to the status of the order.

    Attributes:
        statuses: Of ``order_pending``, ``order_rejected``, ``order_cancelled``, ``order_approved_not_captured``.
        method: ``GET`` or ``POST``.
        url: Where to call.
    """

    event_type: str = member(required=True, default="order_status")


@attrs.frozen(kw_only=True, repr=False)
class CaptureStatusHook(_Subscription):
    """Subscribe to captures.

    Attributes:
        statuses: Of ``pending``, ``approved``, ``rejected``.
        method: ``GET`` or ``POST``.
        url: Where to call.
    """

    event_type: str = member(required=True, default="capture_status")


@attrs.frozen(kw_only=True, repr=False)
class RefundStatusHook(_Subscription):
    """Subscribe to refunds.

    Attributes:
        statuses: Of ``pending``, ``approved``, ``rejected``.
        method: ``GET`` or ``POST``.
        url: Where to call.
    """

    event_type: str = member(required=True, default="refund_status")


@attrs.frozen(kw_only=True, repr=False)
class OtherHook(_Subscription):
    """A subscription to an event that this library does not know by name.

    Attributes:
        event_type: Name of the event.
        statuses: Values that are reported.
        method: ``GET`` or ``POST``.
        url: Where to call.
    """

    event_type: str | None = member(required=True)


Hook: TypeAlias = SessionStatusHook | OrderStatusHook | CaptureStatusHook | RefundStatusHook | OtherHook


def as_hooks(value: Iterable[Hook] | None) -> tuple[Hook, ...] | None:
    """``as_tuple``, typed for webhook subscriptions."""
    return as_tuple(value)
