"""The report page: who may open it, and what it lists. The use cases."""

import os
from dataclasses import dataclass
from datetime import datetime

from common.clock import now
from common.errors import ClicktrailError, Fault, FaultType, Kind, Reason, invalid, invalid_field
from tracking_service import report_links
from tracking_service.counters.scopes import Scope
from tracking_service.postgres_report_page import LatestActivity, PostgresReportPage
from tracking_service.report import Report
from tracking_service.reports import Reports

OFFSET_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class ReportLink:
    """A signed link."""

    path: str
    signature: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose reports a signature opens."""

    business_id: str
    business_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReportScope:
    """A campaign or journey, and the totals of its whole life."""

    scope: Scope
    newest_link_at: datetime
    totals: Report


class ReportPage:
    """Signs and judges links to the reports of a business, and lists what the page shows."""

    def __init__(self, store: PostgresReportPage, reports: Reports) -> None:
        self._store = store
        self._reports = reports

    async def create_link(
        self, business_id: str, campaign: str | None, journey: str | None, expires_at: datetime | None
    ) -> ReportLink:
        """Sign a link. Raises INVALID with every fault, `BUSINESS_UNKNOWN`."""
        _check_at_most_one(campaign, journey)
        until = report_links.lifetime_end(expires_at, now())
        key = await self._store.keep_key(business_id, os.urandom(report_links.KEY_BYTES))
        signature = report_links.sign(key, business_id, until)
        return ReportLink(report_links.path_to(campaign, journey, signature), signature, until)

    async def revoke_links(self, business_id: str) -> None:
        """Make all links of a business that were signed so far worthless. Raises `BUSINESS_UNKNOWN`."""
        await self._store.change_key(business_id, os.urandom(report_links.KEY_BYTES))

    async def open(self, signature: str) -> Opened:
        """Return whose reports a signature opens. Raises `CREDENTIAL_UNKNOWN`."""
        claim = report_links.read(signature)
        owner = await self._store.owner(claim.business_id) if claim else None
        if claim is None or owner is None or owner.key is None or not report_links.is_good(claim, owner.key, now()):
            unknown = Fault(FaultType.UNAUTHORIZED, None, "This link is not known, has expired or was revoked.")
            raise ClicktrailError(Kind.UNAUTHENTICATED, Reason.CREDENTIAL_UNKNOWN, [unknown])
        return Opened(claim.business_id, owner.name, claim.expires_at)

    async def scopes(self, business_id: str, limit: int, offset: int) -> tuple[list[ReportScope], bool]:
        """Return campaigns and journeys with their totals, newest first, and whether there are more."""
        if not 0 <= offset <= OFFSET_LIMIT:
            raise invalid_field("offset", f"It must be 0 to {OFFSET_LIMIT}.")
        found = await self._store.scopes(business_id, limit + 1, offset)
        shown = found[:limit]
        totals = await self._reports.totals(business_id, [scope for scope, _ in shown])
        scopes = [ReportScope(*place, report) for place, report in zip(shown, totals, strict=True)]
        return scopes, len(found) > limit

    async def latest(
        self, business_id: str, campaign: str | None, journey: str | None, limit: int
    ) -> list[LatestActivity]:
        """Return what happened last in a campaign or journey. Raises INVALID, `BUSINESS_UNKNOWN`."""
        _check_at_most_one(campaign, journey)
        if campaign:
            return await self._store.latest(business_id, ("campaign", campaign), limit)
        if journey:
            return await self._store.latest(business_id, ("journey", journey), limit)
        raise invalid_field("campaign", "`campaign` or `journey` is required.", FaultType.PARAMETER_MISSING)


def _check_at_most_one(campaign: str | None, journey: str | None) -> None:
    """Raise INVALID for two scopes, and for an empty id."""
    faults = [
        Fault(FaultType.PARAMETER_INVALID_EMPTY, name, "It must not be empty.")
        for name, value in (("campaign", campaign), ("journey", journey))
        if value == ""
    ]
    if campaign is not None and journey is not None:
        one = "Only one of `campaign` and `journey` may be given."
        faults.append(Fault(FaultType.AMBIGUOUS_PARAMETER, "journey", one))
    if faults:
        raise invalid(faults)
