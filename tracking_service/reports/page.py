"""The list of a business's campaigns and journeys, and the signed links that show a report without a token."""

import hmac
import os
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, urlencode

from common.clock import EPOCH, now
from common.errors import ClicktrailError, Fault, FaultType, Kind, Reason, field_fault, invalid, invalid_field
from tracking_service.counters.scopes import Scope
from tracking_service.reports.page_store import LatestActivity, PostgresReportPage
from tracking_service.reports.report import Report
from tracking_service.reports.reports import Reports

KEY_BYTES = 32
USUAL_LIFE = timedelta(days=7)
LONGEST_LIFE = timedelta(days=90)

_SECOND = timedelta(seconds=1)
# When it expires, in Unix seconds; the business; and the code that binds the two to the business's key.
_SIGNATURE = re.compile(r"([1-9]\d{0,11})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})", re.ASCII)
# So that the key can sign nothing that is taken for something else.
_PURPOSE = b"clicktrail report link\n"

OFFSET_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature says, which was not verified yet."""

    business_id: str
    expires_at: datetime
    signature: str


def lifetime_end(wanted: datetime | None, now: datetime) -> datetime:
    """Return until when a new link opens reports, in whole seconds. Raises INVALID naming `expires_at`."""
    expires_at = now + USUAL_LIFE if wanted is None else wanted
    if not now < expires_at <= now + LONGEST_LIFE:
        raise invalid_field("expires_at", f"must lie ahead, by at most {LONGEST_LIFE.days} days.")
    return EPOCH + (expires_at - EPOCH) // _SECOND * _SECOND


def sign(key: bytes, business_id: str, expires_at: datetime) -> str:
    """Return the signature that opens a business's reports until a time in whole seconds."""
    signed = f"{(expires_at - EPOCH) // _SECOND}.{business_id}"
    code = hmac.digest(key, _PURPOSE + signed.encode(), sha256)
    return f"{signed}.{urlsafe_b64encode(code).decode().rstrip('=')}"


def read(signature: str) -> Claim | None:
    """Return what a signature says; None where it is no signature."""
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        return None
    return Claim(found[2], EPOCH + int(found[1]) * _SECOND, signature)


def is_good(claim: Claim, key: bytes, now: datetime) -> bool:
    """Tell whether a claim was signed with the business's key and has not expired."""
    genuine = sign(key, claim.business_id, claim.expires_at)
    return hmac.compare_digest(genuine, claim.signature) and now < claim.expires_at


def path_to(campaign: str | None, journey: str | None, signature: str) -> str:
    """Return the path of the page of a campaign or journey, or of the list of all, that a signature opens.

    It is the gateway's path (`gateway/reports/pages.py`), told here because callers of the RPC are promised the path.
    """
    query = urlencode({"signature": signature})
    if campaign:
        return f"/reports/campaigns/{quote(campaign, safe='')}?{query}"
    if journey:
        return f"/reports/journeys/{quote(journey, safe='')}?{query}"
    return f"/reports?{query}"


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
        until = lifetime_end(expires_at, now())
        key = await self._store.keep_key(business_id, os.urandom(KEY_BYTES))
        signature = sign(key, business_id, until)
        return ReportLink(path_to(campaign, journey, signature), signature, until)

    async def revoke_links(self, business_id: str) -> None:
        """Make all links of a business that were signed so far worthless. Raises `BUSINESS_UNKNOWN`."""
        await self._store.change_key(business_id, os.urandom(KEY_BYTES))

    async def open(self, signature: str) -> Opened:
        """Return whose reports a signature opens. Raises `CREDENTIAL_UNKNOWN`."""
        claim = read(signature)
        owner = await self._store.owner(claim.business_id) if claim else None
        if claim is None or owner is None or owner.key is None or not is_good(claim, owner.key, now()):
            unknown = Fault(FaultType.UNAUTHORIZED, None, "This link is not known, has expired or was revoked.")
            raise ClicktrailError(Kind.UNAUTHENTICATED, Reason.CREDENTIAL_UNKNOWN, [unknown])
        return Opened(claim.business_id, owner.name, claim.expires_at)

    async def scopes(self, business_id: str, limit: int, offset: int) -> tuple[list[ReportScope], bool]:
        """Return campaigns and journeys with their totals, newest first, and whether there are more."""
        if not 0 <= offset <= OFFSET_LIMIT:
            raise invalid_field("offset", f"must be 0 to {OFFSET_LIMIT}.")
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
        raise invalid_field("campaign", "or journey is required.", FaultType.PARAMETER_MISSING)


def _check_at_most_one(campaign: str | None, journey: str | None) -> None:
    """Raise INVALID for two scopes, and for an empty id."""
    faults = [
        field_fault(name, "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)
        for name, value in (("campaign", campaign), ("journey", journey))
        if value == ""
    ]
    if campaign is not None and journey is not None:
        faults.append(field_fault("journey", "and campaign exclude each other.", FaultType.AMBIGUOUS_PARAMETER))
    if faults:
        raise invalid(faults)
