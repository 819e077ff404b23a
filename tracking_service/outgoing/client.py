"""The one client for servers of others: what it may reach is decided by the address that it connects to."""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple

import httpx

from tracking_service.outgoing.addresses import Network, is_within, may_be_reached
from tracking_service.outgoing.errors import (
    AddressRefused,
    AnswerTooLarge,
    RequestTimedOut,
    ServerUnreachable,
    UnexpectedStatus,
)

MAX_ANSWER_BYTES = 2 * 1024 * 1024
TOTAL_SECONDS = 20.0
CONNECT_SECONDS = 5.0
# A name with more addresses is tried at the first ones: each may cost the time of a connection.
MAX_ADDRESSES = 4
_PORTS = range(1, 65536)


class OutgoingAnswer(NamedTuple):
    """What a server answered with 2xx; names of headers in any case, body unzipped."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class GuardedClient:
    """Asks servers of others, which may be named by strangers.

    Names are resolved here and the connection goes to what was resolved, so that a name cannot lead elsewhere between
    being judged and being used. No connection, cookie or proxy is shared between requests, no redirect is followed.
    allowed_networks are reached although they are not public, also without TLS; no setting fills them. context is for
    authorities other than the well-known ones.
    """

    def __init__(self, allowed_networks: Sequence[Network] = (), context: ssl.SSLContext | None = None) -> None:
        """Load the authorities once: it takes tens of milliseconds."""
        self._allowed = tuple(allowed_networks)
        self._context = context or httpx.create_ssl_context(trust_env=False)

    async def request(  # noqa: PLR0913  (what a request is made of)
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
        total_seconds: float = TOTAL_SECONDS,
    ) -> OutgoingAnswer:
        """Return the answer, if its status is 2xx.

        The time counts from the name's resolution to the last byte. Raises `OutgoingError`, one class a reason, and
        `ValueError` for headers beyond printable ASCII.
        """
        target = _parsed(url)
        request = httpx.Request(method, target, headers=_heads(headers), content=content)
        request.extensions["sni_hostname"] = target.raw_host.decode("ascii")
        request.extensions["timeout"] = httpx.Timeout(total_seconds, connect=CONNECT_SECONDS).as_dict()
        try:
            async with asyncio.timeout(total_seconds):
                return await self._sent(request, await self._addresses(target), max_bytes)
        except (TimeoutError, httpx.TimeoutException):
            raise RequestTimedOut(f"{target.host} did not answer in time") from None
        except (httpx.TransportError, zlib.error) as error:
            raise ServerUnreachable(f"{target.host} cannot be reached") from error

    async def _addresses(self, target: httpx.URL) -> list[str]:
        """Resolve a name to those addresses that may be reached; at least one."""
        port = target.port or (443 if target.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                target.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise ServerUnreachable(f"the name {target.host} is unknown") from error
        every = dict.fromkeys(str(entry[4][0]) for entry in found)
        permitted = [address for address in every if self._permits(target.scheme, address)]
        if not permitted:
            raise AddressRefused(f"{target.host} has no public address")
        return permitted[:MAX_ADDRESSES]

    def _permits(self, scheme: str, address: str) -> bool:
        if scheme == "https":
            return may_be_reached(address, self._allowed)
        return is_within(ip_address(address), self._allowed)

    async def _sent(self, request: httpx.Request, addresses: Sequence[str], max_bytes: int) -> OutgoingAnswer:
        """Send a request to the first address that takes the connection."""
        url = request.url
        for address in addresses[:-1]:
            request.url = url.copy_with(host=address)
            try:
                return await self._answer(request, max_bytes)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        request.url = url.copy_with(host=addresses[-1])
        return await self._answer(request, max_bytes)

    async def _answer(self, request: httpx.Request, max_bytes: int) -> OutgoingAnswer:
        """Ask by a connection of the request's own: kept ones are known by address, and two names may share one."""
        async with httpx.AsyncHTTPTransport(verify=self._context, trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            try:
                if not response.is_success:
                    raise UnexpectedStatus(response.status_code, response.headers.get("retry-after", ""))
                body = await _body(response, max_bytes)
                return OutgoingAnswer(response.status_code, response.headers, body)
            finally:
                await response.aclose()


def _heads(headers: Mapping[str, str] | None) -> dict[str, str]:
    given = headers or {}
    if not all(text.isascii() and text.isprintable() for head in given.items() for text in head):
        raise ValueError("a header has characters that no header can have")
    return {"accept-encoding": "gzip", "connection": "close", **given}


def _parsed(url: str) -> httpx.URL:
    """Read a URL of `https`, or `http`, that names a host, no credentials and no port that cannot be."""
    try:
        target = httpx.URL(url)
        names_server = target.scheme in {"http", "https"} and target.host and not target.userinfo
    except (httpx.InvalidURL, UnicodeError) as error:
        raise AddressRefused("the address is not a URL") from error
    if not names_server or (target.port is not None and target.port not in _PORTS):
        raise AddressRefused("the address is not a URL of a server")
    return target


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """Read a body, never holding more of it than is allowed: neither zipped nor unzipped."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise ServerUnreachable(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
    unzip = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    received = 0
    async for piece in response.aiter_raw():
        received += len(piece)
        body += unzip.decompress(piece, max_bytes + 1 - len(body)) if unzip else piece
        if max(received, len(body)) > max_bytes:
            raise AnswerTooLarge(f"the answer has more than {max_bytes} bytes")
    if unzip and received and (not unzip.eof or unzip.unused_data):
        raise ServerUnreachable("the answer ends elsewhere than its zipped data")
    return bytes(body)
