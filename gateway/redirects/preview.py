"""Shows where a link leads, and draws its QR code: neither is a click."""

import asyncio
from functools import partial
from urllib.parse import urlsplit

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1.link_pb2 import Link
from common.clock import from_timestamp, to_rfc3339
from common.errors import FaultType
from gateway.http.errors import RefusedError, refused
from gateway.http.exchange import Answer, Exchange, answer
from gateway.http.routes import Route, Routes
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.redirects.error_pages import BLOCKED, STYLE, wants_json
from gateway.redirects.hits import host_of
from gateway.redirects.operations import DRAWINGS, LOOK, REDIRECT, VIEW
from gateway.redirects.qr_codes import TYPES, Drawing, drawn, sizes_of
from gateway.rpc.clients import Services
from gateway.templating import HTML, filled

KEPT_SECONDS = 300


class LinkPages:
    """What there is to see of a link besides where it leads."""

    def __init__(self, services: Services, limits: RateLimits, abuse_address: str | None) -> None:
        service = pb.DESCRIPTOR.services_by_name["RedirectService"]
        self._limits = limits
        self._abuse_address = abuse_address
        self._look_up = services.method(service.methods_by_name["LookUpCode"])

    def routes(self) -> Routes:
        """Return the routes, and those of the links themselves, which are answered before."""
        drawings = [Route(operation, partial(self.draw, kind), STYLE) for kind, operation in DRAWINGS.items()]
        return [Route(REDIRECT, None, STYLE), Route(LOOK, None, STYLE), Route(VIEW, self.show, STYLE), *drawings]

    async def show(self, exchange: Exchange) -> Answer:
        """Show where a link leads."""
        looked_up = await self._looked_up(exchange)
        destination = _destination(looked_up)
        return _shown(exchange, looked_up.link, destination, self._abuse_address)

    async def draw(self, kind: str, exchange: Exchange) -> Answer:
        """Draw a link's code as "svg" or "png"."""
        sizes = sizes_of(exchange.query())
        looked_up = await self._looked_up(exchange)
        _destination(looked_up)
        drawing = Drawing(looked_up.link.short_url, kind, *sizes)
        headers = {"cache-control": f"public, max-age={KEPT_SECONDS}", "etag": drawing.tag}
        if exchange.has_at_hand(drawing.tag):
            return Answer(304, headers=headers)
        return Answer(200, await asyncio.to_thread(drawn, drawing), headers, TYPES[kind])

    async def _looked_up(self, exchange: Exchange) -> pb.LookUpCodeResponse:
        self._limits.take_as_stranger(BudgetKind.REQUESTS, exchange.network)
        request = pb.LookUpCodeRequest(host=host_of(exchange.headers.get("host", "")), code=exchange.parameters["code"])
        response: pb.LookUpCodeResponse = await self._look_up(
            request, request_id=exchange.request_id, is_repeatable=True
        )
        return response


def _destination(looked_up: pb.LookUpCodeResponse) -> str:
    """Return where a link leads now, as it is sent to browsers. Raises the refusal with 410 where that is nowhere."""
    link = looked_up.link
    if looked_up.is_blocked:
        raise RefusedError(BLOCKED)
    # An older shortener says it of the link alone, as it was typed.
    if location := looked_up.location or (link.destination if looked_up.is_live else link.fallback_url):
        return location
    raise refused(410, FaultType.NOT_FOUND, "This link has expired.")


def _shown(exchange: Exchange, link: Link, destination: str, abuse_address: str | None) -> Answer:
    created_at = from_timestamp(link.created_at)
    told = {"short_url": link.short_url, "destination": destination, "created_at": to_rfc3339(created_at)}
    if wants_json(exchange.scope["headers"], is_link=True):
        return answer(200, dict(told))
    page = filled(
        "link.html",
        host=urlsplit(destination).hostname or "",
        created_on=f"{created_at:%-d %B %Y}",
        abuse_address=abuse_address,
        **told,
    )
    return Answer(200, page, content_type=HTML)
