"""Reads the bodies of requests, with a limit and an end."""

import asyncio
import contextlib
import re
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from common.errors import ClicktrailError, FaultType, overloaded
from gateway.http.asgi import Receive
from gateway.http.errors import RefusedError, bad_request, refused, too_large
from gateway.json.text import Value, loads


class Limit(NamedTuple):
    """How much a body may be, without its content encoding."""

    bytes: int
    values: int
    """How many values of JSON: a few bytes of each become an object of Python, in one go."""


EVENT = Limit(64 * 1024, 20_000)
BATCH = Limit(1024 * 1024, 50_000)
LINKS = Limit(4 * 1024 * 1024, 400_000)
# What comes out may be so many times as long as what was sent, beyond the size of an event. Batches of events that are
# all alike come out twenty to fifty times as long.
UNZIPPED_RATIO = 100
# What is beyond the limit is read so far and discarded: a client that is still sending would see a broken pipe.
DISCARDED_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 10.0

JSON_TYPES = frozenset({"", "application/json"})
EVENT_TYPES = JSON_TYPES | {"text/plain"}


class Body:
    """The body of one request, to be read once: who sent it too slowly, or without end, is not waited for again.

    `hold` is asked for room for what is kept of it as it comes, and for what a compressed one becomes when it is whole.
    """

    def __init__(
        self, receive: Receive, hold: Callable[[int], bool] = lambda _size: True, *, is_compressed: bool = False
    ) -> None:
        self._receive = receive
        self._hold = hold
        self._is_compressed = is_compressed
        self._is_read = False

    async def read(self, limit: Limit) -> bytes:
        """Return the whole body, in its content encoding.

        Raises the refusal with 413 beyond the limit, with 400 where it comes too slowly, and `OVERLOADED` where there
        is no room for it.
        """
        chunks: list[bytes] = []
        size = 0
        has_room = True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not self._is_read and size <= DISCARDED_BYTES:
                    chunk = await self._next()
                    size += len(chunk)
                    has_room = has_room and (size > limit.bytes or self._hold(len(chunk)))
                    if has_room and size <= limit.bytes:
                        chunks.append(chunk)
        except TimeoutError:
            raise bad_request(f"The body took more than {BODY_SECONDS:.0f} seconds.") from None
        finally:
            self._is_read = True
        if size > limit.bytes:
            raise too_large(limit.bytes)
        if not has_room or (self._is_compressed and not self._hold(_most_unzipped(size, limit))):
            raise overloaded()
        return b"".join(chunks)

    async def discard(self) -> None:
        """Read what is left of it, so that its sender hears the answer."""
        with contextlib.suppress(RefusedError, ClicktrailError):
            await self.read(_NOTHING)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_read = True
            raise bad_request("The body ended early.")
        self._is_read = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body


_NOTHING = Limit(0, 0)


def plain(body: bytes, headers: Mapping[str, str], limit: Limit) -> bytes:
    """Return a body without its content encoding: none or gzip, with the limit for what comes out."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise bad_request("Content-Encoding must be gzip, or absent.")
    return _unzipped(body, limit)


def members_of(body: bytes, limit: Limit) -> dict[str, Value]:
    """Return the members of a body that is a JSON object. Raises the refusal with 400, or 413 of too many values."""
    if _values_in(body, limit.values) > limit.values:
        raise refused(413, FaultType.TOO_LARGE, f"The body has more than {limit.values:,} values.")
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


def _values_in(body: bytes, limit: int) -> int:
    """Return how many values a JSON text has at most; exactly where that could be beyond the limit.

    Counting takes a thousandth of what making them does.
    """
    counted = sum(map(body.count, _BETWEEN_VALUES))
    return counted if counted <= limit else sum(map(_TEXTS.sub(b"", body).count, _BETWEEN_VALUES))


# Each value but the first is behind one of them, or is an empty list or object.
_BETWEEN_VALUES = (b",", b":", b"[", b"{")
# One that does not end is one too, up to the end: each byte is looked at once.
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


def _most_unzipped(size: int, limit: Limit) -> int:
    return min(limit.bytes, max(EVENT.bytes, UNZIPPED_RATIO * size))


_OUT_OF_PROPORTION = f"The body becomes more than {UNZIPPED_RATIO} times as long as what was sent."


def _unzipped(body: bytes, limit: Limit) -> bytes:
    most = _most_unzipped(len(body), limit)
    unzip = zlib.decompressobj(wbits=31)
    try:
        text = unzip.decompress(body, most + 1)
    except zlib.error:
        raise bad_request("The body is not gzip.") from None
    if len(text) > limit.bytes:
        raise too_large(limit.bytes)
    if len(text) > most:
        raise refused(413, FaultType.TOO_LARGE, _OUT_OF_PROPORTION)
    if not unzip.eof or unzip.unused_data:
        raise bad_request("The body is not one whole gzip stream.")
    return text
