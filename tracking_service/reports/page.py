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
from tracking_service.counters.scopes import BUSINESS_SCOPE, Scope
from tracking_service.reports.known_scopes import KnownScopes
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


def sign(key: bytes, business_id: str, scope: Scope, expires_at: datetime) -> str:
    """Return the signature that opens the report of a scope, or all of a business, until a time in whole seconds.

    It does not say which: whoever asks for a report with it does.
    """
    signed = f"{(expires_at - EPOCH) // _SECOND}.{business_id}"
    # Those of whole businesses are as they were before there were others.
    bound = signed if scope == BUSINESS_SCOPE else "\n".join((signed, *scope))
    code = hmac.digest(key, _PURPOSE + bound.encode(), sha256)
    return f"{signed}.{urlsafe_b64encode(code).decode().rstrip('=')}"


def read(signature: str) -> Claim | None:
    """Return what a signature says; None where it is no signature."""
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        return None
    return Claim(found[2], EPOCH + int(found[1]) * _SECOND, signature)


def opened_scope(claim: Claim, key: bytes, wanted: Scope, now: datetime) -> Scope | None:
    """Return what a claim opens of what is wanted: that alone, or the whole business. None: neither, or no more."""
    if now >= claim.expires_at:
        return None
    for scope in (wanted, BUSINESS_SCOPE):
        if hmac.compare_digest(sign(key, claim.business_id, scope, claim.expires_at), claim.signature):
            return scope
    return None


def path_to(place: Scope, signature: str) -> str:
    """Return the path of the page of a campaign or journey, or of the list of all, with the signature that opens it.

    It is the gateway's path (`gateway/reports/pages.py`), told here because callers of the RPC are promised the path.
    """
    kind, scope_id = place
    page = "" if place == BUSINESS_SCOPE else f"/{kind}s/{quote(scope_id, safe='')}"
    return f"/reports{page}?{urlencode({'signature': signature})}"


@dataclass(frozen=True, slots=True)
class ReportLink:
    """A signed link."""

    path: str
    signature: str
    expires_at: datetime
    opens_all: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose reports a signature opens, and whether all of them."""

    business_id: str
    business_name: str
    expires_at: datetime
    opens_all: bool


@dataclass(frozen=True, slots=True)
class ReportScope:
    """A campaign or journey, and the totals of its whole life."""

    scope: Scope
    newest_link_at: datetime
    totals: Report


class ReportPage:
    """Signs and judges links to the reports of a business, and lists what the page shows."""

    def __init__(self, store: PostgresReportPage, reports: Reports, known_scopes: KnownScopes) -> None:
        self._store = store
        self._reports = reports
        self._known_scopes = known_scopes

    async def create_link(
        self, business_id: str, place: Scope, expires_at: datetime | None, *, opens_all: bool
    ) -> ReportLink:
        """Sign a link that leads to a place, and opens that alone or all.

        Raises INVALID, `BUSINESS_UNKNOWN`, `SCOPE_UNKNOWN`.
        """
        scope = BUSINESS_SCOPE if opens_all else place
        until = lifetime_end(expires_at, now())
        await self._known_scopes.check(business_id, place)
        key = await self._store.keep_key(business_id, os.urandom(KEY_BYTES))
        signature = sign(key, business_id, scope, until)
        return ReportLink(path_to(place, signature), signature, until, scope == BUSINESS_SCOPE)

    async def revoke_links(self, business_id: str) -> None:
        """Make all links of a business that were signed so far worthless. Raises `BUSINESS_UNKNOWN`."""
        await self._store.change_key(business_id, os.urandom(KEY_BYTES))

    async def open(self, signature: str, wanted: Scope) -> Opened:
        """Return whose reports a signature opens, if one that is wanted is among them. Raises `CREDENTIAL_UNKNOWN`."""
        claim = read(signature)
        owner = await self._store.owner(claim.business_id) if claim else None
        scope = opened_scope(claim, owner.key, wanted, now()) if claim and owner and owner.key else None
        if claim is None or owner is None or scope is None:
            unknown = Fault(FaultType.UNAUTHORIZED, None, "This link is not known, has expired or was revoked.")
            raise ClicktrailError(Kind.UNAUTHENTICATED, Reason.CREDENTIAL_UNKNOWN, [unknown])
        return Opened(claim.business_id, owner.name, claim.expires_at, scope == BUSINESS_SCOPE)

    async def scopes(self, business_id: str, limit: int, offset: int) -> tuple[list[ReportScope], bool]:
        """Return campaigns and journeys with their totals, newest first, and whether there are more."""
        if not 0 <= offset <= OFFSET_LIMIT:
            raise invalid_field("offset", f"must be 0 to {OFFSET_LIMIT}.")
        found = await self._store.scopes(business_id, limit + 1, offset)
        shown = found[:limit]
        totals = await self._reports.totals(business_id, [scope for scope, _ in shown])
        scopes = [ReportScope(*place, report) for place, report in zip(shown, totals, strict=True)]
        return scopes, len(found) > limit

    async def latest(self, business_id: str, place: Scope, limit: int, *, with_programs: bool) -> list[LatestActivity]:
        """Return what happened last in a campaign or journey, with what programs did where that is wanted too.

        Raises INVALID, `BUSINESS_UNKNOWN`.
        """
        if place == BUSINESS_SCOPE:
            raise invalid_field("campaign", "or journey is required.", FaultType.PARAMETER_MISSING)
        return await self._store.latest(business_id, place, limit, with_programs=with_programs)


def place_from(campaign: str | None, journey: str | None) -> Scope:
    """Return the campaign or journey named, the business where none is. Raises INVALID for two, and for an empty id."""
    named = {kind: value for kind, value in (("campaign", campaign), ("journey", journey)) if value is not None}
    faults = [
        field_fault(kind, "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)
        for kind, value in named.items()
        if not value
    ]
    if len(named) > 1:
        faults.append(field_fault("journey", "and campaign exclude each other.", FaultType.AMBIGUOUS_PARAMETER))
    if faults:
        raise invalid(faults)
    return next(iter(named.items()), BUSINESS_SCOPE)
