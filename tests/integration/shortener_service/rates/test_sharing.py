"""Gateways share budgets through Redis."""

import pytest
from redis.asyncio import Redis

from clicktrail.shortener.v1 import rate_service_pb2 as pb
from shortener_service.rates import rates
from tests.integration.shortener_service.conftest import on_a_cluster_too
from tests.support.shortener_service.callers import SECONDS, Caller, fields_of, refusal
from tests.support.waiting import eventually


async def shares(caller: Caller, gateway: str, **demands: float) -> pb.ShareBudgetsResponse:
    """Return what a gateway has of budgets that it was asked so much for."""
    asked = [pb.Demand(budget=budget, units=units) for budget, units in demands.items()]
    return await caller.rates.ShareBudgets(pb.ShareBudgetsRequest(gateway=gateway, demands=asked), timeout=SECONDS)


@on_a_cluster_too
async def test_gateways_share_by_what_they_are_asked_for(shortener: Caller) -> None:
    """Budgets that lie in different shards too; in the order in which they were named."""
    alone = await shares(shortener, "a", events=30, orders=1)
    assert (alone.gateways, list(alone.parts)) == (1, [1, 1])
    second = await shares(shortener, "b", orders=3, events=10)
    assert second.gateways == 2
    assert list(second.parts) == pytest.approx([0.1 + 0.8 * 0.75, 0.1 + 0.8 * 0.25])
    first = await shares(shortener, "a", events=10)
    assert list(first.parts) == pytest.approx([0.5])


async def test_a_gateway_that_asks_no_more_is_forgotten(
    shortener: Caller, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had is the others' then, and nothing is left in Redis when all have gone."""
    monkeypatch.setattr(rates, "KEPT_MILLISECONDS", 300)
    await shares(shortener, "gone", events=1_000)
    assert list((await shares(shortener, "a", events=1)).parts) != [1]

    async def ask() -> tuple[int, list[float]]:
        seen = await shares(shortener, "a", events=1)
        return seen.gateways, list(seen.parts)

    assert await eventually(ask, lambda seen: seen[0] == 1) == (1, [1])

    async def keys() -> int:
        return len([key async for key in redis.scan_iter(match="*rate:*")])

    await eventually(keys, lambda count: not count)


async def test_what_cannot_be_shared_is_refused(shortener: Caller) -> None:
    """Every fault by its field, all at once."""
    demands = [pb.Demand(budget="a", units=float("nan")), pb.Demand(budget="", units=-1), pb.Demand(budget="a")]
    request = pb.ShareBudgetsRequest(demands=demands)
    error = await refusal(shortener.rates.ShareBudgets(request, timeout=SECONDS))
    assert fields_of(error) == {"gateway", "demands", "demands[0].units", "demands[1].budget", "demands[1].units"}
