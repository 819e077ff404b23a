"""Reports: the use cases."""

from collections.abc import Mapping, Sequence

from common.clock import EPOCH, now
from common.errors import Fault, FaultType, field_fault, invalid
from tracking_service.counters.scopes import BUSINESS_SCOPE, Scope
from tracking_service.reports.known_scopes import KnownScopes
from tracking_service.reports.range import WHOLE_LIFE, WantedRange, check, resolve, whole
from tracking_service.reports.report import Report, compose
from tracking_service.reports.store import PostgresReports


class Reports:
    """Reports on what a scope's links brought."""

    def __init__(self, store: PostgresReports, known_scopes: KnownScopes) -> None:
        self._store = store
        self._known_scopes = known_scopes

    async def report(self, business_id: str, scope: Scope, wanted: WantedRange) -> Report:
        """Return a report. Raises INVALID with every fault, `BUSINESS_UNKNOWN`, `LINK_UNKNOWN`, `SCOPE_UNKNOWN`."""
        check(wanted)
        start = await self._store.start(business_id, scope, wanted.basis)
        if start is None:
            await self._known_scopes.check(business_id, scope)
        range_ = resolve(wanted, start, now())
        return compose(scope, range_, await self._store.sums(business_id, scope, range_))

    async def totals(self, business_id: str, scopes: Sequence[Scope]) -> list[Report]:
        """Return what reports of whole lives say in their totals, in order: one point, no events, no breakdowns."""
        range_ = whole(resolve(WHOLE_LIFE, EPOCH, now()))
        totals = await self._store.totals(business_id, scopes, range_)
        return [compose(scope, range_, totals[scope]) for scope in scopes]


def scope_from(named: Mapping[str, str]) -> Scope:
    """Return the one scope named by kind; the business where none is. Raises INVALID for two, or an empty id."""
    if len(named) > 1:
        one = f"Only one of {', '.join(f'`{kind}`' for kind in named)} may be given."
        raise invalid([Fault(FaultType.AMBIGUOUS_PARAMETER, list(named)[1], one)])
    for kind, scope_id in named.items():
        if not scope_id:
            raise invalid([field_fault(kind, "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)])
        return kind, scope_id
    return BUSINESS_SCOPE
