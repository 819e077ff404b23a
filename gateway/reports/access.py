"""Says whose reports a request may see: by a private token, or by the signature of a link to the report page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clicktrail.tracking.v1 import report_page_service_pb2 as pb
from common.credentials import CredentialCache
from gateway.auth import Credentials
from gateway.http.errors import RefusedError, unauthorized
from gateway.http.exchange import Exchange
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.rpc.clients import Services

PARAMETER = "signature"
SIGNATURE_LENGTH_LIMIT = 200
REMEMBERED_LIMIT = 1_000

# What a message sticks to an address, such as a full stop or a bracket, comes behind.
_STUCK = re.compile(r"[^A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads reports: a business."""

    business_id: str
    business_name: str


class ReportAccess:
    """Judges the signatures of links to the report page."""

    def __init__(self, services: Services, credentials: Credentials, limits: RateLimits) -> None:
        methods = pb.DESCRIPTOR.services_by_name["ReportPageService"].methods_by_name
        self._open = services.method(methods["OpenReportLink"])
        self._credentials = credentials
        self._limits = limits
        self._cache = CredentialCache(self._ask, REMEMBERED_LIMIT)

    async def business_of(self, exchange: Exchange) -> str:
        """Return the business whose reports a request of the API may see. Raises the refusal with 401."""
        signature = signature_of(exchange)
        if signature is None or "authorization" in exchange.headers:
            return (await self._credentials.private(exchange)).business_id
        return (await self.reader(exchange, signature)).business_id

    async def reader(self, exchange: Exchange, signature: str | None) -> Reader:
        """Return whose reports a signature opens. Raises the refusal with 401, and with 429 beyond the limits."""
        self._limits.take_as_stranger(BudgetKind.REQUESTS, exchange.network)
        if not signature or len(signature) > SIGNATURE_LENGTH_LIMIT:
            raise _refused()
        found = await self._cache.of(signature)
        if found is None:
            raise _refused()
        return found

    async def _ask(self, signature: str) -> Reader:
        opened: pb.OpenReportLinkResponse = await self._open(
            pb.OpenReportLinkRequest(signature=signature), is_repeatable=True
        )
        return Reader(opened.business_id, opened.business_name)


def signature_of(exchange: Exchange) -> str | None:
    """Return the signature that a request brings in its query, if it does."""
    return signature_in(dict(exchange.query()))


def signature_in(query: Mapping[str, str]) -> str | None:
    """Return the signature that a query has, if it does, without what is stuck to it."""
    return _STUCK.sub("", query[PARAMETER]) if PARAMETER in query else None


def _refused() -> RefusedError:
    return unauthorized("The link to this report is not known, has expired or was revoked.")
