"""Webhooks: the events that Briqpay sends to a shop, verified, parsed, and handled once.

Example:
    >>> receiver = WebhookReceiver(secrets=("the secret of the backoffice",))
    >>> event = receiver.receive(body, headers)  # the raw bytes of the request
    >>> event.name, event.status, event.session_id
"""

from briqpay_async.webhooks.endpoint import WebhookAnswer, WebhookHandler
from briqpay_async.webhooks.events import (
    CaptureStatusEvent,
    OrderStatusEvent,
    OtherEvent,
    RefundStatusEvent,
    SessionStatusEvent,
    WebhookEvent,
)
from briqpay_async.webhooks.inbox import Claim, InboxStore, MemoryInboxStore, WebhookInbox
from briqpay_async.webhooks.receiver import WebhookReceiver
from briqpay_async.webhooks.signature import HEADER, sign
from briqpay_async.webhooks.sqlite_inbox import SQLiteInboxStore

__all__ = [
    "HEADER",
    "CaptureStatusEvent",
    "Claim",
    "InboxStore",
    "MemoryInboxStore",
    "OrderStatusEvent",
    "OtherEvent",
    "RefundStatusEvent",
    "SQLiteInboxStore",
    "SessionStatusEvent",
    "WebhookAnswer",
    "WebhookEvent",
    "WebhookHandler",
    "WebhookInbox",
    "WebhookReceiver",
    "sign",
]
