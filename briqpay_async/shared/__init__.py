"""What several processes keep together: the order of sessions, the rate, webhooks that were handled."""

from briqpay_async.config import RateLimit
from briqpay_async.shared.inbox import RedisInboxStore
from briqpay_async.shared.redis import RedisState
from briqpay_async.shared.state import MemoryState, SharedState
from briqpay_async.webhooks.sqlite_inbox import SQLiteInboxStore

__all__ = ["MemoryState", "RateLimit", "RedisInboxStore", "RedisState", "SQLiteInboxStore", "SharedState"]
