"""Says whose reports a request may see: by a private token, or by the signature of a link to the report page."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from clicktrail.tracking.v1 import report_page_service_pb2 as pb
from common.clock import from_timestamp
from common.credentials import CredentialCache
from common.errors import ClicktrailError, Reason, not_found
from gateway.auth import Credentials
from gateway.http.errors import RefusedError, unauthorized
from gateway.http.exchange import Exchange
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.reports.cookies import signature_of
from gateway.rpc.clients import Services

REMEMBERED_LIMIT = 1_000

# What tracking takes; in the memory of judgements a line break stands behind it.
_SIGNATURE = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads reports: a business, or whoever has a link of it."""

    business_id: str
    business_name: str
    opens_all: bool
    """Whether all reports of the business, or one alone."""
    until: datetime


class ReportAccess:
    """Judges the signatures of links to the report page, each for the report that the path of a request names."""

    def __init__(self, services: Services, credentials: Credentials, limits: RateLimits) -> None:
        methods = pb.DESCRIPTOR.services_by_name["ReportPageService"].methods_by_name
        self._open = services.method(methods["OpenReportLink"])
        self._credentials = credentials
        self._limits = limits
        self._cache = CredentialCache(self._ask, REMEMBERED_LIMIT)

    async def business_of(self, exchange: Exchange) -> str:
        """Return the business whose report a request of the API may see. Raises the refusal with 401."""
        signature = signature_of(exchange)
        if signature is None or "authorization" in exchange.headers:
            return (await self._credentials.private(exchange)).business_id
        return (await self.reader(exchange, signature)).business_id

    @contextmanager
    def telling(self, exchange: Exchange) -> Iterator[None]:
        """Keep the names of other reports, which errors may tell, from whoever has a link: it may be one's alone."""
        try:
            yield
        except ClicktrailError as error:
            if "authorization" in exchange.headers or not any(fault.known for fault in error.faults):
                raise
            raise unknown_report() from error

    async def reader(self, exchange: Exchange, signature: str | None) -> Reader:
        """Return who reads with a signature. Raises the refusal with 401, and with 429 beyond the limits."""
        self._limits.take_as_stranger(BudgetKind.REQUESTS, exchange.network)
        if not signature or not _SIGNATURE.fullmatch(signature):
            raise _refused()
        found = await self._cache.of("\n".join((signature, *_scope_of(exchange.parameters))))
        if found is None:
            raise _refused()
        return found

    async def _ask(self, asked: str) -> Reader:
        signature, *scope = asked.split("\n", 2)
        request = pb.OpenReportLinkRequest(signature=signature)
        if scope:
            setattr(request, *scope)
        opened: pb.OpenReportLinkResponse = await self._open(request, is_repeatable=True)
        until = from_timestamp(opened.expires_at)
        return Reader(opened.business_id, opened.business_name, not opened.is_of_one_report, until)


def unknown_report() -> ClicktrailError:
    """Return the error for a report that there is not, as it is told to those who may not know what there is."""
    return not_found(Reason.SCOPE_UNKNOWN, "There is no such report: no link belongs to it.")


def _scope_of(placeholders: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kind and the id of what a path is about; nothing where no link is bound to it."""
    return next(((kind, placeholders[kind]) for kind in ("campaign", "journey") if kind in placeholders), ())


def _refused() -> RefusedError:
    return unauthorized("The link to this report is not known, has expired, was revoked, or is of another report.")
