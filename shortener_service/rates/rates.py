"""GatewayParts budgets among gateways, by what each of them is asked for."""

from collections.abc import Mapping
from typing import NamedTuple

from shortener_service.rates.store import RedisRates

# Gateways ask every two seconds: one that has missed it twice is gone.
KEPT_MILLISECONDS = 5_000
# This part of a budget is for all alike, so that one that was asked for nothing yet can let the first few through.
_FOR_ALL_ALIKE = 0.2
# All gateways ask for this one, whatever else they do.
_PRESENT = "gateways"


class GatewayParts(NamedTuple):
    """How many gateways there are, and what part of each budget one of them has."""

    gateways: int
    parts: list[float]


class Rates:
    """GatewayParts budgets."""

    def __init__(self, store: RedisRates) -> None:
        self._store = store

    async def share(self, gateway: str, demands: Mapping[str, float]) -> GatewayParts:
        """Note what a gateway was asked for, and return what it has of each budget until it asks again."""
        present, *noted = await self._store.note(gateway, {_PRESENT: 1.0, **demands}, KEPT_MILLISECONDS)
        gateways = max(1, len(present))
        return GatewayParts(gateways, [part_of(gateway, units, gateways) for units in noted])


def part_of(gateway: str, units: Mapping[str, float], gateways: int) -> float:
    """Return what part of a budget a gateway has, by what each was asked for; those of all are 1 at most."""
    alike = 1 / max(gateways, len(units))
    total = sum(units.values())
    return alike if not total else _FOR_ALL_ALIKE * alike + (1 - _FOR_ALL_ALIKE) * units.get(gateway, 0.0) / total
