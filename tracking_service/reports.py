"""Reports: the use cases."""

from collections.abc import Mapping, Sequence

from common.clock import EPOCH, now
from common.errors import Fault, FaultType, invalid
from tracking_service.domain import BUSINESS_SCOPE, Scope
from tracking_service.postgres_reports import PostgresReports
from tracking_service.report import Report, compose
from tracking_service.report_range import WHOLE_LIFE, WantedRange, check, settle, whole


class Reports:
    """Reports on what a scope's links brought."""

    def __init__(self, store: PostgresReports) -> None:
        self._store = store

    async def report(self, business_id: str, scope: Scope, wanted: WantedRange) -> Report:
        """Return a report. Raises INVALID with every fault, `BUSINESS_UNKNOWN`."""
        check(wanted)
        start = await self._store.start(business_id, scope, wanted.basis)
        range_ = settle(wanted, start, now())
        return compose(scope, range_, await self._store.sums(business_id, scope, range_))

    async def totals(self, business_id: str, scopes: Sequence[Scope]) -> list[Report]:
        """Return what reports of whole lives say in their totals, in order: one point, no events, no breakdowns."""
        range_ = whole(settle(WHOLE_LIFE, EPOCH, now()))
        totals = await self._store.totals(business_id, scopes, range_)
        return [compose(scope, range_, totals[scope]) for scope in scopes]


def scope_from(named: Mapping[str, str]) -> Scope:
    """Return the one scope named by kind; the business where none is. Raises INVALID for two, or an empty id."""
    if len(named) > 1:
        one = f"Only one of {', '.join(f'`{kind}`' for kind in named)} may be given."
        raise invalid([Fault(FaultType.AMBIGUOUS_PARAMETER, list(named)[1], one)])
    for kind, scope_id in named.items():
        if not scope_id:
            raise invalid([Fault(FaultType.PARAMETER_INVALID_EMPTY, kind, "It must not be empty.")])
        return kind, scope_id
    return BUSINESS_SCOPE
