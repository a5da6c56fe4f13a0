"""The client for code without an event loop: Django and Flask views, Celery tasks, scripts, threads."""

from briqpay_async.blocking.client import BlockingBriqpayClient
from briqpay_async.blocking.resources import (
    BlockingHostedPages,
    BlockingOrders,
    BlockingSessions,
    BlockingSessionWriter,
    BlockingTokens,
)

__all__ = [
    "BlockingBriqpayClient",
    "BlockingHostedPages",
    "BlockingOrders",
    "BlockingSessionWriter",
    "BlockingSessions",
    "BlockingTokens",
]
