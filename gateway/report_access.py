"""Says whose reports a request may see: by a private token, or by the signature of a link to the report page."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from clicktrail.tracking.v1 import report_page_service_pb2 as pb
from common.errors import ClicktrailError, Kind
from gateway.clients import Services
from gateway.credentials import Credentials
from gateway.exchange import Exchange
from gateway.http_errors import RefusedError, unauthorized

PARAMETER = "signature"
SIGNATURE_LENGTH_LIMIT = 200
# A link that was revoked must be refused within 5 seconds.
REMEMBERED_SECONDS = 3.0
REMEMBERED_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads reports: a business."""

    business_id: str
    business_name: str


class ReportAccess:
    """Judges signatures, and remembers the judgement for a moment; many at once ask for it only once."""

    def __init__(self, services: Services, credentials: Credentials) -> None:
        methods = pb.DESCRIPTOR.services_by_name["ReportPageService"].methods_by_name
        self._open = services.method(methods["OpenReportLink"])
        self._credentials = credentials
        self._remembered: OrderedDict[str, tuple[float, asyncio.Task[Reader | None]]] = OrderedDict()

    async def business_of(self, exchange: Exchange) -> str:
        """Return the business whose reports a request of the API may see. Raises the refusal with 401."""
        signature = signature_of(exchange)
        if signature is None or "authorization" in exchange.headers:
            return (await self._credentials.private(exchange)).business_id
        return (await self.reader(signature)).business_id

    async def reader(self, signature: str | None) -> Reader:
        """Return whose reports a signature opens. Raises the refusal with 401."""
        if not signature or len(signature) > SIGNATURE_LENGTH_LIMIT:
            raise _refused()
        found = await asyncio.shield(self._judgement(signature))
        if found is None:
            raise _refused()
        return found

    def _judgement(self, signature: str) -> asyncio.Task[Reader | None]:
        now = asyncio.get_running_loop().time()
        until, judgement = self._remembered.get(signature, (0.0, None))
        if judgement is not None and now < until:
            return judgement
        judgement = asyncio.create_task(self._ask(signature))
        self._remembered[signature] = (now + REMEMBERED_SECONDS, judgement)
        self._remembered.move_to_end(signature)
        if len(self._remembered) > REMEMBERED_LIMIT:
            self._remembered.popitem(last=False)
        return judgement

    async def _ask(self, signature: str) -> Reader | None:
        try:
            opened: pb.OpenReportLinkResponse = await self._open(
                pb.OpenReportLinkRequest(signature=signature), is_repeatable=True
            )
        except Exception as error:
            if isinstance(error, ClicktrailError) and error.kind is Kind.UNAUTHENTICATED:
                return None
            # What could not be told now is asked again by the next.
            self._remembered.pop(signature, None)
            raise
        return Reader(opened.business_id, opened.business_name)


def signature_of(exchange: Exchange) -> str | None:
    """Return the signature that a request brings in its query, if it does."""
    return dict(exchange.query()).get(PARAMETER)


def _refused() -> RefusedError:
    return unauthorized("The link to this report is not known, has expired or was revoked.")
