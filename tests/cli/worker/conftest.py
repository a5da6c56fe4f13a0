"""The tests of this room run on a real server."""

from support.valkey import account, redis_url

__all__ = ["account", "redis_url"]
