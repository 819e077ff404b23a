"""Agrees with other gateways on who has how much of each budget, every two seconds, through the shortener."""

import asyncio
import secrets

from clicktrail.shortener.v1 import rate_service_pb2 as pb
from common.logging import get_logger
from common.rare_warnings import RareWarning
from gateway.rate_limits.limits import BudgetKey, RateLimits
from gateway.rpc.clients import Services

log = get_logger(__name__)

ASK_SECONDS = 2.0
# Of those that most is asked of; the others have the part that every gateway has.
MOST_BUDGETS = 500


class BudgetShares:
    """Keeps the budgets of this process in step with those of others.

    Nobody waits for it: while the shortener or its Redis is away, this process goes on with a
    part of every budget that is as large as that of every other gateway.
    """

    def __init__(self, services: Services, limits: RateLimits) -> None:
        methods = pb.DESCRIPTOR.services_by_name["RateService"].methods_by_name
        self._share = services.method(methods["ShareBudgets"])
        self._limits = limits
        self._gateway = secrets.token_hex(8)
        self._warning = RareWarning(log, "rate limits are not shared with other gateways")

    async def keep_in_step(self) -> None:
        """Ask for shares, for ever."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            try:
                await self._ask()
            except Exception as error:  # noqa: BLE001  (whatever it is, the gateway goes on with an equal part)
                self._limits.agree({})
                self._warning.tell(cause=repr(error)[:200])

    async def _ask(self) -> None:
        demands = self._limits.demands(MOST_BUDGETS)
        response: pb.ShareBudgetsResponse = await self._share(
            pb.ShareBudgetsRequest(
                gateway=self._gateway,
                demands=[pb.Demand(budget=_name_of(key), units=units) for key, units in demands.items()],
            ),
            ASK_SECONDS,
        )
        self._limits.agree(dict(zip(demands, response.parts, strict=True)), otherwise=1 / response.gateways)


def _name_of(key: BudgetKey) -> str:
    business_id, kind, is_private, network = key
    return f"{kind}:{'servers' if is_private else 'pages'}:{business_id}:{network}"
