"""Keeps in Redis which businesses there are, as far as tracking was asked."""

from shortener_service.redis.client import RedisCalls
from shortener_service.redis.keyspace import BUSINESSES


class RedisBusinesses:
    """The known businesses."""

    def __init__(self, calls: RedisCalls) -> None:
        self._calls = calls

    async def has(self, business_id: str) -> bool:
        """Tell whether a business is known."""
        return bool(await self._calls.run_one("SISMEMBER", BUSINESSES, business_id))

    async def add(self, business_id: str) -> None:
        """Remember a business."""
        await self._calls.run_one("SADD", BUSINESSES, business_id)
