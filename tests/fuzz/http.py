"""Random bytes over raw sockets: requests that are nearly right, cut, doubled and turned over."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

# Bytes that mean something to one who reads HTTP or JSON.
_MEANINGFUL = (
    b"\r\n", b"\n", b"\r\n\r\n", b"\0", b":", b" ", b"\t", b",", b";", b"0", b"-1", b"ffffffffffffffff", b"\xff\xfe",
    b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip, chunked\r\n",
    b"host: b\r\n",
    b"expect: 100-continue\r\n", b"upgrade: h2c\r\nconnection: upgrade\r\n", b"content-encoding: gzip\r\n",
    b"HTTP/1.0", b"HTTP/2.0", b"CONNECT ", b"{", b"[", b'"', b"\\u0000", b"1e999", b"%00", b"%2f..%2f", b"\x80",
)  # fmt: skip
_ANSWER_SECONDS = 0.3


def seeds(business: str, token: str, path: str) -> Sequence[bytes]:
    """Return requests that are right: those of a page, of a server and of a visitor."""
    event = b'{"action":"page.viewed","session":"abcdefgh","metadata":{"a":[1,2.50,null]},"tracked_at":1700000000}'
    batch = b'{"events":[' + event + b"," + event + b"]}"
    public, private = f"authorization: Bearer {business}\r\n".encode(), f"authorization: Bearer {token}\r\n".encode()

    def post(target: bytes, head: bytes, body: bytes) -> bytes:
        return b"POST %b HTTP/1.1\r\nhost: a\r\n%bcontent-length: %d\r\n\r\n%b" % (target, head, len(body), body)

    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(event), event)
    return (
        b"GET %b?a=b HTTP/1.1\r\nhost: a\r\nuser-agent: phone\r\nreferer: https://x.example/\r\n\r\n" % path.encode(),
        b"HEAD %b HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode(),
        b"GET %b+ HTTP/1.1\r\nhost: a\r\naccept: text/html\r\n\r\n" % path.encode(),
        post(b"/v1/track/events", public, event),
        b"POST /v1/track/events HTTP/1.1\r\nhost: a\r\n" + public + b"transfer-encoding: chunked\r\n\r\n" + chunked,
        post(b"/v1/track/events/batch", public, batch),
        post(b"/v1/attribution/events", private, event),
        post(b"/v1/public/identifications", public, b'{"session":"abcdefgh","user_id":"7","email":"a@b.example"}'),
        post(b"/v1/links/batch", private, b'{"template":{"destination":"https://a.example/"},"recipients":[{}]}'),
        post(b"/v1/profiles", private, b'{"id":"p1","identities":[{"source":"s","user_id":"u"}],"metadata":{}}'),
        b"GET /v1/report?from=2026-01-01T00:00:00Z&timezone=UTC HTTP/1.1\r\nhost: a\r\n" + private + b"\r\n",
        b"GET /v1/links?limit=3&starting_after=x HTTP/1.1\r\nhost: a\r\n" + private + b"\r\n",
        b"OPTIONS /v1/track/events HTTP/1.1\r\nhost: a\r\naccess-control-request-headers: x\r\n\r\n",
    )


def mutated(request: bytes, chance: random.Random) -> bytes:
    """Return a request with one to four things wrong."""
    changed = bytearray(request)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[at:at] = chance.choice(_MEANINGFUL)
            case 1:
                changed[at : at + chance.randint(1, 20)] = b""
            case 2:
                changed[at : at + 1] = bytes((chance.randrange(256),))
            case 3:
                piece = changed[at : at + chance.randint(1, 80)]
                changed[at:at] = piece * chance.choice((1, 2, 50))
            case 4:
                changed[at:at] = chance.randbytes(chance.randint(1, 30))
            case _:
                del changed[at:]
    return bytes(changed)


async def fuzz(port: int, requests: Sequence[bytes], chance: random.Random, until: float) -> Counter[int]:
    """Send what is wrong until then, one after the other; return how often each status came, 0 where none did."""
    seen: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        sent = mutated(chance.choice(requests), chance)
        if chance.random() < 0.3:
            sent += chance.choice(requests)
        for status in await _statuses(port, sent, is_half_closed=chance.random() < 0.5):
            seen[status] += 1
    return seen


async def _statuses(port: int, sent: bytes, *, is_half_closed: bool) -> list[int]:
    answer = b""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.71", 0))
        try:
            writer.write(sent)
            if is_half_closed:
                writer.write_eof()
            async with asyncio.timeout(_ANSWER_SECONDS):
                while piece := await reader.read(65_536):
                    answer += piece
        finally:
            writer.close()
    except (OSError, TimeoutError):
        pass
    found = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
    return found or [0]
