"""Shows where a link leads, and draws its QR code: neither is a click."""

import asyncio
import re
import secrets
from urllib.parse import urlsplit

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1.link_pb2 import Link
from common.clock import from_timestamp, to_rfc3339
from common.errors import FaultType
from gateway.http.asgi import Scope, Send
from gateway.http.errors import problem_of, refused, wrong_method
from gateway.http.exchange import Answer, answer, query_of
from gateway.http.responses import send_answer
from gateway.redirects.error_pages import page_of, wants_json
from gateway.redirects.hits import host_of
from gateway.redirects.qr_codes import TYPES, drawn, sizes_of
from gateway.rpc.clients import Services
from gateway.templating import HTML, filled

METHODS = ("GET", "HEAD")
KEPT_SECONDS = 300

_VIEW = re.compile(r"/([A-Za-z0-9_-]{1,64})(\+|\.svg|\.png)")
_HEADERS = {
    "cache-control": "private, no-store",
    "vary": "Accept",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class LinkPages:
    """What there is to see of a link besides where it leads."""

    def __init__(self, services: Services) -> None:
        service = pb.DESCRIPTOR.services_by_name["RedirectService"]
        self._look_up = services.method(service.methods_by_name["LookUpCode"])

    def serves(self, path: str) -> bool:
        """Tell whether a path is one of these."""
        return path.endswith(("+", ".svg", ".png")) and _VIEW.fullmatch(path) is not None

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one request for a path that is served."""
        request_id = secrets.token_hex(8)
        try:
            answered = await self._answer(scope, request_id)
        except Exception as error:  # noqa: BLE001  (told apart in the table of errors)
            answered = page_of(problem_of(error, request_id), scope["headers"], is_link=True)
        await send_answer(send, answered, _HEADERS, is_head=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, request_id: str) -> Answer:
        if scope["method"] not in METHODS:
            raise wrong_method(scope["method"], METHODS)
        found = _VIEW.fullmatch(scope["path"])
        code, view = found.groups() if found else ("", "")
        sizes = None if view == "+" else sizes_of(query_of(scope))
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        request = pb.LookUpCodeRequest(host=host_of(host), code=code)
        looked_up: pb.LookUpCodeResponse = await self._look_up(request, request_id=request_id, is_repeatable=True)
        destination = _destination(looked_up)
        if sizes is None:
            return _shown(scope, looked_up.link, destination)
        drawing = await asyncio.to_thread(drawn, looked_up.link.short_url, view[1:], *sizes)
        return Answer(200, drawing, {"cache-control": f"public, max-age={KEPT_SECONDS}"}, TYPES[view[1:]])


def _destination(looked_up: pb.LookUpCodeResponse) -> str:
    """Return where a link leads now. Raises the refusal with 410 where that is nowhere."""
    if looked_up.is_live:
        return looked_up.link.destination
    if looked_up.link.fallback_url:
        return looked_up.link.fallback_url
    raise refused(410, FaultType.NOT_FOUND, "This link has expired.")


def _shown(scope: Scope, link: Link, destination: str) -> Answer:
    created_at = from_timestamp(link.created_at)
    told = {"short_url": link.short_url, "destination": destination, "created_at": to_rfc3339(created_at)}
    if wants_json(scope["headers"], is_link=True):
        return answer(200, dict(told))
    page = filled("link.html", host=urlsplit(destination).hostname or "", created_on=f"{created_at:%-d %B %Y}", **told)
    return Answer(200, page, content_type=HTML)
