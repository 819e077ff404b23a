"""Keeps in Redis, for a few seconds, what gateways were asked for."""

from collections.abc import Mapping, Sequence

from shortener_service.redis.client import RedisCalls, Script
from shortener_service.redis.keyspace import Keys

_NOTE = Script(__package__, "note_demand.lua")


class RedisRates:
    """What each gateway was asked for, by budget."""

    def __init__(self, calls: RedisCalls, keys: Keys) -> None:
        self._calls = calls
        self._keys = keys

    async def note(
        self, gateway: str, demands: Mapping[str, float], kept_milliseconds: int
    ) -> Sequence[Mapping[str, float]]:
        """Note what a gateway was asked for; return of each budget, in order, what all of them were."""
        commands = [
            _NOTE.call([self._keys.rate(budget)], (gateway, repr(units), kept_milliseconds))
            for budget, units in demands.items()
        ]
        return [_units(reply) for reply in await self._calls.run(commands)]


def _units(flat: Sequence[bytes]) -> dict[str, float]:
    return {gateway.decode(): float(units) for gateway, units in zip(flat[::2], flat[1::2], strict=True)}
