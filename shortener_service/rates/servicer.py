"""RateService over gRPC."""

import math
from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import rate_service_pb2 as pb
from clicktrail.shortener.v1 import rate_service_pb2_grpc
from common.errors import Faults, invalid
from common.field_rules import rules
from shortener_service.rates.rates import Rates

if TYPE_CHECKING:
    from grpc import aio

MOST_DEMANDS = rules(pb.ShareBudgetsRequest, "demands").max_items
LONGEST_GATEWAY = rules(pb.ShareBudgetsRequest, "gateway").max_length
LONGEST_BUDGET = rules(pb.Demand, "budget").max_length


class RateServicer(rate_service_pb2_grpc.RateServiceServicer):
    """Serves RateService."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    async def ShareBudgets(
        self, request: pb.ShareBudgetsRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> pb.ShareBudgetsResponse:
        """Share budgets."""
        del context
        _check(request)
        shares = await self._rates.share(request.gateway, {demand.budget: demand.units for demand in request.demands})
        return pb.ShareBudgetsResponse(gateways=shares.gateways, parts=shares.parts)


def _check(request: pb.ShareBudgetsRequest) -> None:
    faults = Faults()
    if not 1 <= len(request.gateway) <= LONGEST_GATEWAY:
        faults.add("gateway", f"takes 1 to {LONGEST_GATEWAY} characters.")
    if len(request.demands) > MOST_DEMANDS:
        faults.add("demands", f"takes at most {MOST_DEMANDS:,}.")
    for at, demand in enumerate(request.demands[:MOST_DEMANDS]):
        if not 1 <= len(demand.budget) <= LONGEST_BUDGET:
            faults.add(f"demands[{at}].budget", f"takes 1 to {LONGEST_BUDGET} characters.")
        if not (math.isfinite(demand.units) and demand.units >= 0):
            faults.add(f"demands[{at}].units", "must be a number, and not negative.")
    if len({demand.budget for demand in request.demands}) < len(request.demands):
        faults.add("demands", "has a budget twice.")
    if faults.found:
        raise invalid(faults.found)
