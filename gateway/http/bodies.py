"""Reads the bodies of requests, with a limit and an end."""

import asyncio
import contextlib
import zlib
from collections.abc import Callable, Mapping

from common.errors import ClicktrailError, overloaded
from gateway.http.asgi import Receive
from gateway.http.errors import RefusedError, bad_request, too_large
from gateway.json.text import Value, loads

EVENT_BYTES = 64 * 1024
BATCH_BYTES = 1024 * 1024
LINKS_BYTES = 4 * 1024 * 1024
# What is beyond the limit is read so far and discarded: a client that is still sending would see a broken pipe.
DISCARDED_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 10.0

JSON_TYPES = frozenset({"", "application/json"})
EVENT_TYPES = JSON_TYPES | {"text/plain"}


class Body:
    """The body of one request, to be read once: who sent it too slowly, or without end, is not waited for again.

    `hold` is asked for room for what is kept of it; a compressed body takes as much as may come out of it.
    """

    def __init__(
        self, receive: Receive, hold: Callable[[int], bool] = lambda _size: True, *, is_compressed: bool = False
    ) -> None:
        self._receive = receive
        self._hold = hold
        self._is_compressed = is_compressed
        self._is_read = False

    async def read(self, limit: int) -> bytes:
        """Return the whole body.

        Raises the refusal with 413 beyond the limit, with 400 where it comes too slowly, and `OVERLOADED` where there
        is no room for it.
        """
        chunks: list[bytes] = []
        size = 0
        has_room = self._hold(limit) if self._is_compressed else True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not self._is_read and size <= DISCARDED_BYTES:
                    chunk = await self._next()
                    size += len(chunk)
                    has_room = has_room and (size > limit or self._hold(len(chunk)))
                    if has_room and size <= limit:
                        chunks.append(chunk)
        except TimeoutError:
            raise bad_request(f"The body took more than {BODY_SECONDS:.0f} seconds.") from None
        finally:
            self._is_read = True
        if size > limit:
            raise too_large(limit)
        if not has_room:
            raise overloaded()
        return b"".join(chunks)

    async def discard(self) -> None:
        """Read what is left of it, so that its sender hears the answer."""
        with contextlib.suppress(RefusedError, ClicktrailError):
            await self.read(0)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_read = True
            raise bad_request("The body ended early.")
        self._is_read = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body


def plain(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """Return a body without its content encoding: none or gzip, with the limit for what comes out."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise bad_request("Content-Encoding must be gzip, or absent.")
    return _unzipped(body, limit)


def members_of(body: bytes) -> dict[str, Value]:
    """Return the members of a body that is a JSON object. Raises the refusal with 400."""
    members = loads(body)
    if not isinstance(members, dict):
        raise bad_request("The body must be a JSON object.")
    return members


def check_type(headers: Mapping[str, str], allowed: frozenset[str]) -> None:
    """Refuse a content type that is not allowed, and a charset that is not UTF-8. Absent is allowed."""
    kind, _, parameters = headers.get("content-type", "").partition(";")
    if kind.strip().lower() not in allowed:
        raise bad_request("Content-Type must be application/json.")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            raise bad_request("The charset must be UTF-8.")


def _unzipped(body: bytes, limit: int) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        text = unzip.decompress(body, limit + 1)
    except zlib.error:
        raise bad_request("The body is not gzip.") from None
    if len(text) > limit:
        raise too_large(limit)
    if not unzip.eof or unzip.unused_data:
        raise bad_request("The body is not one whole gzip stream.")
    return text
